"""Search over the whole graph: what is found and why, what it costs each source, and that every hit is read live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.demo import mlflow
from gateway.demo.company import Registry
from gateway.demo.generator import build
from gateway.demo.server import serve
from gateway.demo.sources import ENVIRONMENT
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.test_outage import APPS, MORE, company
from tests.graph.unleash import serve_unleash

SEARCH = """
query Search($text: String!, $kinds: [EntityKind!], $filter: SearchFilter, $first: Int, $after: String) {
  search(query: $text, kinds: $kinds, filter: $filter, first: $first, after: $after) {
    edges { cursor score node { id name } matchedFields { name snippet } }
    nodes { id }
    totalCount
    facets { field values { value count } }
    pageInfo { hasNextPage startCursor endCursor }
    completeness { complete reasons sources { source ok code matched calls ageMs } }
  }
}
"""
MODELS = "/api/2.0/mlflow/registered-models/search"
SLOWLY = "[search]\ntime_s = 60.0\n"
"""A slow machine must not make an answer incomplete."""
STUDIO, ADS = "studio-mlflow", "personalization-mlflow"


@asynccontextmanager
async def graph_with(search: str = SLOWLY, **changed: ASGIApp) -> AsyncIterator[Graph]:
    """The story with some of its systems changed, `_` for `-` in their names, and with settings for search."""
    async with AsyncExitStack() as stack:
        served = {
            name: await stack.enter_async_context(serve(changed.get(name.replace("-", "_"), app)))
            for name, app in APPS.items()
        }
        sources = "\n".join(
            f'[[sources]]\nname = "{name}"\nurl = "{here.url}"\n' + MORE.get(name, 'product = "mlflow"')
            for name, here in served.items()
        )
        graph = await stack.enter_async_context(graph_over(f"{search}\n{sources}", ENVIRONMENT, served))
        await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
        graph.forget_calls()
        yield graph


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_with() as graph:
        yield graph


async def found(graph: Graph, text: str, **variables: object) -> Any:
    return (await graph.data(SEARCH, text=text, **variables))["search"]


def ids(page: Any) -> list[str]:
    return [edge["node"]["id"].removeprefix("mlg://") for edge in page["edges"]]


def calls(graph: Graph) -> dict[str, int]:
    return {name: len(graph.calls(name)) for name in graph.served}


def facet(page: Any, field: str) -> dict[str, int]:
    return {item["value"]: item["count"] for one in page["facets"] if one["field"] == field for item in one["values"]}


# ---------------------------------------------------------------- what is found


async def test_another_teams_embedding_is_found_with_what_matched(graph: Graph) -> None:
    page = await found(graph, "scene boundary embedding", kinds=["MODEL"])
    assert ids(page)[:2] == ["model/studio-mlflow/content-embedding", "model/personalization-mlflow/viewer-embedding"]
    first = page["edges"][0]
    assert first["score"] == 1
    assert first["matchedFields"][:2] == [
        {"name": "name", "snippet": "content-embedding"},
        {
            "name": "description",
            "snippet": "Scene structure from video: where a scene boundary lies, what the scene is about. "
            "One embedding a shot.",
        },
    ]
    assert [node["id"] for node in page["nodes"]] == [edge["node"]["id"] for edge in page["edges"]]


async def test_things_of_every_kind_are_found(graph: Graph) -> None:
    for text, kind, first in (
        ("content embedding", "MODEL", "model/studio-mlflow/content-embedding"),
        ("content-embedding 5", "MODEL_VERSION", "model-version/studio-mlflow/content-embedding%2F5"),
        ("ads-contextual-scene-match", "EXPERIMENT", "experiment/growthbook/exp_d329ccb3d15a9f62"),
        ("frame extraction", "PIPELINE", "pipeline/airflow/studio_frame_extraction"),
        ("s3://studio/frames", "DATASET", "dataset/-/s3%3A%2F%2Fstudio%2Fframes"),
        ("shot_len", "FEATURE", "feature/-/shot_len"),
    ):
        for kinds in (None, [kind]):
            assert ids(await found(graph, text, kinds=kinds, first=1)) == [first], (text, kinds)


async def test_a_dataset_leads_on_to_its_pipelines_as_everywhere(graph: Graph) -> None:
    query = """{ search(query: "studio frames", kinds: [DATASET], first: 1) { nodes { name
      ... on Dataset { uri producers { nodes { name } } } } } }"""
    assert (await graph.data(query))["search"]["nodes"] == [
        {
            "name": "studio.frames",
            "uri": "s3://studio/frames",
            "producers": {"nodes": [{"name": "studio_frame_extraction"}]},
        }
    ]


async def test_what_nothing_holds_finds_nothing(graph: Graph) -> None:
    page = await found(graph, "zxqv")
    assert (page["edges"], page["totalCount"]) == ([], 0)
    assert page["pageInfo"] == {"hasNextPage": False, "startCursor": None, "endCursor": None}
    assert page["completeness"]["complete"] is True


async def test_facets_count_all_hits_not_the_page(graph: Graph) -> None:
    page = await found(graph, "scene boundary", first=1)
    assert page["totalCount"] == 23
    assert facet(page, "kind") == {
        "MODEL_VERSION": 8,
        "FEATURE": 5,
        "MODEL": 4,
        "EXPERIMENT": 3,
        "PIPELINE": 2,
        "DATASET": 1,
    }
    assert facet(page, "domain") == {"studio": 6, "ads": 2, "personalization": 1}
    assert facet(page, "status") == {"RUNNING": 1, "STOPPED": 1, "DRAFT": 1}
    assert facet(page, "source") == {STUDIO: 14, ADS: 5, "airflow": 3, "growthbook": 3}
    assert facet(page, "owner")["maya.ortiz"] == 6


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"owner": "jonas.weber"}, {"model/personalization-mlflow/viewer-embedding"}),
        ({"owner": "maya.ortiz@example.com"}, {"model/studio-mlflow/content-embedding"}),
        ({"owner": "content-understanding"}, {"model/studio-mlflow/content-embedding"}),
        ({"domain": "personalization"}, {"model/personalization-mlflow/viewer-embedding"}),
        (
            {"tags": [{"key": "framework", "value": "pytorch"}, {"key": "tier"}]},
            {"model/studio-mlflow/content-embedding"},
        ),
        ({"source": STUDIO}, {"model/studio-mlflow/content-embedding"}),
        ({"updatedAfter": "2027-01-01T00:00:00.000Z"}, set()),
        ({"owner": "nobody.here"}, set()),
    ],
)
async def test_a_filter_lets_through_what_meets_it(graph: Graph, wanted: object, expected: set[str]) -> None:
    page = await found(graph, "embedding", kinds=["MODEL"], filter=wanted)
    assert set(ids(page)) == expected
    assert page["totalCount"] == len(expected)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"text": "  "}, "`query` holds no word to look for."),
        ({"text": "%_"}, "`query` holds no word to look for."),
        ({"text": "a" * 251}, "`query` is longer than 250 characters."),
        (
            {"text": "x", "kinds": ["OWNER"]},
            "`kinds` may be MODEL, MODEL_VERSION, EXPERIMENT, PIPELINE, DATASET, FEATURE.",
        ),
        ({"text": "x", "first": 101}, "`first` must be from 1 to 100."),
        ({"text": "x", "filter": {"source": "nowhere"}}, "There is no such source: "),
    ],
)
async def test_what_cannot_be_searched_is_refused_before_anything_is_asked(
    graph: Graph, variables: dict[str, object], says: str
) -> None:
    (error,) = (await graph.ask(SEARCH, **variables))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"].startswith(says)
    assert sum(calls(graph).values()) == 0


# ---------------------------------------------------------------- pages


async def test_pages_together_are_the_whole_answer_once(graph: Graph) -> None:
    whole = ids(await found(graph, "embedding", first=100))
    walked, after, more = [], None, True
    while more:
        page = await found(graph, "embedding", first=4, after=after)
        walked += ids(page)
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
    assert walked == whole
    assert len(set(whole)) == len(whole) > 12


async def test_a_cursor_belongs_to_its_query_kinds_and_filter(graph: Graph) -> None:
    after = (await found(graph, "embedding", first=1))["pageInfo"]["endCursor"]
    for other in (
        {"text": "embeddings"},
        {"text": "embedding", "kinds": ["MODEL"]},
        {"text": "embedding", "filter": {"domain": "studio"}},
    ):
        (error,) = (await graph.ask(SEARCH, after=after, **other))["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"


# ---------------------------------------------------------------- calls


async def test_a_search_costs_each_source_the_pages_of_its_lists_and_a_call_a_kind_for_the_hits(graph: Graph) -> None:
    """A registry: models, versions, groups of runs, runs. Airflow: DAGs, assets. GrowthBook: experiments, projects."""
    page = await found(graph, "viewer embedding", kinds=None, first=1)
    assert ids(page) == ["model/personalization-mlflow/viewer-embedding"]
    assert calls(graph) == {STUDIO: 4, ADS: 4 + 1, "airflow": 2, "growthbook": 2}
    assert {one["source"]: one["calls"] for one in page["completeness"]["sources"]} == calls(graph)
    assert {one["source"]: one["matched"] for one in page["completeness"]["sources"]} == {
        STUDIO: 0,
        ADS: 1,
        "airflow": 0,
        "growthbook": 0,
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("EXPERIMENT", {STUDIO: 0, ADS: 0, "airflow": 0, "growthbook": 2}),
        ("PIPELINE", {STUDIO: 0, ADS: 0, "airflow": 1, "growthbook": 0}),
        ("DATASET", {STUDIO: 2, ADS: 2, "airflow": 1, "growthbook": 0}),
        ("FEATURE", {STUDIO: 3, ADS: 3, "airflow": 0, "growthbook": 0}),
        ("MODEL", {STUDIO: 3, ADS: 3, "airflow": 0, "growthbook": 0}),
    ],
)
async def test_only_the_lists_that_hold_a_kind_are_read(graph: Graph, kind: str, expected: dict[str, int]) -> None:
    await found(graph, "zxqv", kinds=[kind])
    assert calls(graph) == expected


async def test_one_source_is_asked_alone(graph: Graph) -> None:
    await found(graph, "zxqv", filter={"source": "airflow"})
    assert calls(graph) == {STUDIO: 0, ADS: 0, "airflow": 2, "growthbook": 0}


async def test_a_company_of_1200_models_is_swept_within_the_default_calls() -> None:
    async with graph_of(build()) as graph:
        await graph.data("{ sources { name } }")
        graph.forget_calls()
        await found(graph, "zxqv")
        assert all(number <= 10 for number in calls(graph).values())


async def test_searches_at_one_time_share_their_sweeps(graph: Graph) -> None:
    await asyncio.gather(*(found(graph, "zxqv") for _ in range(5)))
    assert calls(graph) == {STUDIO: 4, ADS: 4, "airflow": 2, "growthbook": 2}


async def test_by_default_the_next_search_sweeps_again(graph: Graph) -> None:
    await found(graph, "zxqv")
    page = await found(graph, "zxqv")
    assert calls(graph) == {STUDIO: 8, ADS: 8, "airflow": 4, "growthbook": 4}
    assert all(one["ageMs"] is None for one in page["completeness"]["sources"])


async def test_with_max_age_the_next_search_reads_only_its_hits_and_tells_the_age_of_the_rest() -> None:
    async with graph_with(f"{SLOWLY}max_age = 300.0\n") as graph:
        whole = ids(await found(graph, "viewer"))
        graph.forget_calls()
        page = await found(graph, "viewer-embedding", first=1)
        assert ids(page) == ["model/personalization-mlflow/viewer-embedding"]
        assert calls(graph) == {STUDIO: 0, ADS: 1, "airflow": 0, "growthbook": 0}
        told = {one["source"]: (one["calls"], one["ageMs"]) for one in page["completeness"]["sources"]}
        assert [number for number, _ in told.values()] == [0, 0, 1, 0]
        assert all(0 <= age < 300_000 for _, age in told.values())
        assert ids(await found(graph, "viewer")) == whole
        graph.forget_calls()
        await found(graph, "zxqv", kinds=["PIPELINE"])  # a part of what was swept
        assert sum(calls(graph).values()) == 0


# ---------------------------------------------------------------- live


def without_model(registry: Registry, name: str) -> Registry:
    return replace(registry, models=tuple(model for model in registry.models if model.name != name))


def listed_by(before: ASGIApp, after: ASGIApp) -> ASGIApp:
    """An MLflow that changes behind the back of whoever lists it: single reads and narrowed searches see the change."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        message = await receive()  # these requests are small: one message has it all
        narrowed = b"filter=" in scope["query_string"] or b"run_id IN" in message.get("body", b"")

        async def replay() -> Message:
            return message

        whole = scope["path"].endswith("/search") and not narrowed
        await (before if whole else after)(scope, replay, send)

    return app


