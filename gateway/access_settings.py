"""What can be said of who may see what: one table a rule, `[[access]]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from gateway.source_checks import Place
from gateway.source_settings import Frozen, Word
from resolvers.access import ANY, Access, AccessRule

Some = Annotated[tuple[Word, ...], Field(strict=False, min_length=1)]


class AccessTable(Frozen):
    """Lets those with one of the roles see these sources, or what in them belongs to these domains.

    Once there is one such table, nobody sees what none lets them see.
    """

    roles: Some
    """As the caller's identity says them; "*" is everybody, known or not."""
    sources: Some = (ANY,)
    """Names of sources; "*" is every one."""
    domains: Some | None = None
    """Only what belongs to one of these; everything in the sources where they are not said."""

    def rule(self) -> AccessRule:
        domains = None if self.domains is None else frozenset(self.domains)
        return AccessRule(frozenset(self.roles), frozenset(self.sources), domains)


AccessTables = Annotated[tuple[AccessTable, ...], Field(strict=False)]


def access_of(tables: Sequence[AccessTable]) -> Access:
    """The rules; without any, everybody sees everything."""
    return Access([table.rule() for table in tables])


def access_mistakes(written: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    """Sources that rules name and nobody configured: a rule for nothing is a mistake in a name."""
    sources, rules = written.get("sources"), written.get("access")
    known = {table.get("name") for table in _tables(sources)}
    for number, table in enumerate(_tables(rules)):
        names = table.get("sources")
        for position, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and name != ANY and name not in known:
                yield ("access", number, "sources", position), f"{name!r} is no source of this file"


def _tables(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
