"""Sources whose answers contradict themselves: a cut list is never a whole one, a missing row never said to be none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from gateway.demo.mlflow import app
from resolvers.errors import SourceBadResponse, SourceError, SourceFault
from resolvers.sources import NOTHING, Found, ListArgs, Page, PageAsk
from resolvers.sources.orchestration import RunKey, RunsAsk
from resolvers.sources.registry import TagKey
from schema.connection import IncompleteReason
from schema.model import Model
from tests.resolvers.sources.test_airflow import bench, company, dags, names, nightly, run_ids, tampered
from tests.resolvers.sources.test_growthbook import many, rig_with
from tests.resolvers.sources.test_mlflow import asking, registry, spoiled

LISTED = ListArgs()


def counting(total: int) -> Callable[[str, bytes], bytes]:
    """Airflow's lists, which say that they have so many rows."""

    def change(path: str, body: bytes) -> bytes:
        document: dict[str, Any] = json.loads(body)
        return json.dumps(document | ({"total_entries": total} if "total_entries" in document else {})).encode()

    return change


def dropping(index: int) -> Callable[[str, bytes], bytes]:
    """Airflow's lists without one of their rows, which they count all the same."""

    def change(path: str, body: bytes) -> bytes:
        document: dict[str, Any] = json.loads(body)
        for rows in (value for value in document.values() if isinstance(value, list) and len(value) > 1):
            rows.pop(index)
        return json.dumps(document).encode()

    return change


async def test_airflow_counting_too_few_never_ends_a_list() -> None:
    async with bench(company(dags("a", "b", "c")), around=tampered(counting(1))) as at:
        (page,) = await at.airflow.pipelines([PageAsk(0, 2)], LISTED, NOTHING)
    assert isinstance(page, Page)
    assert (names(page.rows), page.more, page.total) == (["a", "b"], True, None)


async def test_airflow_counting_too_few_is_asked_singly_for_what_is_missing() -> None:
    async with bench(company(dags("a", "b"))) as at:
        await at.airflow.version()
    async with bench(company(dags("a", "b")), around=tampered(counting(0))) as at:
        found = await at.airflow.pipelines_by_name(["a", "b", "gone"], None, NOTHING)
    assert names(found) == ["a", "b", None]


async def test_airflow_dropping_a_row_is_asked_again_for_it() -> None:
    runs = [*nightly("a", 1), *nightly("b", 1), *nightly("c", 1)]
    keys = [RunKey(each.dag_id, each.run_id) for each in runs]
    async with bench(company(dags("a", "b", "c"), runs), around=tampered(dropping(1))) as at:
        pipelines = await at.airflow.pipelines_by_name(["a", "b", "c"], None, NOTHING)
        found = await at.airflow.runs_by_key(keys, None, NOTHING)
    assert names(pipelines) == ["a", "b", "c"]
    assert run_ids(found) == keys


async def test_airflow_answering_its_first_page_for_every_page_ends_with_what_came() -> None:
    def first_page(path: str, body: bytes) -> bytes:
        return json.dumps(json.loads(body) | {"total_entries": 10**9}).encode()

    async with bench(company(dags("a", "b"), nightly("a", 3)), around=tampered(first_page)) as at:
        (page,) = await at.airflow.runs(["a"], RunsAsk(PageAsk(0, 50), None, None), NOTHING)
    assert isinstance(page, Page)
    assert (len(page.rows), page.more) == (3, True)


async def test_growthbook_counting_fewer_than_it_answers_leaves_nothing_out_unsaid() -> None:
    async with rig_with("/api/v1/experiments", lambda body: body | {"total": 1}, *many(5)) as gb:
        (page,) = await gb.adapter.experiments([PageAsk(0, 5)], LISTED, NOTHING)
        by_id = await gb.adapter.experiments_by_id(["exp_0001", "exp_0002", "exp_0003"], None, NOTHING)
    assert isinstance(page, Page)
    assert (len(page.rows), page.more, page.total) == (5, True, None)
    assert all(item is not None and not isinstance(item, SourceError) for item in by_id)


async def test_growthbook_saying_two_things_about_more_rows_is_a_bad_response() -> None:
    async with rig_with("/api/v1/experiments", lambda body: body | {"hasMore": True}, *many(5)) as gb:
        (page,) = await gb.adapter.experiments([PageAsk(0, 5)], LISTED, NOTHING)
    assert isinstance(page, SourceBadResponse | SourceFault)


async def test_mlflow_answering_its_first_page_for_every_page_is_read_twice_and_said() -> None:
    def again(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"next_page_token": "eyJvZmZzZXQiOiA1fQ=="}

    def first_page(body: dict[str, Any]) -> dict[str, Any]:
        kept["rows"] = kept.get("rows", body.get("model_versions", []))
        return again({"model_versions": kept["rows"]})

    kept: dict[str, Any] = {}
    async with asking(spoiled(app(registry()), "model-versions/search", first_page)) as asked:
        (found,) = await asked.mlflow.versions_by_tag([TagKey("nobody", "x")], None, NOTHING)
        calls = len(asked.calls())
    assert isinstance(found, Found)
    assert found.reasons & {IncompleteReason.SOURCE_UNAVAILABLE, IncompleteReason.SCAN_LIMIT}
    assert calls <= 2


async def test_mlflow_answering_rows_in_another_order_and_others_besides_answers_each_key_its_own() -> None:
    keys = ["model-003", "model-001", "model-002"]

    def mixed(body: dict[str, Any]) -> dict[str, Any]:
        rows = body["registered_models"]
        return body | {"registered_models": [*rows[::-1], rows[0] | {"name": "stranger"}]}

    async with asking(spoiled(app(registry()), "registered-models/search", mixed)) as asked:
        found = await asked.mlflow.models_by_name(keys, None, NOTHING)
    assert [item.name for item in found if isinstance(item, Model)] == keys
