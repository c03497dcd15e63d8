"""The demo's MLflow answers as 3.17.2 does; what is asserted here was seen on a real one."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from gateway.demo.company import DatasetInput, Metric, Model, Registry, TrainingRun, Version
from gateway.demo.mlflow import app
from tests.gateway.asgi import Answer, get

API = "/api/2.0/mlflow"
NAMES = (
    *("alpha", "Beta", "beta", "it's", 'say "hi"', "both ' and \"", "back\\slash"),
    *("new\nline", "50%_off", "zoë", "🦊"),
)


def run(number: int, **more: Any) -> TrainingRun:
    given: dict[str, Any] = {
        "params": {"depth": str(number)},
        "metrics": {"auc": Metric(number / 10, 3, 1_763_900_000_000)},
        "tags": {"airflow.dag_id": f"dag{number}"},
        "datasets": (DatasetInput(f"d{number}", "9f", "s3", '{"uri": "s3://b/d"}'),),
    }
    started = 1_763_900_000_000 + number
    return TrainingRun(f"r{number}", "1", f"run {number}", "ann", "FINISHED", started, started + 5, **(given | more))


def registry() -> Registry:
    versions = tuple(Version(number, 100 + number, 200 + number, f"r{number}") for number in (1, 2, 3))
    rows = [Model(name, 10 + at, 20 + at, tags={"team": f"t{at % 2}"}) for at, name in enumerate(NAMES)]
    rows.append(
        Model(
            "ranker",
            1,
            2,
            "Orders the home page",
            {"team": "t1", "pipeline.uri": "airflow://prod/x"},
            {"champion": 2, "Challenger": 3},
            (*versions, Version(10, 110, 201, tags={"cell": "b"})),
        )
    )
    rows.append(Model("greeting", 1, 1, tags={"mlflow.prompt.is_prompt": "true"}))
    runs = (run(1), run(2, metrics={"auc": Metric(float("nan"), 0, 1), "loss": Metric(float("inf"), 0, 1)}), run(3))
    return Registry("studio", {"1": "home", "2": "empty"}, tuple(rows), runs)


@pytest.fixture(scope="module")
def mlflow() -> Starlette:
    return app(registry())


async def ask(server: Starlette, path: str, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
    return await get(server, f"{API}/{path}?{urlencode(query, doseq=True)}", headers)


async def names(server: Starlette, filter_text: str, path: str = "registered-models/search") -> list[str]:
    answer = await ask(server, path, filter=filter_text)
    assert answer.status == 200, answer.body
    rows = answer.json.get("registered_models") or answer.json.get("model_versions") or []
    return [f"{row['name']}/{row['version']}" if "version" in row else row["name"] for row in rows]


async def test_a_model_row_has_tags_aliases_and_its_highest_version_but_no_empty_keys(mlflow: Starlette) -> None:
    model = (await ask(mlflow, "registered-models/get", name="ranker")).json["registered_model"]
    assert model["aliases"] == [{"alias": "Challenger", "version": "3"}, {"alias": "champion", "version": "2"}]
    assert [version["version"] for version in model["latest_versions"]] == ["10"]
    assert "aliases" not in model["latest_versions"][0]
    plain = (await ask(mlflow, "registered-models/get", name="alpha")).json["registered_model"]
    assert set(plain) == {"name", "creation_timestamp", "last_updated_timestamp", "tags"}


async def test_only_single_reads_tell_a_versions_aliases(mlflow: Starlette) -> None:
    one = (await ask(mlflow, "model-versions/get", name="ranker", version="2")).json["model_version"]
    by_alias = (await ask(mlflow, "registered-models/alias", name="ranker", alias="champion")).json["model_version"]
    assert one == by_alias
    assert one["aliases"] == ["champion"]
    rows = (await ask(mlflow, "model-versions/search", filter="name = 'ranker'")).json["model_versions"]
    assert [row.get("aliases") for row in rows] == [None] * 4


@pytest.mark.parametrize(
    ("path", "query", "status", "code"),
    [
        ("registered-models/get", {"name": "nope"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("registered-models/get", {}, 400, "INVALID_PARAMETER_VALUE"),
        ("registered-models/get", {"name": "a/b"}, 400, "INVALID_PARAMETER_VALUE"),
        ("registered-models/alias", {"name": "nope", "alias": "champion"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("registered-models/alias", {"name": "ranker", "alias": "CHAMPION"}, 400, "INVALID_PARAMETER_VALUE"),
        ("model-versions/get", {"name": "ranker", "version": "9"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("model-versions/get", {"name": "ranker", "version": "x"}, 400, "INVALID_PARAMETER_VALUE"),
        ("runs/get", {"run_id": "r9"}, 404, "RESOURCE_DOES_NOT_EXIST"),
        ("runs/get", {}, 400, "INVALID_PARAMETER_VALUE"),
    ],
)
async def test_absent_things_and_absent_aliases_are_refused_differently(
    mlflow: Starlette, path: str, query: dict[str, Any], status: int, code: str
) -> None:
    answer = await ask(mlflow, path, **query)
    assert (answer.status, answer.json["error_code"]) == (status, code)


async def test_the_alias_latest_is_reserved_for_the_highest_version(mlflow: Starlette) -> None:
    answer = await ask(mlflow, "registered-models/alias", name="ranker", alias="Latest")
    assert answer.json["model_version"]["version"] == "10"


async def test_a_version_written_with_a_leading_zero_finds_the_version(mlflow: Starlette) -> None:
    answer = await ask(mlflow, "model-versions/get", name="ranker", version="02")
    assert answer.json["model_version"]["version"] == "2"


async def test_unknown_paths_and_methods_get_a_page_instead_of_json(mlflow: Starlette) -> None:
    missing = await ask(mlflow, "registered-models/list")
    wrong = await get(mlflow, f"{API}/registered-models/search", method="POST")
    assert (missing.status, wrong.status) == (404, 405)
    assert missing.headers["content-type"].startswith("text/html")
    assert wrong.headers["content-type"].startswith("text/html")


# ---------------------------------------------------------------- pages and orders


async def test_pages_follow_the_token_and_the_last_one_has_none(mlflow: Starlette) -> None:
    seen: list[str] = []
    query: dict[str, Any] = {"max_results": 5}
    while True:
        page = (await ask(mlflow, "registered-models/search", **query)).json
        seen += [row["name"] for row in page["registered_models"]]
        if "next_page_token" not in page:
            break
        query["page_token"] = page["next_page_token"]
    assert seen == sorted([*NAMES, "ranker"])


async def test_the_page_token_is_an_offset_that_may_be_made_up(mlflow: Starlette) -> None:
    token = base64.b64encode(b'{"offset": 9}').decode()
    page = (await ask(mlflow, "registered-models/search", max_results=1, page_token=token)).json
    assert page["registered_models"][0]["name"] == sorted([*NAMES, "ranker"])[9]
    beyond = base64.b64encode(b'{"offset": 99}').decode()
    assert (await ask(mlflow, "registered-models/search", page_token=beyond)).json == {}
    assert (await ask(mlflow, "registered-models/search", page_token="garbage")).status == 400


@pytest.mark.parametrize(
    ("path", "limit", "status"),
    [
        ("registered-models/search", 1000, 200),
        ("registered-models/search", 1001, 400),
        ("model-versions/search", 200_000, 200),
        ("model-versions/search", 200_001, 400),
        ("model-versions/search", 0, 400),
        ("experiments/search", 50_000, 200),
        ("experiments/search", 50_001, 400),
        ("experiments/search", "", 400),
    ],
)
async def test_page_sizes_are_limited(mlflow: Starlette, path: str, limit: object, status: int) -> None:
    assert (await ask(mlflow, path, max_results=limit)).status == status


async def test_the_experiment_search_refuses_to_go_without_a_page_size(mlflow: Starlette) -> None:
    assert (await ask(mlflow, "experiments/search")).status == 400
    groups = (await ask(mlflow, "experiments/search", max_results=10)).json["experiments"]
    assert {group["experiment_id"]: group["name"] for group in groups} == {"1": "home", "2": "empty"}


async def test_a_model_page_of_size_zero_leads_back_to_itself(mlflow: Starlette) -> None:
    page = (await ask(mlflow, "registered-models/search", max_results=0)).json
    assert page == {"next_page_token": base64.b64encode(b'{"offset": 0}').decode()}


@pytest.mark.parametrize(
    ("order", "first"),
    [("name DESC", "🦊"), ("timestamp DESC", "🦊"), ("last_updated_timestamp", "ranker"), ("name", "50%_off")],
)
async def test_models_come_in_the_order_asked_for(mlflow: Starlette, order: str, first: str) -> None:
    page = (await ask(mlflow, "registered-models/search", order_by=order, max_results=1)).json
    assert page["registered_models"][0]["name"] == first


@pytest.mark.parametrize("order", ["creation_timestamp", "size", "name SIDEWAYS", "name DESC twice"])
async def test_other_orders_are_refused(mlflow: Starlette, order: str) -> None:
    assert (await ask(mlflow, "registered-models/search", order_by=order)).status == 400


async def test_versions_come_last_touched_first_and_numbers_sort_as_numbers(mlflow: Starlette) -> None:
    assert await names(mlflow, "name = 'ranker'", "model-versions/search") == [
        "ranker/3",
        "ranker/2",
        "ranker/10",
        "ranker/1",
    ]
    rows = (await ask(mlflow, "model-versions/search", order_by="version_number DESC")).json["model_versions"]
    assert [row["version"] for row in rows] == ["10", "3", "2", "1"]


# ---------------------------------------------------------------- the filter language


@pytest.mark.parametrize("name", [name for name in NAMES if not ("'" in name and '"' in name)])
async def test_one_kind_of_quotes_writes_every_name_that_does_not_hold_both(mlflow: Starlette, name: str) -> None:
    quote = '"' if "'" in name else "'"
    assert await names(mlflow, f"name = {quote}{name}{quote}") == [name]


async def test_doubled_and_escaped_quotes_stay_in_the_value(mlflow: Starlette) -> None:
    assert await names(mlflow, "name = 'it''s'") == []
    assert await names(mlflow, r"name = 'it\'s'") == []


async def test_a_list_is_read_as_a_python_literal_so_backslashes_are_escapes_there(mlflow: Starlette) -> None:
    assert await names(mlflow, r"name IN ('back\slash')") == ["back\\slash"]  # `\s` is no escape and stays
    assert await names(mlflow, r"name IN ('new\nline')") == ["new\nline"]
    assert await names(mlflow, r"name = 'new\nline'") == []
    assert await names(mlflow, "name IN ('both \\' and \"')") == ["both ' and \""]


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("name IN ('beta', 'alpha','nope', 'alpha')", ["alpha", "beta"]),
        ("name IN (\"it's\",'zoë')", ["it's", "zoë"]),
        ("name LIKE 'b%' AND name != 'beta'", ["back\\slash", "both ' and \""]),
        ("name LIKE '_eta'", ["Beta", "beta"]),
        ("name LIKE '50\\%%'", []),
        ("name ilike 'BETA'", ["Beta", "beta"]),
        ("tags.team = 't1' AND name IN ('alpha','Beta')", ["Beta"]),
        ("tags.`pipeline.uri` = 'airflow://prod/x'", ["ranker"]),
        ("tags.\"pipeline.uri\" LIKE 'airflow://%'", ["ranker"]),
        ("tags.pipeline.uri = 'airflow://prod/x'", ["ranker"]),
        ("tags.nokey != 'x'", []),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", ["greeting"]),
        ("name = 'x' AND name = 'y'", []),
    ],
)
async def test_a_filter_finds(mlflow: Starlette, filter_text: str, found: list[str]) -> None:
    assert await names(mlflow, filter_text) == found


@pytest.mark.parametrize(
    ("filter_text", "message"),
    [
        ("name = 'a' OR name = 'b'", "Invalid clause(s) in filter string: OR"),
        ("name = 'alpha", "Invalid clause(s) in filter string: name, =, ', alpha"),
        ("name IN ()", "expected a non-empty list of string values, but got empty list"),
        ("name IN ('new\nline')", "but got ill-formed list"),
        ("name IN (1)", "got different type in list"),
        ("name RLIKE 'x'", "Invalid comparator for attribute: RLIKE"),
        ("name > 'x'", "Invalid comparator for attribute: >"),
        ("name = alpha", "is either not quoted"),
        ("tags.team IN ('t1')", "Expected a quoted string value for tag"),
        ("version = '1'", "Invalid clause(s) in filter string: version, =, '1'"),
        ("run_id = 'x'", "Invalid attribute key 'run_id'"),
        ("foo.bar = 'x'", "Invalid entity type 'foo'"),
        ("name = 'a'; name = 'b'", "multiple expression"),
    ],
)
async def test_a_filter_is_refused(mlflow: Starlette, filter_text: str, message: str) -> None:
    answer = await ask(mlflow, "registered-models/search", filter=filter_text)
    assert (answer.status, answer.json["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json["message"]


async def test_asking_for_absent_tags_breaks_the_registry_searches(mlflow: Starlette) -> None:
    answer = await ask(mlflow, "model-versions/search", filter="tags.cell IS NULL")
    assert answer.status == 500
    assert answer.headers["content-type"].startswith("text/html")


async def test_versions_are_found_by_run_tag_and_number(mlflow: Starlette) -> None:
    path = "model-versions/search"
    assert await names(mlflow, "run_id IN ('r1','r2')", path) == ["ranker/2", "ranker/1"]
    assert await names(mlflow, "run_id = ''", path) == ["ranker/10"]
    assert await names(mlflow, "tags.`cell` = 'b'", path) == ["ranker/10"]
    assert await names(mlflow, "version_number > 2 AND name = 'ranker'", path) == ["ranker/3", "ranker/10"]
    refused = await ask(mlflow, path, filter="version_number IN (1,3)")
    assert "Only ['name', 'run_id'] attributes support comparison with a list" in refused.json["message"]


async def test_before_3_17_a_list_of_names_is_refused_and_one_of_runs_is_not() -> None:
    old = app(registry(), version="3.16.0")
    for path in ("registered-models/search", "model-versions/search"):
        answer = await ask(old, path, filter="name IN ('alpha')")
        assert answer.status == 400
        assert (
            answer.json["message"]
            == "Only the 'run_id' attribute supports comparison with a list of quoted string values."
        )
    assert await names(old, "run_id IN ('r1','R2','3')", "model-versions/search") == ["ranker/1"]
    assert (await get(old, "/version")).body == b"3.16.0"


# ---------------------------------------------------------------- runs


async def search_runs(server: Starlette, body: dict[str, Any]) -> Answer:
    async def receive() -> Message:
        return {"type": "http.request", "body": msgspec.json.encode(body), "more_body": False}

    async def with_body(scope: Scope, _: Receive, send: Send) -> None:
        await server(scope, receive, send)

    return await get(with_body, f"{API}/runs/search", method="POST")


async def runs(server: Starlette, **body: Any) -> list[str]:
    answer = await search_runs(server, body)
    assert answer.status == 200, answer.body
    return [row["info"]["run_id"] for row in answer.json.get("runs", [])]


async def test_a_run_search_without_experiment_ids_finds_nothing_and_says_nothing(mlflow: Starlette) -> None:
    answer = await search_runs(mlflow, {})
    assert (answer.status, answer.json) == (200, {})
    assert await runs(mlflow, experiment_ids=[]) == []
    assert await runs(mlflow, experiment_ids=["2"]) == []


@pytest.mark.parametrize(
    ("filter_text", "found"),
    [
        ("", ["r3", "r2", "r1"]),
        ("attributes.run_id IN ('r1','r3','r9')", ["r3", "r1"]),
        ("tags.`airflow.dag_id` = 'dag2'", ["r2"]),
        ("params.depth != '1'", ["r3", "r2"]),
        ("metrics.auc > 0.2", ["r3"]),
        ("metrics.auc != 0.1", ["r3", "r2"]),
        ("dataset.name IN ('d1','d2')", ["r2", "r1"]),
        ("tags.nokey IS NULL AND start_time > 1763900000001", ["r3", "r2"]),
        ("tags.mlflow.runName = 'run 1'", ["r1"]),
    ],
)
async def test_runs_are_found(mlflow: Starlette, filter_text: str, found: list[str]) -> None:
    assert await runs(mlflow, experiment_ids=["1", "2"], filter=filter_text) == found


async def test_metrics_order_runs_with_what_is_not_a_number_last(mlflow: Starlette) -> None:
    assert await runs(mlflow, experiment_ids=["1"], order_by=["metrics.auc DESC"]) == ["r3", "r1", "r2"]
    assert await runs(mlflow, experiment_ids=["1"], order_by=["metrics.auc"]) == ["r1", "r3", "r2"]


async def test_a_run_row_is_the_whole_lineage_of_a_run(mlflow: Starlette) -> None:
    row = (await ask(mlflow, "runs/get", run_id="r1")).json["run"]
    assert row["info"]["status"] == "FINISHED"
    assert row["data"]["params"] == [{"key": "depth", "value": "1"}]
    assert {"key": "mlflow.runName", "value": "run 1"} in row["data"]["tags"]
    assert row["inputs"]["dataset_inputs"] == [
        {
            "tags": [{"key": "mlflow.data.context", "value": "training"}],
            "dataset": {"name": "d1", "digest": "9f", "source_type": "s3", "source": '{"uri": "s3://b/d"}'},
        }
    ]


async def test_a_metric_that_is_no_number_is_text_and_an_infinite_one_is_the_largest_number(mlflow: Starlette) -> None:
    row = (await ask(mlflow, "runs/get", run_id="r2")).json["run"]
    assert {metric["key"]: metric["value"] for metric in row["data"]["metrics"]} == {
        "auc": "NaN",
        "loss": 1.7976931348623157e308,
    }


async def test_before_3_17_a_list_of_runs_loses_ids_that_are_not_in_lower_case() -> None:
    rows = (run(1), TrainingRun("777", "1", "digits", "ann", "FINISHED", 1, 2))
    for version, found in (("3.16.0", ["r1"]), ("3.17.2", ["r1", "777"])):
        server = app(Registry("studio", {"1": "home"}, (), rows), version=version)
        assert await runs(server, experiment_ids=["1"], filter="run_id IN ('r1','777')") == found


# ---------------------------------------------------------------- access and size


async def test_basic_auth_takes_basic_only_and_leaves_the_health_check_open() -> None:
    guarded = app(registry(), auth=("ann", "secret"))
    right = "Basic " + base64.b64encode(b"ann:secret").decode()
    assert (await get(guarded, "/health")).status == 200
    assert (await get(guarded, "/version")).status == 401
    assert (await ask(guarded, "registered-models/get", {"authorization": right}, name="alpha")).status == 200
    for wrong in (None, "Basic YW5uOng=", "Bearer secret"):
        refused = await ask(guarded, "registered-models/get", {"authorization": wrong} if wrong else {}, name="alpha")
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == 'Basic realm="mlflow"'


async def test_fifty_thousand_models_are_served_without_scanning_for_each_name() -> None:
    rows = tuple(Model(f"model-{at:05d}", at, at, versions=(Version(1, at, at, f"r{at}"),)) for at in range(50_000))
    server = app(Registry("large", {"1": "all"}, rows, ()))
    await names(server, "name = 'model-00001'")
    started = time.process_time()
    for at in range(200):
        assert await names(server, f"name = 'model-{at:05d}'") == [f"model-{at:05d}"]
    assert time.process_time() - started < 1.0  # about 0.05 s; a scan for each would take over 5 s
