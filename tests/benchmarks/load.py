"""What the gateway does with more than it can do: python -m tests.benchmarks.load [seconds]

The sources, the gateway and this client are three processes on one machine. The sources repeat what the demo's company
answered once, as otherwise they and not the gateway would be the slow part. First the peak: operations a second with 4
to 32 clients that ask one after the other. Then as many, and three times as many, arrive whether or not earlier ones
are answered. At last many ask the same at once, each in its own words and then all in the same. Where others use the
machine too, the CPU time for each answer says more than the answers in a second. Linux only.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.demo.generator import build
from gateway.demo.sources import serve_company
from tests.benchmarks.scale import Gateway, gateway, served_by

NAMES = """query($after: String) { models(first: 100, after: $after) {
  nodes { name ref { source } } pageInfo { hasNextPage endCursor } } }"""
MODELS = 6
"""One operation asks for so many. With less to do for each, this client would be as slow as the gateway."""
_FRAGMENT = """fragment F on Model { name owners { handle } versions(first: 10) { nodes {
  version createdAt aliases trainingRun { evaluationMetrics { key value } }
  producedBy { state evidence { basis assertedBy } node { state pipeline { name } } } } } }"""
QUERY = (
    f"query({', '.join(f'$n{number}: String!, $s{number}: String!' for number in range(MODELS))}) {{"
    + " ".join(f"m{number}: model(name: $n{number}, source: $s{number}) {{ ...F }}" for number in range(MODELS))
    + f" }} {_FRAGMENT}"
)
DEADLINE_S = 10.0
EQUAL = 50
REFUSED_S = 0.1
"""Who is refused asks again so much later."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Heard:
    """What came back: seconds, by what it was."""

    answered: list[float] = field(default_factory=list)
    shed: list[float] = field(default_factory=list)
    live: list[float] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)


class Client:
    """Asks one gateway, over as many connections as it needs."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._free: list[Streams] = []
        self.models: Sequence[tuple[str, str]] = ()

    async def send(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        streams = self._free.pop() if self._free else await self._connection()
        reader, writer = streams
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        content = await reader.readexactly(int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        self._free.append(streams)
        return int(answer[9:12]), content

    async def ask(self, heard: Heard, query: str = QUERY, values: Mapping[str, str] | None = None) -> None:
        """One operation; on models taken at random, if nothing is said."""
        body = msgspec.json.encode(
            {"query": query, "variables": values or variables(random.sample(self.models, MODELS))}
        )
        began = time.perf_counter()
        status, content = await self.send("POST", "/graphql", body)
        took = time.perf_counter() - began
        if status == 503:
            heard.shed.append(took)
        elif status == 200 and b'"errors"' not in content:
            heard.answered.append(took)
        else:
            heard.other[content[-300:].decode(errors="replace")] += 1

    async def closed(self, clients: int, seconds: float) -> Heard:
        """So many that ask, each when it was answered."""
        heard, end = Heard(), time.perf_counter() + seconds

        async def one() -> None:
            while time.perf_counter() < end:
                shed = len(heard.shed)
                await self.ask(heard)
                if len(heard.shed) > shed:
                    await asyncio.sleep(REFUSED_S)

        await asyncio.gather(*(one() for _ in range(clients)))
        return heard

    async def open(self, rate: float, seconds: float) -> Heard:
        """So many operations a second, whatever becomes of them; and whether it lives, 20 times a second."""
        heard = Heard()
        live = asyncio.create_task(self._live(heard))
        asking: set[asyncio.Task[None]] = set()
        began, number = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds:
            for _ in range(int(passed * rate) - number):
                task = asyncio.create_task(self.ask(heard))
                asking.add(task)
                task.add_done_callback(asking.discard)
                number += 1
            await asyncio.sleep(0.002)
        if asking:
            await asyncio.wait(asking)
        live.cancel()
        await asyncio.wait([live])
        return heard

    async def at_once(self, queries: Sequence[str]) -> Heard:
        heard = Heard()
        await asyncio.gather(*(self.ask(heard, query, variables(self.models)) for query in queries))
        return heard

    async def _live(self, heard: Heard) -> None:
        while True:
            began = time.perf_counter()
            status, _ = await self.send("GET", "/livez")
            assert status == 200
            heard.live.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)

    async def _connection(self) -> Streams:
        return await asyncio.open_connection(self._address.hostname, self._address.port)


class Replay(asyncio.Protocol):
    """A source that answers what another answered to the same request; HTTP no further than the gateway's calls go."""

    def __init__(self, behind: str, known: dict[bytes, bytes]) -> None:
        self._behind, self._known, self._received = behind, known, b""
        self._transport: asyncio.Transport | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        request, self._received = self._received, b""
        key = head.partition(b"\r\n")[0] + body
        if key in self._known:
            assert self._transport is not None
            self._transport.write(self._known[key])
        else:
            task = asyncio.create_task(self._ask(key, request))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, key: bytes, request: bytes) -> None:
        address = urlsplit(self._behind)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        self._known[key] = head + await reader.readexactly(int(length))
        writer.close()
        assert self._transport is not None
        self._transport.write(self._known[key])


