"""Which costly parts of rows a query selects: computed once per field node from the operation itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from resolvers.sources import Need, Needs
from schema.build import own_name

_NEEDS: dict[str, Needs] = {
    "ModelVersion.aliases": frozenset({Need.ALIASES}),
    "Model.similar": frozenset({Need.TAGS, Need.DOMAIN}),
    "Variation.value": frozenset({Need.VALUES}),
    "Variation.models": frozenset({Need.VALUES}),
    "Experiment.testedModels": frozenset({Need.VALUES, Need.TAGS}),
    "Experiment.tags": frozenset({Need.TAGS}),
    "Experiment.owners": frozenset({Need.TAGS}),
    "Experiment.domain": frozenset({Need.DOMAIN}),
    "Experiment.createdAt": frozenset({Need.DATES}),
    "Experiment.updatedAt": frozenset({Need.DATES}),
    "Experiment.freshness": frozenset({Need.DATES}),
    "ExperimentMetric.name": frozenset({Need.METRICS}),
    "LineageNode.owners": frozenset({Need.TAGS}),
    "Impact.ownersToTell": frozenset({Need.TAGS}),
    "Entity.tags": frozenset({Need.TAGS}),
    "Entity.owners": frozenset({Need.TAGS}),
    "Entity.domain": frozenset({Need.DOMAIN}),
    "Entity.createdAt": frozenset({Need.DATES}),
    "Entity.updatedAt": frozenset({Need.DATES}),
    "Entity.freshness": frozenset({Need.DATES}),
}

_PARTS = frozenset({"Variation", "ExperimentMetric"})
"""Parts of an entity whose own fields may cost an extra call."""


class Scope(Protocol):
    """Where names of a document are looked up: what a resolver is told, or what stands before any resolver runs."""

    @property
    def schema(self) -> GraphQLSchema: ...

    @property
    def fragments(self) -> Mapping[str, Any]: ...


class Written(NamedTuple):
    """A document's scope before it is executed."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]


def needs_below(scope: Scope, target: GraphQLNamedType, selections: Iterable[SelectionSetNode]) -> Needs:
    """What rows of a type must carry for these selections."""
    found: set[Need] = set()
    for selection in selections:
        _collect(scope, target, selection, found, set())
    return frozenset(found)


class Selections:
    """The needs of one operation's field nodes; a memo for one request."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], Needs] = {}

    def needs(self, info: GraphQLResolveInfo[Any]) -> Needs:
        """What the rows this field leads to must carry. Skipped and included branches count alike."""
        key = tuple(id(node) for node in info.field_nodes)
        known = self._known.get(key)
        if known is None:
            selections = [node.selection_set for node in info.field_nodes if node.selection_set]
            known = self._known[key] = needs_below(info, get_named_type(info.return_type), selections)
        return known


def _collect(
    scope: Scope,
    parent: GraphQLNamedType,
    selection: SelectionSetNode,
    found: set[Need],
    seen: set[tuple[str, str]],
) -> None:
    """Walk the selection down to the next links: what lies behind these is asked when they are."""
    for node, owner in _fields(scope, parent, selection, seen):
        name = node.name.value
        found |= _NEEDS.get(f"{own_name(owner)}.{name}", frozenset())
        if isinstance(owner, GraphQLObjectType | GraphQLInterfaceType) and node.selection_set and name in owner.fields:
            target = get_named_type(owner.fields[name].type)
            if not _leads_away(owner, target):
                _collect(scope, target, node.selection_set, found, seen)


def _leads_away(owner: GraphQLObjectType | GraphQLInterfaceType, target: GraphQLNamedType) -> bool:
    """Whether a field goes on to other rows, rather than into an edge, an edge's node or a part of this row."""
    if own_name(owner) in _PARTS:
        return True
    is_entity = any(own_name(named) == "Entity" for named in (owner, *owner.interfaces))
    return is_entity and own_name(target) not in _PARTS


def _fields(
    scope: Scope, parent: GraphQLNamedType, selection: SelectionSetNode, seen: set[tuple[str, str]]
) -> Iterator[tuple[FieldNode, GraphQLNamedType]]:
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node, parent
        elif isinstance(node, InlineFragmentNode):
            yield from _fields(scope, _condition(scope, node, parent), node.selection_set, seen)
        elif isinstance(node, FragmentSpreadNode):
            fragment = scope.fragments[node.name.value]
            definition = getattr(fragment, "definition", fragment)
            mark = (parent.name, node.name.value)
            if mark not in seen:
                seen.add(mark)
                yield from _fields(scope, _condition(scope, definition, parent), definition.selection_set, seen)


def _condition(scope: Scope, node: Any, parent: GraphQLNamedType) -> GraphQLNamedType:
    condition = node.type_condition
    if condition is None:
        return parent
    named = scope.schema.type_map[condition.name.value]
    assert isinstance(named, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)  # noqa: S101 - validated
    return named
