"""Filters and orders of the root lists over the story: the true answers, what is said of them, and what they cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import product
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.unleash import serve_unleash

QUERY = """
query List($filter: %sFilter, $orderBy: EntityOrder, $first: Int, $after: String) {
  %s(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    nodes { name }
    totalCount
    pageInfo { hasNextPage endCursor }
    completeness { complete reasons }
  }
}
"""
KINDS = {"models": "Model", "experiments": "Experiment", "pipelines": "Pipeline"}
SEARCH = "/api/2.0/mlflow/registered-models/search"


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story()) as graph:
        yield graph


async def listed(graph: Graph, field: str, *, first: int = 50, **variables: object) -> Any:
    graph.forget_calls()
    return (await graph.data(QUERY % (KINDS[field], field), first=first, **variables))[field]


def names(page: Any) -> list[str]:
    return [node["name"] for node in page["nodes"]]


def asked(graph: Graph, source: str) -> list[tuple[str, dict[str, str]]]:
    """Path and query of each call, without the parameters that only cut pages."""
    found = []
    for call in graph.calls(source):
        parts = urlsplit(call.target)
        cut = ("limit", "offset", "max_results", "order_by", "sortBy", "sortOrder")
        found.append((parts.path, {key: value for key, value in parse_qsl(parts.query) if key not in cut}))
    return sorted(found, key=str)


async def assert_listed(graph: Graph, field: str, wanted: object, expected: list[str] | int) -> None:
    """That a filter leaves these rows, or so many, and that the answer says it is whole."""
    page = await listed(graph, field, filter=wanted)
    found = names(page)
    assert (len(found) if isinstance(expected, int) else found) == expected, wanted
    assert page["completeness"] == {"complete": True, "reasons": []}, wanted
    assert page["totalCount"] == len(found), wanted
    assert page["pageInfo"]["hasNextPage"] is False, wanted


MODELS = [
    ({"nameContains": "EMBED"}, ["content-embedding", "viewer-embedding"]),
    ({"nameContains": "30% u"}, ["churn 30% uplift"]),
    ({"nameContains": "_"}, []),
    ({"nameContains": "t's-a"}, ["it's-a-ranker"]),
    ({"nameContains": "\"director's"}, ['the "director\'s cut" ranker']),
    ({"nameContains": "CAFÉ"}, ['café-ranker "v2"']),
    ({"nameContains": "検索"}, ["検索-ranker"]),
    ({"nameContains": "ranker, "}, []),
    ({"owner": "maya.ortiz"}, ["content-embedding", "trailer-cutter"]),
    ({"owner": "maya.ortiz@example.com"}, ["content-embedding"]),
    ({"owner": "MAYA.ORTIZ@example.com"}, ["content-embedding"]),
    ({"owner": "maya"}, []),
    ({"owner": "content-understanding"}, ["content-embedding", "shot-boundary-detector", "trailer-cutter"]),
    ({"unowned": True}, ["legacy-subtitle-aligner"]),
    ({"unowned": True, "owner": "maya.ortiz"}, []),
    ({"domain": "payments"}, ["fraud-screen"]),
    ({"tags": [{"key": "tier"}]}, ["content-embedding", "it's-a-ranker"]),
    ({"tags": [{"key": "tier", "value": "1"}, {"key": "framework", "value": "pytorch"}]}, ["content-embedding"]),
    ({"tags": [{"key": "mlflow.source.name"}]}, []),
    ({"tags": [{"key": "a/b%", "value": "'"}]}, []),
    ({"nameContains": "ranker", "domain": "studio", "unowned": False}, ['café-ranker "v2"', "title-ranker"]),
    ({"source": "studio-mlflow", "nameContains": "title-r"}, ["title-ranker"]),
    ({"nameContains": "title-r"}, ["title-ranker", "title-ranker"]),
    ({"nameContains": "subtitle", "owner": None, "tags": None}, ["legacy-subtitle-aligner"]),
]


async def test_models_are_those_the_filter_says(graph: Graph) -> None:
    for wanted, expected in MODELS:
        await assert_listed(graph, "models", wanted, expected)
    assert len(names(await listed(graph, "models", filter={"nameContains": ""}))) == 15


EXPERIMENTS = [
    ({"nameContains": "sCeNe-mAtch"}, ["Match the advertisement to the scene, not to the words"]),
    ({"nameContains": "director's cut"}, ["Offer the director's cut first"]),
    ({"nameContains": "status:running"}, []),
    ({"nameContains": "30%"}, ["Offer 30% off to those who would stay for it"]),
    ({"nameContains": "CAFÉS"}, ["Suggest cafés near the set"]),
    ({"owner": "maya.ortiz"}, ["Search inside titles"]),
    ({"owner": "priya.raman", "status": ["RUNNING"]}, ["Match the advertisement to the scene, not to the words"]),
    ({"status": []}, []),
    ({"status": ["ARCHIVED"]}, ["Offer the director's cut first"]),
    ({"status": ["ARCHIVED", "DRAFT"], "owner": "lena.fischer"}, ["Offer the director's cut first"]),
    ({"domain": "payments"}, ["A stricter fraud screen at sign-up"]),
    ({"domain": "ads", "tags": [{"key": "q4"}]}, ["Match the advertisement to the scene, not to the words"]),
    ({"tags": [{"key": "model", "value": "viewer-embedding"}]}, ["Retrieve with one model, rank with another"]),
    ({"tags": [{"key": "model", "value": 'café-ranker "v2"'}]}, ["Suggest cafés near the set"]),
    ({"tags": [{"key": "model", "value": "a, b"}]}, []),
    ({"unowned": True}, []),
]


async def test_experiments_are_those_the_filter_says(graph: Graph) -> None:
    for wanted, expected in EXPERIMENTS:
        await assert_listed(graph, "experiments", wanted, expected)


ON_UNLEASH: list[tuple[dict[str, object], list[str] | int]] = [
    ({"nameContains": "Scene-match"}, ["ads-contextual-scene-match"]),
    ({"nameContains": "scene match"}, []),
    ({"owner": "priya.raman"}, ["ads-contextual-scene-match"]),
    ({"tags": [{"key": "model", "value": "viewer-embedding"}]}, 1),
    ({"tags": [{"key": "model"}]}, 2),
    ({"tags": [{"key": "contextual"}, {"key": "q4"}]}, ["ads-contextual-scene-match"]),
    ({"status": ["ARCHIVED"]}, 1),
]


async def test_flags_of_unleash_are_those_the_filter_says() -> None:
    async with serve_unleash(story()) as running:
        environment = {**ENVIRONMENT, **running.environment}
        async with graph_over(running.settings, environment, running.served) as graph:
            for wanted, expected in ON_UNLEASH:
                await assert_listed(graph, "experiments", wanted, expected)


STUDIO = [
    "studio.train-shot-detector",
    "studio_content_embedding_nightly",
    "studio_frame_extraction",
    "studio_ingest_masters",
    "studio_shot_boundaries",
]
FAILED = ["studio_content_embedding_nightly", "studio_ingest_masters", "studio_shot_boundaries"]
PIPELINES = [
    ({"nameContains": "STUDIO_"}, STUDIO[1:]),
    ({"nameContains": "studio."}, STUDIO[:1]),
    ({"nameContains": "a|b"}, []),
    ({"nameContains": "%"}, []),
    ({"owner": "tomas.lindqvist"}, [STUDIO[0], *STUDIO[1:3], STUDIO[4]]),
    ({"owner": "airflow"}, []),
    ({"unowned": True}, ["payments_fraud_screen"]),
    ({"domain": "studio"}, STUDIO),
    ({"tags": [{"key": "model", "value": "fraud-screen"}]}, ["payments_fraud_screen"]),
    ({"tags": [{"key": "model"}]}, ["payments_fraud_screen", "studio.train-shot-detector"]),
    ({"domain": "studio", "tags": [{"key": "tier", "value": "1"}]}, ["studio_content_embedding_nightly"]),
    ({"lastRunState": ["FAILED"]}, FAILED),
    ({"lastRunState": ["FAILED", "RUNNING"]}, FAILED),
    ({"lastRunState": ["FAILED"], "owner": "noor.haddad"}, ["studio_ingest_masters"]),
    ({"lastRunState": ["SKIPPED"]}, []),
    ({"lastRunState": []}, []),
]


async def test_pipelines_are_those_the_filter_says(graph: Graph) -> None:
    for wanted, expected in PIPELINES:
        await assert_listed(graph, "pipelines", wanted, expected)


# ---------------------------------------------------------------- order


async def test_models_of_both_registries_come_last_changed_first(graph: Graph) -> None:
    page = await listed(graph, "models", orderBy="UPDATED_AT", first=4)
    assert names(page) == ["it's-a-ranker", "viewer-embedding", "content-embedding", "trailer-cutter"]
    assert page["totalCount"] is None

    onward = await listed(graph, "models", orderBy="UPDATED_AT", after=page["pageInfo"]["endCursor"], first=3)
    assert names(onward) == ["shot-boundary-detector", "churn 30% uplift", "検索-ranker"]
    assert {source: len(graph.calls(source)) for source in ("studio-mlflow", "personalization-mlflow")} == {
        "studio-mlflow": 1,
        "personalization-mlflow": 1,
    }


async def test_experiments_come_last_changed_first_under_a_filter_too(graph: Graph) -> None:
    page = await listed(graph, "experiments", orderBy="UPDATED_AT", filter={"domain": "studio"})
    assert names(page) == [
        "A moving hero image from the scene the viewer would like",
        "Suggest cafés near the set",
        "Show the skip button when the intro really starts",
        "Start the trailer at the strongest shot",
        "Search inside titles",
    ]
    assert page["completeness"]["complete"] is True


async def test_an_order_a_source_does_not_know_is_said(graph: Graph) -> None:
    page = await listed(graph, "pipelines", orderBy="UPDATED_AT", filter={"domain": "studio"})
    assert names(page) == STUDIO
    assert page["completeness"] == {"complete": False, "reasons": ["NOT_SUPPORTED_BY_SOURCE"]}


# ---------------------------------------------------------------- paging


async def test_pages_of_a_filtered_list_are_the_list(graph: Graph) -> None:
    filters = ({"unowned": False}, {"nameContains": "r"}, {"domain": "studio"}, {"owner": "lena.fischer"})
    for wanted, order, first in product(filters, ("NAME", "UPDATED_AT"), (1, 3)):
        whole = names(await listed(graph, "models", filter=wanted, orderBy=order))
        assert await paged(graph, "models", first=first, filter=wanted, orderBy=order) == whole


async def test_a_scan_stops_at_its_bound_says_so_and_goes_on_with_the_next_page() -> None:
    async with serve_company(story(), remember=True) as running:
        settings = running.settings.replace('product = "mlflow"', 'product = "mlflow"\nscan_rows = 4')
        async with graph_over(settings, ENVIRONMENT, running.served) as graph:
            wanted = {"source": "studio-mlflow", "unowned": True}
            page = await listed(graph, "models", filter=wanted, first=1)
            assert names(page) == ["legacy-subtitle-aligner"]
            assert page["completeness"] == {"complete": True, "reasons": []}

            onward = await listed(graph, "models", filter=wanted, first=1, after=page["pageInfo"]["endCursor"])
            assert onward["completeness"] == {"complete": False, "reasons": ["SCAN_LIMIT"]}
            assert (names(onward), onward["totalCount"]) == ([], None)
            assert onward["pageInfo"]["hasNextPage"] is True
            assert await paged(graph, "models", first=1, filter=wanted) == ["legacy-subtitle-aligner"]


async def paged(graph: Graph, field: str, *, first: int, **variables: object) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = await listed(graph, field, first=first, after=after, **variables)
        found += names(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_a_cursor_is_of_no_use_under_another_filter_or_order(graph: Graph) -> None:
    page = await listed(graph, "models", filter={"nameContains": "r"}, first=2)
    others: list[dict[str, object]] = [
        {"filter": {"nameContains": "r", "owner": "maya.ortiz"}},
        {"filter": {"nameContains": "R"}},
        {"filter": {"nameContains": "r"}, "orderBy": "UPDATED_AT"},
        {},
    ]
    for other in others:
        answer = await graph.ask(QUERY % ("Model", "models"), first=2, after=page["pageInfo"]["endCursor"], **other)
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


# ---------------------------------------------------------------- what cannot be asked


REFUSED = [
    ({"owner": ""}, "`owner` is empty: say `unowned: true` for what nobody owns."),
    ({"domain": ""}, "`domain` is empty: leave it out for every domain."),
    ({"nameContains": "a\x00b"}, "`nameContains` holds a character that is no text."),
    ({"owner": "a\nb"}, "`owner` holds a character that is no text."),
    ({"nameContains": "x" * 251}, "`nameContains` is longer than 250 characters."),
    ({"tags": [{"key": str(number)} for number in range(21)]}, "At most 20 tags."),
]


async def test_a_filter_nothing_can_be_compared_with_is_refused(graph: Graph) -> None:
    for wanted, said in REFUSED:
        (error,) = (await graph.ask(QUERY % ("Model", "models"), filter=wanted))["errors"]
        assert (error["message"], error["extensions"]["code"]) == (said, "BAD_USER_INPUT")
    assert graph.calls("studio-mlflow") == []


# ---------------------------------------------------------------- what it costs


async def test_a_registry_answers_name_domain_and_tags_in_one_call(graph: Graph) -> None:
    await listed(graph, "models", filter={"nameContains": "rank", "domain": "studio", "tags": [{"key": "tier"}]})
    clauses = "name ILIKE '%rank%' AND tags.`tier` LIKE '%' AND tags.`domain` = 'studio'"
    assert asked(graph, "personalization-mlflow") == [(SEARCH, {"filter": clauses})]


async def test_an_owner_is_asked_for_by_every_tag_that_may_name_one(graph: Graph) -> None:
    await listed(graph, "models", filter={"owner": "maya.ortiz"})
    assert asked(graph, "studio-mlflow") == [
        (SEARCH, {"filter": "tags.`owner` ILIKE '%maya.ortiz%'"}),
        (SEARCH, {"filter": "tags.`team` ILIKE '%maya.ortiz%'"}),
    ]


async def test_the_last_failed_runs_are_one_call(graph: Graph) -> None:
    await listed(graph, "pipelines", filter={"lastRunState": ["FAILED"], "domain": "studio"})
    expected = {"tags": "domain:studio", "tags_match_mode": "all", "last_dag_run_state": "failed"}
    assert asked(graph, "airflow") == [("/api/v2/dags", expected)]


async def test_a_name_no_pipeline_may_have_is_not_asked_for(graph: Graph) -> None:
    await listed(graph, "pipelines", filter={"nameContains": "not a name"})
    assert graph.calls("airflow") == []


async def test_a_domain_of_experiments_is_asked_for_by_tag_and_by_project(graph: Graph) -> None:
    await listed(graph, "experiments", filter={"domain": "studio", "status": ["RUNNING"]})
    running = {"status": "running", "archived": "false"}
    assert asked(graph, "growthbook") == [
        ("/api/v1/experiments", {**running, "projectId": "prj_studio"}),
        ("/api/v1/experiments", {**running, "tag": "domain:studio"}),
        ("/api/v1/projects", {}),
    ]


async def test_sources_say_how_they_answer_each_filter(graph: Graph) -> None:
    sources = (await graph.data("{ sources { name capabilities { name mode } } }"))["sources"]
    modes = {source["name"]: {item["name"]: item["mode"] for item in source["capabilities"]} for source in sources}
    assert {name: mode for name, mode in modes["airflow"].items() if name.startswith("pipelines.")} == {
        "pipelines.nameContains": "NATIVE",
        "pipelines.owner": "NATIVE",
        "pipelines.unowned": "SCAN",
        "pipelines.domain": "NATIVE",
        "pipelines.tags": "NATIVE",
        "pipelines.lastRunState": "NATIVE",
        "pipelines.UPDATED_AT": "NONE",
    }
    assert modes["studio-mlflow"]["models.unowned"] == "SCAN"
    assert modes["growthbook"]["experiments.owner"] == "SCAN"