async def test_a_hit_that_is_gone_is_dropped_and_another_takes_its_place() -> None:
    registry = story().registries[0]
    after = mlflow.app(without_model(registry, "content-embedding"))
    async with graph_with() as graph:
        before = await found(graph, "embedding", kinds=["MODEL"], first=2)
    async with graph_with(studio_mlflow=listed_by(mlflow.app(registry), after)) as graph:
        page = await found(graph, "embedding", kinds=["MODEL"], first=1)
        every = await found(graph, "content-embedding", kinds=["MODEL"])
    assert "model/studio-mlflow/content-embedding" in ids(before)
    assert "model/studio-mlflow/content-embedding" not in ids(page) + ids(every)
    assert len(page["edges"]) == 1
    assert every["completeness"]["complete"] is True
    assert every["totalCount"] == len(every["edges"])


async def test_a_hit_that_no_longer_meets_the_filter_or_the_query_is_dropped() -> None:
    registry = story().registries[0]
    renamed = [
        replace(model, tags={"owner": "new.owner"}, description="Rewritten.") if "embedding" in model.name else model
        for model in registry.models
    ]
    changed = listed_by(mlflow.app(registry), mlflow.app(replace(registry, models=tuple(renamed))))
    async with graph_with(studio_mlflow=changed) as graph:
        owned = await found(graph, "content embedding", kinds=["MODEL"], filter={"owner": "maya.ortiz"})
        told = await found(graph, "structure", kinds=["MODEL"], filter={"source": STUDIO})
        shown = await graph.data(
            '{ search(query: "content embedding", kinds: [MODEL], first: 1) { nodes { description } } }'
        )
    assert "model/studio-mlflow/content-embedding" not in ids(owned) + ids(told)
    assert shown["search"]["nodes"] == [{"description": "Rewritten."}]


