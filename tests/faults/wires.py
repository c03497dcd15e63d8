"""Faults of the wire: answers that come late, cut, doubled, framed wrongly or not at all."""

from __future__ import annotations

import asyncio
import zlib

from tests.faults.exchange import Exchange
from tests.faults.http1 import Reply, chunked
from tests.faults.options import Fault, Options, State

CANARY = "canary-8d1f"
"""Stands in whatever a fault writes that nobody asked for: it must be in no answer and no log."""
BLOCK = 1024 * 1024
_JSON = ("Content-Type", "application/json")


async def rst(exchange: Exchange, options: Options, state: State) -> None:
    """The request is read, the connection broken off."""
    exchange.reset()


async def garbage(exchange: Exchange, options: Options, state: State) -> None:
    """Bytes that are no HTTP."""
    await exchange.write(b"\x16\x03\x01\x02\x00" + CANARY.encode() + b"\r\n\r\n")
    exchange.close()


async def close_no_reply(exchange: Exchange, options: Options, state: State) -> None:
    """The request is read, the connection closed without a word."""
    exchange.close()


async def stale_keepalive(exchange: Exchange, options: Options, state: State) -> None:
    """A connection that has answered is closed when its next request comes, as a server's idle limit does."""
    if exchange.number > 1:
        exchange.close()
    else:
        await exchange.send(await exchange.forward())


async def rst_mid_body(exchange: Exchange, options: Options, state: State) -> None:
    await _half(exchange, await exchange.forward())
    # What was written must leave before the connection goes: a RST takes what is still to be sent with it.
    await asyncio.sleep(0.05)
    exchange.reset()


async def close_mid_body(exchange: Exchange, options: Options, state: State) -> None:
    await _half(exchange, await exchange.forward())
    exchange.close()


