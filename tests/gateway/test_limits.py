"""How large a document may be: what is refused, how soon, and that counting agrees with writing every fragment out."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.execution.documents import Documents
from gateway.limits import Excess, Limits, Size, Sizes, measure
from schema.build import build_schema

SCHEMA = build_schema()
EXAMPLES = sorted((Path(__file__).parents[2] / "gateway" / "static" / "examples").glob("*.graphql"))
README = Path(__file__).parents[2] / "README.md"


def code_of(text: str) -> str:
    return str(Documents(SCHEMA).get(text).code)


def spreads(count: int, selection: str, owner: str = "Query") -> str:
    fragments = " ".join(f"fragment f{n} on {owner} {{ {selection} }}" for n in range(count))
    return f"{fragments} {{ {' '.join(f'...f{n}' for n in range(count))} }}"


def chain(count: int, selection: str) -> str:
    """Each fragment spreads the next one twice: 2 ** count when it is written out."""
    links = " ".join(f"fragment f{n} on Model {{ {selection.format(n + 1)} }}" for n in range(count))
    return f"{links} fragment f{count} on Model {{ name }} {{ models {{ nodes {{ ...f0 }} }} }}"


ATTACKS = {
    "1,000 aliases": ("{ models { nodes { " + " ".join(f"a{n}: name" for n in range(500)) + " } } }", "ALIASES"),
    "aliases in fragments": (chain(6, "...f{0} a: name ... on Model {{ ...f{0} }}"), "ALIASES"),
    "the same field 2,000 times": ("{ models { nodes { " + "name " * 1980 + "} } }", "OVERLAPS"),
    "the same object again and again": ("{ models { nodes { " + "owners { handle } " * 480 + "} } }", "OVERLAPS"),
    "60 x 60": ("{ models { nodes { " + "... on Model { id name url kind } " * 60 + "} } }", "OVERLAPS"),
    "as many fragments": (spreads(190, "__typename"), "ROOT_FIELDS"),
    "doubling": (chain(24, "...f{0} ... on Model {{ ...f{0} }}"), "FIELDS"),
    "root fields": ("{ " + " ".join(f"a{n}: sources {{ name }}" for n in range(21)) + " }", "ROOT_FIELDS"),
    "directives": ("{ __typename " + "@include(if: true) " * 51 + "}", "DIRECTIVES"),
    "directives that nobody knows": ("{ __typename " + "@x " * 900 + "}", "DIRECTIVES"),
    "tokens": ("{ " + "__typename " * 20_000 + "}", "DOCUMENT"),
    "fewer tokens": ("{ " + "__typename " * 3_000 + "}", "TOKENS"),
    "commas": ("{ " + "," * 250_000 + "__typename }", "DOCUMENT"),
    "comments": ("#\n" * 200 + "{ __typename }", "TOKENS"),
    "a long string": ('{ model(name: "' + "a" * 250_000 + '") { id } }', "DOCUMENT"),
    "brackets": ("{ a" * 900, "DEPTH"),
    "nested lists": ("{ nodes(ids: " + "[" * 900 + "]" * 900 + ") { id } }", "DEPTH"),
    "nested types": ("query A($a: " + "[" * 900 + "Int" + "]" * 900 + ") { __typename }", "DEPTH"),
    "2,000 operations": (" ".join(f"query a{n} {{ __typename }}" for n in range(390)), "OPERATIONS"),
    "16 levels": ("{ a" * 16 + " }" * 16, "DEPTH"),
    "150 levels": ("{ a" * 150 + " }" * 150, "DEPTH"),
}  # fmt: skip
INVALID = {
    "a cycle": " ".join(f"fragment f{n} on Query {{ ...f{(n + 1) % 99} }}" for n in range(99)) + "{ ...f0 }",
    "a fragment in itself": "fragment f on Query { ...f } { ...f }",
    "one field of an object again": "{ models(filter: {" + 'owner: "a" ' * 490 + "}) { totalCount } }",
    "fields of an object nobody knows": "{ models(filter: {" + "x: 1 " * 490 + "}) { totalCount } }",
    "arguments": '{ model(name: "x" ' + " ".join(f"a{n}: 1" for n in range(600)) + ") { id } }",
    "variables": "query(" + " ".join(f"$v{n}: Int" for n in range(490)) + ") { __typename }",
    "a long name": "{ " + "z" * 60_000 + " }",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_too_large_is_refused_at_once_with_its_code(name: str) -> None:
    """Without care validation takes seconds for some of these; a machine that is busy takes some more."""
    text, limit = ATTACKS[name]
    began = time.perf_counter()
    assert code_of(text) == f"MAX_{limit}_LIMIT"
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("name", INVALID)
def test_what_is_invalid_is_refused_at_once_with_few_errors(name: str) -> None:
    began = time.perf_counter()
    document = Documents(SCHEMA).get(INVALID[name])
    assert time.perf_counter() - began < 0.5
    assert document.code == "GRAPHQL_VALIDATION_FAILED"
    assert 1 <= len(document.errors) <= 5


@pytest.mark.parametrize("most", [14, 15])
def test_a_limit_is_what_is_still_let_in(most: int) -> None:
    text = "{ a" * 15 + " }" * 15
    said = Documents(SCHEMA, limits=Limits(depth=most)).get(text).code
    assert said == ("MAX_DEPTH_LIMIT" if most < 15 else "GRAPHQL_VALIDATION_FAILED")


@pytest.mark.parametrize("descriptions", [True, False])
def test_clients_may_ask_for_the_whole_schema(descriptions: bool) -> None:
    """As GraphiQL, code generators and Relay's compiler do: their lists of lists of types go deep."""
    whole = get_introspection_query(
        descriptions=descriptions,
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    document = Documents(SCHEMA).get(whole)
    assert document.errors == []
    assert document.introspects


def test_every_query_of_the_examples_and_of_the_readme_is_let_in() -> None:
    texts = [file.read_text() for file in EXAMPLES]
    texts += re.findall(r"```graphql\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(texts) > 11
    for text in texts:
        assert code_of(text) == "", text


@pytest.mark.parametrize("name", ["__schema { types { name } }", '__type(name: "Model") { name }'])
def test_who_asks_for_the_schema_is_seen_wherever_it_hides(name: str) -> None:
    hidden = f"query A {{ ...F }} fragment F on Query {{ ... @include(if: true) {{ a: {name} }} }}"
    assert Documents(SCHEMA).get(hidden).introspects
    assert not Documents(SCHEMA).get("{ __typename sources { __typename } }").introspects


# ---------------------------------------------------------------- against writing everything out


NAMES = ("a", "b", "c")


def selection(depth: int) -> st.SearchStrategy[str]:
    alias, directives = st.sampled_from(["", "x: "]), st.sampled_from(["", " @d", " @d @e"])
    leaf = st.builds("{}{}{}".format, alias, st.sampled_from([*NAMES, "__type"]), directives)
    spread = st.builds("...{}{}".format, st.sampled_from(["F0", "F1", "F2", "F3"]), directives)
    if not depth:
        return st.one_of(leaf, spread)
    below = st.lists(selection(depth - 1), min_size=1, max_size=3).map(" ".join)
    field = st.builds("{}{}{} {{ {} }}".format, alias, st.sampled_from(NAMES), directives, below)
    inline = st.builds("...{} {{ {} }}".format, directives, below)
    return st.one_of(leaf, spread, field, inline)


@given(
    st.lists(selection(2), min_size=1, max_size=4).map(" ".join),
    st.lists(st.lists(selection(1), min_size=1, max_size=3).map(" ".join), min_size=4, max_size=4),
)
@settings(max_examples=300, deadline=None)
def test_counting_agrees_with_writing_every_fragment_out(operation: str, fragments: list[str]) -> None:
    """Fragments spread later ones and earlier ones: where they come round, neither can be written out."""
    text = f"{{ {operation} }} " + " ".join(f"fragment F{n} on Query {{ {one} }}" for n, one in enumerate(fragments))
    document = parse(text)
    found = _fragments(document)
    own = document.definitions[0]
    assert isinstance(own, OperationDefinitionNode)
    try:
        expected = naive(own.selection_set, found)
    except RecursionError:
        with pytest.raises(Excess, match="within itself"):
            measure(document, Limits())
        return
    assert Sizes(found).of_definition(own) == expected


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def naive(selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Size:
    """All fields there are, each with its level, found by going into every fragment every time."""
    directives = [0]
    fields = list(_walk(selection, fragments, 1, directives, ()))
    return Size(
        depth=max((level for level, _ in fields), default=0),
        root_fields=sum(level == 1 for level, _ in fields),
        fields=len(fields),
        aliases=sum(node.alias is not None for _, node in fields),
        directives=directives[0],
        introspects=any(node.name.value in ("__schema", "__type") for _, node in fields),
    )


def _walk(
    selection: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    level: int,
    directives: list[int],
    inside: tuple[str, ...],
) -> Iterator[tuple[int, FieldNode]]:
    for node in selection.selections:
        directives[0] += len(node.directives or ())
        if isinstance(node, FieldNode):
            yield level, node
            if node.selection_set:
                yield from _walk(node.selection_set, fragments, level + 1, directives, inside)
        elif isinstance(node, InlineFragmentNode):
            yield from _walk(node.selection_set, fragments, level, directives, inside)
        elif isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in inside:
                raise RecursionError
            yield from _walk(fragments[name].selection_set, fragments, level, directives, (*inside, name))
