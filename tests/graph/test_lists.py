"""Lists page: over two registries by name, over versions, runs and tasks in their sources' own order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import id_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDIO, PERSONALIZATION = "studio-mlflow", "personalization-mlflow"
MODELS = [
    (PERSONALIZATION, "ads-context-matcher"),
    (STUDIO, 'café-ranker "v2"'),
    (PERSONALIZATION, "churn 30% uplift"),
    (STUDIO, "content-embedding"),
    (STUDIO, "fraud-screen"),
    (PERSONALIZATION, "it's-a-ranker"),
    (STUDIO, "legacy-subtitle-aligner"),
    (STUDIO, "poster.art.picker"),
    (STUDIO, "shot-boundary-detector"),
    (PERSONALIZATION, 'the "director\'s cut" ranker'),
    (PERSONALIZATION, "title-ranker"),
    (STUDIO, "title-ranker"),
    (STUDIO, "trailer-cutter"),
    (PERSONALIZATION, "viewer-embedding"),
    (PERSONALIZATION, "検索-ranker"),
]
EXPERIMENTS = [
    "hero-image-motion",  # by name: "A moving hero image …"
    "fraud-screen-threshold",
    "ads-contextual-scene-match",
    "winback-offer",
    "directors-cut-first",
    "search-rerank-japanese",
    "two-stage-home",
    "scene-search-recall",
    "skip-intro-timing",
    "trailer-moments",
    "location-scout-cafes",
    "home-ranking-freshness",
]
PIPELINES = [
    "ads_context_matching",
    "payments_fraud_screen",
    "personalization_home_ranking",
    "personalization_viewer_embedding",
    "studio.train-shot-detector",
    "studio_content_embedding_nightly",
    "studio_frame_extraction",
    "studio_ingest_masters",
    "studio_shot_boundaries",
]


async def walk(graph: Graph, field: str, shows: str, size: int, *, of: str = "", **variables: object) -> list[Any]:
    """Every page of a list, from the root or inside the node `of`."""
    inner = f"found: {field.replace('PAGE', 'first: $first, after: $after')} {{ edges {{ cursor node {{ {shows} }} }} "
    inner += f"nodes {{ {shows} }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} "
    inner += "totalCount completeness { complete } }"
    if of:
        type_, id = of.split(" ")
        inner = f'node(id: "{id}") {{ ... on {type_} {{ {inner} }} }}'
    after, rows, pages = None, [], 0
    while True:
        answer = await graph.data(
            f"query($first: Int!, $after: String) {{ {inner} }}", first=size, after=after, **variables
        )
        page = answer["node"]["found"] if of else answer["found"]
        pages += 1
        assert page["nodes"] == [edge["node"] for edge in page["edges"]]
        assert len(page["nodes"]) <= size
        assert page["completeness"] == {"complete": True}
        assert page["pageInfo"]["hasPreviousPage"] is False
        if page["edges"]:
            assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        rows += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return rows
        assert pages <= 40


@pytest.mark.parametrize("size", [1, 2, 4, 7, 15, 100])
async def test_models_of_two_registries_are_one_list_by_name(told: Graph, size: int) -> None:
    rows = await walk(told, "models(PAGE)", "name ref { source }", size)
    assert [(row["ref"]["source"], row["name"]) for row in rows] == MODELS


@pytest.mark.parametrize("size", [1, 5, 100])
async def test_experiments_are_listed_by_name(told: Graph, size: int) -> None:
    rows = await walk(told, "experiments(PAGE)", "key", size)
    assert [row["key"] for row in rows] == EXPERIMENTS


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_pipelines_are_listed_by_name(told: Graph, size: int) -> None:
    rows = await walk(told, "pipelines(PAGE)", "name", size)
    assert [row["name"] for row in rows] == PIPELINES


@pytest.mark.parametrize("size", [1, 3, 8])
async def test_versions_are_listed_highest_first(told: Graph, size: int) -> None:
    model = f"Model {id_of('model', STUDIO, 'content-embedding')}"
    rows = await walk(told, "versions(PAGE)", "version aliases", size, of=model)
    assert [row["version"] for row in rows] == ["8", "7", "6", "5", "4", "3", "2", "1"]
    assert [row["aliases"] for row in rows[:3]] == [["challenger"], ["champion"], []]


@pytest.mark.parametrize("size", [1, 4, 10])
async def test_runs_are_listed_newest_first(told: Graph, size: int) -> None:
    pipeline = f"Pipeline {id_of('pipeline', 'airflow', 'studio_content_embedding_nightly')}"
    rows = await walk(told, "runs(PAGE)", "name state", size, of=pipeline)
    assert [(row["name"], row["state"]) for row in rows] == [
        ("asset_triggered__2026-11-23T01:37:00+00:00_d1762a92", "FAILED"),
        ("manual__2026-11-22T02:00:00+00:00", "SUCCESS"),
        ("asset_triggered__2026-11-09T02:06:00+00:00_cbb0e0f6", "SUCCESS"),
        ("manual__2026-09-21T02:00:00+00:00", "SUCCESS"),
        ("manual__2026-07-06T02:00:00+00:00", "SUCCESS"),
        ("manual__2026-06-08T02:00:00+00:00", "SUCCESS"),
    ]
    failed = await walk(told, "runs(states: [FAILED], PAGE)", "name", size, of=pipeline)
    assert [row["name"] for row in failed] == ["asset_triggered__2026-11-23T01:37:00+00:00_d1762a92"]
    assert await walk(told, "runs(states: [QUEUED, RUNNING], PAGE)", "name", size, of=pipeline) == []
    assert await walk(told, "runs(states: [], PAGE)", "name", size, of=pipeline) == []
    since = await walk(told, 'runs(since: "2026-11-01T00:00:00.000Z", PAGE)', "name", size, of=pipeline)
    assert [row["name"] for row in since] == [row["name"] for row in rows[:3]]


@pytest.mark.parametrize("size", [1, 10])
async def test_tasks_are_listed_in_the_order_of_their_start(told: Graph, size: int) -> None:
    key = "studio_content_embedding_nightly/asset_triggered__2026-11-23T01:37:00+00:00_d1762a92"
    run = f"PipelineRun {id_of('pipeline-run', 'airflow', key)}"
    shows = "key state sourceStatus attempt startedAt endedAt"
    rows = await walk(told, "tasks(PAGE)", shows, size, of=run)
    # Where the database sorts what has not started is its own affair.
    assert sorted(rows, key=lambda row: row["startedAt"] is None) == [
        {
            "key": "collect_frames",
            "state": "SUCCESS",
            "sourceStatus": "success",
            "attempt": 1,
            "startedAt": "2026-11-23T01:37:00.000Z",
            "endedAt": "2026-11-23T02:01:00.000Z",
        },
        {
            "key": "embed_scenes",
            "state": "SUCCESS",
            "sourceStatus": "success",
            "attempt": 1,
            "startedAt": "2026-11-23T02:01:00.000Z",
            "endedAt": "2026-11-23T02:25:00.000Z",
        },
        {
            "key": "evaluate",
            "state": "FAILED",
            "sourceStatus": "failed",
            "attempt": 2,
            "startedAt": "2026-11-23T02:25:00.000Z",
            "endedAt": "2026-11-23T02:49:00.000Z",
        },
        {
            "key": "register",
            "state": "FAILED",  # it could not start because another failed
            "sourceStatus": "upstream_failed",
            "attempt": 1,
            "startedAt": None,
            "endedAt": None,
        },
    ]
    failed = await walk(told, "tasks(states: [FAILED], PAGE)", "key", size, of=run)
    assert {row["key"] for row in failed} == {"evaluate", "register"}


# ---------------------------------------------------------------- filters and bounds


async def test_a_list_can_be_of_one_source(told: Graph) -> None:
    told.forget_calls()
    answer = await told.data(
        '{ models(filter: { source: "studio-mlflow" }, first: 100) { nodes { name ref { source } } totalCount '
        "completeness { sources { source matched } } } }"
    )
    assert [row["name"] for row in answer["models"]["nodes"]] == [name for source, name in MODELS if source == STUDIO]
    assert answer["models"]["completeness"]["sources"] == [{"source": STUDIO, "matched": 8}]
    assert told.calls(PERSONALIZATION) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("[RUNNING]", {"ads-contextual-scene-match", "winback-offer", "search-rerank-japanese", "two-stage-home",
                       "skip-intro-timing", "home-ranking-freshness"}),
        ("[DRAFT]", {"hero-image-motion", "location-scout-cafes"}),
        ("[STOPPED]", {"fraud-screen-threshold", "scene-search-recall", "trailer-moments"}),
        ("[ARCHIVED]", {"directors-cut-first"}),
        ("[DRAFT, ARCHIVED]", {"hero-image-motion", "location-scout-cafes", "directors-cut-first"}),
        ("[UNKNOWN]", set()),
        ("[]", set()),
        ("null", set(EXPERIMENTS)),
    ],
)  # fmt: skip
async def test_experiments_can_be_of_some_states(told: Graph, status: str, expected: set[str]) -> None:
    field = f"experiments(filter: {{ status: {status} }}, PAGE)"
    for size in (1, 100):
        rows = await walk(told, field, "key", size)
        assert [row["key"] for row in rows] == [key for key in EXPERIMENTS if key in expected]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "experiments(after: $after)",
        "pipelines(after: $after)",
        'models(after: $after, filter: { source: "studio-mlflow" })',
    ],
)
async def test_a_cursor_belongs_to_its_list_and_filter(told: Graph, elsewhere: str) -> None:
    cursor = (await told.data("{ models(first: 1) { pageInfo { endCursor } } }"))["models"]["pageInfo"]["endCursor"]
    answer = await told.ask(f"query($after: String) {{ {elsewhere} {{ totalCount }} }}", after=cursor)
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("after", ["garbage", "", "null", "AAAA", "k6FsxAjVfsw4C75XQZKUAsQQ", "🙂"])
async def test_garbage_is_no_cursor(told: Graph, after: str) -> None:
    answer = await told.ask("query($after: String) { models(after: $after) { totalCount } }", after=after)
    assert answer["data"] is None
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_has_one_to_a_hundred_rows(told: Graph, first: int) -> None:
    for field in ("models", "experiments", "pipelines"):
        answer = await told.ask(f"query($first: Int) {{ {field}(first: $first) {{ totalCount }} }}", first=first)
        assert answer["data"] is None
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("source", ["nowhere", "", "airflow"])
async def test_a_list_of_an_unknown_source_is_refused(told: Graph, source: str) -> None:
    query = "query($source: String) { models(filter: { source: $source }) { totalCount } }"
    answer = await told.ask(query, source=source)
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["message"] == "There is no such source for this: personalization-mlflow, studio-mlflow."


async def test_null_arguments_mean_what_leaving_them_out_means(told: Graph) -> None:
    answer = await told.data("""{ a: models { nodes { id } }
      b: models(first: null, after: null, filter: null) { nodes { id } }
      c: models(filter: {}) { nodes { id } } d: models(filter: { source: null }) { nodes { id } } }""")
    assert answer["a"] == answer["b"] == answer["c"] == answer["d"]
    assert len(answer["a"]["nodes"]) == 15
