"""Faults before real MLflow and real Airflow: what breaks costs the fields of its source, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.faults.campaign import run
from tests.faults.proxy import FaultProxy, proxy_before
from tests.faults.rows import ROWS, Row
from tests.faults.site import Pace, Site, site_over
from tests.live.graph import settings_of
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live

PACE = Pace(requests=2, deadline_s=6.0, attempt_s=2.0, probe_s=0.5)
CHOSEN = """refuse|close mid body|half of the JSON|black hole|500|401|404 of a proxy|login page|invalid UTF-8
one row of a wrong type|shuffled, by key|dropped, by key|two rows of one key|one row more, by key|pages in a loop
endless pages|garbage for a cursor|total too low|redirect to a stranger|Set-Cookie"""
NAMES = CHOSEN.replace("\n", "|").split("|")


def _tried() -> list[tuple[Row, str]]:
    by_name = {row.name: row for row in ROWS}
    return [
        (by_name[name], source)
        for name in NAMES
        for source in ("studio-mlflow", "airflow")
        if source in by_name[name].of
    ]


@pytest.mark.parametrize(("row", "source"), _tried(), ids=lambda part: part if isinstance(part, str) else part.name)
async def test_a_fault_costs_only_the_fields_of_its_source(real_company: RealCompany, row: Row, source: str) -> None:
    @asynccontextmanager
    async def opened(pace: Pace) -> AsyncIterator[Site]:
        settings, environment = settings_of(real_company)
        urls = {name: server.url for name, server in real_company.mlflows.items()} | {
            "airflow": real_company.airflow.url
        }
        async with AsyncExitStack() as stack:
            proxies: dict[str, FaultProxy] = {}
            for name, url in urls.items():
                proxies[name] = await stack.enter_async_context(proxy_before(url))
                limited = f'"{proxies[name].url}"\nlimits.attempt_s = {pace.attempt_s}'
                settings = settings.replace(f'"{url}"', limited)
            yield await stack.enter_async_context(site_over(settings, environment, proxies, pace))

    result = await run(row, source, PACE, opened, platform="unleash")
    assert result.faults == []
