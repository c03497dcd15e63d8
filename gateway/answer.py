"""What a client is answered: which media type, and which errors, shown or masked, counted and in order."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from traceback import extract_tb

import msgspec
from graphql import GraphQLError
from starlette.types import Send

from gateway.execution import Outcome
from gateway.federated_trace import Trace
from gateway.negotiation import weights
from gateway.request import Refused
from resolvers.context import LinkError
from resolvers.errors import DeadlineExceeded, GraphError

log = logging.getLogger(__name__)

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
MAX_LISTED = 50
"""Errors listed of one source and code; the rest are counted."""
MAX_MESSAGE = 400
_MASK = "The gateway could not answer this."

Shown = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    body: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Send) -> None:
        headers = {
            "content-type": f"{self.media_type}; charset=utf-8",
            "content-length": str(len(self.body)),
            "cache-control": "no-store",
            "vary": "Accept",
            "x-content-type-options": "nosniff",
            **self.headers,
        }
        listed = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": listed})
        await send({"type": "http.response.body", "body": self.body})


class Answers:
    """Makes the answers of one request: they share its media type and its id."""

    def __init__(self, accept: str, request_id: str) -> None:
        self.media_type = negotiated(accept)
        self._request_id = request_id

    def refused(self, refused: Refused) -> Answer:
        """The request is not let in."""
        shown = self._shown(refused.message, refused.extensions)
        return self._encoded(refused.status, {"errors": [shown]}, refused.headers)

    def invalid(
        self, errors: Iterable[GraphQLError], code: str, extensions: Mapping[str, object] | None = None
    ) -> Answer:
        """Nothing was executed: there is no `data`."""
        listed = [self._shown(_said(error), {"code": code}, locations=_locations(error)) for error in errors]
        answer: dict[str, object] = {"errors": listed, **({"extensions": extensions} if extensions else {})}
        # Clients that only know application/json take any other status for a broken connection.
        return self._encoded(400 if self.media_type == RESPONSE else 200, answer)

    def planned(self, explained: Shown) -> Answer:
        """Nothing was to be executed: there is a plan instead of data."""
        return self._encoded(200, {"data": None, "extensions": {"explain": explained}})

    def executed(
        self,
        outcome: Outcome,
        link_errors: Iterable[LinkError],
        trace: Trace | None = None,
        extensions: Mapping[str, object] | None = None,
    ) -> Answer:
        """Something was executed: `data` is there, null or not."""
        listed, omitted = self._listed(outcome.errors)
        listed.extend(self._shown(error.message, error.extensions, path=error.path) for error in link_errors)
        answer: dict[str, object] = {"data": outcome.data}
        if listed:
            answer["errors"] = listed
        shown: Shown = {**(extensions or {}), **({"errorsOmitted": omitted} if omitted else {})}
        if trace:
            shown["ftv1"] = trace.encoded(listed)
        if shown:
            answer["extensions"] = shown
        return self._encoded(200, answer)

    def late(self, extensions: Mapping[str, object] | None = None) -> Answer:
        """The operation did not end in its time, though every call has a limit."""
        told: Shown = {"code": DeadlineExceeded.error_code.name, "retryable": True}
        answer: dict[str, object] = {"data": None, "errors": [self._shown("The request's time ended.", told)]}
        return self._encoded(200, {**answer, **({"extensions": extensions} if extensions else {})})

    def broken(self) -> Answer:
        """A fault of our own that nothing foresaw."""
        return self._encoded(500, {"errors": [self._shown(_MASK, {"code": "INTERNAL"})]})

    def _listed(self, errors: Sequence[GraphQLError]) -> tuple[list[Shown], list[Shown]]:
        listed: list[Shown] = []
        counts: dict[tuple[object, object], int] = {}
        masked: dict[object, BaseException] = {}
        for error in sorted(errors, key=_order):
            message, extensions = _judged(error, masked)
            kind = (extensions.get("source"), extensions["code"])
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] <= MAX_LISTED:
                listed.append(self._shown(message, extensions, locations=_locations(error), path=error.path))
        for fault in masked.values():
            log.error("an error was masked", exc_info=fault)
        omitted: list[Shown] = [
            {"source": source, "code": code, "count": count - MAX_LISTED}
            for (source, code), count in counts.items()
            if count > MAX_LISTED
        ]
        return listed, omitted

    def _shown(
        self,
        message: str,
        extensions: Mapping[str, object],
        *,
        locations: list[Shown] | None = None,
        path: Sequence[str | int] | None = None,
    ) -> Shown:
        shown: Shown = {"message": message}
        if locations:
            shown["locations"] = locations
        if path:
            shown["path"] = list(path)
        shown["extensions"] = {**extensions, "requestId": self._request_id}
        return shown

    def _encoded(self, status: int, answer: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Answer:
        try:
            body = msgspec.json.encode(answer)
        except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            # A value no JSON has, such as half of a surrogate pair: adapters should have refused it.
            log.exception("an answer cannot be written as JSON")
            body = msgspec.json.encode({"data": None, "errors": [self._shown(_MASK, {"code": "INTERNAL"})]})
        return Answer(status, body, self.media_type, headers or {})


def negotiated(accept: str) -> str:
    """The newer media type where a client names it and prefers nothing else, else application/json."""
    asked = weights([accept])
    newer = asked.get(RESPONSE, 0.0)
    return RESPONSE if newer > 0 and newer >= asked.get(JSON, 0.0) else JSON


def _judged(error: GraphQLError, masked: dict[object, BaseException]) -> tuple[str, dict[str, object]]:
    """Message and extensions to show; what was not made to be shown is masked, each place that raises logged once."""
    cause = error.original_error
    if isinstance(cause, GraphError):
        return cause.message, dict(cause.extensions)
    if isinstance(cause, GraphQLError) and cause.nodes:
        # It points into the document: a value that an argument does not take.
        return cause.message, {"code": "BAD_USER_INPUT"}
    fault = cause or error
    frames = extract_tb(fault.__traceback__)
    masked.setdefault((type(fault), (frames[-1].filename, frames[-1].lineno) if frames else None), fault)
    return _MASK, {"code": "INTERNAL"}


def _said(error: GraphQLError) -> str:
    if isinstance(error.original_error, ValueError) and "integer string conversion" in error.message:
        return "A number is too long."
    # Some of graphql-core's texts hold what was written, however long that is.
    return error.message if len(error.message) <= MAX_MESSAGE else f"{error.message[:MAX_MESSAGE]}…"


def _locations(error: GraphQLError) -> list[Shown]:
    return [{"line": place.line, "column": place.column} for place in error.locations or ()]


def _order(error: GraphQLError) -> list[tuple[int, int, str]]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in error.path or ()]
