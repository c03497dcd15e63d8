"""What the adapter writes into a filter MLflow's own parser reads as the one comparison that was meant."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from resolvers.sources.registry.mlflow_filter import begins, contains, equals, folded, one_of, present, quoted, tag
from tests.resolvers.sources.test_mlflow_filter import NAMES
from tests.servers import install

pytestmark = pytest.mark.live

Clauses = list[list[Any]]
Parse = Callable[[str, str], Clauses]
LISTABLE = NAMES.filter(lambda name: quoted(name) is not None)
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def parse() -> Iterator[Parse]:
    """Reads a filter of models, versions or runs; a refused one is the name of its error."""
    script = Path(__file__).with_name("mlflow_parser.py")
    with subprocess.Popen(
        [str(install.mlflow()), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def parsed(of: str, text: str) -> Clauses:
            asked.write(json.dumps([of, text]) + "\n")
            asked.flush()
            clauses: Clauses = json.loads(answered.readline())
            return clauses

        yield parsed
        asked.close()


@MANY
@given(name=NAMES)
def test_an_equality_is_one_comparison_with_the_name_or_with_a_pattern_that_it_matches(parse: Parse, name: str) -> None:
    for of, key, kind in (("models", "name", "attribute"), ("versions", "name", "attribute")):
        _is_one(parse(of, equals(key, name)), kind, "name", name, "{}")
    _is_one(parse("runs", equals("dataset.name", name)), "dataset", "name", name, "{}")
    _is_one(parse("models", equals(tag("a.b c"), name)), "tag", "a.b c", name, "{}")


@MANY
@given(text=NAMES)
def test_patterns_are_one_comparison_that_whatever_holds_the_text_matches(parse: Parse, text: str) -> None:
    for of in ("models", "versions", "runs"):
        _is_one(parse(of, contains(tag("k"), text)), "tag", "k", text, "<{}>")
        _is_one(parse(of, begins(tag("k"), text)), "tag", "k", text, "{}>")
        assert parse(of, present(tag("k"))) == [["tag", "k", "LIKE", "%"]]
    _is_one(parse("models", folded("name", text)), "attribute", "name", text, "<{}>")


@MANY
@given(name=NAMES)
def test_a_second_clause_stays_the_second_clause(parse: Parse, name: str) -> None:
    first, second, third = parse("versions", f"{equals('name', name)} AND version_number >= 1 AND version_number <= 7")
    assert first[1] == "name"
    assert [second, third] == [["attribute", "version_number", ">=", 1], ["attribute", "version_number", "<=", 7]]


@MANY
@given(names=LISTABLE, more=LISTABLE)
def test_a_list_is_read_as_the_same_names(parse: Parse, names: str, more: str) -> None:
    for of in ("models", "versions"):
        assert parse(of, one_of("name", [names, more])) == [["attribute", "name", "IN", [names, more]]]
    assert parse("runs", one_of("dataset.name", [names, more])) == [["dataset", "name", "IN", [names, more]]]


def _is_one(clauses: Sequence[Sequence[Any]], kind: str, key: str, text: str, around: str) -> None:
    ((its_kind, its_key, comparator, value),) = clauses
    assert (its_kind, its_key) == (kind, key)
    if comparator == "=":
        assert value == text
    else:
        assert comparator in ("LIKE", "ILIKE")
        assert _matches(value, around.format(text)), (value, text)


def _matches(pattern: str, text: str) -> bool:
    """SQL's LIKE, letter case aside."""
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL | re.IGNORECASE) is not None
