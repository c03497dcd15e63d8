"""What the sources mention but none of them owns: datasets and features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.connection import Connection, Edge, Link, LinkConnection, LinkEdge
from schema.fields import TenArgs, to_many
from schema.keys import ENTITY
from schema.node import Entity

if TYPE_CHECKING:
    from schema.model import ModelVersionLinkConnection
    from schema.pipeline import PipelineLinkConnection


@strawberry.type(
    description="Data that a training run read, or that a pipeline reads or writes, joined by its URI, then by its "
    "name. Known by its mentions only: data that nothing mentions is unknown here.",
    directives=ENTITY,
)
class Dataset(Entity):
    uri: str | None = strawberry.field(description="Normalised URI; null where only a name is known.", default=None)
    digest: str | None = strawberry.field(
        description="Digest the mention carries; null where it carries none.", default=None
    )
    producers: Annotated[PipelineLinkConnection, strawberry.lazy("schema.pipeline")] = to_many(
        "Pipelines that write it: outlet assets of its URI.", TenArgs
    )
    consumers: Annotated[PipelineLinkConnection, strawberry.lazy("schema.pipeline")] = to_many(
        "Pipelines that read it: inlet assets and asset schedules of its URI.", TenArgs
    )
    model_versions: Annotated[ModelVersionLinkConnection, strawberry.lazy("schema.model")] = to_many(
        "Model versions trained on it: their training runs logged it as an input. Registries cannot be asked for a "
        "URI: they are asked for the names this data is known by, and for the newest runs where no name is known.",
        TenArgs,
    )


@strawberry.type(
    description="A model input: a feature-store feature, or a column of a dataset or of a signature. Known by its "
    "mentions only; two models whose signatures name one input share it here.",
    directives=ENTITY,
)
class Feature(Entity):
    data_type: str | None = strawberry.field(description="Type as the mention wrote it; null if unsaid.", default=None)
    model_versions: Annotated[ModelVersionLinkConnection, strawberry.lazy("schema.model")] = to_many(
        "Model versions that take it, by tags of the version or of its training run, by the columns of its datasets "
        "and by its signature.",
        TenArgs,
    )


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


@strawberry.type(description="One dataset of a list.")
class DatasetEdge(Edge[Dataset]):
    pass


@strawberry.type(description="Datasets that the sources mention, by name.")
class DatasetConnection(Connection[Dataset, DatasetEdge]):
    pass


@strawberry.type(description="One feature of a list.")
class FeatureEdge(Edge[Feature]):
    pass


@strawberry.type(description="Features that the registries mention, by name.")
class FeatureConnection(Connection[Feature, FeatureEdge]):
    pass
