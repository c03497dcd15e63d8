"""The campaign: every fault of the table at every source it makes sense for, and what came of it.

python -m tests.faults.campaign       20 requests each, the gateway as it is; writes RESULTS.md
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from tests.faults.judge import Judge
from tests.faults.proxy import OF_CONNECTIONS, canary
from tests.faults.questions import QUERY, at, variables
from tests.faults.result import BACK_S, GRACE_S, Result
from tests.faults.results import write_table
from tests.faults.rows import ROWS, Row
from tests.faults.site import FULL, Pace, Site, Told, faulted_site
from tests.faults.storms import STORMS

FAST_S = 1.5

Ask = Callable[[], Awaitable[Told]]


async def run(
    row: Row,
    source: str,
    pace: Pace,
    opened: Callable[[Pace], AbstractAsyncContextManager[Site]] = faulted_site,
    platform: str = "growthbook",
) -> Result:
    """Break one source by one fault, ask on, heal it, and ask until all is as it was."""
    result = Result(row.name, source)
    async with opened(pace) as site, _canary(result) as port:
        query, values = at(platform, QUERY), await variables(site, platform)

        async def ask() -> Told:
            return await site.ask(query, **values)

        await ask()  # tokens, versions, connections
        site.forget_calls()
        healthy = await ask()
        normal = site.calls()
        if "errors" in healthy.answer:
            result.faults.append(f"without a fault there are errors: {healthy.answer['errors']}")
            return result
        site.forget_calls()
        options = row.options_of(source)
        filters = {name: options.pop(name) for name in ("path", "p", "first", "seed") if name in options}
        await site.proxies[source].arm(row.fault, {"port": port, **options}, **filters)  # type: ignore[arg-type] # by name
        await _ask_on(site, ask, row, source, pace, healthy.answer, result)
        _count(site, row, source, pace, normal, result)
        if row.fault not in OF_CONNECTIONS and not site.proxies[source].counts.faulted:
            result.faults.append("the fault met no call")
        await site.proxies[source].disarm()
        await _back(ask, healthy.answer, result)
        await _leaks(site, result)
    result.faults = list(dict.fromkeys(result.faults))
    return result


async def _ask_on(site: Site, ask: Ask, row: Row, source: str, pace: Pace, healthy: Any, result: Result) -> None:
    result.bound_s = FAST_S if row.fast else pace.deadline_s + GRACE_S
    for _ in range(pace.requests):
        told = await ask()
        judged = Judge(source, row.expected).judged(healthy, told.answer)
        judged += [f"{leak} is shown" for leak in site.leaks(told.text)]
        if told.status != 200:
            judged.append(f"the status is {told.status}")
        result.note(not judged, *judged)
        result.took(told.seconds)


def _count(site: Site, row: Row, source: str, pace: Pace, normal: dict[str, int], result: Result) -> None:
    counts = site.calls()
    result.calls = counts[source]
    result.most_calls = int(row.upstream * normal[source] * pace.requests)
    if result.calls > result.most_calls:
        result.faults.append(f"{source} got {result.calls} calls, more than {result.most_calls}")
    for name, count in counts.items():
        # Keys that arrive a moment apart may go in two batches.
        most = int(1.1 * normal[name] * pace.requests) + 1
        if name != source and count > most:
            result.faults.append(f"{name} got {count} calls, more than {most}")
    if any(seen.cookie for proxy in site.proxies.values() for seen in proxy.log):
        result.faults.append("a cookie was sent to a source")


async def _back(ask: Ask, healthy: Any, result: Result) -> None:
    """How long until the answer is what it was, and whether it stays so."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while (told := await ask()).answer != healthy:
        if loop.time() - began > BACK_S:
            result.faults.append(f"{BACK_S:g} s after the fault the answer is still another: {str(told.answer)[-400:]}")
            return
        await asyncio.sleep(0.05)
    result.back_s = loop.time() - began
    for _ in range(3):
        if (await ask()).answer != healthy:
            result.faults.append("after the fault the answer is not always what it was")


async def _leaks(site: Site, result: Result) -> None:
    result.faults += [f"{leak} is in the log" for leak in site.leaks()]


@asynccontextmanager
async def _canary(result: Result) -> AsyncIterator[int]:
    def heard() -> None:
        result.faults.append("the canary port was connected to")

    async with canary(heard) as port:
        yield port


async def everything(pace: Pace) -> list[Result]:
    """All rows, the sources of each at once, then what takes many answers to see."""
    results: list[Result] = []
    for row in ROWS:
        results += _shown(await asyncio.gather(*(run(row, source, pace) for source in row.of)))
    for storm in STORMS:
        results += _shown([await storm(pace)])
    return results


def _shown(results: list[Result]) -> list[Result]:
    for result in results:
        print(f"{'holds' if result.holds else 'FAILS'}  {result.row:28} {result.source:14} {result.slowest_s:6.2f} s")
        for fault in result.faults:
            print(f"       {fault}")
    sys.stdout.flush()
    return results


if __name__ == "__main__":
    outcomes = asyncio.run(everything(FULL))
    write_table(outcomes, FULL)
    sys.exit(not all(outcome.holds for outcome in outcomes))
