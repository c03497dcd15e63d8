"""How Airflow 3 reads a list request: typed parameters and their refusals, patterns, ranges, order and pages."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from starlette.datastructures import QueryParams

Row = TypeVar("Row")
Value = str | int | float | None
Column = Callable[[Row], Value]

MAXIMUM_PAGE_LIMIT = 100
FALLBACK_PAGE_LIMIT = 50
BOUNDS: Mapping[str, Callable[[float, float], bool]] = {
    "gte": lambda value, bound: value >= bound,
    "gt": lambda value, bound: value > bound,
    "lte": lambda value, bound: value <= bound,
    "lt": lambda value, bound: value < bound,
}


class Refusal(Exception):
    """An answer other than 200, in FastAPI's form: `detail` is a sentence, or a list of faults with status 422."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def fault(kind: str, loc: Sequence[str | int], message: str, given: object, **ctx: object) -> dict[str, object]:
    """One validation fault as pydantic writes it."""
    row: dict[str, object] = {"type": kind, "loc": list(loc), "msg": message, "input": given}
    return row | {"ctx": ctx} if ctx else row


class Parameters:
    """Query parameters read with their types. Unknown ones are ignored, faults are collected for one 422.

    A single-valued parameter given twice takes the last value, as FastAPI does.
    """

    def __init__(self, query: QueryParams) -> None:
        self._query = query
        self._faults: list[dict[str, object]] = []

    def check(self) -> None:
        if self._faults:
            raise Refusal(422, self._faults)

    def text(self, name: str) -> str | None:
        return self._query.get(name)

    def texts(self, name: str) -> list[str]:
        return self._query.getlist(name)

    def natural(self, name: str, default: int) -> int:
        number = self.integer(name)
        if number is None:
            return default
        if number < 0:
            message = "Input should be greater than or equal to 0"
            self._faults.append(fault("greater_than_equal", ("query", name), message, str(number), ge=0))
        return number

    def integer(self, name: str) -> int | None:
        given = self._query.get(name)
        if given is None:
            return None
        try:
            return int(given)
        except ValueError:
            message = "Input should be a valid integer, unable to parse string as an integer"
            self._faults.append(fault("int_parsing", ("query", name), message, given))
            return None

    def flag(self, name: str) -> bool | None:
        given = self._query.get(name)
        if given is None:
            return None
        if given.lower() in ("true", "1", "yes", "on", "t", "y"):
            return True
        if given.lower() in ("false", "0", "no", "off", "f", "n"):
            return False
        message = "Input should be a valid boolean, unable to interpret input"
        self._faults.append(fault("bool_parsing", ("query", name), message, given))
        return None

    def choice(self, name: str, choices: Sequence[str], kind: str = "literal_error") -> str | None:
        given = self._query.get(name)
        if given is not None and given not in choices:
            *others, last = map(repr, choices)
            expected = f"{', '.join(others)} or {last}"
            message = f"Input should be {expected}"
            self._faults.append(fault(kind, ("query", name), message, given, expected=expected))
        return given

    def member(self, name: str, choices: Sequence[str]) -> str | None:
        return self.choice(name, choices, "enum")

    def moment(self, name: str) -> float | None:
        given = self._query.get(name)
        if given is None:
            return None
        parsed = moment_ms(given)
        if parsed is None:
            message = "Input should be a valid datetime or date, input is too short"
            kind = "datetime_from_date_parsing"
            self._faults.append(fault(kind, ("query", name), message, given, error="input is too short"))
        return parsed

    def page(self) -> tuple[int, int]:
        """Offset and limit; a limit over the server's maximum is cut to it without a word."""
        limit = min(self.natural("limit", FALLBACK_PAGE_LIMIT), MAXIMUM_PAGE_LIMIT)
        return self.natural("offset", 0), limit

    def states(self, name: str, known: Sequence[str], unset: Collection[str]) -> set[str | None] | None:
        """The wanted states, None among them for "no state yet"; no parameter at all is no filter."""
        given = self.texts(name)
        if not given:
            return None
        if any(state not in known and state not in unset for state in given):
            raise Refusal(422, f"Invalid value for state. Valid values are {', '.join(known)}")
        return {None if state in unset else state for state in given}


