"""The demo MLflow's tables: an index for each key a filter may name, each order sorted once, cut into pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from gateway.demo.mlflow_filter import Clause, Order, Refused, Scalar, holds

R = TypeVar("R")
Values = Callable[[R, str, str], Sequence[Scalar]]
"""What a filter or an order sees of a row under a kind and a key: nothing, one value, or several (datasets)."""


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
    """Rows with an index for each key a filter may name exactly."""

    def __init__(self, rows: Collection[R], values: Values[R], keys: dict[str, Callable[[R], str]]) -> None:
        self._rows = rows
        self._values = values
        self._sorted: dict[tuple[Order, ...], list[R]] = {}
        self._index: dict[str, dict[str, list[R]]] = {key: {} for key in keys}
        for key, read in keys.items():
            for row in rows:
                self._index[key].setdefault(read(row), []).append(row)

    def found(self, key: str, wanted: Iterable[str]) -> list[R]:
        return [row for item in dict.fromkeys(wanted) for row in self._index[key].get(item, ())]

    def rows(self, clauses: Sequence[Clause], orders: Sequence[Order]) -> Sequence[R]:
        for clause in clauses:
            if clause.kind == "attribute" and clause.key in self._index and clause.operator in ("=", "IN"):
                wanted = clause.value if isinstance(clause.value, tuple) else (str(clause.value),)
                return self._sort([row for row in self.found(clause.key, wanted) if self._holds(clauses, row)], orders)
        order = tuple(orders)
        if order not in self._sorted:
            self._sorted[order] = self._sort(self._rows, orders)
        ordered = self._sorted[order]
        return [row for row in ordered if self._holds(clauses, row)] if clauses else ordered

    def _holds(self, clauses: Sequence[Clause], row: R) -> bool:
        return all(holds(clause, self._values(row, clause.kind, clause.key)) for clause in clauses)

    def _sort(self, rows: Iterable[R], orders: Sequence[Order]) -> list[R]:
        """Rows without a value come last in both directions, and before them those whose value is not a number."""
        ordered = list(rows)
        for order in reversed(orders):
            keyed = [(next(iter(self._values(row, order.kind, order.key)), None), row) for row in ordered]
            comparable = [pair for pair in keyed if pair[0] is not None and pair[0] == pair[0]]
            comparable.sort(key=_first, reverse=not order.ascending)
            strange = [row for value, row in keyed if value is not None and value != value]
            ordered = [row for _, row in comparable] + strange + [row for value, row in keyed if value is None]
        return ordered


def _first(pair: tuple[Scalar | None, object]) -> tuple[str, float]:
    value = pair[0]
    return (value, 0) if isinstance(value, str) else ("", value or 0)


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
