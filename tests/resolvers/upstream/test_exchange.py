"""Answers from sockets that break every rule: what of them is believed, and which connection is kept."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from resolvers.errors import (
    DeadlineExceeded,
    SourceBadResponse,
    SourceError,
    SourceTimeout,
    SourceTooLarge,
    SourceUnavailable,
)
from resolvers.http import HttpLimits, SourceClient
from resolvers.operation import recording, until
from resolvers.upstream.exchange import HEADER_BYTES
from tests.resolvers.upstream.sockets import Peer, Play, Sockets, sockets, whole

MB = 1024 * 1024


@asynccontextmanager
async def asking(play: Play, limits: HttpLimits | None = None) -> AsyncIterator[tuple[SourceClient, Sockets]]:
    async with sockets(play) as served:
        client = SourceClient("registry", served.url, limits=limits, sleep=at_once)
        try:
            yield client, served
        finally:
            await client.aclose()


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


def numbered(peer: Peer) -> bytes:
    return whole(b'{"connection": %d, "turn": %d}' % (peer.number, peer.turn))


async def failure(client: SourceClient, *segments: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await client.get(segments or ("things",))
    return caught.value


async def told(client: SourceClient, key: str) -> Mapping[str, int]:
    return (await client.get([key])).read(dict[str, int])


# ---------------------------------------------------------------- connections that are kept


async def test_a_connection_is_used_again() -> None:
    async def play(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(numbered(peer))

    async with asking(play) as (client, _):
        assert [await told(client, key) for key in "abc"] == [{"connection": 1, "turn": turn} for turn in (1, 2, 3)]


@pytest.mark.parametrize("post", [False, True])
async def test_a_kept_connection_that_is_closed_costs_one_more_request_which_is_counted(post: bool) -> None:
    """aiohttp would repeat the read by itself, unseen, and the repeated search not at all."""
    requests = 0

    async def play(peer: Peer) -> None:
        nonlocal requests
        while True:
            await peer.request()
            requests += 1
            if peer.number == 1 and peer.turn == 2:
                return
            await peer.send(numbered(peer))

    async with asking(play) as (client, _):
        await client.get(["warm"])
        with recording() as calls:
            answer = await (client.post(["search"], {"q": 1}) if post else client.get(["things"]))
        assert answer.read(dict[str, int]) == {"connection": 2, "turn": 1}
        assert requests == 3
        assert len(calls) == 2


async def test_a_source_that_closes_every_warm_connection_is_asked_twice_and_no_more() -> None:
    requests = 0

    async def play(peer: Peer) -> None:
        nonlocal requests
        await peer.request()
        requests += 1
        if peer.number == 1:
            await peer.send(numbered(peer))
            await peer.request()
            requests += 1

    async with asking(play) as (client, _):
        await client.get(["warm"])
        with recording() as calls:
            assert isinstance(await failure(client), SourceUnavailable)
        assert requests == 3
        assert len(calls) == 2


async def test_a_connection_that_was_closed_while_it_lay_idle_is_not_tried() -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(numbered(peer))

    async with asking(play) as (client, served):
        for number in range(1, 6):
            with recording() as calls:
                assert (await told(client, str(number)))["connection"] == number
            assert len(calls) == 1
            while served.open:
                await asyncio.sleep(0)


@pytest.mark.parametrize("later", [False, True])
async def test_an_answer_nobody_asked_for_is_never_taken_for_one_that_was(later: bool) -> None:
    async def play(peer: Peer) -> None:
        while True:
            await peer.request()
            stray = whole(b'{"connection": 0, "turn": 0}')
            if peer.number % 2 == 0:
                await peer.send(numbered(peer))
            elif later:
                await peer.send(numbered(peer))
                await peer.send(stray)
            else:
                await peer.send(numbered(peer) + stray)

    async with asking(play) as (client, _):
        for number in range(20):
            assert (await told(client, str(number)))["connection"] > 0
            if later:
                await asyncio.sleep(0.002)  # so long as the stray answer takes


async def test_what_two_readers_would_read_in_two_ways_is_refused_and_its_connection_closed() -> None:
    async def play(peer: Peer) -> None:
        while True:
            await peer.request()
            if peer.number == 1:
                both = b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
                await peer.send(both + b"2\r\n{}\r\n0\r\n\r\n" + numbered(peer))
            else:
                await peer.send(numbered(peer))

    async with asking(play) as (client, _):
        assert isinstance(await failure(client), SourceBadResponse)
        for number in range(20):
            assert await told(client, str(number)) == {"connection": 2, "turn": number + 1}


# ---------------------------------------------------------------- time


async def blackhole(peer: Peer) -> None:
    await peer.request()
    await peer.left()


def drip(head: bytes) -> Play:
    """A byte every so often: no single wait is long."""

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(head)
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.02)

    return play


async def endless_1xx(peer: Peer) -> None:
    await peer.request()
    while True:
        await peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        await asyncio.sleep(0.005)


SLOW = {
    "blackhole": blackhole,
    "slow body": drip(b"HTTP/1.1 200 X\r\nContent-Length: 100000\r\n\r\n"),
    "slow headers": drip(b"HTTP/1.1 200 X\r\nX-Slow: "),
    "endless 1xx": endless_1xx,
}


@pytest.mark.parametrize("play", SLOW.values(), ids=SLOW)
async def test_a_late_answer_is_left_in_time_and_its_connection_closed(play: Play) -> None:
    async with asking(play, HttpLimits(attempt_s=0.2)) as (client, served):
        started = time.monotonic()
        assert isinstance(await failure(client), SourceTimeout)
        assert 0.19 < time.monotonic() - started < 0.45
        assert len(served.peers) == 1
        while served.open:
            await asyncio.sleep(0)
        await failure(client)
        assert len(served.peers) == 2


@pytest.mark.parametrize("play", SLOW.values(), ids=SLOW)
async def test_an_operation_is_told_at_its_deadline_whatever_a_source_does(play: Play) -> None:
    async with asking(play) as (client, served):
        started = asyncio.get_running_loop().time()
        with until(started + 0.2):
            assert isinstance(await failure(client), DeadlineExceeded)
        assert asyncio.get_running_loop().time() - started < 0.45
        while served.open:
            await asyncio.sleep(0)


async def test_a_place_nobody_takes_connections_at_is_left_after_the_limit_for_connecting() -> None:
    """A listener whose queue is full answers nothing at all."""
    with socket_that_is_full() as url:
        client = SourceClient("registry", url, limits=HttpLimits(connect_s=0.1), sleep=at_once)
        started = time.monotonic()
        assert isinstance(await failure(client), SourceTimeout)
        assert 0.19 < time.monotonic() - started < 0.5
        await client.aclose()


@contextmanager
def socket_that_is_full() -> Iterator[str]:
    with socket.socket() as listener, ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


# ---------------------------------------------------------------- size


def resident() -> int:
    """Bytes of memory this process has had at most; reset by `forget_peak`."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def bomb(megabytes: int) -> bytes:
    """Zeros, packed piece by piece."""
    piece = bytes(MB)
    packed = bytearray()
    with gzip.GzipFile(fileobj=Collector(packed), mode="wb") as file:
        for _ in range(megabytes):
            file.write(piece)
    return bytes(packed)


