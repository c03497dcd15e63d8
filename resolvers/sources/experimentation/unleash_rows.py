"""Unleash's rows as it sends them (7.5.1), and the experiment a flag and its overview make together."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
import strawberry

from resolvers.sources import SourceProfile
from resolvers.sources.labels import domain_of, owners_of, parse_word
from resolvers.times import from_iso
from resolvers.upstream.strict import exact
from schema.experiment import Experiment, ExperimentStatus, Variation
from schema.identity import EntityKind, Reference, UrlMaker
from schema.scalars import JSON, Timestamp

EXPERIMENT = "experiment"
"""The type a flag has when its team says that it is a test."""

SIMPLE = "simple"
"""The type of tags that are words without one."""

Weight = Annotated[float, msgspec.Meta(ge=0, le=1000)]


class Named(msgspec.Struct):
    """The least of a row: enough to know whose error it is when the rest cannot be read."""

    name: str


class Payload(msgspec.Struct):
    value: str
    type: str = "string"


class Variant(msgspec.Struct):
    name: str
    weight: Weight
    payload: Payload | None = None


class Strategy(msgspec.Struct):
    variants: list[Variant] | None = None
    disabled: bool | None = False


class Feature(msgspec.Struct):
    """A flag as SDKs read it: in one environment, with what it serves, without tags and dates."""

    name: str
    enabled: bool
    type: str = ""
    project: str = ""
    description: str | None = None
    strategies: list[Strategy] | None = None
    variants: list[Variant] | None = None


class Tag(msgspec.Struct):
    type: str
    value: str


class Environment(msgspec.Struct):
    name: str
    enabled: bool


class Lifecycle(msgspec.Struct):
    stage: str


class Creator(msgspec.Struct):
    id: int | None = None
    name: str | None = None


class Overview(msgspec.Struct, rename="camel"):
    """A flag as the search shows it: tags, dates, creator and lifecycle, without what it serves."""

    name: str
    type: str
    project: str
    created_at: str
    description: str | None = None
    archived_at: str | None = None
    environments: list[Environment] = []
    tags: list[Tag] = []
    lifecycle: Lifecycle | None = None
    created_by: Creator | None = None

    def __post_init__(self) -> None:
        from_iso(self.created_at)  # a time that is none makes the row a bad one

    def enabled(self, environment: str) -> bool:
        """A project that does not have the environment has the flag off there."""
        return any(row.enabled for row in self.environments if row.name == environment)


class StrategyOf(Strategy, rename="camel", kw_only=True):
    """A strategy in an export: a row of its own that names its flag."""

    feature_name: str


def nameable(key: str) -> bool:
    """Whether a flag can have this name: 7.5.1 refuses all others, so they need not be asked for."""
    return _NAME.fullmatch(key) is not None and key not in (".", "..")


def labels_of(overview: Overview) -> list[tuple[str, str | None]]:
    """Tags as labels: the tag's type is the key, but for `simple`, Unleash's type for words without one.

    Sorted, as 7.5.1 answers them in any order.
    """
    tags = sorted((tag.type, tag.value) for tag in overview.tags)
    return [parse_word(value) if kind == SIMPLE else (kind, value) for kind, value in tags]


def variants_of(feature: Feature) -> list[Variant]:
    """The variants of the first strategy that has some; those on the flag itself are the form before 5.4."""
    for strategy in feature.strategies or ():
        if strategy.variants and not strategy.disabled:
            return strategy.variants
    return feature.variants or []


def status_of(feature: Feature, overview: Overview | None) -> tuple[ExperimentStatus, str | None]:
    """The status and Unleash's own word. A flag that is on serves its variants even when it is called completed.

    Only the overview tells a flag that ended from one that has not begun.
    """
    if overview is not None and overview.archived_at is not None:
        return ExperimentStatus.ARCHIVED, "archived"
    if feature.enabled:
        return ExperimentStatus.RUNNING, "enabled"
    if overview is None or overview.lifecycle is None:
        return ExperimentStatus.UNKNOWN, "disabled"
    stage = overview.lifecycle.stage
    return (ExperimentStatus.STOPPED if stage == "completed" else ExperimentStatus.DRAFT), stage


def experiment(
    profile: SourceProfile, url_of: UrlMaker, feature: Feature, overview: Overview | None, fetched_at: Timestamp
) -> Experiment:
    """What the product does not know stays null or empty: hypothesis, control, phases, metrics, last change."""
    reference = Reference(EntityKind.EXPERIMENT, profile.name, feature.name, url_of)
    status, word = status_of(feature, overview)
    labels = labels_of(overview) if overview else []
    # `default` is the project every Unleash has from the start: it says nothing about the company.
    project = feature.project if feature.project != "default" else None
    return Experiment(
        id=strawberry.ID(reference.id),
        reference=reference,
        fetched_at=fetched_at,
        name=feature.name,
        description=feature.description or None,
        labels=labels,
        owned_by=owners_of(profile.labels, labels) or owners_of(profile.labels, labels, _creator(overview)),
        domain_name=domain_of(profile.labels, labels, project),
        created_at=from_iso(overview.created_at) if overview else None,
        updated_at=None,
        key=feature.name,
        status=status,
        source_status=word,
        hypothesis=None,
        variations=[_variation(profile.name, row, number) for number, row in enumerate(variants_of(feature), 1)],
        phases=[],
        metrics=[],
    )


_NAME = re.compile(r"[A-Za-z0-9\-_.!~*'()]{1,100}")


def _creator(overview: Overview | None) -> list[str]:
    """The person who made the flag; tokens and the system have ids below 1."""
    creator = overview.created_by if overview else None
    return [creator.name] if creator and creator.name and creator.id is not None and creator.id > 0 else []


def _variation(source: str, row: Variant, number: int) -> Variation:
    return Variation(
        source=source,
        text=row.payload.value if row.payload else None,
        key=row.name,
        name=row.name,
        number=number,
        is_control=None,
        weight=row.weight / 1000,
        value=_value(row.payload) if row.payload else None,
    )


def _value(payload: Payload) -> JSON:
    """JSON and numbers are parsed, as SDKs do; a string stays one even when it looks like a number."""
    if payload.type in ("json", "number"):
        try:
            value = msgspec.json.decode(payload.value)
            if exact(value):
                return JSON(value)
        except (msgspec.MsgspecError, RecursionError):
            pass
    return JSON(payload.value)
