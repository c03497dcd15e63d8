"""A gateway over the demo's systems with a proxy before each, asked over HTTP; what it logs is kept."""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from gateway.app import create_app
from gateway.demo.server import serve
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from gateway.logs import handler
from gateway.settings import read
from resolvers.upstream import breaker
from tests.faults.proxy import FaultProxy, proxy_before
from tests.faults.wires import CANARY


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take: what holds unless told, or shorter for a run in passing."""

    requests: int
    deadline_s: float
    attempt_s: float
    probe_s: float

    @property
    def settings(self) -> str:
        return f"[server]\ndeadline_s = {self.deadline_s}\n"


FULL = Pace(requests=20, deadline_s=10.0, attempt_s=3.0, probe_s=breaker.PROBE_S)
"""The gateway as it is without settings."""
BRIEF = Pace(requests=5, deadline_s=3.0, attempt_s=1.0, probe_s=0.5)
"""The same rules in a third of the time or less."""


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: its JSON, its text with all headers, and how long it took."""

    answer: dict[str, Any]
    text: str
    status: int
    seconds: float

    @property
    def codes(self) -> set[str]:
        return {error["extensions"]["code"] for error in self.answer.get("errors", [])}


@dataclass(slots=True)
class Site:
    """`proxies` by source name; `lines` is the log."""

    url: str
    session: aiohttp.ClientSession
    proxies: Mapping[str, FaultProxy]
    lines: io.StringIO
    secrets: list[str] = field(default_factory=list)
    """Texts that must be in no answer and no log."""

    async def ask(self, query: str, **variables: object) -> Told:
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with self.session.post(self.url, json={"query": query, "variables": variables}) as response:
            text = await response.text()
            seconds = loop.time() - began
            headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
            return Told(await response.json(), f"{headers}\n\n{text}", response.status, seconds)

    def leaks(self, *texts: str) -> list[str]:
        """Which secrets are in these texts or in the log; numbers count as such only where they stand alone."""
        everything = "\n".join((*texts, self.lines.getvalue()))
        return [secret for secret in self.secrets if re.search(secret, everything)]

    def calls(self) -> dict[str, int]:
        return {name: proxy.counts.requests for name, proxy in self.proxies.items()}

    def forget_calls(self) -> None:
        for proxy in self.proxies.values():
            proxy.forget()


@asynccontextmanager
async def faulted_site(pace: Pace = BRIEF, more: str = "") -> AsyncIterator[Site]:
    """A gateway of its own; `more` is added to its settings."""
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(serve_company(story()))
        proxies: dict[str, FaultProxy] = {}
        settings = running.settings
        for name, served in running.served.items():
            proxies[name] = await stack.enter_async_context(proxy_before(served.url))
            limited = f'"{proxies[name].url}"\nlimits.attempt_s = {pace.attempt_s}'
            settings = settings.replace(f'"{served.url}"', limited)
        upstream = [served.url for served in running.served.values()]
        site = await stack.enter_async_context(site_over(settings, ENVIRONMENT, proxies, pace, more))
        site.secrets += [_alone(url.rpartition(":")[2]) for url in upstream]
        site.secrets += [re.escape(secret) for secret in ENVIRONMENT.values() if len(secret) > 4]
        yield site


@asynccontextmanager
async def site_over(
    settings: str, environment: Mapping[str, str], proxies: Mapping[str, FaultProxy], pace: Pace, more: str = ""
) -> AsyncIterator[Site]:
    """The gateway over whatever is behind these proxies."""
    with _logged() as lines, _probing(pace.probe_s):
        app = create_app(read(f"{pace.settings}{more}\n{settings}", environment))
        async with serve(app, remember=False) as gateway:
            # Whoever asks must not be what limits it.
            connector = aiohttp.TCPConnector(limit=0)
            timeout = aiohttp.ClientTimeout(total=60)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                ports = [_alone(str(proxy.port)) for proxy in proxies.values()]
                yield Site(f"{gateway.url}/graphql", session, proxies, lines, [CANARY, *ports, *NEVER_SHOWN])


NEVER_SHOWN = [
    r"127\.0\.0\.1",
    "localhost",
    r"/api/v?\d",
    "/dagRuns",
    "aiohttp",
    "msgspec",
    "Traceback",
    r"\w+(Exception|Error)\b",
    "Bearer ",
    "Basic ",
    "(?i)set-cookie",
    "never retrieved",
]
"""Hosts, paths, classes and headers."""


@contextmanager
def _logged() -> Iterator[io.StringIO]:
    """All that is logged at INFO and above, as the gateway writes it."""
    lines = io.StringIO()
    writer = handler(lines)
    root = logging.getLogger()
    level = root.level
    root.addHandler(writer)
    root.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(writer)
        root.setLevel(level)


@contextmanager
def _probing(seconds: float) -> Iterator[None]:
    before = breaker.PROBE_S
    breaker.PROBE_S = seconds
    try:
        yield
    finally:
        breaker.PROBE_S = before


def _alone(number: str) -> str:
    return rf"(?<![0-9a-zA-Z.]){number}(?![0-9a-zA-Z.])"