async def serve_replays() -> None:
    """Print the settings of a gateway over replays of the demo's company, and serve them until the input ends."""
    loop = asyncio.get_running_loop()
    async with serve_company(build()) as running, AsyncExitStack() as stack:
        settings = running.settings
        for served in running.served.values():
            server = await loop.create_server(partial(Replay, served.url, {}), "127.0.0.1", 0)
            await stack.enter_async_context(server)
            settings = settings.replace(served.url, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        print(settings, end="\0", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


async def measured(name: str, pid: int, does: Callable[[], Awaitable[Heard]]) -> tuple[Heard, float]:
    cpu, began = cpu_s(pid), time.perf_counter()
    heard = await does()
    took, used = time.perf_counter() - began, cpu_s(pid) - cpu
    said = [f"{len(heard.answered) / took:5.0f}/s answered in {times(heard.answered)} ms"]
    if heard.shed:
        said.append(f"{len(heard.shed) / took:4.0f}/s shed in {times(heard.shed)} ms")
    if heard.live:
        said.append(f"/livez in {times(heard.live)} ms")
    said.append(f"CPU {100 * used / took:.0f} %, {1000 * used / max(len(heard.answered), 1):.1f} ms for each answer")
    print(f"{name:<20}", "; ".join(said), dict(heard.other) or "", flush=True)
    return heard, used / max(len(heard.answered), 1)


def times(seconds: Sequence[float]) -> str:
    """The middle, the 99th of a hundred, the longest."""
    ordered = sorted(seconds) or [0.0]
    return " / ".join(f"{1000 * ordered[int(share * (len(ordered) - 1))]:.0f}" for share in (0.5, 0.99, 1))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def models(one: Gateway) -> list[tuple[str, str]]:
    """Name and source of all."""
    found: list[tuple[str, str]] = []
    page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while page["hasNextPage"]:
        answer = (await one.ask(NAMES, {"after": page["endCursor"]}))["models"]
        found.extend((node["name"], node["ref"]["source"]) for node in answer["nodes"])
        page = answer["pageInfo"]
    return found


def variables(some: Sequence[tuple[str, str]]) -> dict[str, str]:
    return {f"n{number}": name for number, (name, _) in enumerate(some[:MODELS])} | {
        f"s{number}": source for number, (_, source) in enumerate(some[:MODELS])
    }


async def main(seconds: float) -> None:
    async with served_by("tests.benchmarks.load") as settings, gateway(settings, "", deadline_s=DEADLINE_S) as one:
        client = Client(one.url)
        client.models = await models(one)
        # Each model once, so that the replays know all answers.
        for number in range(0, len(client.models), MODELS):
            await client.ask(Heard(), values=variables((client.models * 2)[number : number + MODELS]))
        peak, least = 0.0, float("inf")
        for clients in (4, 8, 16, 32):
            heard, each = await measured(f"{clients} clients", one.pid, partial(client.closed, clients, seconds))
            peak, least = max(peak, len(heard.answered) / seconds), min(least, each)
        for factor in (1, 3):
            does = partial(client.open, factor * peak, seconds)
            heard, each = await measured(f"{factor} x peak arrives", one.pid, does)
        goodput = f"{100 * len(heard.answered) / seconds / peak:.0f} % of the peak"
        print(f"goodput at 3 x peak: {goodput}; for each second of CPU {100 * least / each:.0f} %", flush=True)
        for name, words in (("own words", [f"{QUERY} #{n}" for n in range(EQUAL)]), ("same words", [QUERY] * EQUAL)):
            await measured(f"{EQUAL} equal, {name}", one.pid, partial(client.at_once, words))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve_replays())
    else:
        asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0))
