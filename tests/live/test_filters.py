"""The filters over real MLflow, real Airflow and real Unleash: the same rows as over the demo's servers."""

from __future__ import annotations

import pytest

from resolvers.http import SourceClient
from resolvers.rules.filters import matches
from resolvers.sources import NOTHING, ListArgs, ListFilter, Page, PageAsk, SourceProfile
from resolvers.sources.registry.mlflow import Mlflow
from schema.model import Model
from tests.graph.test_filters import MODELS, ON_UNLEASH, PIPELINES, assert_listed, listed, names, paged
from tests.live.graph import graph_of_real
from tests.servers.real_company import RealCompany, SeededMlflow

pytestmark = pytest.mark.live


async def test_filtered_lists_are_those_of_the_demo(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        # Flags that were made with a token have no person for a maker, so nobody owns them here.
        on_unleash = [(wanted, expected) for wanted, expected in ON_UNLEASH if "owner" not in wanted]
        for field, cases in (("models", MODELS), ("pipelines", PIPELINES), ("experiments", on_unleash)):
            for wanted, expected in cases:
                await assert_listed(graph, field, wanted, expected)


async def test_models_are_listed_last_changed_first_page_by_page(real_company: RealCompany) -> None:
    times = {
        (registry.name, model.name): model.updated
        for registry in real_company.company.registries
        for model in registry.models
    }
    async with graph_of_real(real_company) as graph:
        whole = names(await listed(graph, "models", orderBy="UPDATED_AT"))
        assert await paged(graph, "models", first=4, orderBy="UPDATED_AT") == whole
    assert sorted(whole) == sorted(name for _, name in times)


async def test_an_older_mlflow_loses_no_wanted_model(mlflow_316: SeededMlflow) -> None:
    client = SourceClient("studio-mlflow", mlflow_316.server.url)
    mlflow = Mlflow(SourceProfile("studio-mlflow", ""), client)
    wanted = (
        ListFilter(name_contains="RANK"),
        ListFilter(name_contains='é-ranker "'),
        ListFilter(owner="noor.haddad"),
        ListFilter(domain="studio", tags=(("framework", None),)),
    )
    try:
        (everything,) = await mlflow.models([PageAsk(0, 100)], ListArgs(), NOTHING)
        assert isinstance(everything, Page)
        models = [row for row in everything.rows if isinstance(row, Model)]
        for one in wanted:
            (page,) = await mlflow.models([PageAsk(0, 100)], ListArgs(one), NOTHING)
            assert isinstance(page, Page)
            kept = [row.name for row in page.rows if isinstance(row, Model) and matches(row, one)]
            assert kept == [row.name for row in models if matches(row, one)] != [], one
            assert len(page.rows) < len(models)
    finally:
        await mlflow.aclose()
