"""Resolves every row of the link table that has rules over a sample, and counts what was found by which rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from gateway.check_sample import Sample, of_type, spread
from resolvers.context import Context
from resolvers.errors import GraphError, SourceError, code_of
from resolvers.links import ROWS
from resolvers.paging import MAX_FIRST
from resolvers.rules.origin import load_training_runs
from resolvers.rules.rule import Rule
from resolvers.sources import NOTHING
from resolvers.table import Row
from resolvers.targets import Outcome, outcomes
from schema.build import DeclaredLink
from schema.connection import Evidence, IncompleteReason, Link, LinkBasis, LinkConnection, LinkState
from schema.experiment import Experiment, UsageWindow, Variation
from schema.identity import SHARED, EntityKind, Reference
from schema.model import Model, ModelVersion, TrainingRun
from schema.node import Entity
from schema.pipeline import Pipeline, PipelineRun

TRAINED_BY = Rule("training run that a version records", LinkBasis.NATIVE, "run id {}")
"""No rule of the link table, as the run is the registry's own: but it may be gone, and much is read from it."""

_WIDE = {"first": MAX_FIRST, "usage": UsageWindow.EVER}
_COSTLY = {
    (Experiment, "tested_models"),
    (Pipeline, "model_versions"),
    (PipelineRun, "model_versions"),
    (PipelineRun, "upstream_runs"),
    (PipelineRun, "failed_upstream_runs"),
}
"""Fields that cost about a call an entity."""
_BOUNDS = {IncompleteReason.SCAN_LIMIT, IncompleteReason.NOT_SUPPORTED_BY_SOURCE}
"""Why links may be missing though every source answered; a depth is asked for, so that one says nothing."""
_NOUNS = {
    Model: "models",
    ModelVersion: "versions",
    Experiment: "experiments",
    Variation: "variations",
    Pipeline: "pipelines",
    PipelineRun: "pipeline runs",
}


class Edge(NamedTuple):
    """One link as it was found, and what became of its target."""

    parent: str
    target: Reference
    grounds: tuple[Evidence, ...]
    outcome: Outcome


class Parent(NamedTuple):
    """What a field is asked of, and how it is called in the report."""

    id: str
    value: object


@dataclass(slots=True)
class Tried:
    """One field over its parents; `edges` are all links it gave."""

    coordinate: str
    rules: tuple[Rule, ...]
    parents: int
    noun: str
    edges: list[Edge] = field(default_factory=list)
    unanswered: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Parents whose answer lacks what a source did not say, by source and code."""
    bounded: Counter[IncompleteReason] = field(default_factory=Counter)
    """Parents whose answer stopped at a bound."""

    def states(self, rule: Rule) -> Counter[LinkState]:
        """How the targets are of the links this rule found, alone or with others."""
        return Counter(edge.outcome.state for edge in self.edges if any(g.rule == rule.name for g in edge.grounds))


async def tried(ctx: Context, declared: Sequence[DeclaredLink], samples: Sequence[Sample]) -> list[Tried]:
    """Every row with rules, in the order of the table."""
    by_field = {(link.owner, link.field): link for link in declared}
    found = []
    for row in ROWS:
        if row.rules and row.owner in _NOUNS:
            if (row.owner, row.field) == (ModelVersion, "produced_by"):
                found.append(await _trained(ctx, _parents(ModelVersion, samples, few=False)))
            found.append(await _tried(ctx, row, by_field[row.owner, row.field], samples))
    return found


async def _tried(ctx: Context, row: Row, link: DeclaredLink, samples: Sequence[Sample]) -> Tried:
    parents = _parents(row.owner, samples, few=(row.owner, row.field) in _COSTLY)
    result = Tried(link.coordinate, row.rules, len(parents), _NOUNS[row.owner])
    if not parents:
        return result
    asked = link.marker.args()
    args = replace(asked, **{part.name: _WIDE[part.name] for part in fields(asked) if part.name in _WIDE})
    try:
        answers: Sequence[Any] = await row.answer(ctx, [parent.value for parent in parents], args, NOTHING)
    except GraphError as error:
        answers = [error] * len(parents)
    links: list[tuple[str, Link[Any]]] = []
    for parent, answer in zip(parents, answers, strict=True):
        if isinstance(answer, GraphError):
            result.unanswered[_place(answer)] += 1
        elif isinstance(answer, LinkConnection):
            _note_completeness(result, answer)
        links.extend((parent.id, each) for each in _links(answer))
    for (parent_id, each), outcome in zip(
        links, await outcomes(ctx, [each for _, each in links], NOTHING), strict=True
    ):
        result.edges.append(Edge(parent_id, each.target, each.grounds, outcome))
    return result


async def _trained(ctx: Context, parents: Sequence[Parent]) -> Tried:
    """ModelVersion.trainingRun, which is no link with a state: a run that is gone is null there."""
    versions = [parent.value for parent in parents if isinstance(parent.value, ModelVersion)]
    result = Tried("ModelVersion.trainingRun", (TRAINED_BY,), len(versions), _NOUNS[ModelVersion])
    for version, loaded in zip(versions, await load_training_runs(ctx, versions), strict=True):
        if loaded is None or version.run_id is None:
            continue
        source = version.reference.source
        if isinstance(loaded.value, GraphError):
            result.unanswered[_place(loaded.value)] += 1
            continue
        state = LinkState.RESOLVED if isinstance(loaded.value, TrainingRun) else LinkState.DANGLING
        target = Reference(EntityKind.TRAINING_RUN, source, version.run_id)
        grounds = (TRAINED_BY.evidence(source, version.run_id),)
        result.edges.append(Edge(str(version.id), target, grounds, Outcome(state)))
    return result


def _parents(owner: type, samples: Sequence[Sample], *, few: bool) -> list[Parent]:
    parents: list[Parent] = []
    for sample in samples:
        if owner is Variation:
            parents.extend(
                Parent(f"{_called(experiment)}, variation {variation.key}", variation)
                for experiment in of_type(sample.rows, Experiment)
                for variation in experiment.variations
            )
        else:
            rows: list[Entity] = of_type([*sample.rows, *sample.parts], owner)
            parents.extend(Parent(_called(row), row) for row in (spread(rows) if few else rows))
    return parents


def _called(row: Entity) -> str:
    """Its id; experiments are known by another key than the platform's own."""
    known_by = row.key if isinstance(row, Experiment) else row.reference.key
    return str(row.id) if known_by == row.reference.key else f"{row.id} ({known_by})"


def _links(answer: object) -> Iterator[Link[Any]]:
    if isinstance(answer, LinkConnection):
        yield from answer.edges
    elif isinstance(answer, list):
        yield from answer
    elif isinstance(answer, Link):
        yield answer


def _note_completeness(result: Tried, answer: LinkConnection[Any, Any]) -> None:
    for source in answer.completeness.sources:
        if source.code is not None:
            result.unanswered[source.source, source.code.name] += 1
    for reason in answer.completeness.reasons:
        if reason in _BOUNDS:
            result.bounded[reason] += 1


def _place(error: GraphError) -> tuple[str, str]:
    return (error.source if isinstance(error, SourceError) else SHARED, code_of(error).name)
