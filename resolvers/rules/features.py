"""Features, which no source owns: names in tags of versions and training runs, in columns and in signatures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from resolvers.conventions import features_in_tags
from resolvers.datasets import feature_from
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.filters import plain_text
from resolvers.rules.mentions import Answers, holds, page_of, registered
from resolvers.rules.origin import Produced, items_of, version_candidate, version_connection
from resolvers.rules.rule import LOGGED_FEATURES, RUN_FEATURES, VERSION_FEATURES
from resolvers.rules.union import Candidate
from resolvers.sources import NOTHING, Found, Needs
from resolvers.sources.registry import ModelRegistry, TagKey
from resolvers.tally import Tally
from resolvers.targets import prime_runs
from schema.connection import Evidence
from schema.derived import Feature, FeatureConnection, FeatureEdge
from schema.fields import TenArgs
from schema.identity import Reference
from schema.model import ModelVersion, ModelVersionLinkConnection, TrainingRun
from schema.query import MentionsArgs, Query

if TYPE_CHECKING:
    from resolvers.context import Context

FEW = 4
"""So many features are looked for each by a call of its own in the tags of versions; more by one walk."""


async def features(
    ctx: Context, roots: Sequence[Query], args: MentionsArgs, needs: Needs
) -> list[FeatureConnection | GraphError]:
    """Query.features"""
    tally = Tally()
    text = plain_text("nameContains", args.name_contains) or ""
    found, bound_to = await features_mentioned(ctx, text, tally), f"Query.features {text}"
    connection: FeatureConnection = page_of(FeatureConnection, FeatureEdge, found, args, bound_to, tally)
    return [connection for _ in roots]


async def features_mentioned(ctx: Context, text: str, tally: Tally) -> list[Feature]:
    """All features with the text in their name, of the versions and training runs that were read."""
    runs = [
        (registry, ctx.loader(registry.training_runs_with_features).load(text, None, NOTHING))
        for registry in ctx.sources.registries.values()
    ]
    versions = [
        (registry, ctx.loader(registry.versions_by_tag).load(TagKey(key, "", contains=True), None, NOTHING))
        for registry in ctx.sources.registries.values()
        for key in registry.profile.conventions.feature_tags
    ]
    found: dict[str, Feature] = {}
    names: dict[str, set[str]] = {registry.profile.name: set() for registry in ctx.sources.registries.values()}
    for registry, pending in runs:
        for run in items_of(await pending, registry.profile.name, tally):
            names[registry.profile.name] |= _collect(found, _in_run(registry, run), text)
    for registry, due in versions:
        for version in items_of(await due, registry.profile.name, tally):
            names[registry.profile.name] |= _collect(found, _in_version(registry, version), text)
    for source, own in names.items():
        tally.match(source, len(own))
    return sorted(found.values(), key=lambda item: item.name)


async def features_by_key(
    ctx: Context, keys: Sequence[str], args: None, needs: Needs
) -> list[Feature | GraphError | None]:
    """Features that some version or training run mentions."""
    tallies = [Answers() for _ in keys]
    found = await _mentions_of_features(ctx, keys, tallies)
    answers: list[Feature | GraphError | None] = []
    for mentions, tally in zip(found, tallies, strict=True):
        united: dict[str, Feature] = {}
        _collect(united, mentions, "")
        answers.append(next(iter(united.values()), None) or tally.verdict())
    return answers


async def versions_with_feature(
    ctx: Context, parents: Sequence[Feature], args: TenArgs, needs: Needs
) -> list[ModelVersionLinkConnection]:
    """Feature.modelVersions"""
    tallies = [Tally() for _ in parents]
    found = await versions_of_features(ctx, [item.reference for item in parents], tallies, needs)
    return [
        version_connection(ctx, candidates, tally, args, f"Feature.modelVersions {item.id}")
        for item, candidates, tally in zip(parents, found, tallies, strict=True)
    ]


async def versions_of_features(
    ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally], needs: Needs = NOTHING
) -> list[list[Candidate[Produced]]]:
    """The versions that mention each feature, or whose training runs do."""
    answers = [Answers(tally) for tally in tallies]
    found = await _mentions_of_features(ctx, [reference.key for reference in references], answers)
    runs = [
        (place, mention.registry, mention.by, mention.evidence)
        for place, mentions in enumerate(found)
        for mention in mentions
        if isinstance(mention.by, TrainingRun)
    ]
    candidates = await registered(ctx, runs, tallies, needs)
    for place, mentions in enumerate(found):
        for mention in mentions:
            if isinstance(mention.by, ModelVersion):
                candidates[place].append(version_candidate(mention.registry, mention.by, mention.evidence))
                tallies[place].match(mention.registry.profile.name)
    return candidates


class _Mention(NamedTuple):
    """A feature, and the version or training run that mentions it."""

    registry: ModelRegistry
    by: ModelVersion | TrainingRun
    feature: Feature
    evidence: Evidence


async def _mentions_of_features(ctx: Context, names: Sequence[str], answers: Sequence[Answers]) -> list[list[_Mention]]:
    """Every mention of each feature; candidates of the registries are read again for the exact name."""
    few = len(set(names)) <= FEW
    runs: list[tuple[int, ModelRegistry, asyncio.Future[Loaded[Found[TrainingRun]]]]] = []
    versions: list[tuple[int, ModelRegistry, asyncio.Future[Loaded[Found[ModelVersion]]]]] = []
    for place, name in enumerate(names):
        text = _plain_part(name) if few else ""
        for registry in ctx.sources.registries.values():
            runs.append((place, registry, ctx.loader(registry.training_runs_by_feature).load(name, None, NOTHING)))
            by_tag = ctx.loader(registry.versions_by_tag)
            versions.extend(
                (place, registry, by_tag.load(TagKey(key, text, contains=True), None, NOTHING))
                for key in registry.profile.conventions.feature_tags
            )
    found: list[list[_Mention]] = [[] for _ in names]
    for place, registry, pending in runs:
        for run in answers[place].items(registry.profile.name, prime_runs(ctx, registry, await pending)):
            found[place].extend(item for item in _in_run(registry, run) if item.feature.name == names[place])
    for place, registry, due in versions:
        for version in answers[place].items(registry.profile.name, await due):
            found[place].extend(item for item in _in_version(registry, version) if item.feature.name == names[place])
    return found


def _plain_part(name: str) -> str:
    """The part of a name that a tag holds as it is, even where the tag is JSON that escapes what is not ASCII."""
    parts = "".join(char if char.isascii() and char not in '"\\' else "\0" for char in name).split("\0")
    return max(parts, key=len)


def _in_run(registry: ModelRegistry, run: TrainingRun) -> list[_Mention]:
    source, via = registry.profile.name, (run.reference,)
    tagged = [
        _Mention(registry, run, feature_from(name, run.fetched_at), RUN_FEATURES.evidence(source, tag, via))
        for name, tag in features_in_tags(registry.profile.conventions, run.labels)
    ]
    logged = [
        _Mention(registry, run, feature, LOGGED_FEATURES.evidence(source, text, via)) for feature, text in run.features
    ]
    return [*tagged, *logged]


def _in_version(registry: ModelRegistry, version: ModelVersion) -> list[_Mention]:
    labels = {key: value or "" for key, value in version.labels}
    return [
        _Mention(
            registry,
            version,
            feature_from(name, version.fetched_at),
            VERSION_FEATURES.evidence(registry.profile.name, tag, (version.reference,)),
        )
        for name, tag in features_in_tags(registry.profile.conventions, labels)
    ]


def _collect(found: dict[str, Feature], mentions: Iterable[_Mention], text: str) -> set[str]:
    """One feature a name, with the first type that any mention says; answers the names of these mentions."""
    features = [mention.feature for mention in mentions if holds(mention.feature.name, text)]
    for feature in features:
        kept = found.setdefault(feature.name, feature_from(feature.name, feature.fetched_at))
        kept.data_type = kept.data_type or feature.data_type
    return {feature.name for feature in features}
