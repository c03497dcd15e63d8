"""The Airflow adapter over real HTTP: what it answers, and which calls it makes for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.demo.airflow import app
from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Orchestrator, TaskRun
from gateway.demo.server import ServedApp, ServedCall, serve
from resolvers.errors import (
    PageLimit,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceForbidden,
    SourceUnavailable,
)
from resolvers.http import Credential, SourceClient
from resolvers.sources import NOTHING, Found, ListArgs, Page, PageAsk, SourceProfile
from resolvers.sources.labels import LabelRules
from resolvers.sources.orchestration import DownstreamRun, PipelineAssets, RunKey, RunsAsk, TasksAsk, UpstreamRun
from resolvers.sources.orchestration import Orchestrator as OrchestratorRole
from resolvers.sources.orchestration.airflow import Airflow
from resolvers.sources.orchestration.airflow_token import AirflowToken
from schema.connection import IncompleteReason
from schema.identity import EntityKind
from schema.node import OwnerName
from schema.pipeline import AssetMention, Pipeline, PipelineRun, RunState
from schema.pipeline import TaskRun as Task
from schema.scalars import Timestamp
from schema.source import CapabilityMode

T = TypeVar("T")

DAY_MS = 86_400_000
START_MS = 1_775_012_400_000  # 2026-04-01T03:00:00Z
RANKER, CHURN = "mlflow://studio/models/ranker", "s3://lake/features/churn"
FIRST = PageAsk(0, 10)
PASSWORD = "secret"


def night(number: int) -> str:
    return f"scheduled__2026-04-{number + 1:02}T03:00:00+00:00"


def run(dag_id: str, run_id: str, number: int = 0, state: str = "success", tasks: Sequence[TaskRun] = ()) -> DagRun:
    at = START_MS + number * DAY_MS
    started, ended = (None, None) if state == "queued" else (at + 500, at + 60_000)
    return DagRun(dag_id, run_id, state, "scheduled", at, started, ended, {"night": number}, tuple(tasks))


def nightly(dag_id: str, nights: int) -> list[DagRun]:
    return [run(dag_id, night(number), number) for number in range(nights)]


def company(
    dags: Sequence[Dag] = (),
    runs: Sequence[DagRun] = (),
    assets: Sequence[Asset] = (),
    events: Sequence[AssetEvent] = (),
) -> Orchestrator:
    return Orchestrator("prod", tuple(dags), tuple(runs), tuple(assets), tuple(events))


def dags(*names: str) -> list[Dag]:
    return [Dag(name, START_MS) for name in names]


@dataclass
class Bench:
    """An adapter in front of a fake, and the calls it made; the version's own call is left out."""

    airflow: Airflow
    served: ServedApp
    seen: int = 0

    def calls(self) -> list[str]:
        """Method and path of each call since the last look, without `/api/v2`."""
        return [f"{call.method} {unquote(urlsplit(call.target).path).removeprefix('/api/v2')}" for call in self.last()]

    def last(self) -> list[ServedCall]:
        new = [call for call in self.served.calls[self.seen :] if not call.target.endswith("/version")]
        self.seen = len(self.served.calls)
        return new


@asynccontextmanager
async def bench(
    data: Orchestrator,
    *,
    version: str = "3.3.2",
    profile: SourceProfile | None = None,
    around: Callable[[ASGIApp], ASGIApp] = lambda fake: fake,
) -> AsyncIterator[Bench]:
    async with serve(around(app(data, version=version))) as served:
        client = SourceClient("prod", served.url)
        adapter = Airflow(profile or SourceProfile("prod", "https://airflow.example/"), client)
        try:
            yield Bench(adapter, served)
        finally:
            await adapter.aclose()


def query(call: ServedCall) -> dict[str, list[str]]:
    return parse_qs(urlsplit(call.target).query)


def tampered(change: Callable[[str, bytes], bytes]) -> Callable[[ASGIApp], ASGIApp]:
    """A server whose answers are changed on the way; `change` is given the path and the body."""

    def around(fake: ASGIApp) -> ASGIApp:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            start: Message = {}
            body = bytearray()

            async def collect(message: Message) -> None:
                nonlocal start
                if message["type"] == "http.response.start":
                    start = message
                    return
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    whole = change(scope["path"], bytes(body))
                    start["headers"] = [pair for pair in start["headers"] if pair[0] != b"content-length"]
                    await send(start)
                    await send({"type": "http.response.body", "body": whole})

            await fake(scope, receive, collect)

        return changed

    return around


