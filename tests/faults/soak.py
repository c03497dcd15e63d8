"""Minutes of load over sources that break now and then: nothing grows, nothing is left behind, nothing is unhandled.

python -m tests.faults.soak --minutes 10       30 questions a second; writes its part of RESULTS.md
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import aiohttp

from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.faults.proxy import FaultProxy, proxy_before
from tests.faults.results import write_soak
from tests.faults.served import COUNTS
from tests.faults.site import NEVER_SHOWN
from tests.faults.wires import CANARY
from tests.servers.process import free_port

RATE = 30
LEAVING = 0.01
SHARE = 0.05
RULES: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("latency", {"ms": 200}),
    ("status", {"status": 503}),
    ("status", {"status": 429, "retry_after": "1"}),
    ("rst", {}),
    ("close_mid_body", {}),
    ("truncated_json", {}),
    ("slow_body", {"ms": 2}),
    ("html_login", {}),
)
QUESTIONS = (
    '{ model(name: "content-embedding", source: "studio-mlflow") { name latestVersion { version aliases } } }',
    "{ models(first: 10) { nodes { name } completeness { complete } } }",
    '{ pipeline(name: "studio_content_embedding_nightly") { lastRun { state tasks(first: 5) { nodes { key } } } } }',
    "{ pipelines(first: 5) { nodes { name lastRun { state } } } }",
    "{ experiments(first: 5) { nodes { key status variations { key weight } } } }",
    """{ node(id: "mlg://model-version/studio-mlflow/content-embedding%2F7") { ... on ModelVersion {
      producedBy { state node { state } } experiments(usage: CURRENT) { edges { state node { key } } } } } }""",
)
SETTLE_S = 20.0
"""Longer than a connection that nobody uses is kept."""
SLOPE_MB = 1.0
STRAY = 3


@dataclass(slots=True)
class Soak:
    """The gateway's process under load, what it answered, and how much memory it had when."""

    url: str
    pid: int
    session: aiohttp.ClientSession
    random: Random = field(default_factory=lambda: Random(7))
    answers: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Minutes since the begin, MiB."""

    async def load(self, minutes: float) -> None:
        loop = asyncio.get_running_loop()
        began, number = loop.time(), 0
        asking: set[asyncio.Task[None]] = set()
        while (now := loop.time() - began) < minutes * 60:
            task = asyncio.create_task(self._ask())
            asking.add(task)
            task.add_done_callback(asking.discard)
            if number % (RATE * 2) == 0:
                self.memory.append((now / 60, _resident_mb(self.pid)))
            number += 1
            await asyncio.sleep(max(began + number / RATE - loop.time(), 0))
        while asking:
            await asyncio.wait(asking)

    async def _ask(self) -> None:
        query = self.random.choice(QUESTIONS)
        leaves = self.random.uniform(0, 0.1) if self.random.random() < LEAVING else 30.0
        try:
            async with asyncio.timeout(leaves), self.session.post(self.url, json={"query": query}) as response:
                answer = await response.json()
        except TimeoutError:
            self.answers["left" if leaves < 1 else "no answer"] += 1
            return
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        self.answers["whole" if not codes else "INTERNAL" if "INTERNAL" in codes else "partial"] += 1

    async def counts(self) -> dict[str, int]:
        """Of the process at rest: descriptors, tasks, threads."""
        await asyncio.sleep(SETTLE_S)
        async with self.session.get(self.url.replace("/graphql", COUNTS)) as response:
            told = await response.json(content_type=None)
        return {"descriptors": len(os.listdir(f"/proc/{self.pid}/fd")), **told}

    def slope(self, after_min: float) -> float:
        """MiB a minute, by least squares."""
        points = [(at, size) for at, size in self.memory if at >= after_min]
        mean_at = sum(at for at, _ in points) / len(points)
        mean = sum(size for _, size in points) / len(points)
        return sum((at - mean_at) * (size - mean) for at, size in points) / sum((at - mean_at) ** 2 for at, _ in points)


async def soaked(minutes: float) -> tuple[str, list[str]]:
    """What to write, and what does not hold."""
    async with _sources() as (settings, proxies):
        with tempfile.TemporaryDirectory() as folder:
            file, log = Path(folder) / "gateway.toml", Path(folder) / "gateway.log"
            file.write_text(settings)
            async with _gateway(file, log) as soak:
                await soak.load(min(minutes / 10, 1.0))
                base = await soak.counts()
                for proxy in proxies.values():
                    for seed, (name, options) in enumerate(RULES):
                        await proxy.arm(name, options, p=SHARE, seed=seed)
                soak.answers.clear()
                soak.memory.clear()
                await soak.load(minutes)
                for proxy in proxies.values():
                    await proxy.disarm()
                await soak.load(min(minutes / 10, 0.5))
                end = await soak.counts()
                slope = soak.slope(min(3.0, minutes * 0.3))
            return _judged(minutes, soak, base, end, slope, log.read_text())


def _judged(
    minutes: float, soak: Soak, base: dict[str, int], end: dict[str, int], slope: float, log: str
) -> tuple[str, list[str]]:
    unhandled = [line for line in log.splitlines() if re.search(r"Traceback|never|ERROR|CRITICAL|Warning", line)]
    leaks = [secret for secret in (CANARY, *NEVER_SHOWN, *ENVIRONMENT.values()) if re.search(secret, log)]
    leaks = [leak for leak in leaks if len(leak) > 4]
    wrong = [f"{name} went from {base[name]} to {end[name]}" for name in base if end[name] - base[name] > STRAY]
    wrong += [f"memory grows by {slope:.2f} MiB a minute"] if slope > SLOPE_MB else []
    wrong += [f"{len(unhandled)} lines of the log are of something unhandled: {unhandled[0]}"] if unhandled else []
    wrong += [f"{leak} is in the log" for leak in leaks]
    wrong += [f"{soak.answers[name]} answers: {name}" for name in ("INTERNAL", "no answer") if soak.answers[name]]
    sizes = [size for _, size in soak.memory]
    counted = ", ".join(f"{count} {name}" for name, count in sorted(soak.answers.items()))
    told = [
        f"{minutes:g} minutes at {RATE} questions a second, {len(RULES)} faults at {SHARE:.0%} of the calls of each",
        f"source, {LEAVING:.0%} of the clients leaving: {counted}. Memory {sizes[0]:.0f} MiB at the begin,",
        f"{sizes[-1]:.0f} at the end, {slope:+.2f} MiB a minute after minute {min(3.0, minutes * 0.3):g}",
        f"(at most {SLOPE_MB:g});",
        ", ".join(f"{name} {base[name]} before and {end[name]} after" for name in base),
        f"(at most {STRAY} more); {len(unhandled)} lines of the log of something unhandled.",
        "Holds." if not wrong else "**Fails**: " + "; ".join(wrong) + ".",
    ]
    text = "\n".join(told)
    return text, wrong


@asynccontextmanager
async def _sources() -> AsyncIterator[tuple[str, dict[str, FaultProxy]]]:
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serve_company(story()))
        settings, proxies = running.settings, {}
        for name, served in running.served.items():
            proxies[name] = await stack.enter_async_context(proxy_before(served.url))
            settings = settings.replace(f'"{served.url}"', f'"{proxies[name].url}"')
        yield settings, proxies


@asynccontextmanager
async def _gateway(file: Path, log: Path) -> AsyncIterator[Soak]:
    port = free_port()
    environment = {**os.environ, **ENVIRONMENT}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.served", str(file), str(port), stderr=output, env=environment
        )
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
                soak = Soak(f"http://127.0.0.1:{port}/graphql", process.pid, session)
                await _answering(soak)
                yield soak
        finally:
            process.terminate()
            await process.wait()


async def _answering(soak: Soak) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                async with soak.session.get(soak.url.replace("/graphql", COUNTS)):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)


def _resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    told, broken = asyncio.run(soaked(parser.parse_args().minutes))
    print(told)
    write_soak(told)
    sys.exit(bool(broken))
