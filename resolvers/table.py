"""What a row of the link table is, and the check that schema and table say the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from graphql import get_named_type

from resolvers.errors import GraphError
from resolvers.masks import masked
from resolvers.rules.rule import Rule
from resolvers.sources import Needs
from schema.build import DeclaredLink, own_name
from schema.identity import EntityKind

if TYPE_CHECKING:
    from resolvers.context import Context

P = TypeVar("P")
A = TypeVar("A")
R = TypeVar("R")

Answerer = Callable[["Context", Sequence[P], A, Needs], Awaitable[Sequence[R | GraphError]]]


class Parent:
    """A parent object as a loader's key: the very object, whatever it equals."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Parent) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


class LinkAnswer(NamedTuple, Generic[R]):
    """The answer of a field of a link: `failures` are no error of the field, its link's `state` says them."""

    value: R
    failures: tuple[tuple[object, GraphError], ...] = ()


class Row:
    """One field of one type: how it is answered for many parents at once.

    `target` is the type the field leads to; None for the generic fields of links, whose type the subclass says.
    `rules` are those by which the link is found, in the order they are read; none where a row leads straight on.
    """

    def __init__(
        self,
        owner: type[P],
        field: str,
        target: type | None,
        answer: Answerer[P, Any, Any],
        rules: tuple[Rule, ...] = (),
    ) -> None:
        self.owner, self.field, self.target, self.rules = owner, field, target, rules
        self.answer: Answerer[Any, Any, Any] = answer

    def bound_to(self, context: Context) -> Any:
        """The row as a batch method of one request."""

        async def batch(parents: Sequence[Parent], args: object, needs: Needs) -> Sequence[object]:
            return await self.answer(context, [parent.value for parent in parents], args, needs)

        sight = context.sight
        if sight is None:
            return batch

        async def seen(parents: Sequence[Parent], args: object, needs: Needs) -> Sequence[object]:
            return [masked(sight, answer) for answer in await batch(parents, args, needs)]

        return seen


class LinkTable:
    """The rows, found by type and field; a field of a generic link is found through the subclass.

    `shared` reads by key what no source owns: datasets, features, owners, domains.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        declared: Iterable[DeclaredLink],
        shared: Mapping[EntityKind, Answerer[Any, Any, Any]] | None = None,
    ) -> None:
        self.shared = dict(shared or {})
        self._rows: dict[tuple[type, str], Row] = {}
        used: set[Row] = set()
        mistakes: list[str] = []
        known: dict[tuple[type, str], Row] = {}
        for row in rows:
            if (row.owner, row.field) in known:
                mistakes.append(f"{row.owner.__name__}.{row.field} has two rows")
            known[(row.owner, row.field)] = row
        for link in declared:
            found = next(
                (known[(base, link.field)] for base in link.owner.__mro__ if (base, link.field) in known), None
            )
            if found is None:
                mistakes.append(f"{link.coordinate} is declared as a link but has no row")
                continue
            used.add(found)
            self._rows[(link.owner, link.field)] = found
            printed = own_name(get_named_type(link.type))
            if found.target is not None and _graphql_name(found.target) != printed:
                mistakes.append(f"{link.coordinate} is a {printed} but its row answers {_graphql_name(found.target)}")
        mistakes.extend(
            f"the row {row.owner.__name__}.{row.field} answers no declared link"
            for row in known.values()
            if row not in used
        )
        if mistakes:
            raise ValueError("\n".join(mistakes))

    def row(self, owner: type, field: str) -> Row:
        return self._rows[(owner, field)]

    def coordinates(self) -> list[tuple[type, str]]:
        """Every answered field."""
        return list(self._rows)


def _graphql_name(target: type) -> str:
    definition = getattr(target, "__strawberry_definition__", None) or getattr(
        target, "__strawberry_object_definition__", None
    )
    return str(getattr(definition, "name", target.__name__))
