"""What a connection may do: over real sockets, with times that are short here and seconds in service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from starlette.types import Receive, Scope, Send

from gateway.connection import HEAD_BYTES, ConnectionLimits
from gateway.demo.server import serve

GET = b"GET /graphql HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = 32 * 1024 * 1024
"""More than the buffers of both systems take."""


@dataclass
class Server:
    """An application that answers `body`, and how to speak to it byte by byte."""

    limits: ConnectionLimits
    body: bytes = b"answered"
    port: int = 0
    asked: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        self.asked += 1
        if scope["path"] != "/livez":
            await self.go.wait()
        head = [(b"content-length", str(len(self.body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": self.body})

    async def connect(self, limit: int = 2**16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=limit)
        self.writers.append(writer)
        return reader, writer

    async def sent(self, data: bytes) -> bytes:
        """Everything that comes back for these bytes until the server closes."""
        reader, writer = await self.connect()
        writer.write(data)
        async with asyncio.timeout(5):
            return await reader.read()


@asynccontextmanager
async def serving(limits: ConnectionLimits) -> AsyncIterator[Server]:
    server = Server(limits)
    server.go.set()
    async with serve(server, remember=False, limits=limits) as served:
        server.port = int(served.url.rpartition(":")[2])
        try:
            yield server
        finally:
            for writer in server.writers:
                writer.transport.abort()


def refusal(received: bytes) -> tuple[int, Any]:
    """Status and code of a refusal that closes."""
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    return int(head.split()[1]), msgspec.json.decode(body)["errors"][0]["extensions"]["code"]


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("begun", [b"", b"GET /graphql HT", b"GET /graphql HTTP/1.1\r\nHost: x\r\nX-More: a", b"\r\n"])
async def test_a_head_that_does_not_end_is_not_waited_for(begun: bytes) -> None:
    async with serving(ConnectionLimits(head_s=0.05)) as server:
        assert await server.sent(begun) == b""
        assert server.asked == 0


async def test_a_head_that_comes_drop_by_drop_has_no_more_time() -> None:
    async with serving(ConnectionLimits(head_s=0.1)) as server:
        reader, writer = await server.connect()

        async def drip() -> None:
            writer.write(b"GET /graphql HTTP/1.1\r\n")
            while True:
                writer.write(b"X-More: a\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        dripping.cancel()
        await asyncio.wait([dripping])
        if not dripping.cancelled():
            assert isinstance(dripping.exception(), ConnectionError)


async def test_the_head_of_a_further_request_has_its_own_time() -> None:
    async with serving(ConnectionLimits(head_s=0.05)) as server:
        reader, writer = await server.connect()
        for _ in range(2):
            writer.write(GET)
            await reader.readuntil(b"answered")
        writer.write(GET[:10])
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        assert server.asked == 2


async def test_the_rest_of_a_body_nobody_waited_for_keeps_no_connection() -> None:
    """Each byte of it ends uvicorn's own wait for a further request."""
    async with serving(ConnectionLimits(head_s=0.05)) as server:
        reader, writer = await server.connect()
        writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        await reader.readuntil(b"answered")
        writer.write(b"a")
        async with asyncio.timeout(5):
            assert await reader.read() == b""


async def test_an_answer_that_takes_long_is_not_cut_off() -> None:
    async with serving(ConnectionLimits(head_s=0.01, reading_s=0.01)) as server:
        server.go.clear()
        reader, writer = await server.connect()
        writer.write(GET)
        await until(lambda: server.asked == 1)
        await asyncio.sleep(0.05)
        server.go.set()
        assert b"answered" in await reader.readuntil(b"answered")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /graphql HTTP/1.1\r\nX-More: " + b"a" * HEAD_BYTES + b"\r\n\r\n",
        b"GET /graphql?" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\n" + b"X: a\r\n" * HEAD_BYTES + b"\r\n",
        b"GET /graphql HTTP/1.1\r\nX-More: " + b"a" * 8 * HEAD_BYTES,
    ],
    ids=["one header", "address", "many headers", "without end"],
)
async def test_a_large_head_is_refused(head: bytes) -> None:
    async with serving(ConnectionLimits()) as server:
        assert refusal(await server.sent(head)) == (431, "MAX_HEADERS_LIMIT")
        assert server.asked == 0


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
    ids=["text", "length and chunks", "chunks and length", "two lengths", "odd coding", "space", "TLS"],
)
async def test_what_could_be_read_in_two_ways_is_refused(data: bytes) -> None:
    """A proxy in front that reads it the other way would take the rest for another client's request."""
    async with serving(ConnectionLimits()) as server:
        assert refusal(await server.sent(data)) == (400, "BAD_REQUEST")
        assert server.asked == 0


