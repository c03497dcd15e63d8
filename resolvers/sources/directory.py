"""The people and teams an operator wrote down: one handle for all the spellings that sources use of somebody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schema.node import OwnerName


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, with every other text that means them: old addresses, names, accounts."""

    handle: str
    email: str | None = None
    team: str | None = None
    also: tuple[str, ...] = ()

    @property
    def owner(self) -> OwnerName:
        return OwnerName(self.handle, self.email, self.team)

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in (self.handle, self.email, *self.also) if text))


@dataclass(frozen=True, slots=True)
class Team:
    """A team that owns by itself, and what its members own; `members` are handles."""

    name: str
    email: str | None = None
    members: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    @property
    def owner(self) -> OwnerName:
        return OwnerName(self.name, self.email, self.name)

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for text in (self.name, self.email, *self.also) if text))


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """Empty where no file is set: then every spelling means itself. Letter case is no difference between spellings."""

    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()
    _meant: dict[str, Person | Team] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        everybody: tuple[Person | Team, ...] = (*self.teams, *self.people)
        for one in everybody:
            self._meant.update((text.casefold(), one) for text in one.spellings)

    def owner(self, text: str) -> OwnerName | None:
        """Whom a text means, None where nobody here is spelled so."""
        found = self._meant.get(text.casefold())
        return found.owner if found else None

    def spellings(self, owner: str) -> tuple[str, ...]:
        """The texts of which sources write one for this owner, or for a member of this team.

        One that holds another is left out: products are asked for what holds the text.
        """
        return tuple(_shortest([*self._texts(owner)]))

    def team_spellings(self, owner: str) -> tuple[str, ...]:
        """The texts that stand for a team of this name; the name itself where nobody here is called so."""
        found = self._meant.get(owner.casefold())
        if found is None:
            return (owner,)
        return found.spellings if isinstance(found, Team) else ()

    def _texts(self, owner: str) -> Iterator[str]:
        found = self._meant.get(owner.casefold())
        yield from found.spellings if found else (owner,)
        if isinstance(found, Team):
            for handle in found.members:
                yield from self._meant[handle.casefold()].spellings


def _shortest(texts: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for text in sorted(dict.fromkeys(texts), key=len):
        if not any(shorter.casefold() in text.casefold() for shorter in kept):
            kept.append(text)
    return kept
