"""The graph's own scalars: one text form of time, and JSON values as a source wrote them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

Timestamp = NewType("Timestamp", str)
"""RFC 3339 in UTC with milliseconds and `Z`, e.g. `2026-11-22T02:00:00.000Z`: text order is time order."""

JSON = NewType("JSON", object)

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


def parse_timestamp(value: object) -> Timestamp:
    """Accept the graph's own form only, so that what was read can be sent back unchanged."""
    if not isinstance(value, str) or not _FORM.fullmatch(value) or not _exists(value):
        raise ValueError("a DateTime is written like 2026-11-22T02:00:00.000Z")
    return Timestamp(value)


def _exists(text: str) -> bool:
    """Whether there is such a day and hour: sources answer a 30th of February with an error, or with anything."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


SCALARS: dict[object, ScalarDefinition] = {
    Timestamp: strawberry.scalar(
        name="DateTime",
        description="A time in UTC with milliseconds, always written like 2026-11-22T02:00:00.000Z.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=str,
        parse_value=parse_timestamp,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, as the source wrote it.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
}
