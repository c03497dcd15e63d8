"""The link table and the schema must say the same; a start that finds they do not tells every mistake at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from resolvers.links import ROWS, link_table
from resolvers.table import LinkTable, Parent, Row
from schema.build import build_schema, declared_links
from schema.connection import Link, LinkConnection
from schema.experiment import Experiment
from schema.model import Model, ModelVersion, ModelVersionLinkEdge
from schema.pipeline import Pipeline, PipelineRunLink

SCHEMA = build_schema()
DECLARED = declared_links(SCHEMA)


async def answers_nothing(_context: object, parents: Sequence[object], _args: object, _needs: object) -> list[object]:
    return [None for _ in parents]


def without(owner: type, field: str) -> list[Row]:
    left = [row for row in ROWS if (row.owner, row.field) != (owner, field)]
    assert len(left) == len(ROWS) - 1
    return left


def mistakes(rows: Sequence[Row]) -> list[str]:
    with pytest.raises(ValueError, match=r"row") as refused:
        LinkTable(rows, DECLARED)
    return str(refused.value).splitlines()


def test_every_link_of_the_schema_is_answered_by_the_table() -> None:
    table = link_table(SCHEMA)
    assert set(table.coordinates()) == {(link.owner, link.field) for link in DECLARED}


def test_no_two_rows_answer_the_same_field() -> None:
    places = [(row.owner, row.field) for row in ROWS]
    assert sorted({f"{owner.__name__}.{field}" for owner, field in places if places.count((owner, field)) > 1}) == []


def test_a_field_of_a_generic_link_is_found_through_its_subclass() -> None:
    table = link_table(SCHEMA)
    for link_type in (PipelineRunLink, ModelVersionLinkEdge):
        for field in ("state", "code", "node"):
            assert table.row(link_type, field).owner is Link
    assert table.row(ModelVersionLinkEdge, "model").owner is ModelVersionLinkEdge


def test_the_row_of_a_subclass_goes_before_that_of_its_generic_link() -> None:
    own = Row(PipelineRunLink, "node", None, answers_nothing)
    table = LinkTable([*ROWS, own], DECLARED)
    assert table.row(PipelineRunLink, "node") is own
    assert table.row(ModelVersionLinkEdge, "node").owner is Link


def test_a_declared_link_without_a_row_is_refused() -> None:
    assert mistakes(without(ModelVersion, "produced_by")) == [
        "ModelVersion.producedBy is declared as a link but has no row"
    ]


def test_a_missing_row_of_a_generic_link_is_told_for_each_of_its_types() -> None:
    said = mistakes(without(LinkConnection, "nodes"))
    link_connections = [link for link in DECLARED if link.field == "nodes" and issubclass(link.owner, LinkConnection)]
    assert sorted(said) == sorted(
        f"{link.coordinate} is declared as a link but has no row" for link in link_connections
    )
    assert len(said) > 1


def test_a_row_for_a_field_that_is_no_link_is_refused() -> None:
    rows = [*ROWS, Row(Pipeline, "schedule", Pipeline, answers_nothing), Row(Model, "gone", Model, answers_nothing)]
    assert mistakes(rows) == [
        "the row Pipeline.schedule answers no declared link",
        "the row Model.gone answers no declared link",
    ]


def test_a_row_that_answers_another_type_than_the_field_has_is_refused() -> None:
    rows = [*without(ModelVersion, "model"), Row(ModelVersion, "model", Experiment, answers_nothing)]
    assert mistakes(rows) == ["ModelVersion.model is a Model but its row answers Experiment"]


def test_a_connection_is_not_taken_for_what_it_connects() -> None:
    rows = [*without(Model, "versions"), Row(Model, "versions", ModelVersion, answers_nothing)]
    assert mistakes(rows) == ["Model.versions is a ModelVersionConnection but its row answers ModelVersion"]


def test_all_mistakes_are_told_at_once() -> None:
    rows = [row for row in ROWS if (row.owner, row.field) not in {(Model, "producers"), (ModelVersion, "model")}]
    wrong = Row(ModelVersion, "model", Experiment, answers_nothing)
    extra = Row(Pipeline, "schedule", Pipeline, answers_nothing)
    assert sorted(mistakes([*rows, wrong, extra])) == [
        "Model.producers is declared as a link but has no row",
        "ModelVersion.model is a Model but its row answers Experiment",
        "the row Pipeline.schedule answers no declared link",
    ]


def test_parents_are_told_apart_by_being_the_same_object_not_by_being_equal() -> None:
    """Two edges may lead to the same target, equal in every field, and still each needs its own answer."""
    one, equal = [1], [1]
    assert Parent(one) == Parent(one)
    assert hash(Parent(one)) == hash(Parent(one))
    assert Parent(one) != Parent(equal)
    assert Parent(one) != one
