"""The demo's Airflow answers as 3.3.2 does; what is asserted here was seen on a real one."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from gateway.demo.airflow import app
from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Orchestrator, Task, TaskRun
from gateway.demo.server import serve

pytestmark = pytest.mark.asyncio(loop_scope="module")

API = "/api/v2"
DAY_MS = 86_400_000
START_MS = 1_775_012_400_000  # 2026-04-01T03:00:00Z
FEATURES, MODEL = "s3://lake/features/churn", "mlflow://studio/models/embedding"
Names = list[str]


def night(number: int) -> str:
    return f"scheduled__2026-04-{number + 1:02}T03:00:00+00:00"


def nightly(dag_id: str, number: int, state: str = "success") -> DagRun:
    at = START_MS + number * DAY_MS
    started = None if state == "queued" else at + 500
    ended = at + 60_000 if state == "success" else None
    tasks = (
        TaskRun("prepare", "success", at + 500, at + 9_000),
        TaskRun("train", "failed", at + 9_000, at + 60_000, 2),
        TaskRun("publish", None, None, None, 0),
    )
    conf: dict[str, object] = {"night": number}
    return DagRun(dag_id, night(number), state, "scheduled", at, started, ended, conf, tasks if started else ())


def orchestrator() -> Orchestrator:
    trainers = ("Train_A", "train.z", "train_a", "train_a_extra", "train_b")
    dags = [
        Dag(name, START_MS, f"Trains {name}", (f"team-{name[-1]}",), ("ml", f"model:{name}"), "0 3 * * *")
        for name in trainers
    ]
    dags.append(Dag("make_features", START_MS, tasks=(Task("build"),), paused=True))
    dags.append(Dag("scored", START_MS))
    runs = [nightly(name, number) for number in range(25) for name in trainers]
    runs.append(nightly("train_a", 25, "queued"))
    runs += [
        DagRun("train_a", name, "success", "manual", START_MS - 1, None, None) for name in ("run_9", "run_9z", "run_")
    ]
    runs.append(DagRun("scored", "asset_triggered__1", "running", "asset_triggered", START_MS, START_MS, None))
    assets = (
        Asset(FEATURES, "features/churn", producers=(("make_features", "build"),), consumers=(("train_a", "prepare"),)),
        Asset(MODEL, "studio-embedding", producers=(("train_a", "train"),), scheduled=("scored",)),
        Asset("s3://lake/features/churn_v2", "features/churn_v2"),
    )
    fed = ("scored", "asset_triggered__1")
    events = (
        AssetEvent(MODEL, START_MS - 5, "train_a", "train", night(0), {"model_version": "7"}, (fed,)),
        AssetEvent(MODEL, START_MS - 2, "train_a", "train", night(1), {}, (fed,)),
        AssetEvent(
            FEATURES,
            START_MS,
            "make_features",
            "build",
            "manual__1",
            {},
            (("train_a", night(25)), ("train_a", night(2))),
        ),
    )
    return Orchestrator("prod", tuple(dags), tuple(runs), assets, events)


@dataclass
class Asking:
    url: str
    session: aiohttp.ClientSession
    token: str | None = None

    async def __call__(self, target: str, body: object = None, **query: Any) -> tuple[int, Any]:
        """GET, or POST where there is a body (text is sent as it stands); the status and the parsed body."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = None if body is None else body.encode() if isinstance(body, str) else msgspec.json.encode(body)
        headers |= {"Content-Type": "application/json"} if data is not None else {}
        url = f"{self.url}{target}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        async with self.session.request("GET" if data is None else "POST", url, headers=headers, data=data) as response:
            text = await response.text()
            is_json = response.headers["content-type"] == "application/json"
            return response.status, msgspec.json.decode(text) if is_json else text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask() -> AsyncIterator[Asking]:
    async with serve(app(orchestrator())) as served, aiohttp.ClientSession() as session:
        yield Asking(served.url + API, session)


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def dag_ids(answer: tuple[int, Any]) -> Names:
    assert answer[0] == 200
    return [row["dag_id"] for row in answer[1]["dags"]]


