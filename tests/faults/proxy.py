"""A TCP proxy between the gateway and one source, which breaks what it is told to break and counts what it sees."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.faults import bodies, replies, wires
from tests.faults.exchange import Broken, Counts, Exchange, reset
from tests.faults.http1 import Incoming, Request
from tests.faults.options import Fault, Options

FAULTS: dict[str, Fault] = {**wires.FAULTS, **replies.FAULTS, **bodies.FAULTS}
"""Every fault of an exchange by name."""
OF_CONNECTIONS = ("refuse", "flap", "rst_on_accept")
"""Faults that hit before there is a request: they have no filters but time."""


class Seen(NamedTuple):
    """One request of the log; `auth` is a hash of what its Authorization said, empty for none. `at` is loop time."""

    method: str
    target: str
    auth: str
    cookie: str
    fault: str
    at: float


@dataclass(slots=True)
class Rule:
    """A fault that is armed, and which requests it is for."""

    name: str
    options: Options
    path: re.Pattern[str]
    p: float
    first: int | None
    random: Random
    until: float | None
    state: dict[str, object] = field(default_factory=dict)
    hits: int = 0

    def takes(self, request: Request, now: float) -> bool:
        if not self.path.search(request.target) or (self.until is not None and now >= self.until):
            return False
        if (self.first is not None and self.hits >= self.first) or self.random.random() >= self.p:
            return False
        self.hits += 1
        return True


class FaultProxy:
    """Listens on a port of its own on 127.0.0.1, which stays the same while faults come and go."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.counts = Counts()
        self.log: list[Seen] = []
        self.port = 0
        self._rules: list[Rule] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flapping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def arm(
        self,
        name: str,
        given: Mapping[str, object] | None = None,
        *,
        path: str = "",
        p: float = 1.0,
        first: int | None = None,
        seed: int = 0,
        for_s: float | None = None,
        **options: object,
    ) -> Rule:
        """From now on break requests whose target matches `path`, each with probability `p`, the first ones only.

        Options of the fault come by name or as `given`. Of several rules the first that takes a request has it.
        Faults of connections hit the open ones too.
        """
        if name not in FAULTS and name not in OF_CONNECTIONS:
            raise ValueError(f"{name} is no fault")
        now = asyncio.get_running_loop().time()
        until = None if for_s is None else now + for_s
        rule = Rule(name, Options({**(given or {}), **options}), re.compile(path), p, first, Random(seed), until)
        self._rules.append(rule)
        if name == "flap":
            self._flapping = asyncio.create_task(self._flap(rule.options.number("up_s"), rule.options.number("down_s")))
        elif name == "refuse":
            self._shut()
            if for_s is not None:
                self._flapping = asyncio.create_task(self._reopen(for_s))
        if name in OF_CONNECTIONS:
            self.cut()
        return rule

    async def disarm(self) -> None:
        """Let everything pass again."""
        self._rules.clear()
        if self._flapping is not None:
            self._flapping.cancel()
            self._flapping = None
        await self._open()

    def forget(self) -> None:
        """Begin the counts and the log anew; what is in flight stays counted."""
        flying = self.counts.in_flight
        for name in Counts.__dataclass_fields__:
            setattr(self.counts, name, 0)
        self.counts.in_flight = self.counts.max_in_flight = flying
        self.log.clear()

    def cut(self) -> None:
        """Break off every open connection."""
        for writer in list(self._writers):
            reset(writer)

    async def aclose(self) -> None:
        if self._flapping is not None:
            self._flapping.cancel()
        self._shut()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _open(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port, backlog=1024)
            self.port = self._server.sockets[0].getsockname()[1]

    def _shut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _flap(self, up_s: float, down_s: float) -> None:
        while True:
            self._shut()
            self.cut()
            await asyncio.sleep(down_s)
            await self._open()
            await asyncio.sleep(up_s)

    async def _reopen(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        await self._open()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain function, so that asyncio makes no task of its own that nobody could wait for.
        self.counts.connections += 1
        if any(rule.name == "rst_on_accept" for rule in self._rules):
            reset(writer)
            return
        task = asyncio.create_task(self._served(Incoming(reader), writer))
        self._tasks.add(task)
        self._writers.add(writer)
        task.add_done_callback(self._tasks.discard)

    async def _served(self, incoming: Incoming, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while (request := await incoming.request()) is not None:
                number += 1
                exchange = Exchange(request, number, self._upstream, writer, self.counts)
                await self._watched(exchange, incoming)
                if exchange.closed:
                    break
        finally:
            self._writers.discard(writer)
            if not writer.is_closing():
                writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _watched(self, exchange: Exchange, incoming: Incoming) -> None:
        """Answer one request, unless its client leaves first."""
        counts = self.counts
        counts.requests += 1
        counts.in_flight += 1
        counts.max_in_flight = max(counts.max_in_flight, counts.in_flight)
        answering = asyncio.create_task(self._answered(exchange))
        leaving = asyncio.create_task(_left(incoming))
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                counts.peer_gone += 1
                exchange.closed = True
        finally:
            counts.in_flight -= 1
            for task in (answering, leaving):
                task.cancel()
            await asyncio.wait({answering, leaving})
        if not answering.cancelled() and (error := answering.exception()) is not None:
            exchange.closed = True
            if not isinstance(error, Broken | ConnectionError):
                raise error

    async def _answered(self, exchange: Exchange) -> None:
        request = exchange.request
        now = asyncio.get_running_loop().time()
        rule = next((rule for rule in self._rules if rule.name in FAULTS and rule.takes(request, now)), None)
        said = request.header("authorization")
        auth = hashlib.sha256(said.encode()).hexdigest()[:12] if said else ""
        cookie = request.header("cookie")
        self.log.append(Seen(request.method, request.target, auth, cookie, rule.name if rule else "", now))
        if rule is None:
            await exchange.send(await exchange.forward())
            return
        self.counts.faulted += 1
        await FAULTS[rule.name](exchange, rule.options, rule.state)


async def _left(incoming: Incoming) -> None:
    while await incoming.more():
        pass


@asynccontextmanager
async def proxy_before(upstream: str) -> AsyncIterator[FaultProxy]:
    """A proxy that lets everything pass, until the block ends."""
    proxy = FaultProxy(upstream)
    await proxy._open()
    try:
        yield proxy
    finally:
        await proxy.aclose()


@asynccontextmanager
async def canary(heard: Callable[[], None]) -> AsyncIterator[int]:
    """A port nobody has any reason to connect to; `heard` is called for each connection."""

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard()
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
