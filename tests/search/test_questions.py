"""The questions to search are about what the demo company has, alike in both halves; the held-out half stays."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, get_args

import pytest

from gateway.demo.company import Company, TrainingRun
from gateway.demo.generator import build
from resolvers.conventions import Conventions, features_in_tags
from resolvers.datasets import normalised_uri, uri_in_source
from schema.identity import SHARED, EntityKind, Reference, pair_key, parse_id
from tests.search.questions import DEVELOPMENT, HELD_OUT, Group, Question, read_questions

HELD_OUT_AS_WRITTEN = "e8ab3fa5e6050a41d56271e25ed0fee6c2ad2b9633ac4c003d0f8f78dba548c5"
"""Of the file before there was a ranking; whoever changes this has to say why the questions were wrong."""

HALVES = pytest.mark.parametrize("half", [DEVELOPMENT, HELD_OUT], ids=["development", "held out"])


class Thing(NamedTuple):
    reference: Reference
    name: str
    says: str = ""
    """Description, hypothesis, tags, owners: all that is not its name."""


@cache
def things() -> dict[str, Thing]:
    """Everything of the company that search answers, by id."""
    company = build(1200)
    return {thing.reference.id: thing for thing in (*_registered(company), *_run(company), *_tested(company))}


def _registered(company: Company) -> Iterator[Thing]:
    for registry in company.registries:
        runs = {run.run_id: run for run in registry.runs}
        for model in registry.models:
            reference = Reference(EntityKind.MODEL, registry.name, model.name)
            yield Thing(reference, model.name, f"{model.description} {' '.join(model.tags.values())}")
            for version in model.versions:
                key = pair_key(model.name, str(version.version))
                reference = Reference(EntityKind.MODEL_VERSION, registry.name, key)
                yield Thing(reference, key, f"{version.description} {' '.join(version.tags.values())}")
                for feature in _features(version.tags, runs.get(version.run_id or "")):
                    yield Thing(Reference(EntityKind.FEATURE, SHARED, feature), feature)
        for run in registry.runs:
            for dataset in run.datasets:
                yield _dataset(dataset.name, uri_in_source(dataset.source) or "")


def _features(tags: dict[str, str], run: TrainingRun | None) -> Iterator[str]:
    for named in (tags, run.tags if run else {}):
        yield from (name for name, _ in features_in_tags(Conventions(), named))
    for dataset in run.datasets if run else ():
        yield from (f"{dataset.name}:{column['name']}" for column in json.loads(dataset.schema or "")["mlflow_colspec"])
    for logged in json.loads(run.tags.get("mlflow.log-model.history", "[]")) if run else ():
        yield from (column["name"] for column in json.loads(logged["signature"]["inputs"]))


def _run(company: Company) -> Iterator[Thing]:
    for orchestrator in company.orchestrators:
        for dag in orchestrator.dags:
            reference = Reference(EntityKind.PIPELINE, orchestrator.name, dag.dag_id)
            yield Thing(reference, dag.dag_id, " ".join((dag.description or "", *dag.owners, *dag.tags)))
        for asset in orchestrator.assets:
            if not asset.uri.startswith("mlflow:"):  # those are models
                yield _dataset(asset.name, asset.uri)


def _dataset(name: str, uri: str) -> Thing:
    place = normalised_uri(uri) or name
    return Thing(Reference(EntityKind.DATASET, SHARED, place), name, place)


def _tested(company: Company) -> Iterator[Thing]:
    for platform in company.platforms:
        for test in platform.experiments:
            reference = Reference(EntityKind.EXPERIMENT, platform.name, test.id)
            says = " ".join((test.hypothesis, test.description, test.owner, *test.tags))
            yield Thing(reference, f"{test.key} {test.name}", says)


def folded(text: str) -> str:
    """Without case and accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in apart if not unicodedata.combining(character))


def of_group(group: Group) -> list[Question]:
    return [row for half in (DEVELOPMENT, HELD_OUT) for row in read_questions(half) if row.group == group]


@HALVES
def test_every_relevant_thing_exists_under_its_one_valid_id(half: Path) -> None:
    for row in read_questions(half):
        for entity in row.relevant:
            assert parse_id(entity), entity
            assert entity in things(), (row.query, entity)


@HALVES
def test_all_that_is_relevant_fits_on_a_page_of_ten(half: Path) -> None:
    for row in read_questions(half):
        assert 1 <= len(row.relevant) <= 8, row.query
        assert len(set(row.relevant)) == len(row.relevant), row.query


@HALVES
def test_a_filter_by_kind_lets_through_all_that_is_relevant(half: Path) -> None:
    for row in read_questions(half):
        kinds = {reference.kind.name for reference in map(parse_id, row.relevant) if reference}
        assert not row.kinds or kinds == set(row.kinds), row.query


def test_both_halves_ask_in_every_way_equally_often() -> None:
    development, held_out = (Counter(row.group for row in read_questions(half)) for half in (DEVELOPMENT, HELD_OUT))
    assert development.total() >= 40
    assert development == held_out
    assert set(development) == set(get_args(Group))
    assert min(development.values()) >= 5


def test_no_query_is_asked_twice() -> None:
    queries = Counter(folded(row.query) for half in (DEVELOPMENT, HELD_OUT) for row in read_questions(half))
    assert {query for query, times in queries.items() if times > 1} == set()


def test_a_typo_holds_a_word_the_company_never_writes() -> None:
    company = folded(" ".join(f"{thing.name} {thing.says}" for thing in things().values()))
    for row in of_group("typo"):
        assert any(word not in company for word in re.split(r"\W+", folded(row.query))), row.query


def test_an_other_word_is_in_what_a_thing_says_of_itself_and_not_in_its_name() -> None:
    for row in of_group("other word"):
        for entity in row.relevant:
            thing = things()[entity]
            others = [word for word in re.findall(r"\w{4,}", folded(row.query)) if word not in folded(thing.name)]
            assert any(word in folded(thing.says) for word in others), (row.query, entity)


def test_the_held_out_half_is_as_it_was_written() -> None:
    """A half that follows the ranking measures nothing."""
    assert sha256(HELD_OUT.read_text(encoding="utf-8").encode()).hexdigest() == HELD_OUT_AS_WRITTEN
