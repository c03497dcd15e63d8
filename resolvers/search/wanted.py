"""Which documents a search may find: its kinds and its filter, the same for what was swept and what is read live."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.search.documents import Document
from resolvers.sources import Need, Needs
from schema.identity import EntityKind
from schema.scalars import Timestamp


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part that is None or empty lets everything through."""

    kinds: frozenset[EntityKind]
    owner: str | None = None
    domain: str | None = None
    tags: tuple[tuple[str, str | None], ...] = ()
    updated_after: Timestamp | None = None
    source: str | None = None

    def __call__(self, document: Document) -> bool:
        return (
            document.reference.kind in self.kinds
            and (self.owner is None or any(self.owner in owner for owner in document.owners))
            and (self.domain is None or document.domain == self.domain)
            and all(_tagged(document, key, value) for key, value in self.tags)
            and (self.updated_after is None or (document.updated_at or "") > self.updated_after)
            and (self.source is None or self.source in document.sources)
        )

    @property
    def needs(self) -> Needs:
        """What a row must carry to be judged again; owners and tags are searched as well."""
        needs = {Need.TAGS}
        if self.domain is not None:
            needs.add(Need.DOMAIN)
        if self.updated_after is not None:
            needs.add(Need.DATES)
        return frozenset(needs)

    def __str__(self) -> str:
        """For binding cursors to it."""
        kinds = sorted(kind.name for kind in self.kinds)
        return repr((kinds, self.owner, self.domain, self.tags, self.updated_after, self.source))


def _tagged(document: Document, key: str, value: str | None) -> bool:
    return any(key == label and value in (None, text) for label, text in document.labels)
