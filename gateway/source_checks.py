"""What the fields of one source cannot say alone: names that meet, registries that are meant, credentials that fit.

Works on the file as it is written, so that these mistakes are listed beside those of single fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gateway.adapters import role_of
from schema.source import SourceRole

Place = tuple[str | int, ...]
Table = Mapping[str, object]

_NEEDED: dict[str, tuple[str, ...]] = {
    "none": (),
    "basic": ("username", "password_env"),
    "password": ("username", "password_env"),
    "bearer": ("token_env",),
    "forward": (),
    "exchange": ("exchange",),
}
_DEFAULT_AUTH = {"airflow": "password", "growthbook": "bearer"}
_FIXED = ("unleash",)
"""Products with one way of signing in, whose fields are plainly required."""


def source_mistakes(written: object) -> Iterator[tuple[Place, str]]:
    """Places and what is wrong there; anything that has not even the right form is left to the fields' own checks."""
    listed = written if isinstance(written, list) else []
    if written == []:
        yield ("sources",), "holds no source"
    tables = [(number, table) for number, table in enumerate(listed) if isinstance(table, dict)]
    yield from _names(tables)
    yield from _registries(tables)
    for number, table in tables:
        yield from ((("sources", number, field), text) for field, text in _credentials(table))


def _names(tables: Sequence[tuple[int, Table]]) -> Iterator[tuple[Place, str]]:
    """One name means one source: names of all, other names among the sources of one role."""
    owners: dict[str, int] = {}
    for number, table in tables:
        name = table.get("name")
        if isinstance(name, str) and owners.setdefault(name, number) != number:
            yield ("sources", number, "name"), f"{name!r} is the name of sources[{owners[name]}] already"
    placed = [(number, table, role) for number, table in tables if (role := _role(table))]
    meant: dict[tuple[SourceRole, object], int] = {}
    for number, table, role in placed:
        meant.setdefault((role, table.get("name")), number)
    for number, table, role in placed:
        for position, other in enumerate(_texts(table.get("also_named"))):
            first = meant.setdefault((role, other), number)
            if first != number:
                yield ("sources", number, "also_named", position), f"{other!r} means sources[{first}] already"


def _registries(tables: Sequence[tuple[int, Table]]) -> Iterator[tuple[Place, str]]:
    registries: set[object] = set()
    others: list[tuple[int, Table]] = []
    for number, table in tables:
        if _role(table) is SourceRole.MODEL_REGISTRY:
            registries.update([table.get("name"), *_texts(table.get("also_named"))])
        else:
            others.append((number, table))
    for number, table in others:
        links = table.get("links")
        named = links.get("registry") if isinstance(links, dict) else None
        if isinstance(named, str) and named not in registries:
            yield ("sources", number, "links", "registry"), f"{named!r} is no model registry of this file"


def _credentials(table: Table) -> Iterator[tuple[str, str]]:
    """Fields that the way of signing in needs and that are missing, and fields it has no use for."""
    product = table.get("product")
    if not isinstance(product, str) or product in _FIXED:
        return
    auth = table.get("auth", _DEFAULT_AUTH.get(product, "none"))
    if not isinstance(auth, str) or auth not in _NEEDED:
        return
    for field in _NEEDED[auth]:
        if field not in table:
            yield field, f'is missing: auth = "{auth}" needs it'
    for field in ("username", "password_env", "token_env", "exchange"):
        if field in table and field not in _NEEDED[auth]:
            yield field, f'has no use with auth = "{auth}"'


def _role(table: Table) -> SourceRole | None:
    product = table.get("product")
    return role_of(product) if isinstance(product, str) else None


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
