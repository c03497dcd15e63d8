"""What an operation may come to before it is executed: rows of its pages, and calls to sources, in the worst case.

An operation's selections are put together once, with their types; its arguments are then counted for each request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import strawberry
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    value_from_ast_untyped,
)

from gateway.execution.documents import Document
from resolvers.arguments import Arguments, defaults_of
from resolvers.estimate.ask import Ask
from resolvers.estimate.entities import REFERENCES, target_of
from resolvers.estimate.fields import FIELDS
from resolvers.estimate.house import Args, Asks, House
from resolvers.estimate.sizes import BOUNDS, PARTS, size_of
from resolvers.needs import Written, needs_below
from resolvers.rules.lineage import MOST_NODES
from resolvers.sources import Needs
from schema.build import own_name
from schema.identity import KIND_OF_TYPE, Reference

_PAGES = frozenset({"edges", "nodes"})


@dataclass(frozen=True, slots=True)
class Cost:
    """`nodes` are rows of pages and of lists of entities; `calls` are requests to sources."""

    nodes: int
    calls: int
    most_nodes: int
    most_calls: int

    @property
    def too_much(self) -> bool:
        return self.nodes > self.most_nodes or self.calls > self.most_calls

    @property
    def message(self) -> str:
        return (
            f"This may come to {self.nodes} rows, of at most {self.most_nodes}, and to {self.calls} calls to sources, "
            f"of at most {self.most_calls}: ask for smaller pages, or for less at once."
        )

    def shown(self) -> dict[str, object]:
        """As `extensions.cost` has it."""
        limits = {"nodes": self.most_nodes, "calls": self.most_calls}
        return {"nodes": self.nodes, "calls": self.calls, "limits": limits}


class Costs:
    """Estimates operations over one schema and one house of sources."""

    def __init__(self, schema: strawberry.Schema, house: House, *, nodes: int = 20_000, calls: int = 120) -> None:
        self._schema, self._house = schema._schema, house
        self._nodes, self._calls = nodes, calls

    def of(self, document: Document, name: str | None, given: Mapping[str, Any]) -> Cost:
        """The worst case of one operation of a valid document, with the variables that are given."""
        assert document.ast is not None  # noqa: S101 - it is valid
        known = document.memo.get(name)
        if known is None:
            known = document.memo[name] = _read(self._schema, document, name)
        assert isinstance(known, _Read)  # noqa: S101 - nothing else is kept there
        counted = _Count(self._house, {**known.defaults, **given}).of(known.selection, 1, 0)
        return Cost(counted.nodes, counted.calls, self._nodes, self._calls)


# ---------------------------------------------------------------- selections with their types


@dataclass(slots=True, eq=False)
class _Line:
    """One field of a selection: what it asks, how many rows it has, and what is selected of them by their type.

    `size` is None for a page, or the number of rows for each parent. `leads_to` reads the target of a link. `below` is
    by the name of a type, without the prefix it has in the schema.
    """

    name: str
    coordinate: str
    asks: Asks | None
    leads_to: Ask | None
    needs: Needs
    arguments: Arguments
    conditions: tuple[tuple[bool, ValueNode], ...]
    size: int | None
    counted: bool
    paged: bool
    below: Mapping[str, _Selection] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Selection:
    lines: list[_Line] = field(default_factory=list)


class _Read(NamedTuple):
    selection: _Selection
    defaults: Mapping[str, object]


class _Found(NamedTuple):
    """All nodes of one name in one place; skipped only where every one of them is."""

    definition: GraphQLField
    nodes: list[FieldNode]
    conditions: list[tuple[tuple[bool, ValueNode], ...]]


def _read(schema: GraphQLSchema, document: Document, name: str | None) -> _Read:
    assert document.ast is not None and schema.query_type is not None  # noqa: S101, PT018 - it is valid
    operations = [node for node in document.ast.definitions if isinstance(node, OperationDefinitionNode)]
    operation = next(node for node in operations if name is None or (node.name and node.name.value == name))
    fragments = {node.name.value: node for node in document.ast.definitions if isinstance(node, FragmentDefinitionNode)}
    selection = _Reader(Written(schema, fragments)).selection(schema.query_type, (operation.selection_set,))
    return _Read(selection, defaults_of(operation))


class _Reader:
    """Puts selections together, each set of a type once: fields of interfaces lead to equal ones for many types."""

    def __init__(self, scope: Written) -> None:
        self._scope = scope
        self._known: dict[tuple[str, tuple[int, ...]], _Selection] = {}

    def selection(self, owner: GraphQLObjectType, sets: tuple[SelectionSetNode, ...]) -> _Selection:
        key = (owner.name, tuple(id(one) for one in sets))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Selection()
            found: dict[str, _Found] = {}
            for one in sets:
                self._collect(owner, one, (), found, set())
            known.lines = [self._line(owner, name, item) for name, item in found.items()]
        return known

    def _collect(
        self,
        owner: GraphQLObjectType,
        selection: SelectionSetNode,
        conditions: tuple[tuple[bool, ValueNode], ...],
        found: dict[str, _Found],
        seen: set[str],
    ) -> None:
        for node in selection.selections:
            own = (*conditions, *_conditions(node))
            if isinstance(node, FieldNode):
                definition = owner.fields.get(node.name.value)
                if definition is not None:  # introspection costs nothing here
                    item = found.setdefault((node.alias or node.name).value, _Found(definition, [], []))
                    item.nodes.append(node)
                    item.conditions.append(own)
            elif isinstance(node, InlineFragmentNode):
                if node.type_condition is None or self._applies(node.type_condition.name.value, owner):
                    self._collect(owner, node.selection_set, own, found, seen)
            else:
                name = getattr(node, "name").value  # noqa: B009 - a spread is what is left
                fragment = self._scope.fragments[name]
                # Once is enough, unless it may be skipped here and not there.
                if (name not in seen or own) and self._applies(fragment.type_condition.name.value, owner):
                    seen |= set() if own else {name}
                    self._collect(owner, fragment.selection_set, own, found, seen)

    def _applies(self, condition: str, owner: GraphQLObjectType) -> bool:
        named = self._scope.schema.type_map[condition]
        return any(one is owner for one in self._types(named))

    def _line(self, owner: GraphQLObjectType, name: str, found: _Found) -> _Line:
        node, definition = found.nodes[0], found.definition
        field_name, target = node.name.value, get_named_type(definition.type)
        coordinate = f"{own_name(owner)}.{field_name}"
        sets = tuple(node.selection_set for node in found.nodes if node.selection_set)
        size, counted = _size(owner, field_name, coordinate, definition)
        asks = FIELDS.get(coordinate)
        line = _Line(
            name=name,
            coordinate=coordinate,
            asks=asks,
            leads_to=None if asks else target_of(owner, field_name),
            needs=needs_below(self._scope, target, sets) if sets else frozenset(),
            arguments=Arguments.of(definition, node),
            conditions=() if () in found.conditions or len(found.nodes) > 1 else found.conditions[0],
            size=size,
            counted=counted,
            paged="first" in definition.args,
        )
        if sets:
            line.below = {own_name(one): self.selection(one, sets) for one in self._types(target)}
        return line

    def _types(self, target: GraphQLNamedType) -> Iterable[GraphQLObjectType]:
        if isinstance(target, GraphQLObjectType):
            return (target,)
        if isinstance(target, GraphQLInterfaceType | GraphQLUnionType):
            return self._scope.schema.get_possible_types(target)
        return ()


def _conditions(node: object) -> Iterator[tuple[bool, ValueNode]]:
    """Each with the value at which the node is left out."""
    for directive in getattr(node, "directives", None) or ():
        name = directive.name.value
        if name in ("skip", "include"):
            yield name == "skip", directive.arguments[0].value


def _size(owner: GraphQLObjectType, name: str, coordinate: str, definition: GraphQLField) -> tuple[int | None, bool]:
    """Rows for each parent, None for those of a page; and whether they count as nodes."""
    bound = BOUNDS.get(coordinate)
    if bound is not None:
        return bound.size, bound.counted
    nullable = get_nullable_type(definition.type)
    if not isinstance(nullable, GraphQLList) or not is_composite_type(get_named_type(nullable)):
        return 1, False
    if (name in _PAGES and owner.name.endswith("Connection")) or coordinate in ("Lineage.nodes", *REFERENCES):
        return None, True
    return PARTS, False


# ---------------------------------------------------------------- counting


class _Counted(NamedTuple):
    nodes: int
    calls: int


class _Count:
    """Counts one operation with its variables; every selection once for each number of parents."""

    def __init__(self, house: House, variables: dict[str, Any]) -> None:
        self._house, self._variables = house, variables
        self._known: dict[tuple[int, int, int], _Counted] = {}

    def of(self, selection: _Selection, parents: int, page: int) -> _Counted:
        """`page`: how many rows the pages of these parents have."""
        key = (id(selection), parents, page)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._of(selection, parents, page)
        return known

    def _of(self, selection: _Selection, parents: int, page: int) -> _Counted:
        nodes = calls = 0
        asked: dict[tuple[Ask, int, str], Needs] = {}
        for line in selection.lines:
            if any(self._value(value) is left_out for left_out, value in line.conditions):
                continue
            args = line.arguments.values(self._variables)
            named = REFERENCES[line.coordinate](self._house, args) if line.coordinate in REFERENCES else None
            rows = parents * (len(named) if named is not None else page if line.size is None else line.size)
            for ask in line.asks(self._house, args) if line.asks else ():
                known = (ask, parents, line.name if ask.own else "")
                asked[known] = asked.get(known, frozenset()) | line.needs
            if line.leads_to is not None:
                known = (line.leads_to, rows, "")
                asked[known] = asked.get(known, frozenset()) | line.needs
            nodes += rows if line.counted else 0
            below = self._below(line, rows if named is None else parents, self._page(line, args, page), named)
            nodes, calls = nodes + below.nodes, calls + below.calls
        calls += sum(self._house.calls(ask, keys, needs) for (ask, keys, _), needs in asked.items())
        return _Counted(nodes, calls)

    def _below(self, line: _Line, rows: int, page: int, named: Sequence[Reference | None] | None) -> _Counted:
        """What is selected of the rows; where these are named for each parent, they are known by type."""
        if named is not None:
            kinds = Counter(item.kind for item in named if item is not None)
            found = [
                self.of(one, rows * kinds[KIND_OF_TYPE[name]], page)
                for name, one in line.below.items()
                if kinds[KIND_OF_TYPE[name]]
            ]
            return _Counted(sum(one.nodes for one in found), sum(one.calls for one in found))
        found = [self.of(one, rows, page) for one in line.below.values()]
        # Rows of several types each take their own calls; one row is of one type.
        together = max if rows <= 1 else sum
        return _Counted(max((one.nodes for one in found), default=0), together([0, *(one.calls for one in found)]))

    def _page(self, line: _Line, args: Args, page: int) -> int:
        if line.paged:
            default = line.arguments.defaults.get("first")
            return size_of(args.get("first"), default if isinstance(default, int) else 100)
        if line.coordinate == "Query.lineage":
            return size_of(args.get("maxNodes"), 200, MOST_NODES)
        return MOST_NODES if line.coordinate == "Impact.lineage" else page

    def _value(self, node: ValueNode) -> Any:
        return value_from_ast_untyped(node, self._variables)