def failing(status: int, when: Callable[[str], bool], body: bytes = b"{}") -> Callable[[ASGIApp], ASGIApp]:
    """A server that answers some targets (path and query, decoded) with a status of its own."""

    def around(fake: ASGIApp) -> ASGIApp:
        async def failed(scope: Scope, receive: Receive, send: Send) -> None:
            if not when(scope["path"] + "?" + unquote(scope["query_string"].decode())):
                await fake(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": body})

        return failed

    return around


def good(item: T | SourceError | None) -> T:
    assert item is not None
    assert not isinstance(item, SourceError)
    return item


def names(items: Sequence[Pipeline | PipelineRun | SourceError | None]) -> list[str | None]:
    return [good(item).name if item is not None else None for item in items]


def run_ids(items: Sequence[PipelineRun | SourceError | None]) -> list[tuple[str, str] | None]:
    return [(good(item).pipeline_name, good(item).name) if item is not None else None for item in items]


# ---------------------------------------------------------------- pipelines


async def test_answers_a_pipeline_with_all_airflow_says_of_it() -> None:
    dag = Dag(
        "train", START_MS, "Trains", ("ann@studio.example", "ops"), ("team:ml", "domain:studio", "gpu"), "0 3 * * *"
    )
    async with bench(company([dag])) as at:
        role: OrchestratorRole = at.airflow
        (pipeline,) = await role.pipelines_by_name(["train"], None, NOTHING)
        assert isinstance(pipeline, Pipeline)
        assert pipeline.id == "mlg://pipeline/prod/train"
        assert (pipeline.name, pipeline.description, pipeline.schedule, pipeline.paused) == (
            "train",
            "Trains",
            "0 3 * * *",
            False,
        )
        assert pipeline.labels == [("domain", "studio"), ("gpu", None), ("team", "ml")]
        assert pipeline.owned_by == [OwnerName("ann", "ann@studio.example", "ml"), OwnerName("ops", None, "ml")]
        assert (pipeline.domain_name, pipeline.created_at, pipeline.updated_at) == ("studio", None, None)
        assert pipeline.reference.url == "https://airflow.example/dags/train"
        assert len(pipeline.fetched_at) == len("2026-04-01T03:00:00.000Z")


async def test_takes_airflows_default_owner_for_nobody_and_an_asset_schedule_for_none() -> None:
    data = company(dags("fed", "idle"), assets=[Asset(CHURN, "churn", scheduled=("fed",))])
    profile = SourceProfile("prod", "", labels=LabelRules(domain="studio"))
    async with bench(data, profile=profile) as at:
        for pipeline in map(good, await at.airflow.pipelines_by_name(["fed", "idle"], None, NOTHING)):
            assert (pipeline.owned_by, pipeline.schedule, pipeline.domain_name) == ([], None, "studio")


async def test_asks_for_one_name_by_its_own_address() -> None:
    async with bench(company(dags("a"))) as at:
        assert names(await at.airflow.pipelines_by_name(["a"], None, NOTHING)) == ["a"]
        assert names(await at.airflow.pipelines_by_name(["b"], None, NOTHING)) == [None]
        assert at.calls() == ["GET /dags/a", "GET /dags/b"]


async def test_asks_for_many_names_in_one_call_and_answers_in_the_order_asked() -> None:
    async with bench(company(dags("Train", "train", "train_extra", "score"))) as at:
        asked = ["score", "none", "train", "Train"]
        assert names(await at.airflow.pipelines_by_name(asked, None, NOTHING)) == ["score", None, "train", "Train"]
        (call,) = at.last()
        assert query(call)["dag_id_prefix_pattern"] == ["score|none|train|Train"]
        assert query(call)["exclude_stale"] == ["false"]


async def test_asks_for_fifty_names_a_call() -> None:
    every = [f"dag_{number:03}" for number in range(120)]
    async with bench(company(dags(*every))) as at:
        assert names(await at.airflow.pipelines_by_name(every, None, NOTHING)) == every
        asked = [len(query(call)["dag_id_prefix_pattern"][0].split("|")) for call in at.last()]
        assert sorted(asked) == [20, 50, 50]


@pytest.mark.parametrize(
    ("prefixed", "asked", "calls"),
    [
        # 250 DAGs begin like the first name: two more pages are as few calls as two single ones.
        (249, ["train", "zz_1", "zz_2"], ["GET /dags", "GET /dags", "GET /dags"]),
        (900, ["train", "zz_1", "zz_2"], ["GET /dags", "GET /dags/zz_1", "GET /dags/zz_2"]),
    ],
)
async def test_reads_on_or_asks_singly_where_a_prefix_matches_more_than_a_page(
    prefixed: int, asked: list[str], calls: list[str]
) -> None:
    crowd = [f"train_{number:03}" for number in range(prefixed)]
    async with bench(company(dags("train", "zz_1", "zz_2", *crowd))) as at:
        assert names(await at.airflow.pipelines_by_name(asked, None, NOTHING)) == asked
        assert sorted(at.calls()) == calls


async def test_asks_singly_before_3_3() -> None:
    async with bench(company(dags("a", "ab", "b")), version="3.2.0") as at:
        assert names(await at.airflow.pipelines_by_name(["a", "b", "c"], None, NOTHING)) == ["a", "b", None]
        assert sorted(at.calls()) == ["GET /dags/a", "GET /dags/b", "GET /dags/c"]
        assert sum(call.target.endswith("/version") for call in at.served.calls) == 1


async def test_never_sends_what_can_be_no_dag_id() -> None:
    async with bench(company(dags("a"))) as at:
        odd = ["~", "", ".", "..", "a/b", "a|b", "a b", "a,b", "x" * 251, "a\n"]
        assert names(await at.airflow.pipelines_by_name(odd, None, NOTHING)) == [None] * len(odd)
        assert await at.airflow.assets_by_pipeline(["~", "a,b"], None, NOTHING) == [PipelineAssets(), PipelineAssets()]
        assert names(await at.airflow.latest_runs(["~", ""], None, NOTHING)) == [None, None]
        assert at.calls() == []


async def test_asks_singly_for_names_a_prefix_may_not_find_everywhere() -> None:
    async with bench(company(dags("zoë", "__", "a", "b"))) as at:
        assert names(await at.airflow.pipelines_by_name(["zoë", "a", "__", "b"], None, NOTHING)) == [
            "zoë",
            "a",
            "__",
            "b",
        ]
        assert sorted(at.calls()) == ["GET /dags", "GET /dags/__", "GET /dags/zoë"]


async def test_finds_the_pipelines_of_many_tags_in_one_call() -> None:
    tagged = [Dag(f"dag_{number}", START_MS, tags=(f"model:m{number % 3}", "ml")) for number in range(9)]
    async with bench(company(tagged)) as at:
        found = [good(item) for item in await at.airflow.pipelines_by_tag(["model:m0", "model:none"], None, NOTHING)]
        assert [names(item.items) for item in found] == [["dag_0", "dag_3", "dag_6"], []]
        assert [(item.scanned, item.reasons) for item in found] == [(3, frozenset()), (3, frozenset())]
        (call,) = at.last()
        assert query(call)["tags"] == ["model:m0", "model:none"]


async def test_says_when_more_pipelines_carry_a_tag_than_may_be_read() -> None:
    tagged = [Dag(f"dag_{number:03}", START_MS, tags=("ml",)) for number in range(350)]
    async with bench(company(tagged), profile=SourceProfile("prod", "", scan_rows=250)) as at:
        (found,) = await at.airflow.pipelines_by_tag(["ml"], None, NOTHING)
        assert len(good(found).items) == 250
        assert good(found).reasons == {IncompleteReason.SCAN_LIMIT}
        assert at.calls() == ["GET /dags"] * 3


async def test_pages_the_list_of_pipelines_by_name() -> None:
    every = [f"dag_{number:03}" for number in range(130)]
    async with bench(company(dags(*reversed(every)))) as at:
        pages = await at.airflow.pipelines([PageAsk(0, 106), PageAsk(120, 20), PageAsk(200, 5)], ListArgs(), NOTHING)
        assert [names(good(page).rows) for page in pages] == [every[:106], every[120:], []]
        assert [(good(page).more, good(page).total) for page in pages] == [(True, 130), (False, 130), (False, 130)]
        assert len(at.calls()) == 4  # a page of Airflow's holds 100 rows at most


async def test_reads_on_where_the_server_gives_shorter_pages_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """`[api] maximum_page_limit` is the operator's: a short page is not the last one."""
    monkeypatch.setattr("gateway.demo.airflow_query.MAXIMUM_PAGE_LIMIT", 30)
    every = [f"dag_{number:03}" for number in range(130)]
    async with bench(company([Dag(name, START_MS, tags=("ml",)) for name in every])) as at:
        (page,) = await at.airflow.pipelines([PageAsk(0, 70)], ListArgs(), NOTHING)
        assert (names(good(page).rows), good(page).more) == (every[:70], True)
        (found,) = await at.airflow.pipelines_by_tag(["ml"], None, NOTHING)
        assert (names(good(found).items), good(found).reasons) == (every, frozenset())
        assert names(await at.airflow.pipelines_by_name(every[:50], None, NOTHING)) == every[:50]


# ---------------------------------------------------------------- runs


async def test_answers_a_run_with_its_parameters() -> None:
    async with bench(company(dags("train"), nightly("train", 2))) as at:
        found = good((await at.airflow.runs_by_key([RunKey("train", night(1))], None, NOTHING))[0])
        assert found.id == "mlg://pipeline-run/prod/train%2Fscheduled__2026-04-02T03%3A00%3A00%2B00%3A00"
        assert (found.name, found.pipeline_name, found.parameters) == (night(1), "train", {"night": 1})
        assert (found.state, found.source_status) == (RunState.SUCCESS, "success")
        assert (found.created_at, found.started_at, found.ended_at) == (
            "2026-04-02T03:00:00.000Z",
            "2026-04-02T03:00:00.500Z",
            "2026-04-02T03:01:00.000Z",
        )
        assert found.reference.url == (
            "https://airflow.example/dags/train/runs/scheduled__2026-04-02T03%3A00%3A00%2B00%3A00"
        )
        assert at.calls() == [f"GET /dags/train/dagRuns/{night(1)}"]


async def test_asks_for_many_runs_in_one_call_and_keeps_only_the_pairs_asked() -> None:
    """The patterns are a cross product: night 1 of b and night 2 of a come back too."""
    runs = [*nightly("a", 4), *nightly("b", 4), *nightly("ab", 4)]
    async with bench(company(dags("a", "ab", "b"), runs)) as at:
        asked = [RunKey("b", night(2)), RunKey("a", night(1)), RunKey("a", "none"), RunKey("none", night(1))]
        found = await at.airflow.runs_by_key(asked, None, NOTHING)
        assert run_ids(found) == [("b", night(2)), ("a", night(1)), None, None]
        (call,) = at.last()
        assert urlsplit(call.target).path == "/api/v2/dags/~/dagRuns"
        assert set(query(call)["run_id_prefix_pattern"][0].split("|")) == {"none", night(1), night(2)}
        assert set(query(call)["dag_id_prefix_pattern"][0].split("|")) == {"a", "b", "none"}


async def test_asks_for_a_hundred_runs_of_twenty_pipelines_in_one_call() -> None:
    every = [f"train_{number:02}" for number in range(20)]
    runs = [one for name in every for one in nightly(name, 10)]
    async with bench(company(dags(*every), runs)) as at:
        asked = [RunKey(name, night(number)) for name in every for number in range(5)]
        assert run_ids(await at.airflow.runs_by_key(asked, None, NOTHING)) == asked
        (call,) = at.last()
        assert len(call.target) < 6_500


async def test_asks_by_run_id_or_by_pipeline_where_the_cross_product_is_too_large() -> None:
    """40 pipelines of 40 nights are 1,600 pairs for 42 keys: not read on, but asked by the fewer groups."""
    every = [f"dag_{number:02}" for number in range(40)]
    runs = [run(name, f"night_{number:02}", number) for name in every for number in range(40)]
    async with bench(company(dags(*every), runs)) as at:
        diagonal = [RunKey(name, f"night_{number:02}") for number, name in enumerate(every)]
        assert run_ids(await at.airflow.runs_by_key(diagonal, None, NOTHING)) == diagonal
        assert len(at.last()) <= 41

        # Three runs of each of two pipelines and one shared night: by pipeline that is two calls more.
        rows = [RunKey("dag_00", f"night_{number:02}") for number in range(20)]
        columns = [RunKey("dag_01", f"night_{number:02}") for number in range(20, 40)]
        crowd = [RunKey(name, "night_39") for name in every[2:4]]
        assert run_ids(await at.airflow.runs_by_key([*rows, *columns, *crowd], None, NOTHING)) == [
            *rows,
            *columns,
            *crowd,
        ]
        assert len(at.last()) <= 5


async def test_reads_a_cross_product_on_while_it_is_small() -> None:
    every = [f"dag_{number:02}" for number in range(13)]
    runs = [run(name, f"night_{number:02}", number) for name in every for number in range(13)]
    async with bench(company(dags(*every), runs)) as at:
        asked = [
            RunKey(name, f"night_{number:02}") for number in range(13) for name in every[: 13 if number < 4 else 1]
        ]
        assert run_ids(await at.airflow.runs_by_key(asked, None, NOTHING)) == asked
        assert at.calls() == ["GET /dags/~/dagRuns", "GET /dags/~/dagRuns"]


async def test_asks_for_runs_singly_before_3_3_and_for_ids_no_pattern_can_write() -> None:
    odd = ["a|b", " lead", "~", "x/y", "_"]
    runs = [*nightly("train", 2), *(run("train", name) for name in odd)]
    asked = [RunKey("train", run_id) for run_id in (night(0), night(1), *odd)]
    async with bench(company(dags("train"), runs)) as at:
        assert run_ids(await at.airflow.runs_by_key(asked, None, NOTHING)) == asked
        assert sorted(at.calls()) == sorted(
            ["GET /dags/train/dagRuns"] * 2 + [f"GET /dags/train/dagRuns/{name}" for name in odd if name != "x/y"]
        )
    async with bench(company(dags("train"), runs), version="3.1.0") as at:
        assert run_ids(await at.airflow.runs_by_key(asked[:2], None, NOTHING)) == asked[:2]
        assert sorted(at.calls()) == [f"GET /dags/train/dagRuns/{night(number)}" for number in (0, 1)]


async def test_answers_the_newest_run_of_many_pipelines_in_one_call() -> None:
    runs = [*nightly("a", 3), *nightly("b", 2), *nightly("other", 5)]
    async with bench(company(dags("a", "b", "idle"), runs)) as at:
        found = await at.airflow.latest_runs(["idle", "b", "none", "a"], None, NOTHING)
        assert run_ids(found) == [None, ("b", night(1)), None, ("a", night(2))]
        (call,) = at.last()
        assert (call.method, urlsplit(call.target).path) == ("POST", "/api/v2/dags/~/dagRuns/list")
        body = msgspec.json.decode(call.body)
        assert body == {"dag_ids": ["idle", "b", "none", "a"], "order_by": "-run_after", "page_limit": 100}


async def test_asks_again_without_the_busy_pipelines_that_filled_the_answer() -> None:
    busy = [run("busy", f"run_{number:03}", 10, "running") for number in range(300)]
    quiet = [*nightly("quiet", 2), *nightly("calm", 1)]
    async with bench(company(dags("busy", "quiet", "calm", "idle"), [*quiet, *busy])) as at:
        found = await at.airflow.latest_runs(["quiet", "busy", "idle", "calm"], None, NOTHING)
        assert run_ids(found) == [("quiet", night(1)), ("busy", "run_299"), None, ("calm", night(0))]
        bodies = [msgspec.json.decode(call.body)["dag_ids"] for call in at.last()]
        assert bodies == [["quiet", "busy", "idle", "calm"], ["quiet", "idle", "calm"]]


async def test_asks_for_the_newest_run_singly_at_last() -> None:
    runs = [run(f"busy_{dag}", f"run_{number:03}", 50 - dag) for dag in range(4) for number in range(150)]
    every = [*(f"busy_{number}" for number in range(4)), "quiet"]
    async with bench(company(dags(*every), [*nightly("quiet", 1), *runs])) as at:
        found = await at.airflow.latest_runs(every, None, NOTHING)
        assert run_ids(found) == [*((f"busy_{number}", "run_149") for number in range(4)), ("quiet", night(0))]
        assert at.calls() == [
            *(["POST /dags/~/dagRuns/list"] * 3),
            "GET /dags/busy_3/dagRuns",
            "GET /dags/quiet/dagRuns",
        ]


async def test_answers_the_newest_run_of_one_pipeline_with_one_row() -> None:
    async with bench(company(dags("a"), nightly("a", 3))) as at:
        assert run_ids(await at.airflow.latest_runs(["a"], None, NOTHING)) == [("a", night(2))]
        assert run_ids(await at.airflow.latest_runs(["none"], None, NOTHING)) == [None]
        first, second = at.last()
        assert (query(first)["limit"], query(first)["order_by"]) == (["1"], ["-run_after"])
        assert urlsplit(second.target).path == "/api/v2/dags/none/dagRuns"


async def test_pages_the_runs_of_pipelines_newest_first() -> None:
    async with bench(company(dags("a", "b"), [*nightly("a", 12), *nightly("b", 1)])) as at:
        ask = RunsAsk(PageAsk(2, 4))
        first, second, none = [good(page) for page in await at.airflow.runs(["a", "b", "none"], ask, NOTHING)]
        assert run_ids(first.rows) == [("a", night(number)) for number in (9, 8, 7, 6)]
        assert (first.more, first.total) == (True, 12)
        assert (list(second.rows), second.more, second.total) == ([], False, 1)
        assert none == Page([], False, 0)
        assert sorted(at.calls()) == ["GET /dags/a/dagRuns", "GET /dags/b/dagRuns", "GET /dags/none/dagRuns"]


async def test_filters_runs_by_state_and_time_in_airflow() -> None:
    runs = [*nightly("a", 10), run("a", "late", 10, "failed"), run("a", "later", 11, "queued")]
    async with bench(company(dags("a"), runs)) as at:
        since = Timestamp("2026-04-09T03:00:00.000Z")
        states = frozenset({RunState.SUCCESS, RunState.FAILED, RunState.SKIPPED})
        (page,) = await at.airflow.runs(["a"], RunsAsk(FIRST, states, since), NOTHING)
        assert run_ids(good(page).rows) == [("a", "late"), ("a", night(9)), ("a", night(8))]
        (call,) = at.last()
        assert sorted(query(call)["state"]) == ["failed", "success"]
        assert query(call)["run_after_gte"] == [since]


async def test_makes_no_call_for_states_airflow_runs_never_have() -> None:
    async with bench(company(dags("a"), nightly("a", 1))) as at:
        (page,) = await at.airflow.runs(["a"], RunsAsk(FIRST, frozenset({RunState.SKIPPED})), NOTHING)
        assert page == Page((), False, 0)
        assert at.calls() == []


# ---------------------------------------------------------------- tasks

TASKS = (
    TaskRun("prepare", "success", START_MS, START_MS + 5),
    TaskRun("train", "up_for_retry", START_MS + 10, START_MS + 15, 2),
    TaskRun("check", "upstream_failed", START_MS + 20, None),
    TaskRun("publish", None, None, None, 0),
)


async def test_answers_the_tasks_of_runs_by_their_start() -> None:
    async with bench(company(dags("a"), [run("a", "r+1", tasks=TASKS)])) as at:
        pages = await at.airflow.tasks([RunKey("a", "r+1"), RunKey("a", "none")], TasksAsk(FIRST), NOTHING)
        rows = [good(row) for row in good(pages[0]).rows]
        assert [(row.key, row.state, row.source_status, row.attempt) for row in rows] == [
            ("publish", RunState.QUEUED, None, None),
            ("prepare", RunState.SUCCESS, "success", 1),
            ("train", RunState.QUEUED, "up_for_retry", 2),
            ("check", RunState.FAILED, "upstream_failed", 1),
        ]
        assert (rows[1].started_at, rows[1].ended_at) == ("2026-04-01T03:00:00.000Z", "2026-04-01T03:00:00.005Z")
        assert rows[1].url == "https://airflow.example/dags/a/runs/r%2B1/tasks/prepare"
        assert pages[1] == Page([], False, 0)
        assert len(at.calls()) == 2


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ({RunState.FAILED}, ["check"]),
        ({RunState.QUEUED}, ["publish", "train"]),
        ({RunState.RUNNING}, []),
        (set(RunState), ["publish", "prepare", "train", "check"]),
    ],
)
@pytest.mark.parametrize("version", ["3.1.0", "3.3.2"])
async def test_filters_tasks_by_state_in_airflow(version: str, states: set[RunState], found: list[str]) -> None:
    async with bench(company(dags("a"), [run("a", "r", tasks=TASKS)]), version=version) as at:
        (page,) = await at.airflow.tasks([RunKey("a", "r")], TasksAsk(FIRST, frozenset(states)), NOTHING)
        assert [good(row).key for row in good(page).rows] == found
        (call,) = at.last()
        # The state is new in 3.3, and older releases refuse a word they do not know.
        assert ("awaiting_input" in query(call).get("state", [])) == (
            version == "3.3.2" and states == {RunState.RUNNING}
        )


