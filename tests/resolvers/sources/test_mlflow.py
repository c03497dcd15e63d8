"""The MLflow adapter against the demo's MLflow: what it answers, and by which calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.demo.company import DatasetInput, Metric, Model, Registry, TrainingRun, Version
from gateway.demo.mlflow import app
from gateway.demo.server import ServedApp, serve
from resolvers.errors import (
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceTooLarge,
    SourceUnavailable,
)
from resolvers.http import HttpLimits, SourceClient, StaticCredential
from resolvers.sources import NOTHING, ListArgs, Need, PageAsk, SourceProfile
from resolvers.sources.labels import LabelRules
from resolvers.sources.registry import AliasKey, ModelRegistry, TagKey, VersionKey
from resolvers.sources.registry.mlflow import Mlflow
from schema import model as schema
from schema.connection import IncompleteReason
from schema.identity import EntityKind

ODD = ("it's", 'say "hi"', "zoë", "a,b (c); --", "50%_off")
UNQUOTABLE = ("both ' and \"", "back\\slash", "new\nline")
ALIASES = frozenset({Need.ALIASES})
HIGHEST, MIDDLE, LOWEST = "3", "2", "1"


def run(number: int, **more: Any) -> TrainingRun:
    started = 1_763_900_000_000 + number * 1000
    given: dict[str, Any] = {"tags": {"airflow.dag_id": f"dag-{number % 5}", "mlflow.user": "ann"}} | more
    return TrainingRun(f"run{number:04d}", f"{number % 3}", f"fit {number}", "ann", "FINISHED", started, None, **given)


def model(name: str, first_run: int = 0, **more: Any) -> Model:
    versions = tuple(
        Version(
            number, 1_763_900_000_000, 1_763_900_000_000 + number, f"run{first_run + number:04d}", tags={"cell": name}
        )
        for number in (1, 2, 3)
    )
    given: dict[str, Any] = {"versions": versions, "aliases": {"champion": 3, "shadow": 1}} | more
    return Model(name, 1_763_000_000_000, 1_763_900_000_123, "", **given)


def registry() -> Registry:
    models = [model(f"model-{at:03d}", at * 3, tags={"owner": "ann@corp.example"}) for at in range(150)]
    models += [model(name, tags={"path": name}) for name in (*ODD, *UNQUOTABLE)]
    models += [Model("unborn", 1, 1), model("a-prompt", tags={"mlflow.prompt.is_prompt": "true"})]
    return Registry("studio", {"0": "a", "1": "b", "2": "c"}, tuple(models), tuple(run(at) for at in range(460)))


@dataclass
class Asked:
    """An adapter and the requests its calls made since they were last looked at."""

    mlflow: Mlflow
    served: ServedApp

    def calls(self) -> list[str]:
        paths = [
            f"{call.method} {urlsplit(call.target).path.removeprefix('/api/2.0/mlflow')}" for call in self.served.calls
        ]
        self.served.calls.clear()
        return paths

    def last_filter(self) -> str:
        call = self.served.calls[-1]
        if call.method == "POST":
            return str(msgspec.json.decode(call.body)["filter"])
        return parse_qs(urlsplit(call.target).query)["filter"][0]


@asynccontextmanager
async def asking(
    server: ASGIApp, *, limits: HttpLimits | None = None, header: str = "", **profile: Any
) -> AsyncIterator[Asked]:
    async with serve(server) as served:
        credentials = {"": StaticCredential({"Authorization": header} if header else {})}
        client = SourceClient("studio-mlflow", served.url, credentials, limits)
        mlflow = Mlflow(SourceProfile("studio-mlflow", "https://mlflow.example/ui/", **profile), client)
        try:
            yield Asked(mlflow, served)
        finally:
            await mlflow.aclose()


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with asking(app(registry()), labels=LabelRules(domain="studio")) as asked:
        yield asked


@pytest.fixture
async def old() -> AsyncIterator[Asked]:
    async with asking(app(registry(), version="3.16.0")) as asked:
        yield asked


def spoiled(server: ASGIApp, path: str, spoil: Callable[[dict[str, Any]], object]) -> ASGIApp:
    """The same server with the answers of one path changed on their way."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def collect(message: Message) -> None:
            nonlocal body
            body += message.get("body", b"")

        if not scope["path"].endswith(path):
            await server(scope, receive, send)
            return
        await server(scope, receive, collect)
        changed_body = spoil(msgspec.json.decode(body))
        sent = changed_body if isinstance(changed_body, bytes) else msgspec.json.encode(changed_body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": sent})

    return changed


def names(items: Sequence[object]) -> list[str | None]:
    """Keys of what was answered; None where there is nothing. An error fails the test."""
    read: list[str | None] = []
    for item in items:
        assert not isinstance(item, SourceError), item
        read.append(
            item.reference.key if isinstance(item, schema.Model | schema.ModelVersion | schema.TrainingRun) else None
        )
    return read


SEARCH, GET = "GET /registered-models/search", "GET /registered-models/get"
VERSIONS, VERSION = "GET /model-versions/search", "GET /model-versions/get"
RUNS, RUN, GROUPS = "POST /runs/search", "GET /runs/get", "GET /experiments/search"


# ---------------------------------------------------------------- models


async def test_one_model_is_one_get(asked: Asked) -> None:
    assert names(await asked.mlflow.models_by_name(["model-001"], None, NOTHING)) == ["model-001"]
    assert asked.calls() == [GET]


async def test_twenty_models_are_one_search_answered_in_the_order_asked(asked: Asked) -> None:
    keys = [f"model-{at:03d}" for at in range(20, 0, -1)]
    assert names(await asked.mlflow.models_by_name([*keys, "nobody"], None, NOTHING)) == [*keys, None]
    assert asked.last_filter().startswith("name IN ('model-020','model-019',")
    assert asked.calls() == [SEARCH]


async def test_a_hundred_and_fifty_models_are_two_searches(asked: Asked) -> None:
    keys = [f"model-{at:03d}" for at in range(150)]
    assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == keys
    assert asked.calls() == [SEARCH, SEARCH]


async def test_long_names_make_shorter_lists(asked: Asked) -> None:
    keys = [f"{'é' * 200}{at}" for at in range(20)]
    assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == [None] * 20
    assert max(len(call.target) for call in asked.served.calls) < 6500
    assert asked.calls() == [SEARCH] * 5


async def test_what_quotes_can_hold_goes_in_the_list_and_the_rest_is_read_singly(asked: Asked) -> None:
    keys = [*ODD, *UNQUOTABLE]
    assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == keys
    assert sorted(asked.calls()) == [GET, GET, GET, SEARCH]


async def test_names_mlflow_cannot_have_are_absent_without_a_call(asked: Asked) -> None:
    keys = ["", "a/b", "a:b", "nul\0", "half \ud800", "x" * 501]
    assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == [None] * 6
    assert asked.calls() == []


async def test_a_name_that_looks_like_a_filter_finds_only_itself(asked: Asked) -> None:
    keys = ["x' OR name LIKE '%", "model-001", 'x" AND name != "y', "x') OR name IN ('model-002"]
    assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == [None, "model-001", None, None]


async def test_a_prompt_is_no_model_however_it_is_read(asked: Asked) -> None:
    assert names(await asked.mlflow.models_by_name(["a-prompt"], None, NOTHING)) == [None]
    assert names(await asked.mlflow.models_by_name(["a-prompt", "model-001"], None, NOTHING)) == [None, "model-001"]


async def test_before_3_17_a_refused_list_is_read_singly_and_no_list_is_tried_again(old: Asked) -> None:
    keys = ["model-001", "nobody", "model-002"]
    assert names(await old.mlflow.models_by_name(keys, None, NOTHING)) == ["model-001", None, "model-002"]
    assert old.calls() == [SEARCH, GET, GET, GET]
    assert names(await old.mlflow.models_by_name(keys, None, NOTHING)) == ["model-001", None, "model-002"]
    assert old.calls() == [GET, GET, GET]
    found = await old.mlflow.versions_by_key(
        [VersionKey("model-001", "1"), VersionKey("model-002", "2")], None, ALIASES
    )
    assert names(found) == ["model-001/1", "model-002/2"]
    assert old.calls() == [VERSION, VERSION]


async def test_a_model_carries_its_labels_times_aliases_and_newest_version(asked: Asked) -> None:
    row = model("ranker", tags={"owner": "ann@corp.example", "mlflow.x": "y", "domain": "home"})
    async with asking(app(Registry("s", {}, (row,), ()))) as only:
        (read,) = await only.mlflow.models_by_name(["ranker"], None, NOTHING)
    assert isinstance(read, schema.Model)
    assert read.id == "mlg://model/studio-mlflow/ranker"
    assert read.reference.url == "https://mlflow.example/ui/#/models/ranker"
    assert read.description is None
    assert (read.created_at, read.updated_at) == ("2025-11-13T02:13:20.000Z", "2025-11-23T12:13:20.123Z")
    assert (read.labels, read.domain_name) == ([("owner", "ann@corp.example"), ("domain", "home")], "home")
    assert [owner.handle for owner in read.owned_by] == ["ann"]
    assert [(alias.alias, alias.version) for alias in read.version_aliases] == [("champion", "3"), ("shadow", "1")]
    assert read.newest is not None
    assert (read.newest.version, read.newest.aliases, read.newest.run_id) == ("3", ["champion"], "run0003")
    assert read.newest.registration_status is schema.ModelVersionStatus.READY


async def test_the_source_says_where_a_model_belongs_if_its_labels_do_not(asked: Asked) -> None:
    (unborn,) = await asked.mlflow.models_by_name(["unborn"], None, NOTHING)
    assert isinstance(unborn, schema.Model)
    assert (unborn.newest, unborn.domain_name, unborn.owned_by) == (None, "studio", [])


async def test_links_into_the_user_interface_are_made_without_a_call(asked: Asked) -> None:
    url = asked.mlflow.url
    assert url(EntityKind.MODEL, "a b") == "https://mlflow.example/ui/#/models/a%20b"
    assert url(EntityKind.MODEL_VERSION, "a b/3") == "https://mlflow.example/ui/#/models/a%20b/versions/3"
    assert url(EntityKind.TRAINING_RUN, "r1") == "https://mlflow.example/ui/#/runs/r1"
    assert url(EntityKind.PIPELINE, "x") is None


# ---------------------------------------------------------------- versions


def pairs(count: int, version: str) -> list[VersionKey]:
    return [VersionKey(f"model-{at:03d}", version) for at in range(count)]


async def test_one_version_is_one_get_and_has_its_aliases(asked: Asked) -> None:
    (read,) = await asked.mlflow.versions_by_key([VersionKey("model-001", "1")], None, ALIASES)
    assert isinstance(read, schema.ModelVersion)
    assert (read.name, read.version, read.aliases, read.model_name) == ("model-001", "1", ["shadow"], "model-001")
    assert (read.run_id, read.labels, read.domain_name) == ("run0004", [("cell", "model-001")], "studio")
    assert asked.calls() == [VERSION]


async def test_versions_of_many_models_are_one_search(asked: Asked) -> None:
    keys = pairs(20, MIDDLE)
    assert names(await asked.mlflow.versions_by_key(keys, None, NOTHING)) == [f"{key.name}/2" for key in keys]
    assert asked.last_filter().endswith(" AND version_number >= 2 AND version_number <= 2")
    assert asked.calls() == [VERSIONS]


async def test_highest_versions_with_aliases_are_in_the_rows_of_their_models(asked: Asked) -> None:
    read = await asked.mlflow.versions_by_key(pairs(20, HIGHEST), None, ALIASES)
    assert [item.aliases for item in read if isinstance(item, schema.ModelVersion)] == [["champion"]] * 20
    assert asked.calls() == [SEARCH]


async def test_lower_versions_with_aliases_are_two_calls(asked: Asked) -> None:
    keys = [*pairs(10, LOWEST), *pairs(5, HIGHEST), *pairs(3, MIDDLE), VersionKey("nobody", "1")]
    read = await asked.mlflow.versions_by_key(keys, None, ALIASES)
    assert names(read) == [*(f"{key.name}/{key.version}" for key in keys[:-1]), None]
    assert {tuple(item.aliases) for item in read[:10] if isinstance(item, schema.ModelVersion)} == {("shadow",)}
    assert asked.calls() == [SEARCH, VERSIONS]


async def test_versions_that_are_none_are_absent_without_a_call(asked: Asked) -> None:
    keys = [VersionKey("model-001", text) for text in ("", "0", "01", "x", "1.0", "-1", "²", "99999999999999999999")]
    assert names(await asked.mlflow.versions_by_key(keys, None, NOTHING)) == [None] * 8
    assert asked.calls() == []


async def test_several_versions_of_one_model_are_one_search_even_before_3_17(old: Asked) -> None:
    keys = [VersionKey("model-001", "1"), VersionKey("model-001", "3"), VersionKey("model-001", "9")]
    assert names(await old.mlflow.versions_by_key(keys, None, NOTHING)) == ["model-001/1", "model-001/3", None]
    assert old.calls() == [VERSIONS]


async def test_versions_of_models_no_quotes_can_hold_are_found(asked: Asked) -> None:
    for name in UNQUOTABLE:
        keys = [VersionKey(name, "1"), VersionKey(name, "2")]
        assert names(await asked.mlflow.versions_by_key(keys, None, NOTHING)) == [f"{name}/1", f"{name}/2"]
        assert asked.calls() == [VERSIONS]


async def test_an_alias_is_one_call(asked: Asked) -> None:
    assert names(await asked.mlflow.versions_by_alias([AliasKey("model-001", "shadow")], None, NOTHING)) == [
        "model-001/1"
    ]
    assert asked.calls() == ["GET /registered-models/alias"]


async def test_the_reserved_alias_latest_is_the_highest_version(asked: Asked) -> None:
    keys = [AliasKey("model-001", "latest"), AliasKey("model-002", "Latest"), AliasKey("unborn", "latest")]
    assert names(await asked.mlflow.versions_by_alias(keys[:1], None, NOTHING)) == ["model-001/3"]
    assert asked.calls() == [GET]
    assert names(await asked.mlflow.versions_by_alias(keys, None, NOTHING)) == ["model-001/3", "model-002/3", None]
    assert asked.calls() == [SEARCH]


@pytest.mark.parametrize("several", [False, True])
async def test_absent_models_and_absent_aliases_are_absent(asked: Asked, several: bool) -> None:
    for key in (AliasKey("model-001", "nope"), AliasKey("nobody", "champion"), AliasKey("model-001", "no such")):
        keys = [key, AliasKey("model-001", "shadow"), AliasKey("model-002", "latest")] if several else [key]
        expected = [None, "model-001/1", "model-002/3"] if several else [None]
        assert names(await asked.mlflow.versions_by_alias(keys, None, NOTHING)) == expected


async def test_aliases_of_many_models_are_one_call_where_they_point_to_the_highest(asked: Asked) -> None:
    keys = [AliasKey(f"model-{at:03d}", "champion") for at in range(30)]
    assert names(await asked.mlflow.versions_by_alias(keys, None, ALIASES)) == [f"{key.name}/3" for key in keys]
    assert asked.calls() == [SEARCH]
    keys = [AliasKey(f"model-{at:03d}", "shadow") for at in range(30)]
    read = await asked.mlflow.versions_by_alias(keys, None, ALIASES)
    assert [item.aliases for item in read if isinstance(item, schema.ModelVersion)] == [["shadow"]] * 30
    assert asked.calls() == [SEARCH, VERSIONS]


async def test_versions_by_training_run_are_one_call_for_a_hundred_runs(asked: Asked) -> None:
    keys = [f"run{at:04d}" for at in range(30, 130)]
    read = await asked.mlflow.versions_by_training_run([*keys, "no run!"], None, NOTHING)
    found = [item.items[0].reference.key for item in read[:-1] if not isinstance(item, SourceError)]
    assert found == [f"model-{(at - 1) // 3:03d}/{(at - 1) % 3 + 1}" for at in range(30, 130)]
    last = read[-1]
    assert not isinstance(last, SourceError)
    assert not last.items
    assert asked.calls() == [VERSIONS]


async def test_versions_by_training_run_get_aliases_from_their_models_where_needed(asked: Asked) -> None:
    (found,) = await asked.mlflow.versions_by_training_run(["run0300"], None, ALIASES)
    assert not isinstance(found, SourceError)
    assert [(version.version, version.aliases) for version in found.items] == [("3", ["champion"])]
    assert (found.scanned, found.reasons) == (1, frozenset())
    assert asked.calls() == [VERSIONS, GET]


async def test_before_3_17_runs_whose_ids_a_list_would_lose_are_asked_for_alone() -> None:
    rows = tuple(Version(at, 1, 1, run_id) for at, run_id in enumerate(("r1", "777", "R2"), start=1))
    async with asking(app(Registry("s", {}, (Model("m", 1, 1, versions=rows),), ()), version="3.16.0")) as asked:
        read = await asked.mlflow.versions_by_training_run(["r1", "777", "R2"], None, NOTHING)
        assert [names(item.items) for item in read if not isinstance(item, SourceError)] == [["m/1"], ["m/2"], ["m/3"]]
        assert asked.calls() == [VERSIONS] * 3


# ---------------------------------------------------------------- tags


async def found_names(asked: Asked, *keys: TagKey) -> list[list[str]]:
    found = await asked.mlflow.versions_by_tag(keys, None, NOTHING)
    return [sorted(row.reference.key for row in item.items) for item in found if not isinstance(item, SourceError)]


async def test_a_tag_is_one_search(asked: Asked) -> None:
    assert await found_names(asked, TagKey("cell", "model-001")) == [["model-001/1", "model-001/2", "model-001/3"]]
    assert asked.calls() == [VERSIONS]


async def test_several_values_of_a_tag_are_one_search_where_their_beginning_has_few_rows(asked: Asked) -> None:
    keys = [TagKey("cell", f"model-{at:03d}") for at in range(20, 26)]
    found = await found_names(asked, *keys)
    assert [len(versions) for versions in found] == [3] * 6
    assert asked.last_filter() == "tags.`cell` LIKE 'model-02%'"
    assert asked.calls() == [VERSIONS]


async def test_several_values_of_a_tag_are_asked_one_by_one_where_the_pattern_finds_too_many() -> None:
    many = tuple(
        Version(number, 1, number, f"r{number}", tags={"cell": f"home-{number % 2000}"}) for number in range(1, 2001)
    )
    async with asking(app(Registry("s", {}, (Model("m", 1, 1, versions=many),), ()))) as asked:
        assert await found_names(asked, *(TagKey("cell", f"home-{at}") for at in range(1, 6))) == [
            [f"m/{at}"] for at in range(1, 6)
        ]
        assert asked.calls() == [VERSIONS] * 6


async def test_a_part_of_a_tag_is_found_and_wildcards_in_it_are_not(asked: Asked) -> None:
    assert await found_names(asked, TagKey("cell", "el-14", contains=True)) == [
        sorted(f"model-{at}/{version}" for at in range(140, 150) for version in (1, 2, 3))
    ]
    assert await found_names(asked, TagKey("cell", "model_001", contains=True), TagKey("cell", "m%1")) == [[], []]


async def test_several_parts_of_a_tag_are_one_search_of_its_rows_where_these_are_one_page(asked: Asked) -> None:
    keys = [TagKey("cell", f"odel-{at:03d}", contains=True) for at in range(20, 25)]
    assert [len(versions) for versions in await found_names(asked, *keys)] == [3] * 5
    assert asked.last_filter() == "tags.`cell` LIKE '%'"
    assert asked.calls() == [VERSIONS]


async def test_several_parts_of_a_tag_are_asked_one_by_one_where_its_rows_are_more_than_a_page() -> None:
    many = tuple(Version(number, 1, number, f"r{number}", tags={"cell": f"home-{number}"}) for number in range(1, 1201))
    async with asking(app(Registry("s", {}, (Model("m", 1, 1, versions=many),), ()))) as asked:
        keys = [TagKey("cell", f"home-{at}0", contains=True) for at in range(111, 115)]
        assert await found_names(asked, *keys) == [[f"m/{at}0"] for at in range(111, 115)]
        assert asked.calls() == [VERSIONS] * 5


@pytest.mark.parametrize("value", [*ODD, *UNQUOTABLE])
async def test_a_tag_whose_value_has_quotes_is_found(asked: Asked, value: str) -> None:
    assert await found_names(asked, TagKey("cell", value)) == [[f"{value}/1", f"{value}/2", f"{value}/3"]]


async def test_keys_no_tag_can_have_are_never_sent(asked: Asked) -> None:
    assert await found_names(asked, TagKey("a`b", "x"), TagKey("", "x"), TagKey("cell", "\ud800")) == [[], [], []]
    assert asked.calls() == []


async def test_a_walk_that_reaches_its_bound_says_so() -> None:
    async with asking(app(registry()), scan_rows=2) as asked:
        (found,) = await asked.mlflow.versions_by_tag([TagKey("cell", "model-001")], None, NOTHING)
    assert not isinstance(found, SourceError)
    assert (len(found.items), found.scanned, found.reasons) == (2, 2, frozenset({IncompleteReason.SCAN_LIMIT}))


async def test_training_runs_are_found_by_tag_newest_first(asked: Asked) -> None:
    keys = [TagKey("airflow.dag_id", "dag-1"), TagKey("airflow.dag_id", "dag-9")]
    some, none = await asked.mlflow.training_runs_by_tag(keys, None, NOTHING)
    assert not isinstance(some, SourceError)
    assert not isinstance(none, SourceError)
    assert [run.reference.key for run in some.items][:2] == ["run0456", "run0451"]
    assert (len(some.items), len(none.items)) == (92, 0)
    assert sorted(asked.calls()) == [GROUPS, RUNS, RUNS]


# ---------------------------------------------------------------- training runs


async def test_one_or_two_runs_are_single_gets(asked: Asked) -> None:
    assert names(await asked.mlflow.training_runs_by_id(["run0001", "nope"], None, NOTHING)) == ["run0001", None]
    assert asked.calls() == [RUN, RUN]


async def test_many_runs_are_the_experiment_ids_and_a_search_for_each_hundred(asked: Asked) -> None:
    keys = [f"run{at:04d}" for at in range(150, 0, -1)]
    assert names(await asked.mlflow.training_runs_by_id(keys, None, NOTHING)) == keys
    assert asked.calls() == [GROUPS, RUNS, RUNS]


async def test_a_run_of_an_experiment_that_was_not_listed_is_asked_for_once_more() -> None:
    listed = spoiled(app(registry()), "/experiments/search", lambda page: {"experiments": page["experiments"][:2]})
    async with asking(listed) as asked:
        keys = [f"run{at:04d}" for at in range(6)]
        assert names(await asked.mlflow.training_runs_by_id([*keys, "not a run"], None, NOTHING)) == [*keys, None]
        assert asked.calls() == [GROUPS, RUNS, RUN, RUN]


async def test_a_run_has_its_parameters_metrics_datasets_and_features() -> None:
    columns = '{"mlflow_colspec": [{"type": "double", "name": "age"}, {"type": {"x": 1}, "name": "city"}]}'
    inputs = '[{"name": "age", "type": "double"}, {"type": "tensor"}]'
    history = msgspec.json.encode([{"signature": {"inputs": inputs}}, {"signature": None}, {}]).decode()
    trained = run(
        1,
        params={"depth": "6"},
        metrics={
            "auc": Metric(0.9, 3, 1_763_900_000_000),
            "a": Metric(float("nan"), 0, 1),
            "b": Metric(float("inf"), 0, 1),
        },
        tags={"mlflow.log-model.history": history, "team": "home"},
        datasets=(
            DatasetInput("users", "9f", "s3", '{"uri": "s3a://Lake/users/"}', columns),
            DatasetInput("users", "9f", "s3", '{"uri": "s3://lake/users"}', "not json", "validation"),
            DatasetInput("local", "7a", "local", "{}"),
        ),
    )
    async with asking(app(Registry("s", {"1": "a"}, (), (trained,)))) as asked:
        (read,) = await asked.mlflow.training_runs_by_id(["run0001"], None, NOTHING)
    assert isinstance(read, schema.TrainingRun)
    assert (read.started_at, read.ended_at, read.source_status) == ("2025-11-23T12:13:21.000Z", None, "FINISHED")
    assert read.all_params == [("depth", "6")]
    assert [(metric.key, metric.value, metric.step) for metric in read.all_metrics] == [
        ("auc", 0.9, 3),
        ("a", None, 0),
        ("b", None, 0),
    ]
    assert read.labels == {"mlflow.log-model.history": history, "team": "home", "mlflow.runName": "fit 1"}
    assert [(dataset.reference.key, dataset.digest) for dataset in read.datasets] == [
        ("s3://lake/users", "9f"),
        ("local", "7a"),
    ]
    assert [(feature.name, feature.data_type, by) for feature, by in read.features] == [
        ("users:age", "double", "dataset users"),
        ("users:city", None, "dataset users"),
        ("age", "double", "signature"),
    ]


async def test_an_answer_that_is_too_large_is_asked_for_in_halves() -> None:
    wide = DatasetInput("d", "9f", "s3", "{}", "x" * 40_000)
    runs = tuple(run(at, datasets=(wide,)) for at in range(8))
    server = app(Registry("s", {"0": "a", "1": "b", "2": "c"}, (), runs))
    async with asking(server, limits=HttpLimits(response_bytes=200_000)) as asked:
        keys = [run.run_id for run in runs]
        assert names(await asked.mlflow.training_runs_by_id(keys, None, NOTHING)) == keys
        assert asked.calls() == [GROUPS, RUNS, RUNS, RUNS]
    async with asking(server, limits=HttpLimits(response_bytes=20_000)) as asked:
        read = await asked.mlflow.training_runs_by_id(keys, None, NOTHING)
        assert {type(item) for item in read} == {SourceTooLarge}


# ---------------------------------------------------------------- lists


async def test_a_page_of_models_is_one_call_wherever_it_begins(asked: Asked) -> None:
    first, later = await asked.mlflow.models([PageAsk(0, 3), PageAsk(100, 2)], ListArgs(), NOTHING)
    assert not isinstance(first, SourceError)
    assert not isinstance(later, SourceError)
    assert names(first.rows) == sorted([*ODD, *UNQUOTABLE, "model-000"])[:3]
    everything = sorted([*ODD, *UNQUOTABLE, "unborn", *(f"model-{at:03d}" for at in range(150))])
    assert names(later.rows) == everything[100:102]
    assert (first.more, later.more, first.total) == (True, True, None)
    (last,) = await asked.mlflow.models([PageAsk(len(everything) - 2, 10)], ListArgs(), NOTHING)
    assert not isinstance(last, SourceError)
    assert (names(last.rows), last.more) == (everything[-2:], False)
    assert asked.calls() == [SEARCH] * 3


async def test_a_bad_row_is_an_error_in_its_place() -> None:
    def spoil(page: dict[str, Any]) -> object:
        page["registered_models"][1]["creation_timestamp"] = "yesterday"
        page["registered_models"][2]["last_updated_timestamp"] = 10**17
        return page

    async with asking(spoiled(app(registry()), "/registered-models/search", spoil)) as asked:
        (page,) = await asked.mlflow.models([PageAsk(0, 4)], ListArgs(), NOTHING)
        keyed = await asked.mlflow.models_by_name(["model-000", "model-001", "model-002", "nobody"], None, NOTHING)
    assert not isinstance(page, SourceError)
    assert [isinstance(row, SourceBadResponse) for row in page.rows] == [False, True, True, False]
    assert [type(item) for item in keyed] == [schema.Model, SourceBadResponse, SourceBadResponse, type(None)]


async def versions(asked: Asked, keys: Sequence[str], ask: PageAsk, needs: frozenset[Need] = NOTHING) -> list[Any]:
    pages = await asked.mlflow.versions(keys, ask, needs)
    return [
        page if isinstance(page, SourceError) else (names(page.rows), page.more, page.total) for page in pages
    ]  # fmt: skip


async def test_a_page_of_versions_is_one_call_highest_first(asked: Asked) -> None:
    assert await versions(asked, ["model-001"], PageAsk(0, 2)) == [(["model-001/3", "model-001/2"], True, None)]
    assert await versions(asked, ["model-001"], PageAsk(2, 2)) == [(["model-001/1"], False, 3)]
    assert await versions(asked, ["nobody"], PageAsk(0, 2)) == [([], False, 0)]
    assert asked.calls() == [VERSIONS] * 3


async def test_pages_of_versions_of_many_models_are_one_call(asked: Asked) -> None:
    keys = [f"model-{at:03d}" for at in range(50)]
    expected = [([f"{key}/3", f"{key}/2"], True, 3) for key in keys]
    assert await versions(asked, [*keys, "a/b"], PageAsk(0, 2)) == [*expected, ([], False, 0)]
    assert asked.calls() == [VERSIONS]


async def test_models_with_too_many_versions_for_one_answer_are_asked_singly() -> None:
    def grown(name: str, count: int) -> Model:
        return Model(name, 1, 1, versions=tuple(Version(number, 1, 1) for number in range(1, count + 1)))

    server = app(Registry("s", {}, (grown("large", 2000), grown("small", 3)), ()))
    async with asking(server) as asked:
        large, small = await versions(asked, ["large", "small"], PageAsk(0, 2))
        assert large == (["large/2000", "large/1999"], True, None)
        assert small == (["small/3", "small/2"], True, None)
        assert asked.calls() == [VERSIONS, VERSIONS]


async def test_versions_of_a_list_get_aliases_from_their_models_where_needed(asked: Asked) -> None:
    (page,) = await asked.mlflow.versions(["model-001"], PageAsk(0, 10), ALIASES)
    assert not isinstance(page, SourceError)
    assert [row.aliases for row in page.rows if isinstance(row, schema.ModelVersion)] == [["champion"], [], ["shadow"]]
    assert sorted(asked.calls()) == [VERSIONS, GET]


@pytest.mark.parametrize("name", UNQUOTABLE)
async def test_versions_of_a_model_no_quotes_can_hold_are_paged_here(asked: Asked, name: str) -> None:
    assert await versions(asked, [name], PageAsk(1, 1)) == [([f"{name}/2"], True, 3)]
    assert asked.calls() == [VERSIONS]


# ---------------------------------------------------------------- what goes wrong


async def test_a_bad_row_is_the_error_of_its_key_alone() -> None:
    def spoil(page: dict[str, Any]) -> object:
        page["model_versions"][0]["tags"] = [{"key": 7}]
        return page

    async with asking(spoiled(app(registry()), "/model-versions/search", spoil)) as asked:
        read = await asked.mlflow.versions_by_key(pairs(3, MIDDLE), None, NOTHING)
    assert [isinstance(item, SourceBadResponse) for item in read].count(True) == 1


async def test_a_row_without_a_key_makes_every_missing_key_unsure() -> None:
    def spoil(page: dict[str, Any]) -> object:
        del page["registered_models"][0]["name"]
        return page

    async with asking(spoiled(app(registry()), "/registered-models/search", spoil)) as asked:
        read = await asked.mlflow.models_by_name(["model-000", "model-001", "nobody"], None, NOTHING)
    assert [type(item) for item in read] == [SourceBadResponse, schema.Model, SourceBadResponse]
    assert read[0] is not read[2]


async def test_two_different_rows_for_one_key_are_believed_in_neither() -> None:
    def spoil(page: dict[str, Any]) -> object:
        first, second = page["registered_models"]
        return {"registered_models": [first, second, first, second | {"description": "other"}]}

    async with asking(spoiled(app(registry()), "/registered-models/search", spoil)) as asked:
        read = await asked.mlflow.models_by_name(["model-000", "model-001"], None, NOTHING)
    assert [type(item) for item in read] == [schema.Model, SourceBadResponse]


async def test_a_list_that_was_cut_short_is_completed_singly() -> None:
    def spoil(page: dict[str, Any]) -> object:
        return {"registered_models": page["registered_models"][:1], "next_page_token": "eyJvZmZzZXQiOiAxfQ=="}

    async with asking(spoiled(app(registry()), "/registered-models/search", spoil)) as asked:
        keys = ["model-000", "model-001", "nobody"]
        assert names(await asked.mlflow.models_by_name(keys, None, NOTHING)) == ["model-000", "model-001", None]
        assert asked.calls() == [SEARCH, GET, GET]


async def test_a_single_answer_about_something_else_is_refused() -> None:
    def other(answer: dict[str, Any]) -> object:
        return {"registered_model": answer["registered_model"] | {"name": "someone"}}

    def folded(answer: dict[str, Any]) -> object:
        return {"registered_model": answer["registered_model"] | {"name": "MODEL-001"}}

    async with asking(spoiled(app(registry()), "/registered-models/get", other)) as asked:
        (read,) = await asked.mlflow.models_by_name(["model-001"], None, NOTHING)
        assert isinstance(read, SourceBadResponse)
    async with asking(spoiled(app(registry()), "/registered-models/get", folded)) as asked:
        assert names(await asked.mlflow.models_by_name(["model-001"], None, NOTHING)) == [None]


@pytest.mark.parametrize("body", [b"<html>log in</html>", b"[]", b"null", b'{"registered_models": {}}', b'{"x": NaN}'])
async def test_an_answer_that_is_not_mlflows_is_an_error_for_every_key(body: bytes) -> None:
    async with asking(spoiled(app(registry()), "/registered-models/search", lambda _: body)) as asked:
        read = await asked.mlflow.models_by_name(["model-000", "model-001"], None, NOTHING)
    assert [type(item) for item in read] == [SourceBadResponse, SourceBadResponse]
    assert read[0] is not read[1]


async def test_a_404_that_is_not_mlflows_own_is_no_absence() -> None:
    async def proxy(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b"no such site"})

    async with asking(proxy) as asked:
        (read,) = await asked.mlflow.models_by_name(["model-001"], None, NOTHING)
        assert isinstance(read, SourceBadResponse)
        assert await asked.mlflow.version() is None


