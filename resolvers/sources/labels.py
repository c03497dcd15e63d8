"""Reads owners and domain out of the labels a source keeps: one rule for all products."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schema.node import OwnerName


@dataclass(frozen=True, slots=True)
class LabelRules:
    """Which labels say who owns a thing and where it belongs; `domain` is said of the whole source."""

    owner_tags: tuple[str, ...] = ("owner",)
    team_tag: str = "team"
    domain_tag: str = "domain"
    domain: str | None = None


def parse_word(word: str) -> tuple[str, str | None]:
    """A bare label taken apart: `domain:studio` is a pair, `nightly` a key without a value."""
    key, colon, value = word.partition(":")
    return (key, value) if colon and key and value else (word, None)


def owners_of(
    rules: LabelRules, labels: Iterable[tuple[str, str | None]], named: Iterable[str] = ()
) -> list[OwnerName]:
    """Owners a product names itself, then those its labels name; several in one label are split at commas.

    A team without a person owns by itself.
    """
    pairs = list(labels)
    team = next((value for key, value in pairs if key == rules.team_tag and value), None)
    written = [*named, *(value for key, value in pairs if key in rules.owner_tags and value)]
    handles: dict[str, OwnerName] = {}
    for text in (part.strip() for item in written for part in item.split(",")):
        if text:
            local, at, _ = text.partition("@")
            handle = local if at and local else text
            handles.setdefault(handle, OwnerName(handle, text if at and local else None, team))
    if not handles and team:
        return [OwnerName(team, None, team)]
    return list(handles.values())


def domain_of(rules: LabelRules, labels: Iterable[tuple[str, str | None]], named: str | None = None) -> str | None:
    """The domain label, else what the product itself says (a project), else what the source's settings say."""
    return next((value for key, value in labels if key == rules.domain_tag and value), None) or named or rules.domain