def run_keys(answer: tuple[int, Any]) -> list[tuple[str, str]]:
    assert answer[0] == 200
    return [(row["dag_id"], row["dag_run_id"]) for row in answer[1]["dag_runs"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"dag_id_prefix_pattern": "train_a"}, ["train_a", "train_a_extra"]),
        # Trailing characters that are no letter or digit are dropped.
        ({"dag_id_prefix_pattern": "train_"}, ["train.z", "train_a", "train_a_extra", "train_b"]),
        # The last letter cannot be raised beyond z, so the range ends later than the prefix.
        ({"dag_id_prefix_pattern": "train.z"}, ["train.z", "train_a", "train_a_extra", "train_b"]),
        ({"dag_id_prefix_pattern": "train_a|Train"}, ["Train_A", "train_a", "train_a_extra"]),
        ({"dag_id_prefix_pattern": " make | scor"}, ["make_features", "scored"]),
        ({"dag_id_pattern": "train_a"}, ["Train_A", "train_a", "train_a_extra"]),
        ({"dag_id_pattern": "RAIN.A|features"}, ["make_features"]),
        ({"dag_id_pattern": "train%extra"}, ["train_a_extra"]),
        ({"tags": ["model:train_a", "model:train_b"]}, ["train_a", "train_b"]),
        ({"tags": ["ml", "model:train_b"], "tags_match_mode": "all"}, ["train_b"]),
        ({"tags": "ML"}, []),
        ({"owners": ["TEAM-b", "airflow"]}, ["make_features", "scored", "train_b"]),
        ({"paused": "true"}, ["make_features"]),
        ({"last_dag_run_state": "running"}, ["scored"]),
        ({"asset_dependency": "studio-embedding"}, ["scored"]),
        ({"order_by": "-dag_id", "limit": 2, "offset": 1}, ["train_a_extra", "train_a"]),
    ],
)
async def test_filters_the_dags_as_asked(ask: Asking, query: dict[str, Any], found: Names) -> None:
    assert dag_ids(await ask("/dags", **query)) == found


async def test_lists_the_tags_of_all_dags_by_name(ask: Asking) -> None:
    every = ["ml", "model:Train_A", "model:train.z", "model:train_a", "model:train_a_extra", "model:train_b"]
    assert await ask("/dagTags") == (200, {"tags": every, "total_entries": 6})
    found = {"tags": ["model:train_b"], "total_entries": 1}
    assert await ask("/dagTags", tag_name_pattern="N_B", limit=3) == (200, found)


@pytest.mark.parametrize(
    "query",
    [
        {"dag_ids": "train_a"},
        {"dag_id_prefix_pattern": "~"},
        {"dag_id_prefix_pattern": ""},
        {"dag_id_prefix_pattern": "__"},
        {"dag_id_prefix_pattern": "|"},
        {"dag_id_pattern": "~"},
    ],
)
async def test_answers_everything_for_an_unknown_parameter_and_for_an_empty_pattern(
    ask: Asking, query: dict[str, Any]
) -> None:
    assert len(dag_ids(await ask("/dags", **query))) == 7


@pytest.mark.parametrize(
    ("version", "prefix", "piped"),
    [("3.1.8", 7, 0), ("3.2.0", 7, 2), ("3.3.2", 2, 2)],
)
async def test_knows_bars_since_3_2_and_prefixes_since_3_3(version: str, prefix: int, piped: int) -> None:
    async with serve(app(orchestrator(), version=version)) as served, aiohttp.ClientSession() as session:
        ask = Asking(served.url + API, session)
        assert (await ask("/version"))[1] == {"version": version, "git_version": None}
        assert len(dag_ids(await ask("/dags", dag_id_prefix_pattern="train_a"))) == prefix
        assert len(dag_ids(await ask("/dags", dag_id_pattern="scored|make"))) == piped


