"""A server of bare sockets on loopback: each connection is handled by the test, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.resolvers.listener import listening


@dataclass
class Peer:
    """One connection. `turn` is the number of the request on it, from 1; `number` that of the connection."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    turn: int = 0
    sent: int = 0

    async def request(self) -> bytes:
        """The next request's head and body; raises IncompleteReadError where the client has left."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        self.turn += 1
        return head + await self.reader.readexactly(int(length.partition(b":")[2]))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        self.sent += len(data)
        await self.writer.drain()

    async def left(self) -> None:
        """Wait until the client goes."""
        while await self.reader.read(4096):
            pass


Play = Callable[[Peer], Awaitable[None]]


@dataclass
class Sockets:
    url: str = ""
    peers: list[Peer] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    open: int = 0
    """Connections that neither side has closed."""


@asynccontextmanager
async def sockets(play: Play) -> AsyncIterator[Sockets]:
    """Plays one connection after another; what a play does not read or write any more is closed behind it."""
    served = Sockets()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(len(served.peers) + 1, reader, writer)
        served.peers.append(peer)
        served.open += 1
        try:
            await play(peer)
        finally:
            served.open -= 1

    async with listening(handle) as served.url:
        yield served


def whole(body: bytes, *more: str, status: int = 200) -> bytes:
    """An answer as it should be."""
    return "\r\n".join([f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *more, "", ""]).encode() + body
