"""Unleash's search over flags: its parameters, their refusals, and what its filters leave out of the answer.

Apart from the server: it is a small query language of its own. Held to 7.5.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.demo.unleash_flags import Flag, Row

Terms = Mapping[str, list[str]]

DEFAULT_LIMIT, MAX_LIMIT = 50, 100

LIST = r"^(IS|IS_NOT|IS_ANY_OF|IS_NONE_OF):(.*?)(,([a-zA-Z0-9_]+))*$"
INCLUDES = "INCLUDE|DO_NOT_INCLUDE|INCLUDE_ALL_OF|INCLUDE_ANY_OF|EXCLUDE_IF_ANY_OF|EXCLUDE_ALL"
DATE = r"^(IS_BEFORE|IS_ON_OR_AFTER):\d{4}-\d{2}-\d{2}$"
PATTERNS = {
    "project": LIST,
    "type": LIST,
    "lifecycle": LIST,
    "createdBy": LIST,
    "tag": rf"^({INCLUDES}):([^:,]+:.+?)(,\s*[^:,]+:.+?)*$",
    "archived": "^IS:(true|false)$",
    "createdAt": DATE,
    "sortOrder": "^(asc|desc)$",
}
TEXTS = ("query", "offset", "limit", "sortBy", "favoritesFirst")
FIELDS: dict[str, Callable[[Flag], str]] = {
    "project": lambda flag: flag.project,
    "type": lambda flag: flag.type,
    "lifecycle": lambda flag: str(flag.lifecycle["stage"]),
    "createdBy": lambda flag: str(flag.creator["id"]),
}
ORDERS: dict[str, Callable[[Flag], tuple[str, ...]]] = {
    "name": lambda flag: (flag.name,),
    "type": lambda flag: (flag.type,),
    "project": lambda flag: (flag.project,),
    "createdAt": lambda flag: (flag.created,),
}


class BadDataError(Exception):
    """Refused with 400; `details` say why, each with a message and the path of what is wrong."""

    def __init__(self, *details: Row) -> None:
        super().__init__("Request validation failed")
        self.details = list(details)


class UnknownError(Exception):
    """Refused with 500: what the database itself rejects."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A flag as the search shows it: a filter on tags or status leaves only what it matched in the row."""

    flag: Flag
    tags: frozenset[tuple[str, str]]
    environments: tuple[str, ...]


def search(flags: Iterable[Flag], environments: tuple[str, str], terms: Terms) -> tuple[list[Hit], int]:
    """One page and the total; past the last row the total is 0 as well."""
    check(terms)
    offset = whole(text(terms, "offset"), 0)
    limit = whole(text(terms, "limit"), DEFAULT_LIMIT, MAX_LIMIT)
    hits = [Hit(flag, flag.tags, environments) for flag in ordered(filtered(flags, terms), terms)]
    if asked := text(terms, "tag"):
        hits = tagged(hits, *operator(asked))
    states = {(name, state) for name, _, state in (term.partition(":") for term in terms.get("status[]", ()))}
    if states := {known for known in states if known[1] in ("enabled", "disabled")}:
        hits = with_status(hits, states, environments[0])
    page = hits[offset : offset + limit]
    return page, len(hits) if page else 0


def check(terms: Terms) -> None:
    for name, values in terms.items():
        if name in PATTERNS or name in TEXTS:
            if len(values) > 1:
                listed = ",".join(f'"{value}"' for value in values)
                raise BadDataError(wrong(name, f"must be string. You sent [{listed}]."))
            pattern = PATTERNS.get(name)
            if pattern is not None and re.match(pattern, values[0]) is None:
                raise BadDataError(wrong(name, f'must match pattern "{pattern}". You sent "{values[0]}".'))
        elif name == "status":
            raise BadDataError(wrong(name, f'must be array. You sent "{values[0]}".'))
        elif name in ("state", "segment", "lastSeenAt"):
            raise BadDataError(wrong(name, "is a filter that the demo's Unleash does not have."))


def wrong(name: str, what: str) -> Row:
    return {"message": f"The `/query/{name}` property {what}", "path": f"/query/{name}"}


def filtered(flags: Iterable[Flag], terms: Terms) -> list[Flag]:
    archived = text(terms, "archived") == "IS:true"
    kept = [flag for flag in flags if (flag.archived is not None) == archived]
    for name, field in FIELDS.items():
        if asked := text(terms, name):
            how, values = operator(asked)
            wanted = how in ("IS", "IS_ANY_OF")
            kept = [flag for flag in kept if (field(flag) in values) == wanted]
    if asked := text(terms, "createdAt"):
        how, values = operator(asked)
        before = how == "IS_BEFORE"
        kept = [flag for flag in kept if (flag.created < values[0]) == before]
    words = [word for part in text(terms, "query").split(",") if (word := part.strip())]
    likes = [like(f"%{word}%", re.IGNORECASE) for word in words]
    if likes:
        # Name and description only: a tag's value is not searched.
        kept = [f for f in kept if any(p.fullmatch(f.name) or p.fullmatch(f.description or "") for p in likes)]
    return kept


def ordered(flags: list[Flag], terms: Terms) -> list[Flag]:
    order = ORDERS.get(text(terms, "sortBy"), ORDERS["createdAt"])
    rows = sorted(flags, key=lambda flag: (flag.created, flag.name))
    rows.sort(key=order, reverse=text(terms, "sortOrder") == "desc")
    return rows


def tagged(hits: list[Hit], how: str, values: list[str]) -> list[Hit]:
    asked = {(kind.strip(), value.strip()) for kind, _, value in (text.partition(":") for text in values)}
    if how in ("INCLUDE", "INCLUDE_ANY_OF"):
        # Filtered on the joined tag rows, so the other tags of a flag are missing from the answer.
        kept = [replace(hit, tags=hit.tags & asked) for hit in hits]
        return [hit for hit in kept if hit.tags]
    if how == "INCLUDE_ALL_OF":
        return [hit for hit in hits if asked <= hit.tags]
    if how == "EXCLUDE_ALL":
        return [hit for hit in hits if not asked <= hit.tags]
    return [hit for hit in hits if not asked & hit.tags]


def with_status(hits: list[Hit], asked: set[tuple[str, str]], environment: str) -> list[Hit]:
    kept = []
    for hit in hits:
        enabled = {name: name == environment and hit.flag.enabled for name in hit.environments}
        left = tuple(name for name, on in enabled.items() if (name, "enabled" if on else "disabled") in asked)
        if left:
            kept.append(replace(hit, environments=left))
    return kept


def text(terms: Terms, name: str) -> str:
    return terms.get(name, [""])[0]


def operator(asked: str) -> tuple[str, list[str]]:
    how, _, values = asked.partition(":")
    return how, [value.strip() for value in values.split(",")]


def whole(asked: str, default: int, most: int | None = None) -> int:
    """As the product reads numbers: no number, none above 0 or one above the most is the default, silently."""
    try:
        number = float(asked)
    except ValueError:
        return default
    if not number > 0 or (most is not None and number > most):
        return default
    if not number.is_integer():
        raise UnknownError("invalid input syntax for type bigint")
    return int(number)


def like(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """SQL's LIKE, whose wildcards Unleash does not escape: `_` is any character, `%` any text, a backslash quotes."""
    parts = []
    escaped = False
    for character in pattern:
        if escaped or character not in "%_\\":
            parts.append(re.escape(character))
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(".*" if character == "%" else ".")
    return re.compile("".join(parts), flags | re.DOTALL)
