"""Which models an experiment tests, in which variation: by value, by tag, by cells on versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from resolvers.conventions import cells_in, models_in_labels, models_in_value
from resolvers.errors import GraphError
from resolvers.rules.cells import variations_of
from resolvers.rules.references import Meant, MentionedBy, models_meant, names_no_registry
from resolvers.rules.rule import EXPERIMENT_TAG, VARIATION_VALUE, VERSION_CELLS
from resolvers.rules.union import Candidate, connect, unite
from resolvers.rules.usage import merge_variations
from resolvers.sources import Need, Needs
from resolvers.sources.registry import AliasKey, ModelRegistry, TagKey
from resolvers.tally import Tally
from resolvers.targets import entities, prime
from schema.connection import Evidence
from schema.experiment import Experiment, ExperimentModelConnection, ExperimentModelEdge, Variation
from schema.fields import NoArgs, TenArgs
from schema.identity import EntityKind, Reference, pair_key
from schema.model import ModelLink, ModelVersion

if TYPE_CHECKING:
    from resolvers.context import Context


@dataclass(slots=True)
class Tested:
    """What an edge to a tested model shows: the model, and the variations that serve it."""

    model: Reference
    variations: list[Variation] | None


class _Mentioned(NamedTuple):
    place: int
    by: MentionedBy
    evidence: Evidence
    variations: list[Variation] | None


async def models_of_variations(
    ctx: Context,
    variations: Sequence[Variation],
    args: NoArgs,
    needs: Needs,
) -> list[list[ModelLink]]:
    """Variation.models"""
    found = []
    for place, variation in enumerate(variations):
        platform = ctx.sources.platforms[variation.source]
        for mention in models_in_value(platform.profile.conventions, variation.text):
            mentioned = MentionedBy(mention, platform)
            evidence = VARIATION_VALUE.evidence(variation.source, f"{variation.key}{names_no_registry(ctx, mentioned)}")
            found.append(_Mentioned(place, mentioned, evidence, None))
    links: list[list[ModelLink]] = [[] for _ in variations]
    for item, meant in zip(found, await models_meant(ctx, [item.by for item in found]), strict=True):
        links[item.place].append(
            ModelLink(
                target=meant.reference,
                grounds=(item.evidence,),
                verdict=meant.verdict,
                alias=item.by.mention.alias,
                version_key=item.by.mention.version,
            )
        )
    return links


async def versions_of_links(
    ctx: Context,
    links: Sequence[ModelLink],
    args: NoArgs,
    needs: Needs,
) -> list[ModelVersion | GraphError | None]:
    """ModelLink.version: the version named, or the one the alias points to now."""
    by_alias = [link for link in links if link.verdict is None and link.alias and not link.version_key]
    pointed = dict(zip(map(id, by_alias), await _aliased(ctx, by_alias, needs), strict=True))
    by_version = [link for link in links if link.verdict is None and link.version_key]
    targets = [
        Reference(EntityKind.MODEL_VERSION, link.target.source, pair_key(link.target.key, link.version_key or ""))
        for link in by_version
    ]
    loaded = await entities(ctx, targets, needs)
    named = {id(link): answer.value for link, answer in zip(by_version, loaded, strict=True)}
    versions: list[ModelVersion | GraphError | None] = []
    for link in links:
        value = pointed.get(id(link)) or named.get(id(link))
        versions.append(value if isinstance(value, ModelVersion | GraphError) else None)
    return versions


async def _aliased(ctx: Context, links: Sequence[ModelLink], needs: Needs) -> list[ModelVersion | GraphError | None]:
    futures = []
    for link in links:
        registry = ctx.sources.registries[link.target.source]
        key = AliasKey(link.target.key, link.alias or "")
        futures.append(ctx.loader(registry.versions_by_alias).load(key, None, needs))
    return [(await future).value for future in futures]


async def tested_models(
    ctx: Context, experiments: Sequence[Experiment], args: TenArgs, needs: Needs
) -> list[ExperimentModelConnection]:
    """Experiment.testedModels"""
    tallies = [Tally() for _ in experiments]
    found = await tests_of_experiments(ctx, experiments, tallies, needs)
    return [
        _connection(ctx, experiment, candidates, tally, args)
        for experiment, candidates, tally in zip(experiments, found, tallies, strict=True)
    ]


async def tests_of_experiments(
    ctx: Context, experiments: Sequence[Experiment], tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Tested]]]:
    """The models and versions each experiment tests."""
    found: list[list[Candidate[Tested]]] = [[] for _ in experiments]
    await asyncio.gather(
        _by_mention(ctx, experiments, tallies, found, needs),
        *(
            _by_version_tag(ctx, registry, experiments, tallies, found, needs)
            for registry in ctx.sources.registries.values()
        ),
    )
    return [
        unite(candidates, lambda one, other: Tested(one.model, merge_variations(one.variations, other.variations)))
        for candidates in found
    ]


async def _by_mention(
    ctx: Context,
    experiments: Sequence[Experiment],
    tallies: Sequence[Tally],
    found: Sequence[list[Candidate[Tested]]],
    needs: Needs,
) -> None:
    """Models that values and tags name. The parent may be a thin row: it is read again only where it is."""
    wanted = frozenset({Need.VALUES, Need.TAGS})
    whole = await entities(ctx, [experiment.reference for experiment in experiments], wanted)
    mentions: list[_Mentioned] = []
    for place, (experiment, loaded) in enumerate(zip(experiments, whole, strict=True)):
        platform = ctx.sources.platforms[experiment.reference.source]
        name, conventions = platform.profile.name, platform.profile.conventions
        tallies[place].note(name, loaded)
        read = loaded.value if isinstance(loaded.value, Experiment) else experiment
        for variation in read.variations:
            for mention in models_in_value(conventions, variation.text):
                mentioned = MentionedBy(mention, platform)
                evidence = VARIATION_VALUE.evidence(name, f"{variation.key}{names_no_registry(ctx, mentioned)}")
                mentions.append(_Mentioned(place, mentioned, evidence, [variation]))
        for mention in models_in_labels(conventions, read.labels):
            mentioned = MentionedBy(mention, platform)
            text = f"{conventions.model_tag}:{mention.name}{names_no_registry(ctx, mentioned)}"
            mentions.append(_Mentioned(place, mentioned, EXPERIMENT_TAG.evidence(name, text), None))
    meant = await models_meant(ctx, [item.by for item in mentions])
    targets = await _targets(
        ctx, [item.by for item in mentions], meant, [tallies[item.place] for item in mentions], needs
    )
    for item, model, target in zip(mentions, meant, targets, strict=True):
        tallies[item.place].match(item.by.by.profile.name)
        found[item.place].append(
            Candidate(target.reference, (item.evidence,), Tested(model.reference, item.variations), target.verdict)
        )


async def _targets(
    ctx: Context, mentions: Sequence[MentionedBy], meant: Sequence[Meant], tallies: Sequence[Tally], needs: Needs
) -> list[Meant]:
    """The version a mention names or its alias points to now; the model itself where it names neither."""
    waiting = {}
    for place, (mentioned, model) in enumerate(zip(mentions, meant, strict=True)):
        if model.verdict is None and mentioned.mention.alias and not mentioned.mention.version:
            registry = ctx.sources.registries[model.reference.source]
            key = AliasKey(model.reference.key, mentioned.mention.alias)
            waiting[place] = ctx.loader(registry.versions_by_alias).load(key, None, needs)
    targets = []
    for place, (mentioned, model) in enumerate(zip(mentions, meant, strict=True)):
        target = model
        if place in waiting:
            loaded = await waiting[place]
            tallies[place].note(model.reference.source, loaded)
            if isinstance(loaded.value, ModelVersion):
                prime(ctx, [loaded.value], needs - {Need.ALIASES}, loaded.calls)
                target = Meant(loaded.value.reference)
        elif model.verdict is None and mentioned.mention.version:
            registry = ctx.sources.registries[model.reference.source]
            version_key = pair_key(model.reference.key, mentioned.mention.version)
            target = Meant(Reference(EntityKind.MODEL_VERSION, model.reference.source, version_key, registry.url))
        targets.append(target)
    return targets


async def _by_version_tag(
    ctx: Context,
    registry: ModelRegistry,
    experiments: Sequence[Experiment],
    tallies: Sequence[Tally],
    found: Sequence[list[Candidate[Tested]]],
    needs: Needs,
) -> None:
    """Versions whose own tag names the experiment, by its key or its id; tags take one text a call."""
    name, tag = registry.profile.name, registry.profile.conventions.cells
    asked = [
        (place, experiment, TagKey(tag, text, contains=True))
        for place, experiment in enumerate(experiments)
        for text in dict.fromkeys((experiment.key, experiment.reference.key))
    ]
    answers = await ctx.load(registry.versions_by_tag, [key for _, _, key in asked], None, needs)
    for (place, experiment, _), loaded in zip(asked, answers, strict=True):
        tallies[place].note(name, loaded)
        if isinstance(loaded.value, GraphError):
            continue
        tallies[place].scanned += loaded.value.scanned
        tallies[place].incomplete(loaded.value.reasons)
        for version in loaded.value.items:
            text = next((value for key, value in version.labels if key == tag), None)
            for cell in cells_in(text):
                if cell.test_id in (experiment.key, experiment.reference.key):
                    evidence = VERSION_CELLS.evidence(name, tag, (version.reference,))
                    model = Reference(EntityKind.MODEL, name, version.model_name, registry.url)
                    tested = Tested(model, variations_of(experiment, cell))
                    found[place].append(Candidate(version.reference, (evidence,), tested))
                    prime(ctx, [version], needs, loaded.calls)
                    tallies[place].match(name)


def _connection(
    ctx: Context, experiment: Experiment, candidates: list[Candidate[Tested]], tally: Tally, args: TenArgs
) -> ExperimentModelConnection:
    connection: ExperimentModelConnection = connect(
        ctx,
        ExperimentModelConnection,
        candidates,
        lambda item, cursor: ExperimentModelEdge(
            target=item.target,
            grounds=item.grounds,
            verdict=item.verdict,
            cursor=cursor,
            model_target=item.extra.model,
            variations=item.extra.variations,
        ),
        tally,
        first=args.first,
        after=args.after,
        bound_to=f"Experiment.testedModels {experiment.id}",
    )
    return connection