async def test_requests_sent_ahead_are_bounded() -> None:
    async with serving(ConnectionLimits()) as server:
        server.go.clear()
        assert await server.sent(GET * 100) == b""
        assert server.asked == 1


async def test_past_the_most_connections_one_that_does_nothing_goes_first() -> None:
    async with serving(ConnectionLimits(most=2)) as server:
        idle, first = await server.connect()
        first.write(GET)
        await idle.readuntil(b"answered")
        server.go.clear()
        busy, second = await server.connect()
        second.write(GET)
        await until(lambda: server.asked == 2)
        reader, third = await server.connect()
        third.write(GET)
        await until(lambda: server.asked == 3)
        assert await idle.read() == b""
        server.go.set()
        await busy.readuntil(b"answered")
        await reader.readuntil(b"answered")


async def test_past_the_most_connections_others_are_told_to_come_later_and_probes_are_answered() -> None:
    async with serving(ConnectionLimits(most=1)) as server:
        _, writer = await server.connect()
        server.go.clear()
        writer.write(GET)
        await until(lambda: server.asked == 1)
        received = await server.sent(GET)
        assert refusal(received) == (503, "OVERLOADED")
        assert b"retry-after: 1\r\n" in received
        received = await server.sent(GET.replace(b"graphql", b"livez"))
        assert received.endswith(b"answered")


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"])
async def test_who_does_not_read_its_answer_is_cut_off(closing: bytes) -> None:
    async with serving(ConnectionLimits(reading_s=0.05)) as server:
        server.body = bytes(BIG)
        reader, writer = await server.connect(limit=1)
        writer.write(GET[:-2] + closing + b"\r\n")
        await until(lambda: len(server.limits.readers) == 1)
        await until(lambda: not server.limits.readers)
        assert await count(reader) < BIG


async def test_who_reads_slowly_has_all_of_its_answer() -> None:
    async with serving(ConnectionLimits(reading_s=0.2)) as server:
        server.body = bytes(BIG)
        reader, writer = await server.connect()
        writer.write(GET)
        read = 0
        while read < BIG:
            chunk = await reader.read(2**18)
            assert chunk
            read += len(chunk)
            await asyncio.sleep(0.005)
        assert not server.limits.readers


async def test_answers_nobody_reads_are_bounded_together() -> None:
    """The one that has waited longest goes first."""
    async with serving(ConnectionLimits(reading_s=60.0, unread_bytes=2 * BIG)) as server:
        server.body = bytes(BIG)
        connections = []
        for number in range(1, 5):
            reader, writer = await server.connect(limit=1)
            writer.write(GET)
            connections.append((reader, writer))
            await until(lambda number=number: server.asked == number)  # type: ignore[misc] # mypy knows no such lambda
            await until(lambda: len(server.limits.readers) > 0)
        assert sum(server.limits.readers.values()) <= 2 * BIG
        sizes = await asyncio.gather(*(count(reader, BIG) for reader, _ in connections))
        assert sizes[0] < BIG <= sizes[3]


async def test_while_draining_every_answer_is_the_last_of_its_connection() -> None:
    limits = ConnectionLimits()
    async with serving(limits) as server:
        reader, writer = await server.connect()
        writer.write(GET)
        assert b"connection: close" not in await reader.readuntil(b"answered")
        limits.draining = True
        writer.write(GET)
        async with asyncio.timeout(5):
            assert b"connection: close" in await reader.read()


async def count(reader: asyncio.StreamReader, enough: int = 2**62) -> int:
    """How many bytes come until the server closes, or are enough."""
    read = 0
    try:
        async with asyncio.timeout(10):
            while read < enough and (chunk := await reader.read(2**20)):
                read += len(chunk)
    except ConnectionError:
        pass
    return read