async def test_never_asks_for_the_tasks_of_all_runs() -> None:
    """`~` in the place of a run's id is Airflow's word for every run."""
    async with bench(company(dags("a"), [run("a", "r", tasks=TASKS)])) as at:
        (page,) = await at.airflow.tasks([RunKey("a", "~")], TasksAsk(FIRST), NOTHING)
        assert page == Page((), False, 0)
        assert await at.airflow.upstream_runs([RunKey("a", "..")], None, NOTHING) == [Found()]
        assert at.calls() == []


async def test_tells_the_parts_of_a_mapped_task_apart() -> None:
    def mapped(path: str, body: bytes) -> bytes:
        return body.replace(b'"map_index":-1', b'"map_index":3') if path.endswith("taskInstances") else body

    async with bench(company(dags("a"), [run("a", "r", tasks=TASKS[:1])]), around=tampered(mapped)) as at:
        (page,) = await at.airflow.tasks([RunKey("a", "r")], TasksAsk(FIRST), NOTHING)
        (task,) = good(page).rows
        assert isinstance(task, Task)
        assert (task.key, task.url) == ("prepare[3]", "https://airflow.example/dags/a/runs/r/tasks/prepare/mapped/3")


# ---------------------------------------------------------------- assets

ASSETS = (
    Asset(CHURN, "churn", producers=(("make", "build"), ("make", "check")), consumers=(("train", "t"), ("score", "s"))),
    Asset(RANKER, "ranker", producers=(("train", "t"),), scheduled=("score",)),
    Asset("mlflow://studio/models/ranker_2", "ranker_2", producers=(("other", "t"),)),
)
READ = Timestamp("2026-11-23T06:00:00.000Z")
CHURN_MENTION = AssetMention(CHURN, "churn", ["make"], ["score", "train"], READ)
RANKER_MENTION = AssetMention(RANKER, "ranker", ["train"], ["score"], READ)


