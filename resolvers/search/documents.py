"""What search reads of a thing: its texts by field, and what it is filtered and counted by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

from resolvers.datasets import UNNAMED
from schema.derived import Dataset, Feature
from schema.experiment import Experiment, ExperimentStatus
from schema.identity import EntityKind, Reference
from schema.model import Model, ModelVersion
from schema.node import Entity, OwnerName
from schema.scalars import Timestamp


class Field(IntEnum):
    """The fields that are searched, as columns of the index; `label` is what GraphQL calls them."""

    NAME = 0
    KEY = 1
    ALIASES = 2
    MODEL = 3
    DESCRIPTION = 4
    HYPOTHESIS = 5
    TAGS = 6
    OWNERS = 7
    DATA = 8

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = ("name", "key", "aliases", "model", "description", "hypothesis", "tags", "owners", "datasets and features")
NAMES = frozenset({Field.NAME, Field.KEY, Field.MODEL})
"""Fields whose words people write together or apart as they like."""


class Mention(NamedTuple):
    """Where a dataset or feature was met: an asset's URI, a training run's id or a version's key, of one source."""

    source: str
    asset: str | None = None
    run_id: str | None = None
    version: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One thing that can be found. `texts` are aligned with Field."""

    reference: Reference
    texts: tuple[str, ...]
    sources: tuple[str, ...]
    """The source it is in, or those that mention it."""
    owners: tuple[OwnerName, ...] = ()
    domain: str | None = None
    labels: tuple[tuple[str, str | None], ...] = ()
    status: ExperimentStatus | None = None
    updated_at: Timestamp | None = None
    mentions: tuple[Mention, ...] = ()

    @property
    def data(self) -> list[str]:
        """The names of the datasets and features it was trained on."""
        return [name for name in self.texts[Field.DATA].split("\n") if name]

    @property
    def size(self) -> int:
        """About how many bytes it takes: its texts, and the objects that hold them."""
        return 600 + sum(map(len, self.texts)) + 200 * (len(self.owners) + len(self.labels))

    def with_data(self, names: Iterable[str]) -> Document:
        """The same with the datasets and features it was trained on."""
        data = "\n".join(dict.fromkeys(names))
        return replace(self, texts=(*self.texts[: Field.DATA], data)) if data else self


def document_of(entity: Entity) -> Document:
    """What is searched of a model, a version, an experiment or a pipeline."""
    texts = [""] * len(Field)
    texts[Field.NAME] = entity.name
    texts[Field.DESCRIPTION] = entity.description or ""
    told = {word for owner in entity.owned_by for word in owner}
    tags = [f"{key} {value}" if value else key for key, value in entity.labels if value is None or value not in told]
    texts[Field.TAGS] = "\n".join(tags)  # those that name its owners are searched as these
    texts[Field.OWNERS] = "\n".join(_shown(owner) for owner in entity.owned_by)
    status = None
    if isinstance(entity, Model):
        texts[Field.ALIASES] = "\n".join(alias.alias for alias in entity.version_aliases)
    elif isinstance(entity, ModelVersion):
        # Its name is its model's, and people who type that mean the model.
        texts[Field.NAME], texts[Field.MODEL] = entity.version, entity.model_name
        texts[Field.ALIASES] = "\n".join(entity.aliases)
    elif isinstance(entity, Experiment):
        texts[Field.KEY] = entity.key if entity.key != entity.name else ""
        texts[Field.HYPOTHESIS] = entity.hypothesis or ""
        status = entity.status
    return Document(
        reference=entity.reference,
        texts=tuple(texts),
        sources=(entity.reference.source,),
        owners=tuple(entity.owned_by),
        domain=entity.domain_name,
        labels=tuple(entity.labels),
        status=status,
        updated_at=entity.updated_at or entity.created_at,
    )


def document_of_mention(thing: Dataset | Feature, mention: Mention) -> Document:
    """What is searched of a dataset or a feature."""
    texts = [""] * len(Field)
    texts[Field.NAME] = thing.name
    if isinstance(thing, Dataset):
        texts[Field.KEY] = thing.uri or ""
    return Document(thing.reference, tuple(texts), (mention.source,), mentions=(mention,))


def united(documents: Iterable[Document], *, whole: bool) -> list[Document]:
    """One document per thing: what several sources mention is one.

    Data known by its name alone is that of the one URI the name has, as everywhere in the graph: only where `whole`
    says that no other mention can be missing.
    """
    found: dict[Reference, Document] = {}
    for document in documents:
        known = found.get(document.reference)
        if known is None:
            found[document.reference] = document
        elif document.mentions:
            found[document.reference] = _joined(known, document)
    if whole:
        _join_by_name(found)
    return list(found.values())


def _join_by_name(found: dict[Reference, Document]) -> None:
    data = [document for document in found.values() if document.reference.kind is EntityKind.DATASET]
    places: dict[str, list[Document]] = {}
    for document in data:
        if document.texts[Field.KEY]:
            places.setdefault(document.texts[Field.NAME], []).append(document)
    for document in data:
        name = document.texts[Field.NAME]
        if not document.texts[Field.KEY] and name != UNNAMED and len(places.get(name, ())) == 1:
            target = places[name][0].reference
            found[target] = _joined(found[target], document)
            del found[document.reference]


MOST_MENTIONS = 3
"""Mentions remembered of one dataset or feature: it stands while one of them does."""


def _joined(one: Document, other: Document) -> Document:
    sources = tuple(dict.fromkeys((*one.sources, *other.sources)))
    if len(one.mentions) >= MOST_MENTIONS and sources == one.sources:
        return one
    mentions = one.mentions if len(one.mentions) >= MOST_MENTIONS else (*one.mentions, *other.mentions)
    return replace(one, sources=sources, mentions=mentions[:MOST_MENTIONS])


def _shown(owner: OwnerName) -> str:
    words: Sequence[str | None] = (owner.handle, owner.email, owner.team)
    return " ".join(dict.fromkeys(word for word in words if word))
