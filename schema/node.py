"""What every entity has: id, names, owners, domain, tags, reference, times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import strawberry

from schema.fields import After, First, to_many
from schema.identity import SHARED, EntityKind, Reference
from schema.keys import BY_ID, SHAREABLE
from schema.scalars import Timestamp

if TYPE_CHECKING:
    from schema.entity import EntityConnection


@strawberry.interface(description="Anything with an id that `node(id:)` can fetch again.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="`mlg://<kind>/<source>/<percent-encoded key>`: readable, pasteable, routes by itself. "
        "The source is `-` for what no source owns. Exactly one spelling is valid."
    )


@strawberry.type(description="Enough to name, route and deep-link an entity without fetching it.", directives=SHAREABLE)
class EntityRef:
    entity_id: strawberry.ID = strawberry.field(description="The id that `node(id:)` takes.")
    kind: EntityKind = strawberry.field(description="What is referred to.")
    source: str = strawberry.field(description="The configured source that owns it, or `-` where none does.")
    key: str = strawberry.field(description="The source's own key: a name, a name and version, a run id.")
    url: str | None = strawberry.field(description="Where to see it in the source's own user interface.")

    @staticmethod
    def of(reference: Reference) -> EntityRef:
        return EntityRef(
            entity_id=strawberry.ID(reference.id),
            kind=reference.kind,
            source=reference.source,
            key=reference.key,
            url=reference.url,
        )


@strawberry.type(description="A label a source keeps: a pair, or a bare word with no value.")
class Tag:
    key: str = strawberry.field(description="The tag's key, or the whole tag where it is a bare word.")
    value: str | None = strawberry.field(description="The tag's value; null for a bare word.", default=None)


@strawberry.type(description="When this was read, and when its source last changed it. Answers are live, not cached.")
class Freshness:
    fetched_at: Timestamp = strawberry.field(description="When the source answered (its Date less its Age).")
    source_updated_at: Timestamp | None = strawberry.field(description="The source's own last change; null if unknown.")


class OwnerName(NamedTuple):
    """An owner as a source wrote it, taken apart; see resolvers/sources/labels.py."""

    handle: str
    email: str | None = None
    team: str | None = None


Kinds = Annotated[
    list[EntityKind] | None,
    strawberry.argument(description="Only these kinds, of MODEL, EXPERIMENT and PIPELINE; all three when null."),
]


@dataclass(frozen=True, slots=True)
class KindsArgs:
    """The arguments of a list of entities of several kinds."""

    kinds: Kinds = None
    first: First = 20
    after: After = None


@strawberry.type(description="A person or team that a source, or the owners file, names as owner.", directives=BY_ID)
class Owner(Node):
    handle: str = strawberry.field(description="Short name: the local part of an e-mail address, or the name as given.")
    email: str | None = strawberry.field(description="E-mail address where the source gave one.", default=None)
    team: str | None = strawberry.field(description="Team named beside the owner, e.g. by a `team` tag.", default=None)
    owns: Annotated[EntityConnection, strawberry.lazy("schema.entity")] = to_many(
        "What it owns, or what its members own where it is a team, over all sources, by name. Each source is asked "
        "for it where it can be, and looked through up to a bound where it cannot, which is said.",
        KindsArgs,
    )

    @staticmethod
    def of(name: OwnerName) -> Owner:
        reference = Reference(EntityKind.OWNER, SHARED, name.handle)
        return Owner(id=strawberry.ID(reference.id), handle=name.handle, email=name.email, team=name.team)


@strawberry.type(description="A part of the company, such as studio or payments.", directives=BY_ID)
class Domain(Node):
    name: str = strawberry.field(description="The domain's name, as a tag, a project or a source's setting gives it.")
    entities: Annotated[EntityConnection, strawberry.lazy("schema.entity")] = to_many(
        "What belongs to it, over all sources, by name; found as `Owner.owns` is.", KindsArgs
    )

    @staticmethod
    def of(name: str) -> Domain:
        return Domain(id=strawberry.ID(Reference(EntityKind.DOMAIN, SHARED, name).id), name=name)


@strawberry.interface(description="What models, versions, experiments, pipelines, runs, datasets and features share.")
class Entity(Node):
    reference: strawberry.Private[Reference]
    fetched_at: strawberry.Private[Timestamp]
    owned_by: strawberry.Private[Sequence[OwnerName]] = ()
    domain_name: strawberry.Private[str | None] = None
    labels: strawberry.Private[Sequence[tuple[str, str | None]]] = ()

    name: str = strawberry.field(description="The name people know it by.")
    description: str | None = strawberry.field(description="Free text from its source; null if empty.", default=None)
    created_at: Timestamp | None = strawberry.field(description="When its source created it.", default=None)
    updated_at: Timestamp | None = strawberry.field(description="When its source last changed it.", default=None)

    @strawberry.field(description="What it is.")
    def kind(self) -> EntityKind:
        return self.reference.kind

    @strawberry.field(description="Who its source names as owner; empty where nobody owns it.")
    def owners(self) -> list[Owner]:
        return [Owner.of(name) for name in self.owned_by]

    @strawberry.field(description="The part of the company it belongs to; null where nothing says so.")
    def domain(self) -> Domain | None:
        return Domain.of(self.domain_name) if self.domain_name else None

    @strawberry.field(description="The labels its source keeps on it.")
    def tags(self) -> list[Tag]:
        return [Tag(key=key, value=value) for key, value in self.labels]

    @strawberry.field(description="Its reference: source, key, and a link into the source's own user interface.")
    def ref(self) -> EntityRef:
        return EntityRef.of(self.reference)

    @strawberry.field(description="How live this answer is.")
    def freshness(self) -> Freshness:
        return Freshness(fetched_at=self.fetched_at, source_updated_at=self.updated_at)


Keys = Annotated[
    list[str] | None, strawberry.argument(description="Only these keys, in the order of the source; all when null.")
]
