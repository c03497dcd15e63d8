"""What no single answer shows: many clients at once, sources that come and go, limits kept, memory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from gateway.demo.sources import ENVIRONMENT
from tests.faults.judge import Expected, Judge
from tests.faults.questions import QUERY, variables
from tests.faults.result import BACK_S, GRACE_S, Result
from tests.faults.site import Pace, Site, Told, faulted_site, site_over

SOURCE = "studio-mlflow"
ONE = '{ model(name: "content-embedding", source: "studio-mlflow") { name description } }'
CLIENTS = 500
IN_FLIGHT = 32
MEMORY_MB = 64
OPEN_S = 0.02


async def herd(pace: Pace) -> Result:
    """500 clients in 50 ms, each with another question, then with the same one."""
    # The clients are in this process too, and take their share of the time.
    result = Result("herd of 500 clients", SOURCE, bound_s=2 * pace.deadline_s)
    async with faulted_site(pace) as site:
        await site.ask(ONE)
        proxy = site.proxies[SOURCE]
        await proxy.arm("latency", ms=20)
        site.forget_calls()
        random = Random(5)
        told = await asyncio.gather(*(_later(site, random.random() * 0.05, _question(n)) for n in range(CLIENTS)))
        for each in told:
            result.took(each.seconds)
            right = not each.codes or each.codes <= {"OVERLOADED", "DEADLINE_EXCEEDED"}
            result.note(right and each.status in (200, 503), f"{each.status} {sorted(each.codes)}")
        result.calls, result.most_calls = proxy.counts.max_in_flight, IN_FLIGHT
        result.must(proxy.counts.max_in_flight <= IN_FLIGHT, f"{proxy.counts.max_in_flight} calls at once")
        site.forget_calls()
        equal = await asyncio.gather(*(site.ask(ONE) for _ in range(200)))
        result.must(all(each.answer == equal[0].answer for each in equal), "equal questions have other answers")
        result.must(proxy.counts.requests <= 2, f"200 equal questions were {proxy.counts.requests} calls")
        await _recovered(site, result)
        result.leaked(site.leaks(*(each.text for each in told)))
    return result


async def flap(pace: Pace) -> Result:
    """A source that comes and goes: answers are right or say so, and while it is away they come at once."""
    result = Result("flapping", SOURCE, bound_s=1.5)
    async with _asked(pace) as (site, asked, healthy):
        await site.proxies[SOURCE].arm("flap", up_s=pace.probe_s * 1.5, down_s=pace.probe_s * 1.5)
        loop = asyncio.get_running_loop()
        end = loop.time() + pace.probe_s * 9
        while loop.time() < end:
            told = await site.ask(QUERY, **asked)
            result.took(told.seconds)
            judged = Judge(SOURCE, Expected(("SOURCE_UNAVAILABLE",))).judged(healthy.answer, told.answer)
            result.note(not judged, *judged)
        result.leaked(site.leaks())
        await _recovered(site, result)
    return result


async def outage(pace: Pace) -> Result:
    """A source that breaks every call off for a while: few calls reach it, and open answers cost nothing."""
    result = Result("outage: calls and probes", SOURCE, bound_s=OPEN_S)
    async with faulted_site(pace) as site:
        await site.ask(ONE)
        proxy = site.proxies[SOURCE]
        site.forget_calls()
        await proxy.arm("rst")
        loop = asyncio.get_running_loop()
        began, asked, last = loop.time(), 0, loop.time()
        opened_after = 0
        open_seconds: list[float] = []
        while loop.time() < began + pace.probe_s * 6:
            before = proxy.counts.requests
            told = await site.ask(ONE)
            asked += 1
            result.note(told.codes == {"SOURCE_UNAVAILABLE"}, f"{sorted(told.codes)}")
            if proxy.counts.requests == before:
                open_seconds.append(told.seconds)
            else:
                opened_after, last = (asked, loop.time()) if not open_seconds else (opened_after, loop.time())
            await asyncio.sleep(0.01)
        seconds = last - began
        open_seconds.sort()
        result.slowest_s = open_seconds[len(open_seconds) // 2] if open_seconds else 9.9
        probes = int(seconds / (pace.probe_s * 0.8)) + 1
        result.calls, result.most_calls = proxy.counts.requests, 20 + probes
        result.must(opened_after <= 20, f"the breaker opened after {opened_after} calls")
        result.must(proxy.counts.requests <= 20 + probes, f"{proxy.counts.requests} calls in {seconds:.1f} s")
        result.must(result.slowest_s <= OPEN_S, f"an answer took {result.slowest_s:.3f} s while the breaker was open")
        await _recovered(site, result)
    return result


async def sometimes(pace: Pace) -> Result:
    """Three calls in ten answer 500 or 503: a second attempt heals nine answers in ten."""
    result = Result("30% of calls fail", SOURCE, bound_s=pace.deadline_s)
    async with faulted_site(pace) as site:
        healthy = await site.ask(ONE)
        proxy = site.proxies[SOURCE]
        site.forget_calls()
        await proxy.arm("status", status=503, p=0.3, seed=2)
        whole = 0
        for _ in range(200):
            told = await site.ask(ONE)
            result.took(told.seconds)
            whole += told.answer == healthy.answer
        result.answers, result.right = 200, whole
        result.calls, result.most_calls = proxy.counts.requests, 400
        result.must(whole >= 180, f"{whole} of 200 answers were whole")
        await _recovered(site, result)
    return result


async def burst(pace: Pace) -> Result:
    """A source that answers 500 for a while: calls reach it at most a tenth more often than they are asked for."""
    result = Result("burst of 500", SOURCE, bound_s=pace.deadline_s)
    async with faulted_site(pace) as site:
        await site.ask(ONE)
        proxy = site.proxies[SOURCE]
        site.forget_calls()
        await proxy.arm("status", status=500)
        for _ in range(100):
            told = await site.ask(ONE)
            result.took(told.seconds)
            result.note(told.codes <= {"SOURCE_ERROR", "SOURCE_UNAVAILABLE"}, f"{sorted(told.codes)}")
        result.calls, result.most_calls = proxy.counts.requests, 110
        result.must(proxy.counts.requests <= 110, f"{proxy.counts.requests} calls for 100 questions")
        await _recovered(site, result)
    return result


async def limited(pace: Pace) -> Result:
    """Nothing is asked of a source before the time it said, and others are asked as ever."""
    result = Result("Retry-After kept", SOURCE, bound_s=pace.deadline_s + GRACE_S)
    other = '{ pipeline(name: "studio_frame_extraction", source: "airflow") { name } }'
    async with faulted_site(pace) as site:
        healthy = await site.ask(ONE)
        proxy = site.proxies[SOURCE]
        site.forget_calls()
        rule = await proxy.arm("status", status=429, retry_after="1", first=1)
        told, unhurt = await asyncio.gather(site.ask(ONE), site.ask(other))
        result.took(told.seconds)
        result.note(told.answer == healthy.answer, f"{told.answer}")
        result.note(unhurt.seconds < 0.5 and not unhurt.codes, "another source was hurt")
        first, *rest = [seen.at for seen in proxy.log]
        result.calls, result.most_calls = len(proxy.log), 2
        early = [at - first for at in rest if at - first < 1.0]
        result.must(rule.hits == 1 and not early, f"asked again after {min(early, default=0):.2f} s")
        await proxy.disarm()
        site.forget_calls()
        await proxy.arm("status", status=429, retry_after="30")
        for _ in range(5):
            late = await site.ask(ONE)
            result.note(late.codes == {"SOURCE_RATE_LIMITED"} and "retryAfterMs" in late.text, f"{late.answer}")
        result.must(proxy.counts.requests == 1, f"{proxy.counts.requests} calls to a source that said 30 s")
    return result


async def bomb(pace: Pace) -> Result:
    """A gzip bomb of 1 GiB in every answer: memory stays where it was, and others are answered meanwhile."""
    result = Result("memory under 1 GiB of gzip", SOURCE, bound_s=pace.deadline_s + GRACE_S)
    async with faulted_site(pace) as site:
        await site.ask(ONE)
        await site.proxies[SOURCE].arm("gzip_bomb", mb=1024)
        # What is measured is what the gateway does: the proxy's own buffers and the first imports are there by now.
        await site.ask(ONE)
        base = _forget_peak()
        for number in range(4):
            told = await site.ask(_question(number))
            result.took(told.seconds)
            result.note(told.codes <= {"SOURCE_RESPONSE_TOO_LARGE"} and bool(told.codes), f"{told.answer}")
        more = _peak_mb() - base
        result.calls, result.most_calls = int(more), MEMORY_MB
        result.must(more <= MEMORY_MB, f"{more:.0f} MiB more memory")
        await _recovered(site, result)
    return result


async def nowhere(pace: Pace) -> Result:
    """A source whose host has no address."""
    result = Result("no such host", SOURCE, bound_s=1.5)
    settings = f'[[sources]]\nname = "{SOURCE}"\nproduct = "mlflow"\nurl = "http://nosuch.invalid:5000"\n'
    async with site_over(settings, ENVIRONMENT, {}, pace) as site:
        for _ in range(pace.requests):
            told = await site.ask(ONE)
            result.took(told.seconds)
            result.note(told.codes == {"SOURCE_UNAVAILABLE"}, f"{told.answer}")
        result.leaked(site.leaks("") + (["nosuch"] if re.search("nosuch", site.lines.getvalue()) else []))
    return result


STORMS: tuple[Callable[[Pace], Awaitable[Result]], ...] = (
    herd,
    flap,
    outage,
    sometimes,
    burst,
    limited,
    bomb,
    nowhere,
)


@asynccontextmanager
async def _asked(pace: Pace) -> AsyncIterator[tuple[Site, dict[str, object], Told]]:
    async with faulted_site(pace) as site:
        asked = await variables(site)
        await site.ask(QUERY, **asked)
        yield site, asked, await site.ask(QUERY, **asked)


def _question(number: int) -> str:
    """Questions for things that are not there: each is a call of its own."""
    return f'{{ model(name: "content-embedding-{number}", source: "{SOURCE}") {{ name }} }}'


async def _later(site: Site, seconds: float, query: str) -> Told:
    await asyncio.sleep(seconds)
    return await site.ask(query)


async def _recovered(site: Site, result: Result) -> None:
    await site.proxies[SOURCE].disarm()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (await site.ask(ONE)).codes:
        if loop.time() - began > BACK_S:
            result.must(False, f"{BACK_S:g} s after the fault there is no answer yet")
            return
        await asyncio.sleep(0.05)
    result.back_s = loop.time() - began


def _forget_peak() -> float:
    """Begin the peak of this process's memory anew; MiB in use."""
    Path("/proc/self/clear_refs").write_text("5")
    return _peak_mb()


def _peak_mb() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