async def test_cuts_a_limit_over_100_without_a_word_but_not_the_limit_of_a_body(ask: Asking) -> None:
    _, listed = await ask("/dags/~/dagRuns", limit=1000)
    _, posted = await ask("/dags/~/dagRuns/list", {"page_limit": 1000})
    assert (len(listed["dag_runs"]), listed["total_entries"]) == (100, 130)
    assert (len(posted["dag_runs"]), posted["total_entries"]) == (130, 130)


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("run_9", ["run_9", "run_9z"]),
        ("run_9z", ["run_9z"]),
        ("run_", ["run_9", "run_9z", "run_"]),
        ("nothing", []),
    ],
)
async def test_finds_runs_by_prefix(ask: Asking, prefix: str, found: Names) -> None:
    keys = run_keys(await ask("/dags/train_a/dagRuns", run_id_prefix_pattern=prefix))
    assert [run_id for _, run_id in keys] == found


async def test_answers_the_cross_product_of_run_and_dag_patterns(ask: Asking) -> None:
    asked = {"run_id_prefix_pattern": f"{night(1)}|{night(2)}", "dag_id_prefix_pattern": "train_b|Train"}
    keys = run_keys(await ask("/dags/~/dagRuns", **asked))
    assert keys == [("Train_A", night(1)), ("train_b", night(1)), ("Train_A", night(2)), ("train_b", night(2))]


async def test_filters_and_orders_runs(ask: Asking) -> None:
    newest = run_keys(await ask("/dags/train_a/dagRuns", order_by="-run_after", limit=2))
    assert newest == [("train_a", night(25)), ("train_a", night(24))]
    waiting = run_keys(await ask("/dags/~/dagRuns", state=["queued", "running"]))
    assert waiting == [("train_a", night(25)), ("scored", "asset_triggered__1")]
    late = run_keys(await ask("/dags/train_b/dagRuns", run_after_gte="2026-04-24T03:00:00.000Z"))
    assert late == [("train_b", night(23)), ("train_b", night(24))]
    never_started = run_keys(await ask("/dags/train_a/dagRuns", order_by="start_date", limit=1))
    assert never_started == [("train_a", night(25))]
    assert run_keys(await ask("/dags/~/dagRuns", conf_contains='"night":24')) == [
        (name, night(24)) for name in ("Train_A", "train.z", "train_a", "train_a_extra", "train_b")
    ]


async def test_takes_an_empty_list_of_dag_ids_for_all(ask: Asking) -> None:
    assert (await ask("/dags/~/dagRuns/list", {"dag_ids": []}))[1]["total_entries"] == 130
    assert (await ask("/dags/~/dagRuns/list", {"dag_ids": ["none"]}))[1]["total_entries"] == 0
    body = {"dag_ids": ["train_a", "train_b"], "order_by": "-run_after", "page_limit": 2, "states": ["success"]}
    assert run_keys(await ask("/dags/~/dagRuns/list", body)) == [("train_b", night(24)), ("train_a", night(24))]


async def test_lists_the_tasks_of_a_run(ask: Asking) -> None:
    address = f"/dags/train_a/dagRuns/{night(1).replace('+', '%2B')}/taskInstances"
    _, all_of_them = await ask(address, order_by="start_date")
    assert [row["task_id"] for row in all_of_them["task_instances"]] == ["publish", "prepare", "train"]
    _, some = await ask(address, state=["failed", "none"])
    assert [(row["task_id"], row["state"], row["try_number"]) for row in some["task_instances"]] == [
        ("train", "failed", 2),
        ("publish", None, 0),
    ]
    _, every_run = await ask("/dags/train_a/dagRuns/~/taskInstances", limit=1)
    assert every_run["total_entries"] == 75
    body = {"dag_ids": ["train_a", "train_b"], "dag_run_ids": [night(3)], "task_ids": ["train"]}
    _, batch = await ask("/dags/~/dagRuns/~/taskInstances/list", body)
    assert [row["dag_id"] for row in batch["task_instances"]] == ["train_a", "train_b"]


