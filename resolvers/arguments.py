"""What a field is given before anything is executed: plain values as JSON has them, enum values by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    value_from_ast_untyped,
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one field of a valid document: as they are written, and the defaults of the others."""

    written: Mapping[str, ValueNode]
    defaults: Mapping[str, object]

    @classmethod
    def of(cls, definition: GraphQLField, node: FieldNode) -> Arguments:
        return cls(
            {argument.name.value: argument.value for argument in node.arguments or ()},
            {
                name: _plain(argument.default_value)
                for name, argument in definition.args.items()
                if argument.default_value is not Undefined
            },
        )

    def values(self, variables: dict[str, Any]) -> dict[str, Any]:
        """With an operation's variables; one that is neither given nor has a default leaves the argument's own."""
        given = {name: value_from_ast_untyped(node, variables) for name, node in self.written.items()}
        return {**self.defaults, **{name: value for name, value in given.items() if value is not Undefined}}


def defaults_of(operation: OperationDefinitionNode) -> dict[str, object]:
    """The defaults of an operation's variables."""
    return {
        item.variable.name.value: value_from_ast_untyped(item.default_value)
        for item in operation.variable_definitions or ()
        if item.default_value is not None
    }


def _plain(value: object) -> object:
    return value.name if isinstance(value, Enum) else value
