"""How search, lineage and impact grow with the company: python -m tests.benchmarks.scale [models …]

The company's systems, the gateway and this client are three processes on one machine; the systems are the demo's, so
the time is the gateway's and theirs. Memory is the gateway's peak (VmHWM, set back before each question) above what it
had before the first. Linux only.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from gateway.demo.generator import build
from gateway.demo.sources import ENVIRONMENT, serve_company

SIZES = (1_200, 10_000, 50_000)
TIMES = 3
"""Each question is asked so often, on a fresh gateway each time; the middle one counts."""

SEARCH = """query($text: String!) { search(query: $text, first: 20) { nodes { id name }
  completeness { reasons scanned sources { source calls } } totalCount } }"""
LINEAGE = """{ lineage(id: "mlg://model-version/studio-mlflow/content-embedding%2F7", depth: 3) { nodes { distance }
  completeness { reasons scanned sources { source calls } } } }"""
IMPACT = """query($id: ID!) { impact(id: $id) { countByKind { kind count } runningExperiments { state }
  lineage { nodes { distance } completeness { reasons scanned sources { source calls } } } } }"""
FRAMES = {"id": "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes"}
"""Of the story: what depends on it is the same in a company of any size."""
PLAYS = {"id": "mlg://feature/-/viewer_activity%3Aplays_7d"}
"""The generated models share it: the larger the company, the more of them depend on it."""
TYPED = ("emb", "embed", "embeddi", "embedding")
"""As somebody types: the first of these sweeps, the last one is measured."""


@dataclass(frozen=True, slots=True)
class Way:
    """One line of the table: settings, what is asked first, and the question that is measured."""

    name: str
    settings: str
    before: Sequence[tuple[str, Mapping[str, str]]]
    query: str
    variables: Mapping[str, str]


_TYPING = [(SEARCH, {"text": text}) for text in TYPED[:-1]]
WAYS = (
    Way("search, default budget", "", (), SEARCH, {"text": TYPED[-1]}),
    Way("search, warm", "max_age = 300.0\n", _TYPING, SEARCH, {"text": TYPED[-1]}),
    Way("search, no budget", "time_s = 300.0\ncalls = 1000\n", (), SEARCH, {"text": TYPED[-1]}),
    Way("lineage, depth 3", "", (), LINEAGE, {}),
    Way("impact, depth 3", "", (), IMPACT, FRAMES),
    Way("impact, shared by ever more", "", (), IMPACT, PLAYS),
)


@dataclass(frozen=True, slots=True)
class Measured:
    """`nodes` is how large the answer is: hits of the page, or nodes of the lineage."""

    seconds: float
    nodes: int
    calls: Mapping[str, int]
    scanned: int
    reasons: Sequence[str]
    peak_mb: float


class Gateway:
    """A gateway in a process of its own."""

    def __init__(self, pid: int, url: str, session: aiohttp.ClientSession) -> None:
        self.pid, self.url, self._session = pid, url, session

    async def ask(self, query: str, variables: Mapping[str, str]) -> Any:
        async with self._session.post(self.url, json={"query": query, "variables": variables}) as response:
            answer = await response.json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peak_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def served_by(module: str, *more: str) -> AsyncIterator[str]:
    """The settings of a gateway over what `python -m module serve` serves, in a process of its own."""
    command = (sys.executable, "-m", module, "serve", *more)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield (await process.stdout.readuntil(b"\0")).rstrip(b"\0").decode()
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def gateway(settings: str, search: str, deadline_s: float = 300.0) -> AsyncIterator[Gateway]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gateway.toml"
        file.write_text(f"[server]\nport = 0\ndeadline_s = {deadline_s}\n[search]\n{search}\n{settings}", "utf-8")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway", "serve", "--config", str(file)),
            env={**os.environ, **ENVIRONMENT},
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            url = (await process.stdout.readline()).decode().split()[-1]
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as session:
                one = Gateway(process.pid, url, session)
                await one.ask("{ sources { name status } models(first: 1) { nodes { name } } }", {})
                yield one
        finally:
            process.terminate()
            await process.wait()


async def measure(settings: str, way: Way) -> Measured:
    """The middle of some runs, each on a gateway of its own."""
    runs = [await _once(settings, way) for _ in range(TIMES)]
    return sorted(runs, key=lambda run: run.seconds)[TIMES // 2]


async def _once(settings: str, way: Way) -> Measured:
    limits = (
        "[sources.limits]\nattempt_s = 300.0\nconnect_s = 300.0\nresponse_mb = 256.0\n"
        if "time_s" in way.settings
        else ""
    )
    patient = settings.replace("\n[[sources]]", f"\n{limits}\n[[sources]]") + limits
    async with gateway(patient, way.settings) as one:
        one.forget_peak()
        rest = one.peak_mb()
        for query, variables in way.before:
            await one.ask(query, variables)
        if not way.before:
            one.forget_peak()
        started = time.perf_counter()
        data = await one.ask(way.query, way.variables)
        seconds = time.perf_counter() - started
        (field,) = data.values()
        listed = field.get("lineage", field)
        told = listed["completeness"]
        calls = {item["source"]: item["calls"] for item in told["sources"] if item["calls"]}
        return Measured(seconds, len(listed["nodes"]), calls, told["scanned"], told["reasons"], one.peak_mb() - rest)


async def table(sizes: Sequence[int]) -> None:
    head = f"{'models':>7}  {'question':28}{'time':>9}{'calls':>7}{'rows':>8}{'answer':>8}{'memory':>10}"
    print(f"{head}  not complete because")
    for models in sizes:
        async with served_by("tests.benchmarks.scale", str(models)) as settings:
            for way in WAYS:
                run = await measure(settings, way)
                print(
                    f"{models:7}  {way.name:28}{run.seconds:8.2f}s{sum(run.calls.values()):7}{run.scanned:8}"
                    f"{run.nodes:8}{run.peak_mb:7.0f} MB  {', '.join(run.reasons)}  {dict(run.calls)}",
                    flush=True,
                )


async def serve(models: int) -> None:
    """Serve until standard input ends."""
    async with serve_company(build(models)) as running:
        sys.stdout.write(f"{running.settings}\0")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", models]:
            asyncio.run(serve(int(models)))
        case sizes:
            asyncio.run(table([int(size) for size in sizes] or SIZES))
