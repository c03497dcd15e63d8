"""What the sources mention but none of them owns: datasets and features."""

from __future__ import annotations

import strawberry

from schema.connection import Link, LinkConnection, LinkEdge
from schema.keys import MENTIONED
from schema.node import Entity


@strawberry.type(
    description="Data that a training run read, or that a pipeline reads or writes, joined by its URI.",
    directives=MENTIONED,
)
class Dataset(Entity):
    uri: str | None = strawberry.field(description="Normalised URI; null where only a name is known.", default=None)
    digest: str | None = strawberry.field(
        description="Digest the mention carries; null where it carries none.", default=None
    )


@strawberry.type(
    description="A model input: a feature-store feature, or a column of a dataset or of a signature.",
    directives=MENTIONED,
)
class Feature(Entity):
    data_type: str | None = strawberry.field(description="Type as the mention wrote it; null if unsaid.", default=None)


@strawberry.type(description="A link to a dataset.")
class DatasetLink(Link[Dataset]):
    mentioned: strawberry.Private[Dataset]


@strawberry.type(description="A link to a dataset, in a connection.")
class DatasetLinkEdge(LinkEdge[Dataset]):
    mentioned: strawberry.Private[Dataset]


@strawberry.type(description="Datasets linked to one entity.")
class DatasetLinkConnection(LinkConnection[Dataset, DatasetLinkEdge]):
    pass


@strawberry.type(description="A link to a feature.")
class FeatureLink(Link[Feature]):
    mentioned: strawberry.Private[Feature]