async def test_answers_the_assets_of_many_pipelines_in_one_call_both_ways() -> None:
    async with bench(company(dags("make", "train", "score"), assets=ASSETS)) as at:
        found = await at.airflow.assets_by_pipeline(["train", "make", "none", "score"], None, NOTHING)
        assert found == [
            PipelineAssets([CHURN_MENTION], [RANKER_MENTION]),
            PipelineAssets([], [CHURN_MENTION]),
            PipelineAssets([], []),
            PipelineAssets([CHURN_MENTION, RANKER_MENTION], []),
        ]
        (call,) = at.last()
        assert query(call)["dag_ids"] == ["train", "make", "none", "score"]


async def test_reads_all_pages_of_assets() -> None:
    many = [Asset(f"s3://lake/{number:03}", f"{number:03}", producers=(("make", "t"),)) for number in range(250)]
    async with bench(company(dags("make"), assets=many)) as at:
        (found,) = await at.airflow.assets_by_pipeline(["make"], None, NOTHING)
        assert [mention.uri for mention in good(found).produces] == [asset.uri for asset in many]
        assert at.calls() == ["GET /assets"] * 3


async def test_asks_in_halves_where_pipelines_have_too_many_assets_together() -> None:
    sizes = {"large": 120, "small": 60, "tiny": 2}
    many = [
        Asset(f"s3://{dag}/{number}", f"{dag}/{number}", producers=((dag, "t"),))
        for dag, size in sizes.items()
        for number in range(size)
    ]
    async with bench(company(dags(*sizes), assets=many), profile=SourceProfile("prod", "", scan_rows=100)) as at:
        large, small, tiny = await at.airflow.assets_by_pipeline(list(sizes), None, NOTHING)
        assert isinstance(large, PageLimit)
        assert (len(good(small).produces), len(good(tiny).produces)) == (60, 2)


