"""One step of a lineage for each kind of entity: what the link fields find, as ties between places.

Nothing is looked up here that no link field looks up: each step asks the functions that answer these fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from resolvers.errors import GraphError
from resolvers.lineage import Expansion, Heading, Stop, Tie
from resolvers.rules.data import (
    datasets_of_pipelines,
    datasets_of_versions,
    features_of_versions,
)
from resolvers.rules.derived import consumers_of_datasets, producers_of_datasets, versions_of_datasets
from resolvers.rules.features import versions_of_features
from resolvers.rules.makers import consumers_of_models, producers_of_models
from resolvers.rules.origin import (
    Made,
    Produced,
    made_by_pipelines,
    made_by_runs,
    makers_of_versions,
    models_of_pipelines,
)
from resolvers.rules.parts import current_versions
from resolvers.rules.references import pipelines_meant
from resolvers.rules.rule import PRODUCED_VERSION, REGISTERED
from resolvers.rules.runs import runs_above, runs_below
from resolvers.rules.tested import tests_of_experiments
from resolvers.rules.union import Candidate
from resolvers.rules.usage import Use, uses_of_models, uses_of_versions
from resolvers.sources import Needs
from resolvers.tally import Tally
from resolvers.targets import entities
from schema.connection import Evidence, IncompleteReason
from schema.derived import Dataset, DatasetLink, Feature, FeatureLink
from schema.experiment import Experiment, UsageWindow
from schema.fields import NoArgs
from schema.identity import EntityKind, Reference, split_version_key
from schema.lineage import LineageRelation
from schema.model import Model, ModelVersion
from schema.node import Entity
from schema.pipeline import Pipeline, PipelineRun

if TYPE_CHECKING:
    from resolvers.context import Context

MENTIONED = frozenset({EntityKind.DATASET, EntityKind.FEATURE})
"""Kinds that no source owns: their places are looked behind without being read."""
MOST_RUNS = 50
"""Most runs of one lineage that are asked what fed them, and what they made and fed: each costs calls of its own."""
MOST_PIPELINES = 25
"""Most pipelines of one lineage whose versions are searched for by tag: each costs some calls in each registry."""

E = TypeVar("E", bound=Entity)

Ties = list[list[Tie]]


class Steps:
    """The expander of one lineage: `tally` has what its sources were asked."""

    def __init__(self, ctx: Context, needs: Needs, tally: Tally) -> None:
        self.ctx, self.needs, self.tally = ctx, needs, tally
        self._allowed = {EntityKind.PIPELINE: MOST_PIPELINES, EntityKind.PIPELINE_RUN: MOST_RUNS}
        self._partly: set[Reference] = set()

    def leads_on(self, stop: Stop) -> bool:
        return (stop.reference.kind, stop.heading) in _STEPS

    async def expand(self, stops: Sequence[Stop]) -> list[Expansion]:
        """Read the places, then take the steps of all kinds at once, so that loaders put equal questions together."""
        owned = [stop.reference for stop in stops if stop.reference.kind not in MENTIONED]
        loaded = dict(zip(owned, await entities(self.ctx, owned, self.needs), strict=True))
        found = dict.fromkeys(stops, Expansion(whole=False))
        groups: dict[tuple[EntityKind, Heading], dict[Stop, Any]] = {}
        for stop in stops:
            kind = stop.reference.kind
            place = stop.reference if kind in MENTIONED else loaded[stop.reference].value
            if isinstance(place, GraphError):
                self.tally.note(stop.reference.source, loaded[stop.reference])
            elif place is not None:
                groups.setdefault((kind, stop.heading), {})[stop] = place
        taken = [_STEPS[which](self, list(places.values())) for which, places in groups.items()]
        for places, ties in zip(groups.values(), await asyncio.gather(*taken), strict=True):
            for stop, own in zip(places, ties, strict=True):
                found[stop] = Expansion(own, whole=stop.reference not in self._partly)
        return [found[stop] for stop in stops]

    def tallies(self, places: Sequence[object]) -> list[Tally]:
        return [self.tally] * len(places)

    def allowed(self, places: Sequence[E]) -> Sequence[E]:
        """Those places, the first, that still may be asked about where each costs calls of its own."""
        kind = places[0].reference.kind
        asked, left = places[: self._allowed[kind]], places[self._allowed[kind] :]
        self._allowed[kind] -= len(asked)
        self._partly.update(place.reference for place in left)
        if left:
            self.tally.incomplete([IncompleteReason.CALL_BUDGET])
        return asked


# ---------------------------------------------------------------- versions and models


async def _above_versions(steps: Steps, versions: Sequence[ModelVersion]) -> Ties:
    made, datasets, features = await asyncio.gather(
        makers_of_versions(steps.ctx, versions, steps.tallies(versions)),
        datasets_of_versions(steps.ctx, versions, NoArgs(), steps.needs),
        features_of_versions(steps.ctx, versions, NoArgs(), steps.needs),
    )
    ties: Ties = [[*_mentioned(data), *_mentioned(names)] for data, names in zip(datasets, features, strict=True)]
    named = [(place, item) for place, item in enumerate(made) if isinstance(item, Made)]
    pipelines = await pipelines_meant(steps.ctx, [item.origin.mention for _, item in named])
    for (place, item), pipeline in zip(named, pipelines, strict=True):
        for meant in (item.run, pipeline):
            if meant is not None:
                tie = Tie(meant.reference, LineageRelation.PRODUCED_BY, item.origin.grounds, Heading.UP, meant.verdict)
                ties[place].append(tie)
    return ties


def _mentioned(links: list[DatasetLink] | list[FeatureLink] | GraphError) -> list[Tie]:
    """What a training run mentions; its failure is in the tally, as what made the version is in the same row."""
    if isinstance(links, GraphError):
        return []
    return [
        Tie(
            link.target,
            LineageRelation.TRAINED_ON if isinstance(link, DatasetLink) else LineageRelation.USES_FEATURE,
            link.grounds,
            Heading.UP,
            mentioned=link.mentioned,
        )
        for link in links
    ]


async def _below_versions(steps: Steps, versions: Sequence[ModelVersion]) -> Ties:
    uses = await uses_of_versions(steps.ctx, versions, UsageWindow.CURRENT, steps.tallies(versions), steps.needs)
    ties = _ties(uses, LineageRelation.SERVED_IN, Heading.DOWN)
    for version, own in zip(versions, ties, strict=True):
        model = Reference(EntityKind.MODEL, version.reference.source, version.model_name, version.reference.url_of)
        own.append(Tie(model, LineageRelation.VERSION_OF, (_registered(version),), Heading.READERS))
    return ties


async def _above_models(steps: Steps, models: Sequence[Model]) -> Ties:
    tallies = steps.tallies(models)
    makers, versions = await asyncio.gather(
        producers_of_models(steps.ctx, models, tallies, steps.needs), current_versions(steps.ctx, models, tallies)
    )
    ties = _ties(makers, LineageRelation.PRODUCES, Heading.UP)
    for own, current in zip(ties, versions, strict=True):
        own.extend(
            Tie(version.reference, LineageRelation.VERSION_OF, (_registered(version),), Heading.UP)
            for version in current
        )
    return ties


async def _below_models(steps: Steps, models: Sequence[Model]) -> Ties:
    uses, readers = await asyncio.gather(
        uses_of_models(steps.ctx, models, UsageWindow.CURRENT, steps.tallies(models), steps.needs),
        _readers(steps, models),
    )
    return _together(_ties(uses, LineageRelation.SERVED_IN, Heading.DOWN), readers)


async def _readers(steps: Steps, models: Sequence[Model]) -> Ties:
    found = await consumers_of_models(steps.ctx, models, steps.tallies(models))
    return _ties(found, LineageRelation.CONSUMES, Heading.DOWN)


def _registered(version: ModelVersion) -> Evidence:
    return REGISTERED.evidence(version.reference.source, version.version, (version.reference,))


# ---------------------------------------------------------------- experiments


async def _above_experiments(steps: Steps, experiments: Sequence[Experiment]) -> Ties:
    found = await tests_of_experiments(steps.ctx, experiments, steps.tallies(experiments), steps.needs)
    return _ties(found, LineageRelation.SERVED_IN, Heading.UP)


# ---------------------------------------------------------------- pipelines and runs


async def _above_pipelines(steps: Steps, pipelines: Sequence[Pipeline]) -> Ties:
    tallies = steps.tallies(pipelines)
    data, models = await asyncio.gather(
        datasets_of_pipelines(steps.ctx, pipelines, tallies, "consumes"),
        models_of_pipelines(steps.ctx, pipelines, tallies, "consumes"),
    )
    return _together(
        _ties(data, LineageRelation.CONSUMES, Heading.UP), _ties(models, LineageRelation.CONSUMES, Heading.UP)
    )


async def _below_pipelines(steps: Steps, pipelines: Sequence[Pipeline]) -> Ties:
    tallies, searched = steps.tallies(pipelines), steps.allowed(pipelines)
    data, models, versions = await asyncio.gather(
        datasets_of_pipelines(steps.ctx, pipelines, tallies, "produces"),
        models_of_pipelines(steps.ctx, pipelines, tallies, "produces"),
        made_by_pipelines(steps.ctx, searched, steps.tallies(searched), steps.needs),
    )
    versions.extend([] for _ in pipelines[len(searched) :])
    return _together(
        _ties(data, LineageRelation.PRODUCES, Heading.DOWN),
        _ties(models, LineageRelation.PRODUCES, Heading.DOWN),
        _ties(versions, LineageRelation.PRODUCED_BY, Heading.DOWN),
        [_models_of(made) for made in versions],
    )


def _models_of(made: Sequence[Candidate[Produced]]) -> list[Tie]:
    """The models a pipeline makes: the newest version it made of each is evidence enough, as for Model.producers."""
    newest: dict[Reference, Candidate[Produced]] = {}
    for item in made:
        known = newest.get(item.extra.model)
        if known is None or _number(item) > _number(known):
            newest[item.extra.model] = item
    ties = []
    for model, item in newest.items():
        via = (item.target, *(ground for own in item.grounds for ground in own.via))
        evidence = PRODUCED_VERSION.evidence(model.source, _version(item), tuple(dict.fromkeys(via)))
        ties.append(Tie(model, LineageRelation.PRODUCES, (evidence,), Heading.DOWN))
    return ties


def _version(item: Candidate[Produced]) -> str:
    pair = split_version_key(item.target.key)
    return pair[1] if pair else ""


def _number(item: Candidate[Produced]) -> tuple[int, str]:
    """Later versions are longer, or come later by their digits."""
    version = _version(item)
    return len(version), version


async def _above_runs(steps: Steps, runs: Sequence[PipelineRun]) -> Ties:
    asked = [run.reference for run in steps.allowed(runs)]
    found = await runs_above(steps.ctx, asked, steps.tallies(asked))
    return [*_ties(found, LineageRelation.TRIGGERED_BY, Heading.UP), *([] for _ in runs[len(asked) :])]


async def _below_runs(steps: Steps, runs: Sequence[PipelineRun]) -> Ties:
    asked = steps.allowed(runs)
    versions, fed = await asyncio.gather(
        made_by_runs(steps.ctx, asked, steps.tallies(asked), steps.needs),
        runs_below(steps.ctx, [run.reference for run in asked], steps.tallies(asked)),
    )
    ties = _together(
        _ties(versions, LineageRelation.PRODUCED_BY, Heading.DOWN),
        _ties(fed, LineageRelation.TRIGGERED_BY, Heading.DOWN),
    )
    return [*ties, *([] for _ in runs[len(asked) :])]


# ---------------------------------------------------------------- datasets and features


async def _above_datasets(steps: Steps, datasets: Sequence[Reference]) -> Ties:
    found = await producers_of_datasets(steps.ctx, datasets, steps.tallies(datasets), steps.needs)
    return _ties(found, LineageRelation.PRODUCES, Heading.UP)


async def _below_datasets(steps: Steps, datasets: Sequence[Reference]) -> Ties:
    tallies = steps.tallies(datasets)
    pipelines, versions = await asyncio.gather(
        consumers_of_datasets(steps.ctx, datasets, tallies, steps.needs),
        versions_of_datasets(steps.ctx, datasets, tallies, steps.needs),
    )
    return _together(
        _ties(pipelines, LineageRelation.CONSUMES, Heading.DOWN),
        _ties(versions, LineageRelation.TRAINED_ON, Heading.DOWN),
    )


async def _below_features(steps: Steps, features: Sequence[Reference]) -> Ties:
    found = await versions_of_features(steps.ctx, features, steps.tallies(features), steps.needs)
    return _ties(found, LineageRelation.USES_FEATURE, Heading.DOWN)


# ---------------------------------------------------------------- all of them


def _ties(found: Sequence[Iterable[Candidate[Any]]], relation: LineageRelation, heading: Heading) -> Ties:
    return [
        [
            Tie(
                item.target,
                relation,
                item.grounds,
                heading,
                item.verdict,
                item.extra if isinstance(item.extra, Dataset | Feature) else None,
                item.extra if isinstance(item.extra, Use) else None,
            )
            for item in candidates
        ]
        for candidates in found
    ]


def _together(*parts: Ties) -> Ties:
    return [[tie for part in own for tie in part] for own in zip(*parts, strict=True)]


_STEPS: dict[tuple[EntityKind, Heading], Callable[[Steps, Sequence[Any]], Awaitable[Ties]]] = {
    (EntityKind.MODEL_VERSION, Heading.UP): _above_versions,
    (EntityKind.MODEL_VERSION, Heading.DOWN): _below_versions,
    (EntityKind.MODEL, Heading.UP): _above_models,
    (EntityKind.MODEL, Heading.DOWN): _below_models,
    (EntityKind.MODEL, Heading.READERS): _readers,
    (EntityKind.EXPERIMENT, Heading.UP): _above_experiments,
    (EntityKind.PIPELINE, Heading.UP): _above_pipelines,
    (EntityKind.PIPELINE, Heading.DOWN): _below_pipelines,
    (EntityKind.PIPELINE_RUN, Heading.UP): _above_runs,
    (EntityKind.PIPELINE_RUN, Heading.DOWN): _below_runs,
    (EntityKind.DATASET, Heading.UP): _above_datasets,
    (EntityKind.DATASET, Heading.DOWN): _below_datasets,
    (EntityKind.FEATURE, Heading.DOWN): _below_features,
}
