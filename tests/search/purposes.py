"""Which models of the demo company are for the same: what the generator drew for each, read back from what it made."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from gateway.demo.company import Company
from gateway.demo.vocabulary import KINDS, VOCABULARIES, Vocabulary
from resolvers.conventions import Conventions, pipeline_in_tags
from schema.identity import EntityKind, Reference

PAIRS = 24
"""Of each group: evenly from all there are, in the order of names."""


class Purpose(NamedTuple):
    """What a model does, of what, and for whom: `embedding` of `trailer` for `anime`; `line` is what trains it."""

    name: str
    registry: str
    qualifier: str
    subject: str
    kind: str
    line: str | None


class Pair(NamedTuple):
    """A model, and the one other that is for the same; `registry` is where to look, anywhere if None."""

    name: str
    source: str
    other: str
    registry: str | None


def pairs_across(company: Company) -> list[Pair]:
    """Models that do the same for the same users in two registries, of different things and from different data."""
    return _pairs(
        company,
        lambda one: (one.qualifier, one.kind) if one.qualifier else None,
        lambda one, other: one.registry != other.registry,
        lambda other: other.registry,
    )


def pairs_of_lines(company: Company) -> list[Pair]:
    """Models that one training pipeline makes, mostly from the same data, whatever they do and for whom."""
    return _pairs(company, lambda one: one.line, lambda one, other: True, lambda other: None)


def _pairs(
    company: Company,
    aim: Callable[[Purpose], object],
    counts: Callable[[Purpose, Purpose], bool],
    where: Callable[[Purpose], str | None],
) -> list[Pair]:
    """Each model that shares its aim with exactly one other that counts."""
    groups: dict[object, list[Purpose]] = defaultdict(list)
    for purpose in _purposes(company):
        if (key := aim(purpose)) is not None:
            groups[key].append(purpose)
    found = []
    for members in groups.values():
        for one in members:
            meant = [other for other in members if other != one and counts(one, other)]
            if len(meant) == 1:
                id = Reference(EntityKind.MODEL, meant[0].registry, meant[0].name).id
                found.append(Pair(one.name, one.registry, id, where(meant[0])))
    found.sort()
    return found[:: len(found) // PAIRS][:PAIRS]


def _purposes(company: Company) -> Iterator[Purpose]:
    named = {words.domain: _names(words) for words in VOCABULARIES}
    conventions = Conventions()
    for registry in company.registries:
        runs = {run.run_id: run for run in registry.runs}
        for model in registry.models:
            name = re.sub(r"-\d+$", "", model.name)  # the generator numbers a name that it draws again
            drawn = named.get(model.tags.get("domain", ""), {}).get(name, [])
            if len(drawn) == 1:  # none: the story's
                trained = runs[model.versions[-1].run_id or ""]
                maker = pipeline_in_tags(conventions, trained.tags)
                yield Purpose(model.name, registry.name, *drawn[0], maker.pipeline if maker else None)


def _names(words: Vocabulary) -> dict[str, list[tuple[str, str, str]]]:
    """What was drawn for a name: a few names have two readings."""
    found: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for qualifier, subject, kind in product(words.qualifiers, words.subjects, KINDS):
        found["-".join(filter(None, (qualifier, subject, kind.word)))].append((qualifier, subject, kind.word))
    return found
