"""As much of HTTP/1.1 as a proxy needs that must be free to break it: heads, bodies, and how whole ones are written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Headers = Sequence[tuple[str, str]]

_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te"))
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived: `target` is the raw path with its query."""

    method: str
    target: str
    headers: Headers
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    def header(self, name: str) -> str:
        return _header(self.headers, name)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, without the headers that say how its body is framed."""

    status: int
    headers: Headers = ()
    body: bytes = b""
    reason: str = "-"

    def header(self, name: str) -> str:
        return _header(self.headers, name)

    def with_headers(self, **values: str) -> Reply:
        """The same with these headers set; `content_type` is written Content-Type."""
        named = {name.replace("_", "-").lower(): value for name, value in values.items()}
        kept = [(name, value) for name, value in self.headers if name.lower() not in named]
        return replace(self, headers=[*kept, *((name.title(), value) for name, value in named.items())])

    def head(self, *framing: tuple[str, str]) -> bytes:
        """Status line and headers, with these that say where the body ends."""
        lines = [f"HTTP/1.1 {self.status} {self.reason}", *(f"{name}: {value}" for name, value in self.headers)]
        lines += [f"{name}: {value}" for name, value in framing]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def written(self) -> bytes:
        """The answer as it should be on the wire."""
        return self.head(("Content-Length", str(len(self.body)))) + self.body


class Incoming:
    """Bytes of one direction of a connection, read ahead where nobody asked for them yet."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._buffer = bytearray()

    async def more(self) -> bool:
        """Wait for bytes; False where the other side has ended or broken the connection."""
        try:
            chunk = await self._reader.read(_CHUNK)
        except ConnectionError:
            return False
        self._buffer += chunk
        return bool(chunk)

    async def request(self) -> Request | None:
        """The next request, None where the connection ended before."""
        head = await self._head()
        if head is None:
            return None
        first, headers = head
        method, target, _ = first.split(" ", 2)
        body = await self._body(headers, to_the_end=False)
        return None if body is None else Request(method, target, headers, body)

    async def reply(self) -> Reply | None:
        """The next answer that is more than a 1xx."""
        while (head := await self._head()) is not None:
            first, headers = head
            _, status, reason = [*first.split(" ", 2), ""][:3]
            if not 100 <= int(status) < 200:
                bodiless = int(status) in (204, 304)
                body = b"" if bodiless else await self._body(headers, to_the_end=True)
                kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
                return None if body is None else Reply(int(status), kept, body, reason)
        return None

    async def _head(self) -> tuple[str, Headers] | None:
        raw = await self._until(b"\r\n\r\n")
        if raw is None:
            return None
        first, *lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return first, [(name.strip(), value.strip()) for name, _, value in pairs]

    async def _body(self, headers: Headers, *, to_the_end: bool) -> bytes | None:
        if "chunked" in _header(headers, "transfer-encoding").lower():
            return await self._chunks()
        length = _header(headers, "content-length")
        if length:
            return await self._exactly(int(length))
        if not to_the_end:
            return b""
        while await self.more():
            pass
        return self._taken(len(self._buffer))

    async def _chunks(self) -> bytes | None:
        body = bytearray()
        while (line := await self._until(b"\r\n")) is not None:
            size = int(line.split(b";")[0], 16)
            chunk = await self._exactly(size + 2)
            if chunk is None:
                return None
            if size == 0:
                return bytes(body)
            body += chunk[:-2]
        return None

    async def _until(self, mark: bytes) -> bytes | None:
        while (at := self._buffer.find(mark)) < 0:
            if not await self.more():
                return None
        found = self._taken(at)
        self._taken(len(mark))
        return found

    async def _exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not await self.more():
                return None
        return self._taken(size)

    def _taken(self, size: int) -> bytes:
        found = bytes(self._buffer[:size])
        del self._buffer[:size]
        return found


def request_bytes(request: Request, host: str) -> bytes:
    """A request for one answer and nothing after it; the body is to come back as it is, not compressed."""
    drop = (*_HOP_BY_HOP, "host", "accept-encoding")
    kept = [(name, value) for name, value in request.headers if name.lower() not in drop]
    framing = [("Content-Length", str(len(request.body)))] if request.body else []
    headers = [("Host", host), ("Connection", "close"), ("Accept-Encoding", "identity"), *kept, *framing]
    lines = [f"{request.method} {request.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + request.body


def chunked(parts: Iterable[bytes]) -> Iterable[bytes]:
    """Parts as chunks, without the last one that says that all is said."""
    for part in parts:
        yield b"%x\r\n%s\r\n" % (len(part), part)


def _header(headers: Headers, name: str) -> str:
    return next((value for key, value in headers if key.lower() == name.lower()), "")