async def test_answers_assets_in_both_directions(ask: Asking) -> None:
    _, answer = await ask("/assets", dag_ids=["train_a", "none"])
    features, model = answer["assets"]
    assert [row["task_id"] for row in features["consuming_tasks"]] == ["prepare"]
    assert [row["dag_id"] for row in features["producing_tasks"]] == ["make_features"]
    assert [row["dag_id"] for row in model["scheduled_dags"]] == ["scored"]
    assert model["last_asset_event"] == {"id": 2, "timestamp": "2026-04-01T02:59:59.998000Z"}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({"dag_ids": "make_features,scored"}, [1, 2]),
        ({"uri_pattern": "S3://lake|models/embeddin_"}, [1, 2, 3]),
        ({"uri_prefix_pattern": FEATURES}, [1, 3]),
        ({"uri_prefix_pattern": "S3"}, []),
        ({"name_pattern": "STUDIO", "order_by": "-uri"}, [2]),
        ({"order_by": "-uri", "limit": 1}, [3]),
    ],
)
async def test_filters_the_assets(ask: Asking, query: dict[str, Any], numbers: list[int]) -> None:
    assert [row["id"] for row in (await ask("/assets", **query))[1]["assets"]] == numbers


async def test_tells_which_events_fed_a_run_and_which_one_triggered_it(ask: Asking) -> None:
    _, answer = await ask("/dags/scored/dagRuns/asset_triggered__1/upstreamAssetEvents")
    assert [
        (row["source_run_id"], row["extra"], [run["triggering"] for run in row["created_dagruns"]])
        for row in answer["asset_events"]
    ] == [(night(0), {"model_version": "7"}, [False]), (night(1), {}, [True])]
    _, events = await ask("/assets/events", source_dag_id="train_a", order_by="-timestamp", asset_id=[1, 2])
    assert [row["source_run_id"] for row in events["asset_events"]] == [night(1), night(0)]


async def test_fails_on_events_while_a_run_they_fed_has_not_started(ask: Asking) -> None:
    """3.3.2's row model wants a start date of every run an event fed; the sibling that did start suffers with it."""
    address = f"/dags/train_a/dagRuns/{night(2).replace('+', '%2B')}/upstreamAssetEvents"
    assert await ask(address) == (500, "Internal Server Error")


@pytest.mark.parametrize(
    ("target", "status", "detail"),
    [
        ("/dags/none", 404, "The Dag with ID: `none` was not found"),
        ("/dags/~", 404, "The Dag with ID: `~` was not found"),
        ("/dags/none/dagRuns", 404, "The Dag with ID: `none` was not found"),
        ("/dags/none/dagRuns/x", 404, "The DagRun with dag_id: `none` and run_id: `x` was not found"),
        ("/dags/train_a/dagRuns/x/taskInstances", 404, "DagRun with dag_id: `train_a` and run_id: `x` was not found"),
        ("/dags/~/dagRuns/x/taskInstances", 400, "dag_id is required when dag_run_id is specified"),
        ("/dags?order_by=x", 400, "Ordering with 'x' is disallowed or the attribute does not exist on the model"),
        (
            "/dags/~/dagRuns?state=x",
            422,
            "Invalid value for state. Valid values are queued, running, success, failed",
        ),
    ],
)
async def test_refuses_in_its_own_words(ask: Asking, target: str, status: int, detail: str) -> None:
    assert await ask(target) == (status, {"detail": detail})


@pytest.mark.parametrize(
    ("target", "body", "faults"),
    [
        ("/dags?limit=x&offset=-1", None, [("int_parsing", "limit"), ("greater_than_equal", "offset")]),
        ("/dags?paused=perhaps", None, [("bool_parsing", "paused")]),
        ("/dags?tags_match_mode=x", None, [("literal_error", "tags_match_mode")]),
        ("/dags/~/dagRuns?start_date_gte=x", None, [("datetime_from_date_parsing", "start_date_gte")]),
        ("/dags/~/dagRuns/list", {"dag_run_ids": ["x"]}, [("extra_forbidden", "dag_run_ids")]),
        ("/dags/train_a/dagRuns/list", {}, [("literal_error", "dag_id")]),
        ("/dags/~/dagRuns/list", "x", [("json_invalid", 0)]),
        ("/dags/~/dagRuns/list", "", [("missing", "body")]),
    ],
)
async def test_lists_the_faults_of_a_request(
    ask: Asking, target: str, body: object, faults: list[tuple[str, str | int]]
) -> None:
    status, answer = await ask(target, body)
    assert status == 422
    assert [(fault["type"], fault["loc"][-1]) for fault in answer["detail"]] == faults