class Collector:
    def __init__(self, into: bytearray) -> None:
        self._into = into

    def write(self, data: bytes) -> int:
        self._into += data
        return len(data)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize("most", [8, 32])
async def test_a_gigabyte_in_a_megabyte_costs_little_memory(most: int) -> None:
    packed = bomb(1024)

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(packed, "Content-Encoding: gzip"))
        await peer.left()

    async with asking(play, HttpLimits(response_bytes=most * MB)) as (client, _):
        assert isinstance(await failure(client), SourceTooLarge)
        forget_peak()
        before = resident()
        assert isinstance(await failure(client, "others"), SourceTooLarge)
        assert resident() - before < 64 * MB


@pytest.mark.parametrize("chunked", [False, True])
async def test_of_an_endless_answer_no_more_is_taken_than_allowed(chunked: bool) -> None:
    async def play(peer: Peer) -> None:
        await peer.request()
        if chunked:
            await peer.send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
        else:
            await peer.send(b"HTTP/1.1 200 X\r\nContent-Length: 1000000000\r\n\r\n")
        # What lies in the sender's own buffer was not taken; Linux lets it grow to 4 MB.
        peer.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        piece = b" " * 65536
        while True:
            await peer.send(b"10000\r\n" + piece + b"\r\n" if chunked else piece)

    async with asking(play) as (client, served):
        assert isinstance(await failure(client), SourceTooLarge)
        while served.open:
            await asyncio.sleep(0)
        assert served.peers[0].sent <= 9 * MB


@pytest.mark.parametrize("longer", [0, 1])
async def test_so_many_bytes_of_headers_are_taken_and_not_one_more(longer: int) -> None:
    own = len("Content-Length: 2\r\n")
    lines = [f"X-More-{number}: " for number in range(5)]
    left = HEADER_BYTES - own - sum(len(line) + 2 for line in lines) + longer
    headers = [line + "a" * (left // 5 + (number < left % 5)) for number, line in enumerate(lines)]

    async def play(peer: Peer) -> None:
        await peer.request()
        await peer.send(whole(b"{}", *headers))

    async with asking(play) as (client, _):
        if longer:
            assert isinstance(await failure(client), SourceBadResponse)
        else:
            assert (await client.get(["things"])).body == b"{}"


# ---------------------------------------------------------------- what is never sent on


async def test_a_redirect_leads_nowhere_and_a_cookie_is_not_sent_back() -> None:
    async def never(peer: Peer) -> None:
        await peer.request()

    async with sockets(never) as canary:
        seen: list[bytes] = []

        async def play(peer: Peer) -> None:
            while True:
                seen.append(await peer.request())
                status = (200, 301, 302, 303, 307, 308)[len(seen) - 1]
                await peer.send(
                    whole(b"{}", f"Location: {canary.url}/x", "Set-Cookie: session=1; Path=/", status=status)
                )

        async with asking(play) as (client, _):
            await client.get(["0"])
            for number in range(1, 6):
                assert isinstance(await failure(client, str(number)), SourceBadResponse)
        assert canary.peers == []
        assert all(b"cookie" not in request.lower() for request in seen)
