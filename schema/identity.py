"""Who is meant: kinds, and the readable ids `mlg://<kind>/<source>/<key>` with exactly one valid spelling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote, unquote

import strawberry

SHARED = "-"
"""The source of what no source owns: owners, domains, datasets, features."""


@strawberry.enum(description="What an entity is.")
class EntityKind(Enum):
    MODEL = strawberry.enum_value("MODEL", description="A registered model.")
    MODEL_VERSION = strawberry.enum_value("MODEL_VERSION", description="One version of a registered model.")
    TRAINING_RUN = strawberry.enum_value(
        "TRAINING_RUN", description="A registry's tracking run that trained a version."
    )
    EXPERIMENT = strawberry.enum_value("EXPERIMENT", description="An A/B test.")
    PIPELINE = strawberry.enum_value("PIPELINE", description="A scheduled or triggered workflow (DAG, flow, job).")
    PIPELINE_RUN = strawberry.enum_value("PIPELINE_RUN", description="One run of a pipeline.")
    DATASET = strawberry.enum_value("DATASET", description="Data that models and pipelines mention.")
    FEATURE = strawberry.enum_value("FEATURE", description="A model input that models mention.")
    OWNER = strawberry.enum_value("OWNER", description="A person or team.")
    DOMAIN = strawberry.enum_value("DOMAIN", description="A part of the company.")


_SLUGS = {kind: kind.name.lower().replace("_", "-") for kind in EntityKind}
_KINDS = {slug: kind for kind, slug in _SLUGS.items()}
KIND_OF_TYPE = {"".join(word.capitalize() for word in kind.name.split("_")): kind for kind in EntityKind}
"""By the name of the type that describes it, as it is without a prefix."""

UrlMaker = Callable[[EntityKind, str], str | None]


@dataclass(frozen=True, slots=True)
class Reference:
    """An entity named but not fetched: kind, configured source (or SHARED) and the source's own key."""

    kind: EntityKind
    source: str
    key: str
    url_of: UrlMaker | None = field(default=None, compare=False, repr=False)

    @property
    def id(self) -> str:
        return f"mlg://{_SLUGS[self.kind]}/{self.source}/{quote(self.key, safe='')}"

    @property
    def url(self) -> str | None:
        return self.url_of(self.kind, self.key) if self.url_of else None


def parse_id(text: str) -> Reference | None:
    """The reference an id spells, or None where it is no id of this graph or not in its one valid spelling."""
    if not text.startswith("mlg://") or len(text) > 4096:
        return None
    parts = text[len("mlg://") :].split("/")
    if len(parts) != 3 or parts[0] not in _KINDS or not parts[1] or not parts[2]:
        return None
    try:
        key = unquote(parts[2], errors="strict")
        reference = Reference(_KINDS[parts[0]], parts[1], key)
        return reference if reference.id == text else None
    except UnicodeError:
        return None


def pair_key(parent: str, child: str) -> str:
    """The key of a thing inside another: a version of a model, a run of a pipeline."""
    return f"{parent}/{child}"


def split_version_key(key: str) -> tuple[str, str] | None:
    """Model name and version number; a registry's names may not hold `/`, its versions never do."""
    name, slash, version = key.rpartition("/")
    return (name, version) if slash and name and version else None


def split_run_key(key: str) -> tuple[str, str] | None:
    """Pipeline name and run id; a pipeline's name never holds `/`, a run id may."""
    name, slash, run_id = key.partition("/")
    return (name, run_id) if slash and name and run_id else None