async def test_features_and_datasets_are_read_live_from_what_mentions_them() -> None:
    registry = story().registries[1]
    forgotten = mlflow.app(replace(registry, runs=(), models=()))
    async with graph_with(personalization_mlflow=listed_by(mlflow.app(registry), forgotten)) as graph:
        here = await found(graph, "shot_len", kinds=["FEATURE"])
        gone = await found(graph, "viewing sessions", kinds=["DATASET"], filter={"source": ADS})
        features = await found(graph, "recency", kinds=["FEATURE"])
    assert ids(here)[0] == "feature/-/shot_len"
    assert (features["edges"], features["totalCount"]) == ([], 0)
    assert gone["edges"] == []


# ---------------------------------------------------------------- what is missing


async def test_half_the_sources_down_the_others_answer_and_what_is_missing_is_said() -> None:
    async with company() as (sources, graph):
        await sources.stop(ADS)
        await sources.stop("airflow")
        page = await found(graph, "scene boundary")
        assert "model/studio-mlflow/content-embedding" in ids(page)
        assert any(id.startswith("experiment/growthbook/") for id in ids(page))
        assert page["totalCount"] is page["facets"] is None
        assert page["completeness"]["reasons"] == ["SOURCE_UNAVAILABLE"]
        assert {one["source"]: one["code"] for one in page["completeness"]["sources"]} == {
            STUDIO: None,
            "growthbook": None,
            ADS: "SOURCE_UNAVAILABLE",
            "airflow": "SOURCE_UNAVAILABLE",
        }
        assert page["pageInfo"]["hasNextPage"] is True
        await sources.start(ADS)
        await sources.start("airflow")
        assert (await found(graph, "scene boundary"))["completeness"]["complete"] is True


