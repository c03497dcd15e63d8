"""How an operation would be answered, told from its document alone: its links level by level, and whom they may ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_directive_values,
    get_named_type,
    get_variable_values,
)
from graphql.execution.values import VariableValues
from strawberry import Schema

from resolvers.arguments import Arguments, defaults_of
from resolvers.errors import BadUserInput
from resolvers.estimate.ask import Ask
from resolvers.estimate.entities import target_of
from resolvers.estimate.fields import FIELDS
from resolvers.estimate.house import Args, House
from resolvers.table import LinkTable, Row
from schema.build import declared_links, own_name

MOST_LINKS = 500
_MOST_STEPS = 5000

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """One link of an operation. `level` is how many links deep it is: those of one level are answered together.

    `asks` are, by source, the batch methods that it may ask; whether it asks them depends on what the rows before say.
    """

    level: int
    path: str
    link: str
    found_by: tuple[str, ...]
    asks: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Somewhere in an operation: what is selected of values of one type."""

    kind: Composite
    selections: tuple[SelectionSetNode, ...]
    path: str
    level: int


class Plans:
    """Plans of operations over one schema and its link table."""

    def __init__(self, schema: Schema, table: LinkTable) -> None:
        self._graph = schema._schema
        self._rows = {link.coordinate: table.row(link.owner, link.field) for link in declared_links(schema)}

    def of(
        self, house: House, document: DocumentNode, name: str | None, variables: Mapping[str, object]
    ) -> list[PlannedLink]:
        """The links of a valid operation, level by level. Raises BadUserInput where the variables do not fit it."""
        operation = next(
            node
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode) and (name is None or (node.name and node.name.value == name))
        )
        values = get_variable_values(self._graph, operation.variable_definitions or (), dict(variables))
        if isinstance(values, list):
            raise BadUserInput(values[0].message)
        given = {**defaults_of(operation), **variables}
        walk = _Walk(self._graph, self._rows, _fragments(document), values, given, house)
        return sorted(walk.links(operation), key=lambda link: link.level)[:MOST_LINKS]


@dataclass(frozen=True, slots=True)
class _Walk:
    graph: GraphQLSchema
    rows: Mapping[str, Row]
    fragments: Mapping[str, FragmentDefinitionNode]
    values: VariableValues
    variables: dict[str, Any]
    house: House

    def links(self, operation: OperationDefinitionNode) -> Iterator[PlannedLink]:
        root = self.graph.query_type
        assert root is not None  # noqa: S101 - the schema has one
        places = [_Place(root, (operation.selection_set,), "", 1)]
        for steps, place in enumerate(places):
            if steps > _MOST_STEPS:
                return
            for owner, key, nodes in self._fields(place):
                name = nodes[0].name.value
                field = owner.fields.get(name) if not isinstance(owner, GraphQLUnionType) else None
                if field is None:  # __typename
                    continue
                path = f"{place.path}.{key}" if place.path else key
                row = self.rows.get(f"{owner.name}.{name}")
                if row is not None:
                    args = Arguments.of(field, nodes[0]).values(self.variables)
                    asks = self.house.methods(_asks(self.house, owner, name, args))
                    rules = tuple(rule.name for rule in row.rules)
                    yield PlannedLink(place.level, path, f"{own_name(owner)}.{name}", rules, asks)
                target = get_named_type(field.type)
                inner = tuple(node.selection_set for node in nodes if node.selection_set)
                if inner and isinstance(target, Composite):
                    places.append(_Place(target, inner, path, place.level + (row is not None)))

    def _fields(self, place: _Place) -> Iterator[tuple[Composite, str, list[FieldNode]]]:
        found: dict[tuple[str, str], tuple[Composite, list[FieldNode]]] = {}
        seen: set[str] = set()
        for selection in place.selections:
            self._collect(place.kind, selection, found, seen)
        for (_, key), (owner, nodes) in found.items():
            yield owner, key, nodes

    def _collect(
        self,
        owner: Composite,
        selection: SelectionSetNode,
        found: dict[tuple[str, str], tuple[Composite, list[FieldNode]]],
        seen: set[str],
    ) -> None:
        for node in selection.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault((owner.name, key), (owner, []))[1].append(node)
                continue
            spread: FragmentDefinitionNode | InlineFragmentNode
            if isinstance(node, FragmentSpreadNode):
                spread = self.fragments[node.name.value]
                if spread.name.value in seen:
                    continue
                seen.add(spread.name.value)
            elif isinstance(node, InlineFragmentNode):
                spread = node
            self._collect(self._narrowed(owner, spread), spread.selection_set, found, seen)

    def _narrowed(self, owner: Composite, spread: FragmentDefinitionNode | InlineFragmentNode) -> Composite:
        """The type a fragment speaks of; inside an object it is that object, whatever interface the fragment names."""
        named = self.graph.get_type(spread.type_condition.name.value) if spread.type_condition else None
        if isinstance(owner, GraphQLObjectType) or not isinstance(named, Composite):
            return owner
        return named

    def _included(self, node: Any) -> bool:
        skipped = get_directive_values(GraphQLSkipDirective, node, self.values)
        included = get_directive_values(GraphQLIncludeDirective, node, self.values)
        return not (skipped and skipped["if"]) and (included is None or bool(included["if"]))


def _asks(house: House, owner: Composite, name: str, args: Args) -> Iterable[Ask]:
    asks = FIELDS.get(f"{own_name(owner)}.{name}")
    if asks is not None:
        return asks(house, args)
    target = target_of(owner, name) if isinstance(owner, GraphQLObjectType) else None
    return [] if target is None else [target]


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
