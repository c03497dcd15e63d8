"""An answer of a source, read strictly: what is not JSON of the wanted shape, or refuses, is an error with its code."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TypeVar, cast, get_args

import msgspec

from resolvers.errors import (
    PageLimit,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceForbidden,
    SourceRateLimited,
    SourceUnavailable,
)
from resolvers.times import from_epoch_ms
from resolvers.upstream.strict import twice, twice_on_top
from schema.scalars import Timestamp

T = TypeVar("T")

MOST_ROWS = 10_000
"""Of one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `headers` have lower-case names.

    `flaw` says why the body is not to be read as JSON; `twice`, that some object in it has a key twice: of the two
    readers differ in which they believe.
    """

    source: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    fetched_at: Timestamp
    flaw: str = ""
    twice: bool = False

    def read(self, shape: type[T]) -> T:
        """Decode the body; raises SourceBadResponse where it is not JSON of this shape (NaN is not JSON)."""
        if self.flaw:
            raise SourceBadResponse(self.source, f"{self.source} answered {self.flaw}")
        if self.twice and (not _in_rows(cast("Hashable", shape)) or twice_on_top(self.body)):
            raise SourceBadResponse(self.source, f"{self.source} answered JSON with a key that comes twice.")
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise SourceBadResponse(self.source, f"{self.source} answered something that cannot be read.") from None

    def rows(self, raw: Sequence[msgspec.Raw], shape: type[T]) -> list[T | SourceBadResponse]:
        """Decode rows one by one, so that a bad one is an error in its place and not the loss of the list.

        Raises PageLimit where there are more than anybody asked for.
        """
        if len(raw) > MOST_ROWS:
            raise PageLimit(self.source, f"{self.source} answered more than {MOST_ROWS} rows at once.")
        decoder = msgspec.json.Decoder(shape)
        rows: list[T | SourceBadResponse] = []
        for row in raw:
            if self.twice and twice(bytes(row)):
                rows.append(
                    SourceBadResponse(self.source, f"{self.source} answered a row with a key that comes twice.")
                )
                continue
            try:
                rows.append(decoder.decode(row))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                rows.append(SourceBadResponse(self.source, f"{self.source} answered a row that cannot be read."))
        return rows


@cache
def _in_rows(shape: Hashable) -> bool:
    """Whether what is read of this shape is for its most part decoded later, row by row."""
    if shape is msgspec.Raw or msgspec.Raw in get_args(shape):
        return True
    return (
        isinstance(shape, type)
        and issubclass(shape, msgspec.Struct)
        and any(msgspec.Raw in get_args(field.type) for field in msgspec.structs.fields(shape))
    )


def accepted(answer: Answer, also: Sequence[int]) -> Answer:
    """The answer itself; a status past 299 that is not of `also` is raised as its SourceError."""
    if answer.status > 299 and answer.status not in also:
        raise refusal(answer)
    return answer


def refusal(answer: Answer) -> SourceError:
    """What a status says that is no answer."""
    source, status = answer.source, answer.status
    if status == 401:
        return SourceAuthFailed(source, f"{source} refused the gateway's credential.")
    if status == 403:
        return SourceForbidden(source, f"{source} does not let the gateway see this.")
    if status == 429:
        return SourceRateLimited(
            source, f"{source} takes no more calls for now.", retry_after_ms=retry_after_ms(answer.headers)
        )
    if status in (502, 503, 504):
        wait_ms = retry_after_ms(answer.headers) if not_now(answer) else None
        return SourceUnavailable(source, f"{source} is not available.", retry_after_ms=wait_ms)
    if 300 <= status < 400 or status == 404:
        return SourceBadResponse(source, f"{source} has no such address: is its url right?")
    return SourceFault(source, f"{source} answered with status {status}.")


def not_now(answer: Answer) -> bool:
    """Whether the source says to come back later."""
    return answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers)


def retry_after_ms(headers: Mapping[str, str]) -> int:
    """Retry-After in milliseconds: seconds or a date, 1 s where it is garbage, at most 60 s."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:6])
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except ValueError:
            seconds = 1.0
    return int(min(max(seconds, 0.0), 60.0) * 1000)


def fetched_at(headers: Mapping[str, str]) -> Timestamp:
    """When an answer was made, by the source's own clock; now where it does not say."""
    try:
        moment = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        moment = time.time()
    age = headers.get("age", "")
    if age.isascii() and age.isdigit():
        moment -= int(age[:9])
    return from_epoch_ms(int(moment * 1000))