async def test_answers_unknown_addresses_with_an_error_below_the_api_and_with_a_page_elsewhere(ask: Asking) -> None:
    assert await ask("/nothing") == (404, {"error": "API route not found"})
    assert await ask("/dags/train_a/dagRuns/a%2Fb") == (404, {"error": "API route not found"})
    assert await ask("/dags/train_a", {}) == (405, {"detail": "Method Not Allowed"})
    elsewhere = Asking(ask.url.removesuffix(API), ask.session)
    status, page = await elsewhere("/somewhere")
    assert (status, page[:15]) == (200, "<!doctype html>")


async def test_answers_rows_with_every_field_the_api_document_requires(ask: Asking) -> None:
    _, dag = await ask("/dags/train_a")
    _, details = await ask("/dags/train_a/details")
    _, runs = await ask("/dags/train_a/dagRuns", limit=1)
    assert dag["timetable_summary"] == "0 3 * * *"
    assert (await ask("/dags/make_features"))[1]["timetable_summary"] is None
    assert (await ask("/dags/scored"))[1]["timetable_summary"] == "Asset"
    assert details.keys() > dag.keys()
    assert len(dag) == 30
    assert len(runs["dag_runs"][0]) == 22
    assert runs["dag_runs"][0]["start_date"] == "2026-04-01T03:00:00.500000Z"
    assert runs["dag_runs"][0]["run_after"] == "2026-04-01T03:00:00Z"


@pytest_asyncio.fixture(loop_scope="module")
async def guarded() -> AsyncIterator[tuple[Callable[[str | None], Asking], Clock]]:
    clock = Clock()
    fake = app(orchestrator(), users={"gateway": "secret"}, token_lifetime_s=60, clock=clock)
    async with serve(fake) as served, aiohttp.ClientSession() as session:
        yield lambda token: Asking(served.url, session, token), clock


async def test_gives_a_token_that_ends(guarded: tuple[Callable[[str | None], Asking], Clock]) -> None:
    as_user, clock = guarded
    status, given = await as_user(None)("/auth/token", {"username": "gateway", "password": "secret"})
    assert (status, list(given)) == (201, ["access_token"])
    ask = as_user(given["access_token"])
    assert (await ask(f"{API}/dags"))[0] == 200
    clock.now += 60
    assert await ask(f"{API}/dags") == (401, {"detail": "Token Expired"})
    assert (await ask(f"{API}/version"))[0] == 200
    assert (await ask(f"{API}/monitor/health"))[0] == 200


async def test_tells_a_missing_token_from_a_bad_one(guarded: tuple[Callable[[str | None], Asking], Clock]) -> None:
    as_user, _ = guarded
    assert await as_user(None)(f"{API}/dags") == (401, {"detail": "Not authenticated"})
    for bad in ("x", "a.b.c"):
        assert await as_user(bad)(f"{API}/dags") == (403, {"detail": "Invalid JWT token"})


@pytest.mark.parametrize(
    ("login", "status"),
    [
        ({"username": "gateway", "password": "wrong"}, 401),
        ({"username": "", "password": ""}, 400),
        ({"username": "gateway"}, 422),
    ],
)
async def test_refuses_a_wrong_login(
    guarded: tuple[Callable[[str | None], Asking], Clock], login: object, status: int
) -> None:
    assert (await guarded[0](None)("/auth/token", login))[0] == status


async def test_gives_a_token_without_credentials_only_where_all_are_admins(
    ask: Asking, guarded: tuple[Callable[[str | None], Asking], Clock]
) -> None:
    open_to_all = Asking(ask.url.removesuffix(API), ask.session)
    assert (await open_to_all("/auth/token"))[0] == 201
    assert (await guarded[0](None)("/auth/token"))[0] == 403


async def test_is_built_quickly_for_a_large_company() -> None:
    dags = tuple(Dag(f"dag_{number:05}", START_MS) for number in range(5_000))
    runs = tuple(nightly(dag.dag_id, number) for dag in dags for number in range(10))
    started = time.perf_counter()
    app(Orchestrator("large", dags, runs, (), ()))
    assert time.perf_counter() - started < 2
