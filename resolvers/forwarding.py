"""Credentials that are the caller's own: the token it sent, or one a token exchange gave for it (RFC 8693)."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

import msgspec

from resolvers.caller import Caller, caller
from resolvers.credentials import Send
from resolvers.errors import (
    CallerUnauthenticated,
    DeadlineExceeded,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceUnavailable,
)
from resolvers.http import SourceClient
from resolvers.upstream.answers import Answer
from resolvers.upstream.target import Request

NOBODY = "-"
"""The scope of callers who sent no token: none of them is ever asked for."""
MOST_TOKENS = 1000
"""Exchanged tokens that are kept; the one not used longest goes first."""
UNSAID_S = 60.0
"""How long a token is used that was given without saying how long it lives."""
MARGIN_S = 30.0
LONGEST_S = 3600.0

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name


@dataclass(frozen=True, slots=True)
class ForwardedToken:
    """A `Credential`: what the caller sent goes to this source as it came."""

    source: str

    def scope(self) -> str:
        return caller().scope or NOBODY

    async def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        return _bearer(_sent(self.source).token)

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:  # noqa: ARG002
        """The same token would be refused again: only its owner can send another."""
        return False


@dataclass(frozen=True, slots=True)
class TokenExchange:
    """What a caller's token is exchanged for: a token for this audience, with this scope."""

    audience: str | None = None
    scope: str | None = None

    def form(self, token: str) -> bytes:
        """The body of the request, as RFC 8693 section 2.1 has it."""
        fields = {
            "grant_type": _GRANT,
            "subject_token": token,
            "subject_token_type": _ACCESS_TOKEN,
            "requested_token_type": _ACCESS_TOKEN,
            "audience": self.audience,
            "scope": self.scope,
        }
        return urlencode({name: value for name, value in fields.items() if value is not None}).encode("ascii")


@dataclass(slots=True)
class _Held:
    """What was given for one caller's token, and whose turn it is to ask for it."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    turns: int = 0
    token: str = field(default="", repr=False)
    refused: str = field(default="", repr=False)
    renew_at: float = 0.0
    failure: SourceError | None = None


class ExchangedToken:
    """A `Credential`: for each caller's token another one, kept until it ends, asked for once for all who wait.

    `exchange` is the client of the exchange's address, signed with the gateway's own client id and secret.
    """

    def __init__(
        self,
        source: str,
        how: TokenExchange,
        exchange: SourceClient,
        clock: Callable[[], float] = time.monotonic,
        most: int = MOST_TOKENS,
    ) -> None:
        self._source, self._how, self._exchange = source, how, exchange
        self._clock, self._most = clock, most
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def scope(self) -> str:
        return caller().scope or NOBODY

    async def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002 - the exchange is not at the source
        asking = _sent(self._source)
        held = self._held.setdefault(asking.scope, _Held())
        self._held.move_to_end(asking.scope)
        self._shrink()
        return _bearer(self._fresh(held) or await self._given(held, asking))

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:  # noqa: ARG002
        """One token that ended early is worth another exchange; the same one again is not worth sending."""
        if answer.status != 401:
            return False
        held = self._held.get(caller().scope)
        if held is None:
            return True
        if held.refused and _bearer(held.refused) == refused:
            return False
        if held.token and _bearer(held.token) == refused:
            held.refused, held.token = held.token, ""
        return True

    async def aclose(self) -> None:
        await self._exchange.aclose()

    def _fresh(self, held: _Held) -> str:
        return held.token if self._clock() < held.renew_at else ""

    async def _given(self, held: _Held, asking: Caller) -> str:
        """One exchange at a time: whoever waited for one takes its token, or its failure."""
        turn = held.turns
        async with held.turn:
            if held.turns != turn:
                token = self._fresh(held)
                if token:
                    return token
                # A deadline is one request's own: the next in turn tries again.
                if held.failure is not None and not isinstance(held.failure, DeadlineExceeded):
                    raise held.failure.again()
            held.failure = None
            try:
                token, lifetime_s = await self._ask(asking)
                if token == held.refused:
                    raise _refused(self._source)
            except SourceError as error:
                held.failure = error.again()
                raise
            finally:
                held.turns += 1
            held.token = token
            held.renew_at = self._clock() + lifetime_s - min(MARGIN_S, lifetime_s / 10)
            return token

    async def _ask(self, asking: Caller) -> tuple[str, float]:
        answer = await self._exchange.send(Request("POST", (), (), self._how.form(asking.token)))
        name = f"The token exchange of {self._source}"
        if answer.status >= 500 or answer.status == 429:
            raise SourceUnavailable(self._source, f"{name} gives no token at the moment.")
        if answer.status == 400:
            # invalid_request, invalid_grant, invalid_target: this token is not exchanged (RFC 8693, 2.2.2).
            raise CallerUnauthenticated(self._source, f"The token sent is not exchanged for one of {self._source}.")
        if answer.status in (401, 403):
            raise SourceAuthFailed(self._source, f"{name} refused the gateway's client id or secret.")
        if answer.status != 200:
            raise SourceBadResponse(self._source, f"{name} answered with status {answer.status}.")
        given = answer.read(_Given)
        if given.token_type.lower() not in ("bearer", "n_a") or not _sendable(given.access_token):
            raise SourceBadResponse(self._source, f"{name} gave no bearer token.")
        lifetime_s = given.expires_in if given.expires_in is not None else UNSAID_S
        return given.access_token, min(max(lifetime_s, 0.0), LONGEST_S)

    def _shrink(self) -> None:
        excess = len(self._held) - self._most
        for scope in [scope for scope, held in self._held.items() if not held.turn.locked()][: max(excess, 0)]:
            del self._held[scope]


class _Given(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | None = None


def _sent(source: str) -> Caller:
    asking = caller()
    if not asking.token:
        raise CallerUnauthenticated(source, f"{source} is asked with the caller's own token, and none was sent.")
    return asking


def _refused(source: str) -> CallerUnauthenticated:
    return CallerUnauthenticated(source, f"{source} refused the token of the caller.")


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _sendable(token: str) -> bool:
    """Whether a text can stand in a header and nothing but itself."""
    return token.isascii() and token.isprintable() and " " not in token and token != ""
