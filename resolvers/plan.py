"""How an operation would be answered, told from its document alone: its links level by level, and whom they may ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_argument_values,
    get_directive_values,
    get_named_type,
    get_variable_values,
)
from graphql.execution.values import VariableValues
from strawberry import Schema

from resolvers.asks import ASKS, EVERYTHING, READS
from resolvers.errors import BadUserInput
from resolvers.mounts import Sources
from resolvers.table import LinkTable, Row
from schema.build import declared_links, own_name
from schema.identity import Reference, parse_id

MOST_LINKS = 500
_BY_ID = frozenset({"Query.node", "Query.nodes", "Query.compare_model_versions"})
_MOST_STEPS = 5000

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """One link of an operation. `level` is how many links deep it is: those of one level are answered together.

    `asks` are, by source, the batch methods that it may ask; which of them depends on what the rows before it say.
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
        self, sources: Sources, document: DocumentNode, name: str | None, variables: Mapping[str, object]
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
        walk = _Walk(self._graph, self._rows, _fragments(document), values, sources)
        return sorted(walk.links(operation), key=lambda link: link.level)[:MOST_LINKS]


@dataclass(frozen=True, slots=True)
class _Walk:
    graph: GraphQLSchema
    rows: Mapping[str, Row]
    fragments: Mapping[str, FragmentDefinitionNode]
    values: VariableValues
    sources: Sources

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
                    asks = self._asks(row, owner, field, nodes[0])
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

    def _asks(self, row: Row, owner: Composite, field: GraphQLField, node: FieldNode) -> dict[str, list[str]]:
        given = get_argument_values(field, node, self.values)
        if f"{row.owner.__name__}.{row.field}" in _BY_ID:
            asked: dict[str, list[str]] = {}
            for reference in _references(given):
                for source, methods in self._by_source(READS[reference.kind.name], reference.source).items():
                    known = asked.setdefault(source, [])
                    known.extend(method for method in methods if method not in known)
            return asked
        only = given.get("source")
        return self._by_source(_methods(row, owner, field), only if isinstance(only, str) else None)

    def _by_source(self, methods: Sequence[str], only: str | None) -> dict[str, list[str]]:
        asked = {
            adapter.profile.name: [method for method in methods if hasattr(adapter, method)]
            for adapter in self.sources
            if only in (None, "-", adapter.profile.name)
        }
        return {source: found for source, found in asked.items() if found}


def _methods(row: Row, owner: Composite, field: GraphQLField) -> Sequence[str]:
    known = ASKS.get(f"{row.owner.__name__}.{row.field}")
    if known is not None:
        return known
    # A field of any link: what it asks is said by the type its link leads to.
    node = owner.fields.get("node") if not isinstance(owner, GraphQLUnionType) else None
    return READS.get(_kind(get_named_type(node.type if node else field.type)), EVERYTHING)


def _kind(named: Any) -> str:
    """The kind of entity a type is, as EntityKind names it: MODEL_VERSION of ModelVersion."""
    text = own_name(named)
    return "".join(f"_{letter}" if letter.isupper() and place else letter for place, letter in enumerate(text)).upper()


def _references(given: Mapping[str, Any]) -> list[Reference]:
    """The entities that `node(id:)` and its like start from."""
    ids = given.get("ids") or [given.get("id")]
    return [found for text in ids if isinstance(text, str) and (found := parse_id(text))]


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