async def test_all_sources_down_is_an_empty_answer_that_says_so() -> None:
    async with company() as (sources, graph):
        for name in APPS:
            await sources.stop(name)
        page = await found(graph, "scene")
        assert (page["edges"], page["totalCount"]) == ([], None)
        assert page["completeness"]["complete"] is False


async def test_past_the_budget_of_calls_names_are_still_found_by_the_sources_own_search() -> None:
    """One call a source: of a registry its models, of Airflow its DAGs; the rest of the lists is not read."""
    async with graph_with("[search]\ntime_s = 60.0\ncalls = 1\n") as graph:
        page = await found(graph, "content-embedding 8", first=5)
        assert ids(page)[0] == "model-version/studio-mlflow/content-embedding%2F8"  # the newest comes with its model
        assert "model/studio-mlflow/content-embedding" in ids(page)
        assert page["totalCount"] is page["facets"] is None
        assert page["completeness"]["reasons"] == ["CALL_BUDGET"]
        searches = [call.target for call in graph.calls(STUDIO) if "/search" in call.target]
        assert [target.partition("?")[0] for target in searches if "filter=" not in target] == [MODELS]


async def test_past_the_budget_of_time_names_are_still_found_by_the_sources_own_search() -> None:
    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        lists = scope["type"] == "http" and scope["path"] == MODELS and b"filter=" not in scope["query_string"]
        if not lists:
            await APPS[STUDIO](scope, receive, send)
            return
        while (await receive())["type"] != "http.disconnect":
            pass

    async with graph_with("[search]\ntime_s = 0.5\n", studio_mlflow=never) as graph:
        page = await found(graph, "content-embedding", kinds=["MODEL"], filter={"source": STUDIO})
        assert ids(page)[0] == "model/studio-mlflow/content-embedding"
        assert page["totalCount"] is None
        assert page["completeness"]["reasons"] == ["TIME_BUDGET"]
        (outcome,) = page["completeness"]["sources"]
        assert (outcome["ok"], outcome["code"]) == (True, None)


async def test_flags_of_unleash_are_found_by_their_tags_and_descriptions() -> None:
    company = story()
    async with serve_unleash(company) as running:
        environment = {**ENVIRONMENT, **running.environment}
        async with graph_over(SLOWLY + running.settings, environment, running.served) as graph:
            page = await found(graph, "ads-contextual-scene-match", kinds=["EXPERIMENT"])
            assert ids(page)[0] == "experiment/unleash/ads-contextual-scene-match"
            assert page["completeness"]["complete"] is True
