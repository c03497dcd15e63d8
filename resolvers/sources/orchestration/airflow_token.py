"""Signs calls to Airflow 3 with a token of its `/auth/token`: fetched once, renewed before it ends and when refused."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Mapping

import msgspec

from resolvers.errors import DeadlineExceeded, SourceAuthFailed, SourceBadResponse, SourceError, SourceUnavailable
from resolvers.http import Answer, Request, Send

INVALID_TOKEN = "Invalid JWT token"  # noqa: S105 - what Airflow says
MARGIN_S = 60.0


class AirflowToken:
    """A `Credential`: POST /auth/token answers 201 and a JSON web token (checked against 3.3.2: 24 h).

    A missing or ended token is answered 401, an unreadable one 403; any other 403 is about rights and not renewed.
    """

    def __init__(self, username: str, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._login = {"username": username, "password": password}
        self._clock = clock
        self._token: str | None = None
        self._renew_at = float("inf")
        self._turn = asyncio.Lock()
        self._turns = 0
        self._failure: SourceError | None = None

    def scope(self) -> str:
        return ""

    async def headers(self, send: Send) -> Mapping[str, str]:
        return _signed(self._fresh() or await self._fetched(send))

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:
        if answer.status == 403 and _detail(answer) != INVALID_TOKEN:
            return False
        if self._token is not None and _signed(self._token) == refused:
            self._token = None
        return True

    def _fresh(self) -> str | None:
        return self._token if self._clock() < self._renew_at else None

    async def _fetched(self, send: Send) -> str:
        """One fetch at a time: whoever waited for one takes its token, or its failure."""
        turn = self._turns
        async with self._turn:
            if self._turns != turn:
                token = self._fresh()
                if token is not None:
                    return token
                # A deadline is one request's own: the next in turn tries again.
                if self._failure is not None and not isinstance(self._failure, DeadlineExceeded):
                    raise self._failure.again()
            self._failure = None
            try:
                self._token = await self._fetch(send)
            except SourceError as error:
                self._failure = error.again()
                raise
            finally:
                self._turns += 1
            return self._token

    async def _fetch(self, send: Send) -> str:
        answer = await send(Request("POST", ("auth", "token"), (), self._login))
        if answer.status >= 500:
            raise SourceUnavailable(answer.source, f"{answer.source} gives no token at the moment.")
        if answer.status in (400, 401, 403, 422):
            raise SourceAuthFailed(answer.source, f"{answer.source} refused the gateway's user name or password.")
        if answer.status not in (200, 201):
            raise SourceBadResponse(answer.source, f"{answer.source} has no token at /auth/token: is its url right?")
        token = answer.read(_Given).access_token
        lifetime_s = _lifetime_s(token)
        # Counted on our own clock from now on, so that a source whose clock is off cannot end a token early.
        self._renew_at = self._clock() + lifetime_s - min(MARGIN_S, lifetime_s / 10)
        return token


class _Given(msgspec.Struct):
    access_token: str


class _Claims(msgspec.Struct):
    exp: float
    iat: float


class _Refusal(msgspec.Struct):
    detail: object = None


def _signed(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _detail(answer: Answer) -> object:
    try:
        return answer.read(_Refusal).detail
    except SourceBadResponse:
        return None


def _lifetime_s(token: str) -> float:
    """How long a token lives by its own claims; for ever where it cannot be read, as it is renewed when refused too."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=_Claims)
    except (msgspec.MsgspecError, UnicodeError, binascii.Error):
        return float("inf")
    return claims.exp - claims.iat
