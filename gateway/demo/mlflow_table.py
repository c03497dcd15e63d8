"""The demo MLflow's tables: an index for each key a filter may name, each order sorted once, cut into pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from gateway.demo.mlflow_filter import Clause, Order, Refused, Scalar, condition

R = TypeVar("R")
Values = Callable[[R, str, str], Sequence[Scalar]]
"""What a filter or an order sees of a row under a kind and a key: nothing, one value, or several (datasets)."""
_FEW = 1000
"""So many rows are sorted each time; of more the order of the whole table is kept, and those found picked from it."""


class Search(msgspec.Struct):
    """What the searches understand, from the query or the body; anything else is ignored."""

    max_results: int | None = None
    filter: str = ""
    order_by: list[str] = []
    page_token: str = ""
    experiment_ids: list[str | int] = []
    run_view_type: str = "ACTIVE_ONLY"
    view_type: str = "ACTIVE_ONLY"


class Table(Generic[R]):
    """Rows with an index for each key that a filter names: an equality costs what it finds, a pattern the values."""

    def __init__(self, rows: Sequence[R], values: Values[R]) -> None:
        self._rows = rows
        self._values = values
        self._columns: dict[tuple[str, str], dict[Scalar, list[int]]] = {}
        self._ranks: dict[tuple[Order, ...], list[int]] = {}

    def found(self, key: str, wanted: Iterable[str]) -> list[R]:
        column = self._column("attribute", key)
        return [self._rows[at] for item in dict.fromkeys(wanted) for at in column.get(item, ())]

    def rows(self, clauses: Sequence[Clause], orders: Sequence[Order]) -> Sequence[R]:
        places: set[int] | None = None
        for clause in clauses:
            found = self._places(clause)
            places = found if places is None else places & found
            if not places:
                return []
        if places is not None and len(places) <= _FEW:
            return [self._rows[at] for at in self._sort(places, orders)]
        ranks = self._ranked(tuple(orders))
        return [self._rows[at] for at in (ranks if places is None else filter(places.__contains__, ranks))]

    def _places(self, clause: Clause) -> set[int]:
        column = self._column(clause.kind, clause.key)
        if clause.operator == "IS NULL":
            return set(range(len(self._rows))).difference(*column.values())
        if clause.operator == "IS NOT NULL":
            return set().union(*column.values())
        if clause.operator in ("=", "IN"):
            wanted = clause.value if isinstance(clause.value, tuple) else (clause.value,)
            return {at for value in wanted if value is not None for at in column.get(value, ())}
        holds = condition(clause)
        return set().union(*(places for value, places in column.items() if holds(value)))

    def _column(self, kind: str, key: str) -> dict[Scalar, list[int]]:
        """The rows by each value they have under a key, in the order of the rows."""
        column = self._columns.get((kind, key))
        if column is None:
            column = self._columns[kind, key] = {}
            for at, row in enumerate(self._rows):
                for value in self._values(row, kind, key):
                    column.setdefault(value, []).append(at)
        return column

    def _ranked(self, orders: tuple[Order, ...]) -> list[int]:
        """The places of all rows in an order, which is worked out once."""
        if orders not in self._ranks:
            self._ranks[orders] = self._sort(range(len(self._rows)), orders)
        return self._ranks[orders]

    def _sort(self, places: Iterable[int], orders: Sequence[Order]) -> list[int]:
        """Rows without a value come last in both directions, and before them those whose value is not a number."""
        ordered = list(places)
        for order in reversed(orders):
            values = {at: self._first(at, order) for at in ordered}
            comparable = [at for at in ordered if (value := values[at]) is not None and value == value]
            comparable.sort(key=values.__getitem__, reverse=not order.ascending)  # type: ignore[arg-type] # of one type
            if len(comparable) < len(ordered):
                strange = [at for at in ordered if (value := values[at]) is not None and value != value]
                comparable += strange + [at for at in ordered if values[at] is None]
            ordered = comparable
        return ordered

    def _first(self, at: int, order: Order) -> Scalar | None:
        values = self._values(self._rows[at], order.kind, order.key)
        return values[0] if values else None


def limit_of(search: Search, *, default: int, most: int, least: int | None = 1) -> int:
    limit = default if search.max_results is None else search.max_results
    if limit > most:
        raise Refused(f"Invalid value \"{limit}\" for parameter 'max_results' supplied")
    if least is not None and limit < least:
        raise Refused(f"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer")
    return limit


def page_of(
    key: str, rows: Sequence[R], search: Search, limit: int, render: Callable[[R], dict[str, object]]
) -> dict[str, object]:
    """An empty list has no key at all; a limit of 0, which only the models' search takes, leads back to itself."""
    offset = max(_offset(search.page_token), 0)
    page: dict[str, object] = {}
    if items := [render(row) for row in rows[offset : offset + max(limit, 0)]]:
        page[key] = items
    if offset + limit < len(rows):
        page["next_page_token"] = base64.b64encode(b'{"offset": %d}' % (offset + limit)).decode()
    return page


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        decoded = base64.b64decode(token)
    except (binascii.Error, ValueError):
        raise Refused("Invalid page token, could not base64-decode") from None
    try:
        offset = msgspec.json.decode(decoded, type=dict[str, int]).get("offset", 0)
    except msgspec.DecodeError:
        raise Refused(f"Invalid page token, decoded value={decoded!r}") from None
    if not offset:
        raise Refused(f"Invalid page token, parsed value={decoded!r}")
    return offset