async def test_finds_assets_by_their_exact_uri_in_one_call() -> None:
    async with bench(company(dags("train"), assets=ASSETS)) as at:
        asked = [CHURN, "s3://lake", RANKER, "mlflow://studio/models/rankeR"]
        assert await at.airflow.assets_by_uri(asked, None, NOTHING) == [CHURN_MENTION, None, RANKER_MENTION, None]
        (call,) = at.last()
        assert query(call)["uri_pattern"] == ["|".join(asked)]


async def test_asks_for_uris_singly_before_3_2_or_with_a_bar_inside() -> None:
    odd = Asset("s3://lake/a|b", "odd")
    async with bench(company(assets=[*ASSETS, odd]), version="3.1.0") as at:
        assert await at.airflow.assets_by_uri([CHURN, RANKER, "~", ""], None, NOTHING) == [
            CHURN_MENTION,
            RANKER_MENTION,
            None,
            None,
        ]
        assert at.calls() == ["GET /assets"] * 2
    async with bench(company(assets=[*ASSETS, odd])) as at:
        found = await at.airflow.assets_by_uri([CHURN, RANKER, odd.uri], None, NOTHING)
        assert [good(item).name for item in found] == ["churn", "ranker", "odd"]
        assert at.calls() == ["GET /assets"] * 2


