"""The committed schema: what reviewers read in a change is what is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema as build_from_text
from graphql import validate_schema

from gateway.__main__ import main
from schema.build import build_schema

COMMITTED = Path(__file__).parents[2] / "schema" / "schema.graphql"
CLIENT = COMMITTED.with_name("schema.client.graphql")


def test_the_committed_schema_is_the_one_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == COMMITTED.read_text("utf-8"), "run: make schema"


def test_the_committed_schema_for_clients_is_valid_without_any_python_of_ours() -> None:
    """The other one is not by itself: the definitions of federation's directives are the composer's."""
    assert validate_schema(build_from_text(CLIENT.read_text("utf-8"))) == []


def test_it_is_printed_the_same_each_time() -> None:
    assert build_schema().as_str() == build_schema().as_str()
