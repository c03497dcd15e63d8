"""Descriptions are for the person in the explorer: everything has one, a sentence, and none sells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from schema.build import build_schema

TYPES = [
    kind
    for kind in build_schema()._schema.type_map.values()
    if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
]
ADVERTISING = re.compile(
    r"\b(amazing|awesome|beautiful|best|blazing\w*|cutting[- ]edge|easily|effortless\w*|fast(er|est)?|just works|"
    r"next[- ]gen\w*|powerful|robust|scalable|seamless\w*|simply|state[- ]of[- ]the[- ]art|unlock\w*|world[- ]class)\b",
    re.IGNORECASE,
)


def described() -> Iterator[tuple[str, str | None]]:
    """Every schema coordinate with its description."""
    for kind in TYPES:
        yield kind.name, kind.description
        yield from _members(kind)


def _members(kind: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    if isinstance(kind, GraphQLEnumType):
        for value_name, value in kind.values.items():
            yield f"{kind.name}.{value_name}", value.description
    elif isinstance(kind, GraphQLInputObjectType):
        for input_name, input_field in kind.fields.items():
            yield f"{kind.name}.{input_name}", input_field.description
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field.description
            for argument_name, argument in field.args.items():
                yield f"{kind.name}.{name}({argument_name}:)", argument.description


def test_everything_has_a_description_that_is_a_sentence() -> None:
    wrong = [
        f"{coordinate}: {text!r}"
        for coordinate, text in described()
        if not text or text != text.strip() or not text.endswith(".") or text.endswith("..") or "  " in text
    ]
    assert wrong == []


def test_no_description_advertises() -> None:
    assert [f"{coordinate}: {text}" for coordinate, text in described() if ADVERTISING.search(text or "")] == []
