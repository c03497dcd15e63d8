"""What a page of models costs each source, counted where the calls arrive; the README lists the same figures."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest

from gateway.demo.company import Company, Model
from gateway.demo.generator import build
from gateway.demo.sources import ENVIRONMENT
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.queries import MODELS_PAGE
from tests.graph.unleash import serve_unleash


def one_of_each(company: Company, *, champions: str) -> Company:
    """One source of each role; `champions` says where aliases point: at the latest version, or at an older one."""
    registry = company.registries[0]
    models = tuple(_with_alias(model, champions) for model in registry.models)
    return replace(company, registries=(replace(registry, models=models),))


def _with_alias(model: Model, champions: str) -> Model:
    if not model.versions:
        return replace(model, aliases={})
    numbers = sorted(version.version for version in model.versions)
    return replace(model, aliases={"champion": numbers[-1] if champions == "latest" else numbers[0]})


def running(company: Company) -> int:
    return sum(item.status == "running" and not item.archived for item in company.platforms[0].experiments)


async def page_calls(graph: Graph, size: int) -> dict[str, int]:
    """The calls of one page of the models after the first hundred, so that none is an oddity of the story's."""
    await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
    graph.forget_calls()
    answer = (await graph.data(MODELS_PAGE, first=size))["models"]
    assert len(answer["nodes"]) == size
    assert answer["completeness"]["complete"] is True
    return {name: len(graph.calls(name)) for name in graph.served}


@pytest.mark.parametrize("size", [1, 20, 100])
async def test_a_page_of_models_costs_the_same_few_calls_whatever_its_size(size: int) -> None:
    company = one_of_each(build(), champions="latest")
    pages = ceil(running(company) / 100)
    async with graph_of(company) as graph:
        calls = await page_calls(graph, size)
    assert calls["studio-mlflow"] <= 3
    assert calls["airflow"] <= (2 if size < 100 else 4)
    assert calls["growthbook"] <= (3 if size == 1 else 1 + pages)


@pytest.mark.parametrize("size", [20, 100])
async def test_aliases_that_point_at_older_versions_cost_three_more_calls_of_the_registry(size: int) -> None:
    """The rule by cells of pipeline runs looks at aliased versions: a call for these, up to two for their runs."""
    company = one_of_each(build(), champions="older")
    async with graph_of(company) as graph:
        calls = await page_calls(graph, size)
    assert calls["studio-mlflow"] <= 3 + 3
    assert calls["airflow"] <= 4 + 2


@pytest.mark.parametrize("size", [1, 20, 100])
async def test_unleash_answers_a_page_in_one_call(size: int) -> None:
    company = one_of_each(build(), champions="latest")
    async with serve_unleash(company) as running_company:
        environment = {**ENVIRONMENT, **running_company.environment}
        async with graph_over(running_company.settings, environment, running_company.served) as graph:
            calls = await page_calls(graph, size)
    assert calls["unleash"] == 1
    assert calls["studio-mlflow"] <= 3
    assert calls["airflow"] <= (2 if size < 100 else 4)


async def test_upstream_runs_cost_one_call_each() -> None:
    company = one_of_each(build(), champions="latest")
    async with graph_of(company) as graph:
        await graph.data("{ sources { name } }")
        graph.forget_calls()
        page = await graph.data("{ pipelines(first: 20) { nodes { lastRun { id upstreamRuns { totalCount } } } } }")
        runs = [item["lastRun"]["id"] for item in page["pipelines"]["nodes"] if item["lastRun"]]
        events = [call for call in graph.calls("airflow") if "upstreamAssetEvents" in call.target]
        assert len(events) == len(set(runs))
        assert len(graph.calls("airflow")) == len(events) + 2
