"""How large a document may be, counted before it is validated: validation itself is quadratic in places.

Everything counts as often as fragments repeat it, by a memo per fragment: counting takes no longer than reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gateway.codes import RequestCode

CHARACTERS = 64 * 1024
COMMENTS = 100
OPERATIONS = 20
FIELDS = 5000
OVERLAPS = 2000
"""Pairs of fields with one name in one place: validation compares each pair, at some 10 µs."""
_FRAGMENTS_A_PAIR = 4
"""Pairs of fragments in one place that take as long to compare as a pair of fields."""
_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may have of each; the rest of the limits are constants of this module."""

    depth: int = 15
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50
    tokens: int = 2000


class Excess(Exception):
    """A document that is refused for its size, or because a fragment holds itself."""

    def __init__(self, code: RequestCode, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.code, self.error = code, GraphQLError(message, node)


class Size(NamedTuple):
    """What a selection comes to, its fragments taken as often as they are spread."""

    depth: int = 0
    root_fields: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False

    def beside(self, other: Size) -> Size:
        return Size(
            max(self.depth, other.depth),
            self.root_fields + other.root_fields,
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.introspects or other.introspects,
        )


def measure(document: DocumentNode, limits: Limits) -> bool:
    """Whether the document asks for the schema; raises Excess where it is too large to be looked at any further."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    if len(operations) > OPERATIONS:
        raise _too_many(RequestCode.MAX_OPERATIONS_LIMIT, "operations", OPERATIONS, operations[OPERATIONS])
    sizes = Sizes(fragments)
    total = Size()
    for operation in operations:
        size = sizes.of_definition(operation)
        _check(size, limits, operation)
        total = total.beside(size)
    unspread = [node for name, node in fragments.items() if name not in sizes.known]
    for fragment in unspread:
        total = total.beside(sizes.of_fragment(fragment.name.value))
    if total.fields > FIELDS:
        raise _too_many(RequestCode.MAX_FIELDS_LIMIT, "fields", FIELDS)
    _check(total._replace(root_fields=0), limits)
    if _overlaps([*operations, *unspread], fragments) > OVERLAPS:
        said = f"The document has more than {OVERLAPS} pairs of fields with one name in one place."
        raise Excess(RequestCode.MAX_OVERLAPS_LIMIT, said)
    return total.introspects


class Sizes:
    """Measures selections; each fragment once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self.known: dict[str, Size | None] = {}
        """By fragment; None while it is being measured."""

    def of_definition(self, node: OperationDefinitionNode | FragmentDefinitionNode) -> Size:
        variables = sum(len(item.directives or ()) for item in node.variable_definitions or ())
        own = Size(directives=len(node.directives or ()) + variables)
        return self.of(node.selection_set).beside(own)

    def of_fragment(self, name: str) -> Size:
        """Of a fragment that is not there nothing is counted: validation says so."""
        if name not in self._fragments:
            return Size()
        if name not in self.known:
            self.known[name] = None
            self.known[name] = self.of_definition(self._fragments[name])
        known = self.known[name]
        if known is None:
            said = f"Cannot spread fragment '{name}' within itself."
            raise Excess(RequestCode.GRAPHQL_VALIDATION_FAILED, said, self._fragments[name])
        return known

    def of(self, selection: SelectionSetNode) -> Size:
        size = Size()
        for node in selection.selections:
            own = Size(directives=len(node.directives or ()))
            if isinstance(node, FieldNode):
                own = self._of_field(node, own)
            elif isinstance(node, FragmentSpreadNode):
                own = own.beside(self.of_fragment(node.name.value))
            elif isinstance(node, InlineFragmentNode):
                own = own.beside(self.of(node.selection_set))
            size = size.beside(own)
        return size

    def _of_field(self, node: FieldNode, own: Size) -> Size:
        below = self.of(node.selection_set) if node.selection_set else Size()
        return Size(
            below.depth + 1,
            1,
            below.fields + 1,
            below.aliases + (1 if node.alias else 0),
            below.directives + own.directives,
            below.introspects or node.name.value in _INTROSPECTION,
        )


def _check(size: Size, limits: Limits, node: Node | None = None) -> None:
    for code, what, found, most in (
        (RequestCode.MAX_DEPTH_LIMIT, "levels of fields", size.depth, limits.depth),
        (RequestCode.MAX_ROOT_FIELDS_LIMIT, "root fields", size.root_fields, limits.root_fields),
        (RequestCode.MAX_ALIASES_LIMIT, "aliases", size.aliases, limits.aliases),
        (RequestCode.MAX_DIRECTIVES_LIMIT, "directives", size.directives, limits.directives),
    ):
        if found > most:
            raise _too_many(code, what, most, node)


def _too_many(code: RequestCode, what: str, most: int, node: Node | None = None) -> Excess:
    return Excess(code, f"The document has more than {most} {what}.", node)


def _overlaps(
    roots: list[OperationDefinitionNode | FragmentDefinitionNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> int:
    """Pairs that validation compares, or a number past the limit: fields of one name whose parents are one, too."""
    pairs = 0
    work = [[root.selection_set] for root in roots]
    while work and pairs <= OVERLAPS:
        places: dict[str, list[SelectionSetNode | None]] = {}
        spread: set[str] = set()
        sets = work.pop()
        while sets:
            for node in sets.pop().selections:
                if isinstance(node, FieldNode):
                    places.setdefault((node.alias or node.name).value, []).append(node.selection_set)
                elif isinstance(node, InlineFragmentNode):
                    sets.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    if name in fragments and name not in spread:
                        spread.add(name)
                        sets.append(fragments[name].selection_set)
        pairs += sum(len(place) * (len(place) - 1) // 2 for place in places.values())
        pairs += len(spread) * (len(spread) - 1) // 2 // _FRAGMENTS_A_PAIR
        work.extend([below for below in place if below] for place in places.values() if any(place))
    return pairs
