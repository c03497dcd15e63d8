"""Search over everything: hits with their scores and snippets, and what they have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import strawberry

from schema.connection import Connection, Edge
from schema.fields import After, First, hash_of_fields
from schema.filter import DOMAIN, SOURCE, TAGS, TagFilter
from schema.identity import EntityKind
from schema.node import Entity
from schema.scalars import Timestamp


@strawberry.input(description="Which hits are wanted. All conditions must hold.")
class SearchFilter:
    owner: str | None = strawberry.field(
        description="Only owned by this person or team: a handle, an e-mail address or a team's name, exactly.",
        default=strawberry.UNSET,
    )
    domain: str | None = strawberry.field(description=DOMAIN, default=strawberry.UNSET)
    tags: list[TagFilter] | None = strawberry.field(description=TAGS, default=strawberry.UNSET)
    updated_after: Timestamp | None = strawberry.field(
        description="Only what was changed later than this; what tells no change, by its creation.",
        default=strawberry.UNSET,
    )
    source: str | None = strawberry.field(
        description=f"{SOURCE} Of datasets and features: only what it mentions.", default=strawberry.UNSET
    )

    __hash__ = hash_of_fields


Kinds = Annotated[
    list[EntityKind] | None,
    strawberry.argument(
        description="Only of these kinds: MODEL, MODEL_VERSION, EXPERIMENT, PIPELINE, DATASET, FEATURE; all when null."
    ),
]


@dataclass(frozen=True, slots=True)
class SearchArgs:
    query: Annotated[
        str,
        strawberry.argument(
            description="Words, parts of words from their beginning, names however they are separated, at most 250 "
            "characters. Not every word has to occur; misspelled ones are corrected where nothing has them."
        ),
    ]
    kinds: Kinds = None
    filter: Annotated[SearchFilter | None, strawberry.argument(description="Which hits; all when null.")] = None
    first: First = 20
    after: After = None


@strawberry.type(description="A field of a hit that holds what was looked for.")
class MatchedField:
    name: str = strawberry.field(
        description="Which: name, key, aliases, model, description, hypothesis, tags, owners, or datasets and features."
    )
    snippet: str = strawberry.field(description="Its text around the first match, at most 160 characters.")


@strawberry.type(description="One hit.")
class SearchEdge(Edge[Entity]):
    score: float = strawberry.field(
        description="How well it answers, up to 1. To be compared with the scores of the same question only."
    )
    matched_fields: list[MatchedField] = strawberry.field(description="Where it holds what was looked for.")


@strawberry.type(description="A value that hits have, and how many of them.")
class FacetValue:
    value: str = strawberry.field(description="The value.")
    count: int = strawberry.field(description="How many hits have it.")


@strawberry.type(description="The values of one field over all hits.")
class Facet:
    field: str = strawberry.field(
        description="Which: kind, domain, owner (a handle), source (of datasets and features, those that mention it), "
        "or status (of experiments)."
    )
    values: list[FacetValue] = strawberry.field(description="The 20 most frequent values, these first.")


@strawberry.type(
    description="Hits, highest score first. They are looked for by a live sweep of the sources' lists, within a budget "
    "of time and calls for each; past it, by their own search for names, and `completeness` says so. Every hit on the "
    "page was then read from its source."
)
class SearchConnection(Connection[Entity, SearchEdge]):
    facets: list[Facet] | None = strawberry.field(
        description="What all hits have in common; null where `completeness` says that hits may be missing.",
        default=None,
    )
