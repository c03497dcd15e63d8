"""How a gateway stops: a process of its own, told by a signal while clients ask."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.gateway.gate import Gate, gates

ROOT = Path(__file__).parents[2]
MODEL = "query($name: String!) { model(name: $name, source: null) { name } models(first: 3) { nodes { name } } }"
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
RATE, BEFORE_S = 50, 1.0

BIG = """
import sys
from gateway.health import Health
from gateway.server import listen, run
from gateway.settings import Server

async def app(scope, receive, send):
    if scope["type"] == "http":
        body = bytes(64 * 2**20)
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

with listen("127.0.0.1", 0) as listener:
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/graphql", flush=True)
    run(app, Server(), Health(), listener)
"""
"""A server whose every answer is too large for the buffers of the systems."""


class Gateway:
    def __init__(self, process: Process, url: str) -> None:
        self.process, self.url = process, url
        self.port = int(url.split(":")[2].partition("/")[0])

    async def stopped(self) -> tuple[int, str]:
        """Its exit code and all it logged."""
        _, log = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, log.decode()


@asynccontextmanager
async def started(*arguments: str) -> AsyncIterator[Gateway]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *arguments),
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT, "PYTHONWARNINGS": "error"},
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+", (await process.stdout.readline()).decode())
        assert found
        yield Gateway(process, found[0])
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def serving(folder: Path, server: str) -> AsyncIterator[tuple[Gateway, list[Gate]]]:
    """A gateway over the story's company, with a gate before each source."""
    async with serve_company(story()) as running:
        urls = [served.url for served in running.served.values()]
        async with gates(urls) as made:
            settings = running.settings
            for url, gate in zip(urls, made, strict=True):
                settings = settings.replace(f'"{url}"', f'"{gate.url}"\nlimits.concurrency = 32')
            file = folder / "gateway.toml"
            file.write_text(f"[server]\nport = 0\n{server}\n{settings}", "utf-8")
            async with started("-m", "gateway", "serve", "--config", str(file)) as gateway:
                yield gateway, made


class Clients:
    """Ask 50 times a second over connections they keep, until told."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session
        self.enough = asyncio.Event()
        self.answers: list[tuple[int, object, str | None]] = []
        self.failures: list[BaseException] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as asking:
            number = 0
            while not self.enough.is_set():
                asking.create_task(self._ask(number))
                number += 1
                try:
                    await asyncio.wait_for(self.enough.wait(), 1 / RATE)
                except TimeoutError:
                    continue

    async def _ask(self, number: int) -> None:
        body = {"query": MODEL, "variables": {"name": f"n{number}"}}
        try:
            async with self._session.post(self._url, json=body) as response:
                answer = await response.json()
                self.answers.append((response.status, answer, response.headers.get("Connection")))
        except (aiohttp.ClientError, OSError) as error:
            self.failures.append(error)


async def test_under_load_everything_that_was_asked_is_answered_in_full(tmp_path: Path) -> None:
    """Sources take 500 ms a call; clients ask on until readiness is false, as a load balancer would make them."""
    async with serving(tmp_path, "drain_s = 2.0") as (gateway, made), aiohttp.ClientSession() as session:
        ready = gateway.url.replace("/graphql", "/readyz")
        async with session.post(gateway.url, json={"query": "{ sources { name } }"}) as response:
            assert response.status == 200
        for gate in made:
            gate.latency_s = 0.5
        clients = Clients(gateway.url, session)
        running = asyncio.create_task(clients.run())
        await asyncio.wait([running], timeout=BEFORE_S)
        idle, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(GET)
        await idle.readuntil(b"alive\n")
        gateway.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while True:
            async with session.get(ready) as response:
                if response.status == 503:
                    break
        clients.enough.set()
        await running
        code, log = await gateway.stopped()
        assert (code, log) == (0, "")
        assert time.monotonic() - began < 15
        assert clients.failures == []
        assert len(clients.answers) > RATE * BEFORE_S / 2
        assert {status for status, *_ in clients.answers} == {200}
        data = [answer["data"] for _, answer, _ in clients.answers if isinstance(answer, dict)]
        assert all(len(each["models"]["nodes"]) == 3 for each in data)
        assert [answer for _, answer, _ in clients.answers if "errors" in str(answer)] == []
        # One that was told so before it asked again has the last answer of its connection.
        assert any(connection == "close" for *_, connection in clients.answers)
        assert await idle.read() == b""
        writer.close()


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path, "drain_s = 60.0") as (gateway, made), aiohttp.ClientSession() as session:
        async with session.post(gateway.url, json={"query": "{ sources { name } }"}) as response:
            assert response.status == 200
        for gate in made:
            gate.shut()
        clients = Clients(gateway.url, session)
        running = asyncio.create_task(clients.run())
        async with asyncio.timeout(10):
            while not sum(gate.waiting for gate in made):
                await asyncio.sleep(0.005)
        clients.enough.set()
        gateway.process.send_signal(signal.SIGTERM)
        ready = gateway.url.replace("/graphql", "/readyz")
        while True:
            async with session.get(ready) as response:
                if response.status == 503:
                    break
        began = time.monotonic()
        gateway.process.send_signal(signal.SIGTERM)
        code, log = await gateway.stopped()
        assert (code, log) == (0, "")
        assert time.monotonic() - began < 3
        await running
        assert clients.answers == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_who_does_not_read_keeps_it_no_longer_than_anybody(number: signal.Signals) -> None:
    async with started("-c", BIG) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1)
        writer.write(GET)
        await reader.readexactly(1)
        began = time.monotonic()
        gateway.process.send_signal(number)
        code, log = await gateway.stopped()
        assert (code, log) == (0, "")
        assert time.monotonic() - began < 15
        writer.transport.abort()
