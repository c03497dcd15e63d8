"""What each caller may see: rules by role, source and domain, denied by default once there is any rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from resolvers.caller import Caller
from schema.identity import SHARED, Reference

ANY = "*"
"""Every source, or every caller, known or not."""

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Lets callers with any of the roles see what is in these sources and, where it says domains, belongs to one."""

    roles: frozenset[str]
    sources: frozenset[str] = frozenset({ANY})
    domains: frozenset[str] | None = None

    def is_for(self, roles: frozenset[str]) -> bool:
        return ANY in self.roles or not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one caller may see. `partly` are the domains seen of a source; ANY stands for those that are not named."""

    whole: frozenset[str] = NOTHING
    partly: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def domains(self, source: str) -> frozenset[str] | None:
        """The domains that are seen of a source: None for all of it, empty for nothing of it."""
        if source in self.whole:
            return None
        return self.partly.get(source, NOTHING) | self.partly.get(ANY, NOTHING)

    def has(self, source: str) -> bool:
        """Whether a source may be asked for anything at all, be it configured or not."""
        return self.domains(source) != NOTHING

    def allows(self, reference: Reference) -> bool:
        """As far as the reference alone tells: its row may say another domain. What no source owns is judged by who
        mentions it.
        """
        return reference.source == SHARED or self.has(reference.source)


class Access:
    """The rules. Without any, everybody sees everything."""

    def __init__(self, rules: Sequence[AccessRule] = ()) -> None:
        self._rules = tuple(rules)
        self._roles = frozenset(role for rule in rules for role in rule.roles)
        # As many entries as combinations of the roles that the rules know were met.
        self._sight_of = lru_cache(maxsize=256)(self._sight)

    def sight(self, caller: Caller) -> Sight | None:
        """What a caller may see; None for everything."""
        return self._sight_of(caller.roles & self._roles) if self._rules else None

    def allows(self, caller: Caller, reference: Reference) -> bool:
        """Whether a caller may ask for this, judged on the reference alone."""
        sight = self.sight(caller)
        return sight is None or sight.allows(reference)

    def _sight(self, roles: frozenset[str]) -> Sight | None:
        rules = [rule for rule in self._rules if rule.is_for(roles)]
        whole = _sources(rule for rule in rules if rule.domains is None)
        if ANY in whole:
            return None
        partly: dict[str, frozenset[str]] = {}
        for rule in rules:
            for source in rule.sources if rule.domains is not None else NOTHING:
                partly[source] = partly.get(source, NOTHING) | (rule.domains or NOTHING)
        return Sight(whole, partly)


def _sources(rules: Iterable[AccessRule]) -> frozenset[str]:
    return frozenset(source for rule in rules for source in rule.sources)


EVERYTHING = Access()
