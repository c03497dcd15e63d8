"""Data that MLflow's runs mention: asked for by name where it can be, walked within bounds where it cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import pytest

from gateway.demo.company import DatasetInput, Registry, TrainingRun
from gateway.demo.mlflow import app
from resolvers.errors import SourceUnavailable
from resolvers.http import SourceClient
from resolvers.sources import NOTHING, Found, SourceProfile
from resolvers.sources.registry.mlflow import Mlflow
from schema import model as schema
from schema.connection import IncompleteReason
from tests.resolvers.sources.test_mlflow import Asked, asking

ODD = ("it's", "both \" and '", "back\\slash", "50%_off", "検索")
LIMIT, BUDGET = IncompleteReason.SCAN_LIMIT, IncompleteReason.CALL_BUDGET


def logged(*names: str, **tags: str) -> Iterator[TrainingRun]:
    """Runs, newest first, with one input each."""
    return (
        TrainingRun(
            f"run{number:04d}",
            "0",
            "fit",
            "ann",
            "FINISHED",
            1_763_900_000_000 - number,
            None,
            tags=tags,
            datasets=(DatasetInput(name, "d", "s3", json.dumps({"uri": f"s3://lake/{name}"})),),
        )
        for number, name in zip(count(), names, strict=False)
    )


def server(runs: Iterator[TrainingRun]) -> Any:
    return app(Registry("studio", {"0": "all"}, (), tuple(runs)))


def names(found: Found[schema.TrainingRun] | object) -> list[str]:
    assert isinstance(found, Found), found
    return sorted({dataset.name for run in found.items for dataset in run.datasets})


def filters(asked: Asked) -> list[str]:
    posts = [call for call in asked.served.calls if call.method == "POST"]
    return [msgspec.json.decode(call.body)["filter"] for call in posts]


async def test_the_runs_of_many_datasets_are_one_call() -> None:
    async with asking(server(logged("a", "b", "a", "c"))) as asked:
        a, b, none = await asked.mlflow.training_runs_by_dataset(["a", "b", "none"], None, NOTHING)
        assert isinstance(a, Found)
        assert ([run.reference.key for run in a.items], names(b), names(none)) == (["run0000", "run0002"], ["b"], [])
        assert filters(asked) == ["dataset.name IN ('a','b','none')"]
        assert asked.calls() == ["GET /experiments/search", "POST /runs/search"]


@pytest.mark.parametrize("name", ODD)
async def test_a_dataset_is_found_whatever_its_name_holds_and_nothing_else(name: str) -> None:
    async with asking(server(logged(name, "other", name.upper()))) as asked:
        (found,) = await asked.mlflow.training_runs_by_dataset([name], None, NOTHING)
        assert names(found) == [name]


async def test_no_name_is_no_call() -> None:
    async with asking(server(logged("a"))) as asked:
        found = await asked.mlflow.training_runs_by_dataset(["", "x" * 600], None, NOTHING)
        assert [names(item) for item in found] == [[], []]
        assert asked.calls() == []


async def test_a_short_list_of_runs_is_read_to_its_end() -> None:
    async with asking(server(logged("frames", "shots", "Frames-2"))) as asked:
        every, some = await asked.mlflow.training_runs_with_datasets(["", "FRAMES"], None, NOTHING)
        assert (names(every), names(some)) == (["Frames-2", "frames", "shots"], ["Frames-2", "frames"])
        assert isinstance(every, Found)
        assert every.reasons == frozenset()
        assert sorted(filters(asked)) == ["dataset.name ILIKE '%FRAMES%'", "dataset.name LIKE '%'"]


async def test_names_the_newest_runs_do_not_have_are_asked_for_by_leaving_out_those_they_have() -> None:
    """A thousand runs of one dataset must not hide the other two."""
    async with asking(server(logged(*["often"] * 300, "rare", "rarest")), scan_rows=200) as asked:
        (found,) = await asked.mlflow.training_runs_with_datasets([""], None, NOTHING)
        assert names(found) == ["often", "rare", "rarest"]
        assert isinstance(found, Found)
        assert found.reasons == {LIMIT}  # other places of `often` were not read
        assert filters(asked) == ["dataset.name LIKE '%'", "dataset.name LIKE '%' AND dataset.name NOT IN ('often')"]


async def test_where_names_are_too_many_for_the_calls_it_says_so() -> None:
    async with asking(server(logged(*(f"set-{number:04d}" for number in range(1300)))), scan_rows=200) as asked:
        (found,) = await asked.mlflow.training_runs_with_datasets([""], None, NOTHING)
        assert isinstance(found, Found)
        assert found.reasons == {LIMIT, BUDGET}
        assert len(names(found)) == 1000
        assert asked.calls() == ["GET /experiments/search", *["POST /runs/search"] * 5]


async def test_features_are_looked_for_in_tags_signatures_and_the_columns_of_datasets() -> None:
    runs = [
        *logged("lake", "other"),
        replace(next(logged("x")), run_id="tagged", datasets=(), tags={"feast.feature_refs": '["view:f"]'}),
        replace(next(logged("x")), run_id="bare", datasets=()),
    ]
    async with asking(server(iter(runs))) as asked:
        tagged, column = await asked.mlflow.training_runs_by_feature(["view:f", "lake:f"], None, NOTHING)
        assert isinstance(tagged, Found)
        assert isinstance(column, Found)
        assert [run.reference.key for run in tagged.items] == ["tagged"]
        assert [run.reference.key for run in column.items] == ["run0000"]
        assert sorted(filters(asked)) == [
            "dataset.name IN ('view','lake')",
            "tags.`feast.feature_refs` LIKE '%lake:f%'",
            "tags.`feast.feature_refs` LIKE '%view:f%'",
            "tags.`mlflow.log-model.history` LIKE '%lake:f%'",
            "tags.`mlflow.log-model.history` LIKE '%view:f%'",
        ]


async def test_many_features_are_one_walk_a_tag() -> None:
    async with asking(server(logged("lake"))) as asked:
        found = await asked.mlflow.training_runs_by_feature([f"f{number}" for number in range(30)], None, NOTHING)
        assert len(found) == 30
        assert sorted(filters(asked)) == [
            "tags.`feast.feature_refs` LIKE '%'",
            "tags.`mlflow.log-model.history` LIKE '%'",
        ]


async def test_a_server_that_is_down_is_the_error_of_all() -> None:
    mlflow = Mlflow(SourceProfile("studio", ""), SourceClient("studio", "http://127.0.0.1:9"))
    with pytest.raises(SourceUnavailable):
        await mlflow.training_runs_by_dataset(["a"], None, NOTHING)
    await mlflow.aclose()