def moment_ms(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        # 3.3.2 lets a moment without an offset through to the database layer, which refuses it.
        message = "Serious error when handling your request. Check logs for more details"
        hidden = {"statement": "hidden", "orig_error": "hidden"}
        raise Refusal(500, {"reason": "Database error", **hidden, "message": message})
    return moment.timestamp() * 1000


def within(bounds: Iterable[tuple[str, float]]) -> Callable[[Value], bool]:
    """A test of one column against its bounds; SQL compares NULL with nothing, so NULL is outside."""
    wanted = list(bounds)

    def test(value: Value) -> bool:
        return isinstance(value, int | float) and all(BOUNDS[name](value, bound) for name, bound in wanted)

    return test


def terms(value: str, pipes: bool) -> list[str]:
    """`a|b` is a or b (from 3.2 on); a value of bars only is taken as it stands."""
    parts = [part.strip() for part in value.split("|") if part.strip()] if pipes and "|" in value else []
    return parts or [value]


def substring(value: str, pipes: bool) -> Callable[[str], bool]:
    """`*_pattern`: ILIKE '%term%', so `%` and `_` are wildcards; `~` alone matches everything."""
    if value == "~":
        return lambda _: True
    wild = {"%": ".*", "_": "."}
    alternatives = ("".join(wild.get(char) or re.escape(char) for char in term) for term in terms(value, pipes))
    search = re.compile("|".join(alternatives), re.IGNORECASE | re.DOTALL).search
    return lambda text: search(text) is not None


def prefixed(value: str, ordered: Sequence[str], pipes: bool) -> set[str]:
    """`*_prefix_pattern` over sorted values: a range scan, wider than the prefix where the product's is.

    Trailing characters that are no letter or digit are dropped from both bounds. The upper bound is the term with its
    last character raised by one; where that is no letter or digit (`9`, `z`, `Z`) the character goes as well.
    """
    found: set[str] = set()
    for term in terms("" if value == "~" else value, pipes):
        lower = _trimmed(term)
        start = bisect_left(ordered, lower) if lower else 0
        upper = _raised(lower)
        stop = bisect_left(ordered, upper) if lower and upper else len(ordered)
        found.update(ordered[start:stop])
    return found


def _trimmed(term: str) -> str:
    while term and not term[-1].isalnum():
        term = term[:-1]
    return term


def _raised(term: str) -> str:
    term = _trimmed(term)
    while term:
        raised = chr(ord(term[-1]) + 1) if ord(term[-1]) < 0x10FFFF else ""
        if raised.isalnum():
            return term[:-1] + raised
        term = _trimmed(term[:-1])
    return ""


def ordered_by(
    rows: Iterable[Row], order_by: Sequence[str], columns: Mapping[str, Column[Row]], key: Column[Row]
) -> list[Row]:
    """Rows in the asked order. Ties go by primary key in the first column's direction; NULL is lowest, as in SQLite."""
    if len(order_by) > 10:
        raise Refusal(400, f"Ordering with more than 10 parameters is not allowed. Provided: {list(order_by)}")
    for name in order_by:
        if name.lstrip("-") not in columns:
            message = f"Ordering with '{name.lstrip('-')}' is disallowed or the attribute does not exist on the model"
            raise Refusal(400, message)
    ordered = list(rows)
    ordered.sort(key=_sortable(key), reverse=bool(order_by) and order_by[0].startswith("-"))
    for name in reversed(order_by):
        ordered.sort(key=_sortable(columns[name.lstrip("-")]), reverse=name.startswith("-"))
    return ordered


def _sortable(column: Column[Row]) -> Callable[[Row], tuple[bool, str, float]]:
    def key(row: Row) -> tuple[bool, str, float]:
        value = column(row)
        return (
            value is not None,
            value if isinstance(value, str) else "",
            value if isinstance(value, int | float) else 0,
        )

    return key
