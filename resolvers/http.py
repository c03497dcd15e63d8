"""The only door to a source: limits, deadlines, encoding, capped reading, typed decoding, error translation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol, TypeVar, cast
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from resolvers.errors import (
    DeadlineExceeded,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceForbidden,
    SourceRateLimited,
    SourceTimeout,
    SourceTooLarge,
    SourceUnavailable,
)
from resolvers.operation import Call, deadline, record, recording, shared
from resolvers.times import from_epoch_ms
from resolvers.trace import timed
from schema.scalars import Timestamp

_KEPT_S = 2.0
"""How long an idle connection is used again: uvicorn and Node close theirs after 5 s, and a busy loop sees it late."""

T = TypeVar("T")
Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one source: seconds, bytes after decompression, requests in flight."""

    attempt_s: float = 3.0
    connect_s: float = 1.0
    response_bytes: int = 8 * 1024 * 1024
    concurrency: int = 8


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `segments` are raw path segments after the base URL, encoded here and nowhere else."""

    method: str
    segments: Sequence[str]
    query: Query = ()
    body: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `headers` have lower-case names."""

    source: str
    status: int
    body: bytes
    headers: Mapping[str, str]
    fetched_at: Timestamp

    def read(self, shape: type[T]) -> T:
        """Decode the body; raises SourceBadResponse where it is not JSON of this shape (NaN is not JSON)."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise SourceBadResponse(self.source, f"{self.source} answered something that cannot be read.") from None

    def rows(self, raw: Sequence[msgspec.Raw], shape: type[T]) -> list[T | SourceBadResponse]:
        """Decode rows one by one, so that a bad one is an error in its place and not the loss of the list."""
        decoder = msgspec.json.Decoder(shape)
        rows: list[T | SourceBadResponse] = []
        for row in raw:
            try:
                rows.append(decoder.decode(row))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                rows.append(SourceBadResponse(self.source, f"{self.source} answered a row that cannot be read."))
        return rows


Send = Callable[[Request], Awaitable[Answer]]


class Credential(Protocol):
    """How requests to a source are signed. `send` makes a call that is not signed, for fetching tokens."""

    async def headers(self, send: Send) -> Mapping[str, str]: ...

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:
        """Whether a refused request (401 or 403) is worth one more try, with the headers asked for again."""


@dataclass(frozen=True, slots=True)
class StaticCredential:
    """Headers that never change; empty for a source that asks for none."""

    fixed: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        return self.fixed

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:  # noqa: ARG002
        return False


ANONYMOUS = StaticCredential()


class SourceClient:
    """Makes the calls of one source. Shared by all requests; holds connections and tokens, never answers."""

    def __init__(
        self,
        name: str,
        base_url: str,
        credentials: Mapping[str, Credential] | None = None,
        limits: HttpLimits | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or HttpLimits()
        self._base = URL(base_url.rstrip("/"), encoded=True)
        self._credentials = dict(credentials or {"": ANONYMOUS})
        self._slots = asyncio.Semaphore(self.limits.concurrency)
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, segments: Sequence[str], query: Query = (), *, also: Sequence[int] = (), credential: str = ""
    ) -> Answer:
        """GET; a status of `also` is answered, every other one past 299 is raised as its SourceError."""
        return await self._once(Request("GET", segments, query), also, credential)

    async def post(
        self, segments: Sequence[str], body: object, *, also: Sequence[int] = (), credential: str = ""
    ) -> Answer:
        """POST `body` as JSON: for searches only, as nothing of a source is ever changed."""
        return await self._once(Request("POST", segments, (), body), also, credential)

    def remembers(self, segments: Sequence[str], query: Query = (), *, credential: str = "") -> bool:
        """Whether this operation has asked this GET already, so that asking again costs no call."""
        known = shared()
        return known is not None and self._key(Request("GET", segments, query), credential) in known

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _once(self, request: Request, also: Sequence[int], credential: str) -> Answer:
        """Send a request, unless the same operation has; a failure is not kept, as its loader remembers it."""
        known = shared()
        if known is None:
            return _accepted(await self._signed(request, credential), also)
        key = self._key(request, credential)
        waiting = known.get(key)
        if waiting is not None:
            answer, calls = await asyncio.shield(waiting)
            for call in calls:
                record(call)
            return _accepted(cast(Answer, answer), also)
        waiting = known[key] = asyncio.get_running_loop().create_future()
        try:
            with recording() as sent:
                fresh = await self._signed(request, credential)
        except BaseException as error:
            del known[key]
            if isinstance(error, SourceError):
                waiting.set_exception(error.again())
                waiting.exception()  # read here, so that nobody is told it was not
            else:
                waiting.cancel()
            raise
        waiting.set_result((fresh, tuple(sent)))
        return _accepted(fresh, also)

    def _key(self, request: Request, credential: str) -> object:
        return (self.name, credential, request.method, str(self._target(request)), msgspec.json.encode(request.body))

    async def _signed(self, request: Request, name: str) -> Answer:
        credential = self._credentials[name]
        headers = await credential.headers(self._unsigned)
        answer = await self._send(request, headers)
        if answer.status in (401, 403) and await credential.renew(headers, answer, self._unsigned):
            answer = await self._send(request, await credential.headers(self._unsigned))
        return answer

    async def _unsigned(self, request: Request) -> Answer:
        return await self._send(request, {})

    async def _send(self, request: Request, headers: Mapping[str, str]) -> Answer:
        url = self._target(request)
        async with self._slot():
            seconds = self._seconds_left()
            record(call := Call(self.name, request.method, url.raw_path))
            try:
                return await timed(call, self._kept(request, url, headers, seconds))
            except TimeoutError:
                if seconds < self.limits.attempt_s:
                    raise DeadlineExceeded(
                        self.name, f"The request's time ended before {self.name} answered."
                    ) from None
                raise SourceTimeout(self.name, f"{self.name} did not answer in {seconds:g} s.") from None
            except aiohttp.ClientPayloadError:
                raise SourceBadResponse(self.name, f"{self.name} broke off its answer.") from None
            except aiohttp.ClientConnectionError:
                raise SourceUnavailable(self.name, f"{self.name} cannot be reached.") from None
            except (aiohttp.ClientError, ValueError):
                raise SourceBadResponse(self.name, f"{self.name} answered something that is not HTTP.") from None

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """A place among the calls in flight, waited for no longer than the operation may take."""
        try:
            async with asyncio.timeout_at(deadline()):
                await self._slots.acquire()
        except TimeoutError:
            raise DeadlineExceeded(self.name, f"The request's time ended before {self.name} was asked.") from None
        try:
            yield
        finally:
            self._slots.release()

    async def _kept(self, request: Request, url: URL, headers: Mapping[str, str], seconds: float) -> Answer:
        """Over a connection that was kept; a source may close one just as it is used again.

        Nothing was answered then, so it is sent once more: aiohttp does so for GET only, and our POSTs change nothing.
        """
        try:
            return await self._exchange(request, url, headers, seconds)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if request.method == "GET":
                raise
            return await self._exchange(request, url, headers, self._seconds_left())

    async def _exchange(self, request: Request, url: URL, headers: Mapping[str, str], seconds: float) -> Answer:
        sent = {"Accept": "application/json", **headers}
        data: bytes | None = None
        if request.body is not None:
            data = msgspec.json.encode(request.body)
            sent["Content-Type"] = "application/json"
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=min(seconds, self.limits.connect_s))
        async with self._connections().request(
            request.method, url, headers=sent, data=data, timeout=timeout, allow_redirects=False
        ) as response:
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > self.limits.response_bytes:
                    response.close()
                    raise SourceTooLarge(
                        self.name, f"{self.name} answered more than {self.limits.response_bytes} bytes."
                    )
            received = {key.lower(): value for key, value in response.headers.items()}
            return Answer(self.name, response.status, bytes(body), received, _fetched_at(received))

    def _connections(self) -> aiohttp.ClientSession:
        # Made at the first call: a session belongs to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=self.limits.concurrency, keepalive_timeout=_KEPT_S),
                trust_env=False,
            )
        return self._session

    def _seconds_left(self) -> float:
        end = deadline()
        if end is None:
            return self.limits.attempt_s
        left = end - asyncio.get_running_loop().time()
        if left < 0.05:
            raise DeadlineExceeded(self.name, f"The request's time ended before {self.name} was asked.")
        return min(self.limits.attempt_s, left)

    def _target(self, request: Request) -> URL:
        path = "".join(f"/{_segment(self.name, segment)}" for segment in request.segments)
        text = f"{str(self._base).rstrip('/')}{path}"
        if request.query:
            text += "?" + "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in request.query)
        return URL(text, encoded=True)


def query_bytes(query: Query) -> int:
    """How long a query is once encoded, for adapters that keep their URLs short."""
    return sum(len(_encoded(key)) + len(_encoded(value)) + 2 for key, value in query)


def unusable_as_segment(text: str) -> bool:
    """Whether a text can be no single path segment: it would name another resource, or be changed on the way."""
    return (
        text in ("", ".", "..")
        or any(ord(character) < 32 or ord(character) == 127 for character in text)
        or (not text.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in text))
    )  # fmt: skip


def _segment(source: str, text: str) -> str:
    if unusable_as_segment(text):
        raise SourceBadResponse(source, f"{source} cannot be asked for a key of this form.")
    return quote(text, safe="")


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _accepted(answer: Answer, also: Sequence[int]) -> Answer:
    if answer.status > 299 and answer.status not in also:
        raise _refusal(answer)
    return answer


def _refusal(answer: Answer) -> SourceError:
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
        return SourceUnavailable(source, f"{source} is not available.")
    if 300 <= status < 400 or status == 404:
        return SourceBadResponse(source, f"{source} has no such address: is its url right?")
    return SourceFault(source, f"{source} answered with status {status}.")


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


def _fetched_at(headers: Mapping[str, str]) -> Timestamp:
    try:
        moment = parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        moment = time.time()
    age = headers.get("age", "")
    if age.isascii() and age.isdigit():
        moment -= int(age[:9])
    return from_epoch_ms(int(moment * 1000))
