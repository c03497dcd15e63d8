"""What the adapter writes into a filter is read as the one comparison that was meant, whatever a name holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.mlflow_filter import Clause, condition, parse_filter
from gateway.demo.mlflow_rows import registry_grammars
from resolvers.sources.registry.mlflow_filter import (
    MOST_KEYS,
    begins,
    chunks,
    contains,
    equals,
    is_name,
    one_of,
    quoted,
    tag,
)

# Words that mean something in the language, quotes and escapes, and anything else.
PIECES = st.sampled_from(
    ["'", '"', "''", "\\", "`", "%", "_", " AND ", " OR ", "name = ", "IN (", ")", "--", ";", "\n"]
)
NAMES = st.lists(st.one_of(PIECES, st.text(max_size=3)), min_size=1, max_size=8).map("".join).filter(is_name)
MODELS, VERSIONS = registry_grammars(True)


@given(st.lists(NAMES.filter(lambda name: quoted(name) is not None), min_size=1, max_size=5))
def test_a_list_is_read_as_the_same_names(names: list[str]) -> None:
    assert parse_filter(one_of("name", names), MODELS) == [Clause("attribute", "name", "IN", tuple(names))]


@given(NAMES)
def test_an_equality_is_one_comparison_that_the_name_satisfies(name: str) -> None:
    text = f"{equals('name', name)} AND version_number >= 1"
    clause, number = parse_filter(text, VERSIONS)
    assert (clause.key, number.key, number.value) == ("name", "version_number", 1)
    assert condition(clause)(name)
    if quoted(name):
        assert clause == Clause("attribute", "name", "=", name)


@given(NAMES, NAMES)
def test_patterns_find_every_value_that_holds_the_text(text: str, more: str) -> None:
    (inside,) = parse_filter(contains(tag("a.b c"), text), MODELS)
    (ahead,) = parse_filter(begins(tag("a.b c"), text), MODELS)
    assert (inside.kind, inside.key, inside.operator) == ("tag", "a.b c", "LIKE")
    assert condition(inside)(more + text + more)
    assert condition(ahead)(text + more)


@given(st.lists(NAMES.filter(lambda name: quoted(name) is not None), max_size=300))
def test_chunks_hold_every_name_once_and_are_short(names: list[str]) -> None:
    parts = list(chunks(names))
    assert [name for part in parts for name in part] == names
    assert all(0 < len(part) <= MOST_KEYS for part in parts)