async def test_a_failing_server_is_an_error_for_every_key() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async with asking(failing) as asked:
        assert {type(item) for item in await asked.mlflow.models_by_name(["a", "b", "c'\""], None, NOTHING)} == {
            SourceFault
        }
    async with asking(failing) as asked:
        assert {type(item) for item in await asked.mlflow.versions_by_key(pairs(3, "1"), None, ALIASES)} == {
            SourceFault
        }
        assert {type(item) for item in await asked.mlflow.versions(["a", "b"], PageAsk(0, 1), ALIASES)} == {SourceFault}
    async with asking(failing) as asked:  # another one: five failures in a row, and a source is left alone
        assert {type(item) for item in await asked.mlflow.versions_by_training_run(["a", "b"], None, NOTHING)} == {
            SourceFault
        }
        with pytest.raises(SourceFault):
            await asked.mlflow.training_runs_by_tag([TagKey("a", "b")], None, NOTHING)


async def test_a_server_that_is_gone_is_unavailable(asked: Asked) -> None:
    client = SourceClient("studio-mlflow", "http://127.0.0.1:1")
    mlflow = Mlflow(asked.mlflow.profile, client)
    (read,) = await mlflow.models_by_name(["model-001"], None, NOTHING)
    assert isinstance(read, SourceUnavailable)
    with pytest.raises(SourceUnavailable):
        await mlflow.version()
    await mlflow.aclose()


async def test_basic_auth_is_sent_and_its_refusal_is_told() -> None:
    server = app(registry(), auth=("ann", "secret"))
    async with asking(server, header="Basic YW5uOnNlY3JldA==") as asked:
        assert names(await asked.mlflow.models_by_name(["model-001"], None, NOTHING)) == ["model-001"]
        assert await asked.mlflow.version() == "3.17.2"
    async with asking(server, header="Bearer secret") as asked:
        (read,) = await asked.mlflow.models_by_name(["model-001"], None, NOTHING)
        assert isinstance(read, SourceAuthFailed)


async def test_it_declares_how_it_answers_each_method_of_its_role(asked: Asked) -> None:
    role: ModelRegistry = asked.mlflow
    declared = {capability.name for capability in role.capabilities if "." not in capability.name}
    assert declared == {name for name in vars(ModelRegistry) if not name.startswith("_")}
