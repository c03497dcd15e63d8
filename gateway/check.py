"""`python -m gateway check`: asks every source how it is, follows every link rule, and prints what was found."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from gateway.check_links import tried
from gateway.check_report import idle_report, links_report, nowhere_report, sources_report, unanswered_report
from gateway.check_sample import sampled
from gateway.settings import Settings
from gateway.sources import close_sources, open_sources
from resolvers.caller import Caller, asked_by
from resolvers.context import Context
from resolvers.links import link_table
from resolvers.operation import recording, until
from resolvers.search.sweeps import Sweeps
from schema.build import build_schema, declared_links

DEADLINE_S = 120.0
TOKEN_ENV = "LIFECYCLE_CHECK_TOKEN"  # noqa: S105 - where it is


async def check(settings: Settings) -> int:
    """Print the report; 0 where the sources answered every question, else 1."""
    schema = build_schema()
    sources = open_sources(settings)
    context = Context(sources, link_table(schema), Sweeps(settings.search.limits()))
    try:
        # Sources that are asked with the caller's own token need one here, too.
        caller = Caller("check", token=os.environ.get(TOKEN_ENV, ""))
        with until(asyncio.get_running_loop().time() + DEADLINE_S), asked_by(caller):
            with recording() as sent:
                samples = await sampled(context)
            # A call whose answer serves several questions is recorded for each of them.
            first = set(sent)
            _print(sources_report(samples, first))
            with recording() as sent:
                results = await tried(context, declared_links(schema), samples)
            _print(links_report(results, set(sent) - first))
    finally:
        await context.aclose()
        await close_sources(sources)
    _print(nowhere_report(results, sources))
    _print(idle_report(results, samples, sources))
    missing = unanswered_report(results, samples, sources)
    _print(missing)
    return 1 if missing else 0


def _print(lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    if text:
        print(text, end="\n\n", flush=True)