async def test_says_page_limit_where_a_uri_is_part_of_too_many() -> None:
    many = [Asset(f"s3://lake/{number:03}", f"{number:03}") for number in range(150)]
    async with bench(company(assets=[*many, *ASSETS]), profile=SourceProfile("prod", "", scan_rows=100)) as at:
        found = await at.airflow.assets_by_uri(["s3://lake", RANKER], None, NOTHING)
        assert isinstance(found[0], PageLimit)
        assert found[1] == RANKER_MENTION


async def test_answers_the_runs_whose_events_fed_a_run() -> None:
    events = [
        AssetEvent(CHURN, START_MS, "make", "build", "m1", {}, (("train", "r"),)),
        AssetEvent(CHURN, START_MS + 1, "make", "check", "m1", {}, (("train", "r"),)),
        AssetEvent(RANKER, START_MS + 2, "train", "t", "r0", {}, (("train", "r"),)),
    ]
    async with bench(company(dags("train"), [run("train", "r"), run("train", "q")], ASSETS, events)) as at:
        asked = [RunKey("train", "r"), RunKey("train", "q"), RunKey("train", "none")]
        assert await at.airflow.upstream_runs(asked, None, NOTHING) == [
            Found([UpstreamRun(RunKey("make", "m1"), CHURN), UpstreamRun(RunKey("train", "r0"), RANKER)], 3),
            Found([], 0),
            Found(),
        ]
        assert sorted(at.calls()) == [
            f"GET /dags/train/dagRuns/{key}/upstreamAssetEvents" for key in ("none", "q", "r")
        ]


async def test_answers_the_runs_that_a_runs_events_fed() -> None:
    fed = (("train", "r"), ("score", "s"))
    events = [
        AssetEvent(CHURN, START_MS, "make", "build", "m1", {}, fed),
        AssetEvent(RANKER, START_MS + 1, "make", "check", "m1", {}, fed[:1]),
        AssetEvent(CHURN, START_MS + 2, "make", "build", "m2", {}, (("train", "q"),)),
    ]
    runs = [run("train", "r"), run("train", "q"), run("score", "s")]
    async with bench(company(dags("train"), runs, ASSETS, events)) as at:
        asked = [RunKey("make", "m1"), RunKey("make", "m2"), RunKey("make", "none"), RunKey("make", "..")]
        train, score = RunKey("train", "r"), RunKey("score", "s")
        assert await at.airflow.downstream_runs(asked, None, NOTHING) == [
            Found([DownstreamRun(train, CHURN), DownstreamRun(score, CHURN), DownstreamRun(train, RANKER)], 2),
            Found([DownstreamRun(RunKey("train", "q"), CHURN)], 1),
            Found([], 0),
            Found(),
        ]
        assert at.calls() == ["GET /assets/events"] * 3


async def test_keeps_the_error_of_one_run_to_its_key() -> None:
    """3.3.2 answers 500 for a run that shares an event with one that has not started."""
    events = [AssetEvent(CHURN, START_MS, "make", "build", "m1", {}, (("train", "r"), ("score", "waiting")))]
    runs = [run("train", "r"), run("train", "q"), run("score", "waiting", state="queued")]
    async with bench(company(dags("train"), runs, ASSETS, events)) as at:
        broken, whole = await at.airflow.upstream_runs([RunKey("train", "r"), RunKey("train", "q")], None, NOTHING)
        assert isinstance(broken, SourceFault)
        assert whole == Found([], 0)


# ---------------------------------------------------------------- answers that are not as they should be


def replaced(*pairs: tuple[bytes, bytes]) -> Callable[[ASGIApp], ASGIApp]:
    def change(_: str, body: bytes) -> bytes:
        for old, new in pairs:
            body = body.replace(old, new)
        return body

    return tampered(change)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"description":"b"', b'"description":7'),
        (b'"description":"b"', b'"description":NaN'),
        (b'"description":"b"', b'"description":"b","is_paused":"no"'),
        (b'"description":"b"', b'"description":"b","tags":null'),
    ],
)
async def test_keeps_a_bad_row_to_its_key(old: bytes, new: bytes) -> None:
    three = [Dag(name, START_MS, name) for name in ("a", "b", "c")]
    async with bench(company(three), around=replaced((old, new))) as at:
        found = await at.airflow.pipelines_by_name(["a", "b", "c"], None, NOTHING)
        if b"NaN" in new:  # not JSON at all: nothing of the answer can be believed
            assert all(isinstance(item, SourceBadResponse) for item in found)
            assert len(set(map(id, found))) == 3
        else:
            assert [isinstance(item, SourceBadResponse) for item in found] == [False, True, False]


async def test_takes_a_row_without_a_key_for_any_that_was_not_found() -> None:
    async with bench(company(dags("a", "b")), around=replaced((b'"dag_id":"b"', b'"dag_id":8'))) as at:
        found = await at.airflow.pipelines_by_name(["a", "b", "c"], None, NOTHING)
        assert [isinstance(item, SourceBadResponse) for item in found] == [False, True, True]
        assert found[1] is not found[2]


async def test_keeps_a_bad_row_in_its_place_in_a_page() -> None:
    async with bench(company(dags("a", "b", "c")), around=replaced((b'"dag_id":"b"', b'"dag_id":8'))) as at:
        (page,) = await at.airflow.pipelines([FIRST], ListArgs(), NOTHING)
        assert [isinstance(row, SourceBadResponse) for row in good(page).rows] == [False, True, False]
        assert good(page).total == 3


async def test_refuses_a_time_that_is_none() -> None:
    bad = replaced((b'"start_date":"2026-04-02T03:00:00.500000Z"', b'"start_date":"tomorrow"'))
    async with bench(company(dags("a"), nightly("a", 3)), around=bad) as at:
        (page,) = await at.airflow.runs(["a"], RunsAsk(FIRST), NOTHING)
        assert [isinstance(row, SourceBadResponse) for row in good(page).rows] == [False, True, False]
        found = await at.airflow.runs_by_key([RunKey("a", night(0)), RunKey("a", night(1))], None, NOTHING)
        assert [isinstance(item, SourceBadResponse) for item in found] == [False, True]


