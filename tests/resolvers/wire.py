"""A source played byte by byte on loopback: it notes what it was sent and answers whatever the test writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.resolvers.listener import listening


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Reply = Callable[[Received], Awaitable[bytes | None]]


async def silence(_: Received) -> bytes | None:
    """Never answer."""
    await asyncio.Event().wait()
    return None


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(reply: bytes) -> Reply:
    async def same(_: Received) -> bytes | None:
        return reply

    return same


@dataclass
class Wire:
    """The running source. `reply` makes each answer; after None, or an answer that is no whole one, it hangs up."""

    url: str = ""
    reply: Reply = field(default=always(answer()))
    received: list[Received] = field(default_factory=list)
    hold: bool = False
    """Keep the connection open behind an answer that is no whole one, until the client leaves."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client goes away before it has a whole answer."""


@asynccontextmanager
async def wire() -> AsyncIterator[Wire]:
    source = Wire()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await _exchange(source, reader, writer):
            pass

    async with listening(handle) as source.url:
        yield source


async def _exchange(source: Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer; whether the connection can take another."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    received = Received(method, target, headers, body)
    source.received.append(received)
    replying = asyncio.ensure_future(source.reply(received))
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({replying, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not replying.done():
            source.left.set()
            return False
        reply = await replying
    finally:
        replying.cancel()
        leaving.cancel()
        await asyncio.gather(replying, leaving, return_exceptions=True)
    if reply is None:
        return False
    writer.write(reply)
    await writer.drain()
    if not _whole(reply) and source.hold:
        await reader.read(1)
        source.left.set()
    return _whole(reply)


def _whole(reply: bytes) -> bool:
    head, _, body = reply.partition(b"\r\n\r\n")
    return f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