async def chunked_truncated(exchange: Exchange, options: Options, state: State) -> None:
    """Chunks without the last one; with `whole` on the body itself is all there."""
    reply = await exchange.forward()
    body = reply.body if options.value("whole") else reply.body[: len(reply.body) // 2]
    await exchange.write(reply.head(("Transfer-Encoding", "chunked")))
    for part in chunked([body]):
        await exchange.write(part)
    exchange.close()


async def bad_content_length(exchange: Exchange, options: Options, state: State) -> None:
    """A length that is `by` more bytes than come before the end; less, where it is negative."""
    reply = await exchange.forward()
    length = max(len(reply.body) + int(options.number("by", 10)), 0)
    await exchange.write(reply.head(("Content-Length", str(length))) + reply.body)
    if length > len(reply.body):
        exchange.close()


async def close_delimited_cut(exchange: Exchange, options: Options, state: State) -> None:
    """No length: the end of the connection is the end of the body, and comes too early."""
    reply = await exchange.forward()
    await exchange.write(reply.head(("Connection", "close")) + reply.body[: len(reply.body) // 2])
    exchange.close()


async def slow_headers(exchange: Exchange, options: Options, state: State) -> None:
    """One byte of the head each `ms`."""
    reply = await exchange.forward()
    for byte in reply.head(("Content-Length", str(len(reply.body)))):
        await exchange.write(bytes([byte]))
        await asyncio.sleep(options.number("ms", 100) / 1000)
    await exchange.write(reply.body)


async def slow_body(exchange: Exchange, options: Options, state: State) -> None:
    """The head at once, then one byte of the body each `ms`."""
    reply = await exchange.forward()
    await exchange.write(reply.head(("Content-Length", str(len(reply.body)))))
    for byte in reply.body:
        await exchange.write(bytes([byte]))
        await asyncio.sleep(options.number("ms", 100) / 1000)


async def blackhole(exchange: Exchange, options: Options, state: State) -> None:
    """Nothing, and no end of the connection either."""
    await exchange.hang()


async def endless_1xx(exchange: Exchange, options: Options, state: State) -> None:
    """Informational answers, each `ms`, and never the real one."""
    while True:
        await exchange.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(options.number("ms", 20) / 1000)


async def latency(exchange: Exchange, options: Options, state: State) -> None:
    """The right answer, `ms` late."""
    await asyncio.sleep(options.number("ms") / 1000)
    await exchange.send(await exchange.forward())


async def extra_response(exchange: Exchange, options: Options, state: State) -> None:
    """A second answer nobody asked for behind the right one, on the same connection."""
    reply = await exchange.forward()
    stray = Reply(200, [_JSON], b'{"%s": true}' % CANARY.encode(), "OK")
    await exchange.write(reply.written() + stray.written())


async def cl_and_te(exchange: Exchange, options: Options, state: State) -> None:
    """Both a length and chunks: two parties may see two different ends of the body."""
    reply = await exchange.forward()
    await exchange.write(reply.head(("Content-Length", str(len(reply.body))), ("Transfer-Encoding", "chunked")))
    for part in chunked([reply.body]):
        await exchange.write(part)
    await exchange.write(b"0\r\n\r\n")


async def gzip_bomb(exchange: Exchange, options: Options, state: State) -> None:
    """A body that is `mb` MiB once decompressed, and a thousandth of it on the wire."""
    head = Reply(200, [_JSON], b"", "OK").head(("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    await exchange.write(head)
    for part in chunked(_zeros(int(options.number("mb", 1024)))):
        await exchange.write(part)
    await exchange.write(b"0\r\n\r\n")


async def huge_body(exchange: Exchange, options: Options, state: State) -> None:
    """The right answer with `mb` MiB of white space behind it, with its length told or in chunks (`how`)."""
    reply = await exchange.forward()
    blocks = int(options.number("mb", 256))
    parts = (b" " * BLOCK for _ in range(blocks))
    if options.text("how", "declared") == "declared":
        await exchange.write(reply.head(("Content-Length", str(len(reply.body) + blocks * BLOCK))) + reply.body)
        for part in parts:
            await exchange.write(part)
        return
    await exchange.write(reply.head(("Transfer-Encoding", "chunked")))
    for part in chunked(each for source in ([reply.body], parts) for each in source):
        await exchange.write(part)
    await exchange.write(b"0\r\n\r\n")


async def many_headers(exchange: Exchange, options: Options, state: State) -> None:
    reply = await exchange.forward()
    more = [(f"X-More-{number}", "x" * 20) for number in range(int(options.number("n", 5000)))]
    await exchange.send(Reply(reply.status, [*reply.headers, *more], reply.body, reply.reason))


async def bad_gzip(exchange: Exchange, options: Options, state: State) -> None:
    """A body that says it is gzip and is not; with `how` cut it is the first half of a gzip stream."""
    reply = await exchange.forward()
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(reply.body) + packer.flush()
    body = packed[: len(packed) // 2] if options.text("how") == "cut" else b"\x1f\x8b" + CANARY.encode() * 4
    await exchange.send(Reply(200, [_JSON, ("Content-Encoding", "gzip")], body, "OK"))


FAULTS: dict[str, Fault] = {
    made.__name__: made
    for made in (
        rst,
        garbage,
        close_no_reply,
        stale_keepalive,
        rst_mid_body,
        close_mid_body,
        chunked_truncated,
        bad_content_length,
        close_delimited_cut,
        slow_headers,
        slow_body,
        blackhole,
        endless_1xx,
        latency,
        extra_response,
        cl_and_te,
        gzip_bomb,
        huge_body,
        many_headers,
        bad_gzip,
    )
}


async def _half(exchange: Exchange, reply: Reply) -> None:
    await exchange.write(reply.head(("Content-Length", str(len(reply.body)))) + reply.body[: len(reply.body) // 2])


def _zeros(blocks: int) -> list[bytes]:
    """A gzip stream of zeros by parts. One block is packed, then repeated: a full flush leaves no state behind."""
    packer = zlib.compressobj(level=9, wbits=-15)
    block = packer.compress(bytes(BLOCK)) + packer.flush(zlib.Z_FULL_FLUSH)
    head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
    crc = 0
    for _ in range(blocks if blocks <= 64 else 0):  # past that nobody reads to the end, where the sum is
        crc = zlib.crc32(bytes(BLOCK), crc)
    tail = zlib.compressobj(wbits=-15).flush() + crc.to_bytes(4, "little") + (blocks * BLOCK).to_bytes(4, "little")
    return [head, *[block] * blocks, tail]