async def test_refuses_rows_that_belong_to_another_key() -> None:
    other = replaced((b'"dag_id":"a"', b'"dag_id":"b"'))
    async with bench(company(dags("a"), [run("a", "r", tasks=TASKS)]), around=other) as at:
        assert names(await at.airflow.pipelines_by_name(["a"], None, NOTHING)) == [None]
        assert run_ids(await at.airflow.runs_by_key([RunKey("a", "r")], None, NOTHING)) == [None]
        assert [isinstance(item, SourceBadResponse) for item in await at.airflow.latest_runs(["a"], None, NOTHING)] == [
            True
        ]
        (runs,) = await at.airflow.runs(["a"], RunsAsk(FIRST), NOTHING)
        (tasks,) = await at.airflow.tasks([RunKey("a", "r")], TasksAsk(FIRST), NOTHING)
        assert all(isinstance(row, SourceBadResponse) for row in [*good(runs).rows, *good(tasks).rows])


async def test_refuses_two_rows_of_one_key_that_differ() -> None:
    three = [Dag("a", START_MS, "one"), Dag("b", START_MS, "two"), Dag("c", START_MS)]
    async with bench(company(three), around=replaced((b'"dag_id":"b"', b'"dag_id":"a"'))) as at:
        found = await at.airflow.pipelines_by_name(["a", "b", "c"], None, NOTHING)
        assert [isinstance(item, SourceBadResponse) for item in found] == [True, False, False]


async def test_keeps_an_unreadable_asset_to_the_pipelines_it_names() -> None:
    async with bench(
        company(dags("make", "train"), assets=ASSETS), around=replaced((b'"name":"churn"', b'"name":1'))
    ) as at:
        found = await at.airflow.assets_by_pipeline(["make", "train", "other"], None, NOTHING)
        assert [isinstance(item, SourceBadResponse) for item in found] == [True, True, False]


async def test_reads_the_readers_of_an_asset_as_3_0_writes_them() -> None:
    old = replaced((b'"scheduled_dags"', b'"consuming_dags"'), (b'"consuming_tasks":[]', b'"nothing":[]'))
    async with bench(company(assets=ASSETS), version="3.0.6", around=old) as at:
        assert await at.airflow.assets_by_uri([RANKER], None, NOTHING) == [RANKER_MENTION]


async def test_says_that_a_tag_may_be_missing_where_a_row_cannot_be_read() -> None:
    tagged = [Dag("a", START_MS, "a", tags=("ml",)), Dag("b", START_MS, "b", tags=("ml",))]
    async with bench(company(tagged), around=replaced((b'"description":"b"', b'"description":[]'))) as at:
        (found,) = await at.airflow.pipelines_by_tag(["ml"], None, NOTHING)
        assert names(good(found).items) == ["a"]
        assert good(found).reasons == {IncompleteReason.SOURCE_UNAVAILABLE}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (500, b"Internal Server Error", SourceFault),
        (503, b"", SourceUnavailable),
        (403, b'{"detail":"Forbidden"}', SourceForbidden),
        (404, b"<html>not here</html>", SourceBadResponse),
        (404, b'{"error":"API route not found"}', SourceBadResponse),
        (404, b'{"detail":"Not Found"}', SourceBadResponse),
        (200, b"<!doctype html>", SourceBadResponse),
        (200, b"{}", SourceBadResponse),
        (302, b"", SourceBadResponse),
    ],
)
async def test_answers_the_error_of_a_failed_call_for_each_of_its_keys(
    status: int, body: bytes, error: type[SourceError]
) -> None:
    broken = failing(status, lambda target: not target.startswith("/api/v2/version"), body)
    async with bench(company(dags("a", "b")), around=broken) as at:
        asked: list[Awaitable[Sequence[object]]] = [
            at.airflow.pipelines_by_name(["a", "b"], None, NOTHING),
            at.airflow.pipelines_by_name(["a"], None, NOTHING),
            at.airflow.pipelines_by_tag(["a", "b"], None, NOTHING),
            at.airflow.pipelines([FIRST], ListArgs(), NOTHING),
            at.airflow.runs_by_key([RunKey("a", "r"), RunKey("b", "r")], None, NOTHING),
            at.airflow.latest_runs(["a", "b"], None, NOTHING),
            at.airflow.runs(["a", "b"], RunsAsk(FIRST), NOTHING),
            at.airflow.tasks([RunKey("a", "r")], TasksAsk(FIRST), NOTHING),
            at.airflow.assets_by_pipeline(["a", "b"], None, NOTHING),
            at.airflow.assets_by_uri([CHURN, RANKER], None, NOTHING),
            at.airflow.upstream_runs([RunKey("a", "r")], None, NOTHING),
        ]
        # A server that fails again and again is not asked any more.
        told = {error, SourceUnavailable} if status >= 500 else {error}
        for items in await asyncio.gather(*asked):
            assert {type(item) for item in items} <= told
            assert len(set(map(id, items))) == len(items)


async def test_keeps_a_failed_part_of_many_keys_to_its_own() -> None:
    every = [f"dag_{number:03}" for number in range(60)]
    broken = failing(500, lambda target: "dag_055" in target)
    async with bench(company(dags(*every)), around=broken) as at:
        found = await at.airflow.pipelines_by_name(every, None, NOTHING)
        assert names(found[:50]) == every[:50]
        assert all(isinstance(item, SourceFault) for item in found[50:])


async def test_raises_where_not_even_the_version_is_answered_and_asks_for_it_again() -> None:
    down = [True]
    broken = failing(503, lambda _: down[0])
    async with bench(company(dags("a", "b")), around=broken) as at:
        with pytest.raises(SourceUnavailable):
            await at.airflow.pipelines_by_name(["a", "b"], None, NOTHING)
        down[0] = False
        assert names(await at.airflow.pipelines_by_name(["a", "b"], None, NOTHING)) == ["a", "b"]
        assert await at.airflow.version() == "3.3.2"


async def test_finds_everything_where_patterns_are_silently_ignored() -> None:
    """A server that was rolled back below 3.3 ignores prefixes and answers everything: then keys are asked singly."""
    every = [f"dag_{number:03}" for number in range(800)]
    runs = [run(name, "r") for name in every]
    async with bench(company(dags(*every), runs), version="3.2.0") as at:
        at.airflow._release = (3, 3)
        assert names(await at.airflow.pipelines_by_name(["dag_700", "dag_710"], None, NOTHING)) == [
            "dag_700",
            "dag_710",
        ]
        asked = [RunKey("dag_700", "r"), RunKey("dag_710", "r")]
        assert run_ids(await at.airflow.runs_by_key(asked, None, NOTHING)) == asked


