"""One request at the proxy, and what a fault may do with it: ask the source, write anything, close, break off."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field

from tests.faults.http1 import Incoming, Reply, Request, request_bytes


class Broken(Exception):
    """The connection to the client is of no more use."""


@dataclass(slots=True)
class Counts:
    """What a proxy saw. `peer_gone` are clients that left before their answer was written."""

    connections: int = 0
    requests: int = 0
    in_flight: int = 0
    max_in_flight: int = 0
    peer_gone: int = 0
    sent: int = 0
    faulted: int = 0


@dataclass(slots=True)
class Exchange:
    """A request that waits for its answer; `number` counts the requests of its connection from 1."""

    request: Request
    number: int
    upstream: tuple[str, int]
    writer: asyncio.StreamWriter
    counts: Counts
    closed: bool = field(default=False, init=False)

    async def forward(self, request: Request | None = None) -> Reply:
        """The source's own answer; a source that cannot be reached breaks the connection, as without a proxy."""
        try:
            reader, writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            self.reset()
            raise Broken from None
        try:
            host, port = self.upstream
            writer.write(request_bytes(request or self.request, f"{host}:{port}"))
            reply = await Incoming(reader).reply()
        except ConnectionError:
            reply = None
        finally:
            writer.close()
        if reply is None:
            self.reset()
            raise Broken
        return reply

    async def send(self, reply: Reply) -> None:
        await self.write(reply.written())

    async def write(self, data: bytes) -> None:
        if self.closed or self.writer.is_closing():
            raise Broken
        self.writer.write(data)
        self.counts.sent += len(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            raise Broken from None

    def close(self) -> None:
        """End the connection in the ordinary way: what was written arrives, then nothing more."""
        self.closed = True
        self.writer.close()

    def reset(self) -> None:
        """Break the connection off: the client gets a RST."""
        self.closed = True
        reset(self.writer)

    async def hang(self) -> None:
        """Say nothing for as long as the client waits."""
        await asyncio.get_running_loop().create_future()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST: with a linger time of 0 the kernel sends no FIN."""
    made: socket.socket | None = writer.get_extra_info("socket")
    if made is not None and not writer.is_closing():
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
