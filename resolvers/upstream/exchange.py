"""One request and its answer on the wire: no redirect, no cookie, no proxy, no connection kept with something left."""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import msgspec
from aiohttp.connector import Connection
from yarl import URL

from resolvers.errors import SourceBadResponse, SourceError, SourceTimeout, SourceTooLarge, SourceUnavailable
from resolvers.upstream.answers import Answer, fetched_at
from resolvers.upstream.strict import flaw, twice
from resolvers.upstream.target import Request

if TYPE_CHECKING:
    from aiohappyeyeballs import AddrInfoType
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.tracing import Trace

HEADER_BYTES = 32 * 1024
_LINE_BYTES = 8 * 1024
_HEADERS = 128
_READ_BYTES = 64 * 1024
_AHEAD_BYTES = 256 * 1024


class Broken(Exception):
    """No answer came. `again`: it may be worth another try, as the connection failed and not the time was up."""

    def __init__(self, error: SourceError, *, again: bool) -> None:
        super().__init__(error.message)
        self.error, self.again = error, again


class Bounds(NamedTuple):
    """Of one exchange: seconds, seconds, bytes once decompressed."""

    seconds: float
    connect_s: float
    response_bytes: int


class Connections:
    """The connections to one source, made when needed."""

    def __init__(self, source: str, limit: int) -> None:
        self._source, self._limit = source, limit
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, request: Request, url: URL, headers: Mapping[str, str], bounds: Bounds) -> Answer:
        """Raises Broken where no whole answer comes in time, and SourceError where it is one nobody should read."""
        source = self._source
        try:
            return await self._exchange(request, url, headers, bounds)
        except aiohttp.ConnectionTimeoutError:
            raise Broken(SourceTimeout(source, f"{source} took no connection in time."), again=True) from None
        except TimeoutError:
            error = SourceTimeout(source, f"{source} did not answer in {bounds.seconds:g} s.")
            raise Broken(error, again=False) from None
        except aiohttp.ClientPayloadError as error:
            broken = SourceBadResponse(source, f"{source} broke off its answer.")
            raise Broken(broken, again=_broken_off(error)) from None
        except aiohttp.ClientConnectionError:
            raise Broken(SourceUnavailable(source, f"{source} cannot be reached."), again=True) from None
        except aiohttp.ClientResponseError as error:
            raise _not_http(source, error) from None
        except (aiohttp.ClientError, ValueError):
            broken = SourceBadResponse(source, f"{source} answered something that is not HTTP.")
            raise Broken(broken, again=False) from None

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, request: Request, url: URL, headers: Mapping[str, str], bounds: Bounds) -> Answer:
        sent = {"Accept": "application/json", **headers}
        body: bytes | None = None
        if isinstance(request.body, bytes):
            body, sent["Content-Type"] = request.body, "application/x-www-form-urlencoded"
        elif request.body is not None:
            body, sent["Content-Type"] = msgspec.json.encode(request.body), "application/json"
        timeout = aiohttp.ClientTimeout(total=bounds.seconds, sock_connect=min(bounds.seconds, bounds.connect_s))
        async with self._opened().request(
            request.method, url, headers=sent, data=body, timeout=timeout, allow_redirects=False
        ) as response:
            if response.status < 200:
                raise SourceBadResponse(self._source, f"{self._source} answered with another protocol.")
            if sum(len(name) + len(value) + 4 for name, value in response.raw_headers) > HEADER_BYTES:
                response.close()
                raise SourceBadResponse(self._source, f"{self._source} answered with too many headers.")
            # Not unpacked its length is a promise that need not be waited for.
            told = 0 if "Content-Encoding" in response.headers else response.content_length or 0
            if told > bounds.response_bytes:
                response.close()
                raise self._too_large(bounds)
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > bounds.response_bytes:
                    response.close()
                    raise self._too_large(bounds)
            named = {name.lower(): value for name, value in response.headers.items()}
            whole = bytes(received)
            why = flaw(whole, named.get("content-type", ""))
            return Answer(self._source, response.status, whole, named, fetched_at(named), why, twice(whole))

    def _too_large(self, bounds: Bounds) -> SourceTooLarge:
        return SourceTooLarge(self._source, f"{self._source} answered more than {bounds.response_bytes} bytes.")

    def _opened(self) -> aiohttp.ClientSession:
        # Made at the first call: a session belongs to the running event loop.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=_Connector(limit=self._limit, socket_factory=_socket),
                trust_env=False,
                read_bufsize=_READ_BYTES,
                max_line_size=_LINE_BYTES,
                max_field_size=_LINE_BYTES,
                max_headers=_HEADERS,
            )
            # aiohttp repeats reads by itself when a kept connection was closed: a second request nobody counts (3.14).
            self._session._retry_connection = False
        return self._session


def _socket(address: AddrInfoType) -> socket.socket:
    """A socket that takes in no more ahead of us than this: an answer past its cap is not read into the kernel."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _AHEAD_BYTES)
    return made


class _Connector(aiohttp.TCPConnector):
    """Gives no kept connection out again on which something came that nobody asked for, or that was closed."""

    async def _get(self, key: ConnectionKey, traces: list[Trace]) -> Connection | None:
        # aiohttp looks for strays when a connection is put back, not when it is taken out (3.14): the next request
        # would be answered by what belongs to no request, or to another one.
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close and _silent(connection):
                return connection
            connection.close()
        return None


def _silent(connection: Connection) -> bool:
    """Whether nothing waits to be read, not even the end."""
    transport = connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return not poll.poll(0)


def _broken_off(error: aiohttp.ClientPayloadError) -> bool:
    """Whether the connection ended too soon; what cannot be unpacked comes the same way again."""
    return not isinstance(error.__cause__, aiohttp.http_exceptions.ContentEncodingError)


def _not_http(source: str, error: aiohttp.ClientResponseError) -> Broken:
    """Something else than HTTP speaks there, or HTTP that two readers would read in two ways."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    # The mark below the first byte: what stands behind a whole answer comes the same way, and is a wrong length.
    if isinstance(cause, aiohttp.http_exceptions.BadStatusLine) and cause.message.endswith("\n    ^"):
        return Broken(SourceUnavailable(source, f"{source} does not speak HTTP."), again=True)
    return Broken(SourceBadResponse(source, f"{source} answered something that is not HTTP."), again=False)