def test_declares_how_each_batch_method_is_answered() -> None:
    declared = {item.name: item.mode for item in Airflow.capabilities if "." not in item.name}
    methods = [name for name in vars(OrchestratorRole) if not name.startswith("_")]
    assert sorted(declared) == sorted(methods)
    assert set(declared.values()) == {CapabilityMode.NATIVE}


def test_links_into_airflows_own_pages() -> None:
    adapter = Airflow(SourceProfile("prod", "https://airflow.example/base/"), SourceClient("prod", "http://127.0.0.1"))
    assert adapter.url(EntityKind.PIPELINE, "zoë") == "https://airflow.example/base/dags/zo%C3%AB"
    assert adapter.url(EntityKind.PIPELINE_RUN, "a/x/y") == "https://airflow.example/base/dags/a/runs/x%2Fy"
    assert adapter.url(EntityKind.MODEL, "a") is None


# ---------------------------------------------------------------- the token


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Guarded:
    airflow: Airflow
    served: ServedApp
    servers_clock: Clock
    own_clock: Clock
    failures: list[int] = field(default_factory=list)

    def tokens(self) -> int:
        return sum(call.target == "/auth/token" for call in self.served.calls)

    def others(self) -> int:
        return len(self.served.calls) - self.tokens()


@asynccontextmanager
async def guarded(password: str = PASSWORD) -> AsyncIterator[Guarded]:
    servers, own = Clock(), Clock(50.0)
    failures: list[int] = []
    fake = app(company(dags("a", "b")), users={"gateway": PASSWORD}, token_lifetime_s=3600, clock=servers)

    async def sometimes(scope: Scope, receive: Receive, send: Send) -> None:
        if failures and scope["path"] == "/auth/token":
            await send({"type": "http.response.start", "status": failures.pop(0), "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await fake(scope, receive, send)

    async with serve(sometimes) as served:
        credential: Credential = AirflowToken("gateway", password, own)
        client = SourceClient("prod", served.url, {"": credential})
        adapter = Airflow(SourceProfile("prod", ""), client)
        try:
            yield Guarded(adapter, served, servers, own, failures)
        finally:
            await adapter.aclose()


async def test_fetches_one_token_for_calls_made_at_once() -> None:
    async with guarded() as at:
        found = await asyncio.gather(*(at.airflow.pipelines_by_name([name], None, NOTHING) for name in "ababab"))
        assert [names(items) for items in found] == [[name] for name in "ababab"]
        assert (at.tokens(), at.others()) == (1, 2)


async def test_renews_the_token_before_it_ends() -> None:
    async with guarded() as at:
        await at.airflow.pipelines_by_name(["a"], None, NOTHING)
        for passed, tokens in ((3500, 1), (45, 2), (45, 2)):
            at.own_clock.now += passed
            at.servers_clock.now += passed
            assert names(await at.airflow.pipelines_by_name(["a"], None, NOTHING)) == ["a"]
            assert at.tokens() == tokens
        assert at.others() == 4


async def test_renews_a_token_once_that_the_server_calls_ended() -> None:
    async with guarded() as at:
        await at.airflow.pipelines_by_name(["a"], None, NOTHING)
        at.servers_clock.now += 4000
        found = await asyncio.gather(*(at.airflow.pipelines_by_name([name], None, NOTHING) for name in "abab"))
        assert [names(items) for items in found] == [["a"], ["b"], ["a"], ["b"]]
        assert at.tokens() == 2


async def test_renews_a_token_the_server_cannot_read_any_more() -> None:
    """A restart with another secret: 403 `Invalid JWT token`, not 401."""
    async with guarded() as at:
        credential = at.airflow._client._credentials[""]
        assert isinstance(credential, AirflowToken)
        credential._token = "from.before.restart"
        assert names(await at.airflow.pipelines_by_name(["a"], None, NOTHING)) == ["a"]
        assert (at.tokens(), at.others()) == (1, 2)


async def test_does_not_renew_for_a_403_about_rights() -> None:
    forbidden = failing(403, lambda target: target.startswith("/api"), b'{"detail":"Forbidden"}')
    async with serve(forbidden(app(company(), users={"gateway": PASSWORD}))) as served:
        client = SourceClient("prod", served.url, {"": AirflowToken("gateway", PASSWORD)})
        (found,) = await Airflow(SourceProfile("prod", ""), client).pipelines_by_name(["a"], None, NOTHING)
        assert isinstance(found, SourceForbidden)
        assert len(served.calls) == 2
        await client.aclose()


async def test_asks_once_with_a_wrong_password_however_many_wait() -> None:
    async with guarded("wrong") as at:
        found = await asyncio.gather(*(at.airflow.pipelines_by_name([name], None, NOTHING) for name in "abab"))
        errors = [items[0] for items in found]
        assert all(isinstance(error, SourceAuthFailed) for error in errors)
        assert len(set(map(id, errors))) == 4
        assert "wrong" not in str(errors[0])
        assert (at.tokens(), at.others()) == (1, 0)


async def test_recovers_when_the_token_service_does() -> None:
    async with guarded() as at:
        at.failures += [502, 502, 404]
        (first,) = await at.airflow.pipelines_by_name(["a"], None, NOTHING)
        (second,) = await at.airflow.pipelines_by_name(["a"], None, NOTHING)
        assert isinstance(first, SourceUnavailable)
        assert isinstance(second, SourceBadResponse)
        assert names(await at.airflow.pipelines_by_name(["a"], None, NOTHING)) == ["a"]


async def test_lets_the_next_fetch_the_token_when_the_first_leaves() -> None:
    async with guarded() as at:
        first = asyncio.ensure_future(at.airflow.pipelines_by_name(["a"], None, NOTHING))
        second = asyncio.ensure_future(at.airflow.pipelines_by_name(["b"], None, NOTHING))
        await asyncio.sleep(0)
        first.cancel()
        assert names(await second) == ["b"]
        assert first.cancelled()
