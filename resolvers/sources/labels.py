"""Reads owners and domain out of the labels a source keeps: one rule for all products."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from resolvers.sources.directory import Directory
from schema.node import OwnerName

NOBODY_KNOWN = Directory()


@dataclass(frozen=True, slots=True)
class LabelRules:
    """Which labels say who owns a thing and where it belongs; `domain` is said of the whole source."""

    owner_tags: tuple[str, ...] = ("owner",)
    team_tag: str = "team"
    domain_tag: str = "domain"
    domain: str | None = None
    directory: Directory = NOBODY_KNOWN

    def spellings(self, owner: str) -> tuple[str, ...]:
        """The texts labels may hold for an owner; several only where the directory knows them."""
        return self.directory.spellings(owner)

    def team_spellings(self, owner: str) -> tuple[str, ...]:
        """The texts a team label may hold for an owner: none for whom the directory knows as a person."""
        return self.directory.team_spellings(owner)


def parse_word(word: str) -> tuple[str, str | None]:
    """A bare label taken apart: `domain:studio` is a pair, `nightly` a key without a value."""
    key, colon, value = word.partition(":")
    return (key, value) if colon and key and value else (word, None)


def owners_of(
    rules: LabelRules, labels: Iterable[tuple[str, str | None]], named: Iterable[str] = ()
) -> list[OwnerName]:
    """Owners a product names itself, then those its labels name; several in one label are split at commas.

    A team without a person owns by itself. Whom the directory knows has the handle it says, whatever was written; the
    team said beside them counts before the directory's own.
    """
    pairs = list(labels)
    team = next((value for key, value in pairs if key == rules.team_tag and value), None)
    if team is not None and (known := rules.directory.owner(team)):
        team = known.handle
    written = [*named, *(value for key, value in pairs if key in rules.owner_tags and value)]
    handles: dict[str, OwnerName] = {}
    for text in (part.strip() for item in written for part in item.split(",")):
        if text:
            owner = _owner(rules.directory, text, team)
            handles.setdefault(owner.handle, owner)
    if not handles and team:
        return [rules.directory.owner(team) or OwnerName(team, None, team)]
    return list(handles.values())


def is_unowned(owners: Collection[OwnerName]) -> bool:
    """Whether nobody owns a thing: no source and no label names a person or a team."""
    return not owners


def is_owner(owner: OwnerName, text: str) -> bool:
    """Whether a text means this owner: the handle or the team exactly, the e-mail address in any letter case."""
    return text in (owner.handle, owner.team) or (owner.email or "").casefold() == text.casefold() != ""


def _owner(directory: Directory, text: str, team: str | None) -> OwnerName:
    """An address that is nobody's known one is told by its local part."""
    local, at, _ = text.partition("@")
    is_address = bool(at and local)
    known = directory.owner(text) or (directory.owner(local) if is_address else None)
    if known is None:
        return OwnerName(local if is_address else text, text if is_address else None, team)
    return OwnerName(known.handle, known.email or (text if is_address else None), team or known.team)


def domain_of(rules: LabelRules, labels: Iterable[tuple[str, str | None]], named: str | None = None) -> str | None:
    """The domain label, else what the product itself says (a project), else what the source's settings say."""
    return next((value for key, value in labels if key == rules.domain_tag and value), None) or named or rules.domain
