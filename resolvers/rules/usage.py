"""Which experiments use a model or a version, and which models an experiment tests, in which variation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from resolvers.conventions import ModelMention, models_in_labels, models_in_value
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.rules.cells import Cell, cells_of_versions, tests_meant, variations_of
from resolvers.rules.parts import current_versions
from resolvers.rules.references import MentionedBy, may_mean, names_no_registry
from resolvers.rules.rule import EXPERIMENT_TAG, VARIATION_VALUE
from resolvers.rules.union import Candidate, connect, unite
from resolvers.sources import NOTHING, Found, Need, Needs
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.tally import Tally
from resolvers.targets import prime
from schema.connection import Evidence
from schema.experiment import (
    Experiment,
    ExperimentStatus,
    ModelExperimentConnection,
    ModelExperimentEdge,
    UsageArgs,
    UsageWindow,
    Variation,
)
from schema.identity import SHARED
from schema.model import Model, ModelVersion
from schema.scalars import Timestamp

if TYPE_CHECKING:
    from resolvers.context import Context


@dataclass(slots=True)
class Use:
    """What an edge to an experiment shows; `experiment` is None where it could not be read."""

    experiment: Experiment | None
    variations: list[Variation] | None

    @property
    def running(self) -> bool | None:
        if self.experiment is None or self.experiment.status is ExperimentStatus.UNKNOWN:
            return None
        return self.experiment.status is ExperimentStatus.RUNNING


@dataclass(slots=True)
class _Subject:
    """A model, or one version of it: what mentions must name, and the versions whose cells count."""

    name: str
    registry: str
    tally: Tally
    version: str | None
    cell_versions: list[ModelVersion]


async def experiments_of_models(
    ctx: Context, models: Sequence[Model], args: UsageArgs, needs: Needs
) -> list[ModelExperimentConnection]:
    """Model.experiments: those naming the model or any version; cells of the latest and the aliased versions."""
    usage, tallies = args.usage or UsageWindow.CURRENT, [Tally() for _ in models]
    found = await uses_of_models(ctx, models, usage, tallies, needs)
    return [_connection(ctx, *item, args, usage) for item in zip(models, found, tallies, strict=True)]


async def experiments_of_versions(
    ctx: Context, versions: Sequence[ModelVersion], args: UsageArgs, needs: Needs
) -> list[ModelExperimentConnection]:
    """ModelVersion.experiments: those naming this version, or an alias that points to it now."""
    usage, tallies = args.usage or UsageWindow.CURRENT, [Tally() for _ in versions]
    found = await uses_of_versions(ctx, versions, usage, tallies, needs)
    return [_connection(ctx, *item, args, usage) for item in zip(versions, found, tallies, strict=True)]


async def uses_of_models(
    ctx: Context, models: Sequence[Model], usage: UsageWindow, tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Use]]]:
    """The experiments inside the window that name each model or any version of it."""
    subjects = [
        _Subject(model.name, model.reference.source, tally, None, current)
        for model, tally, current in zip(models, tallies, await current_versions(ctx, models, tallies), strict=True)
    ]
    return await _experiments(ctx, subjects, usage, needs)


async def uses_of_versions(
    ctx: Context, versions: Sequence[ModelVersion], usage: UsageWindow, tallies: Sequence[Tally], needs: Needs
) -> list[list[Candidate[Use]]]:
    """The experiments inside the window that name each version, or an alias that points to it now."""
    subjects = [
        _Subject(item.model_name, item.reference.source, tally, item.version, [item])
        for item, tally in zip(versions, tallies, strict=True)
    ]
    return await _experiments(ctx, subjects, usage, needs)


async def _experiments(
    ctx: Context, subjects: Sequence[_Subject], usage: UsageWindow, needs: Needs
) -> list[list[Candidate[Use]]]:
    found: list[list[Candidate[Use]]] = [[] for _ in subjects]
    await asyncio.gather(
        *(_by_mention(ctx, platform, subjects, found, usage, needs) for platform in ctx.sources.platforms.values()),
        _by_cell(ctx, subjects, found, usage, needs),
    )
    return [unite(candidates, merge_uses) for candidates in found]


async def _by_mention(
    ctx: Context,
    platform: ExperimentPlatform,
    subjects: Sequence[_Subject],
    found: Sequence[list[Candidate[Use]]],
    usage: UsageWindow,
    needs: Needs,
) -> None:
    """Experiments whose variation values or tags name the model."""
    conventions = platform.profile.conventions
    wanted = needs | {Need.VALUES} | ({Need.TAGS} if conventions.model_tag else NOTHING)
    answers = await ctx.load(platform.experiments_by_model, [subject.name for subject in subjects], usage, wanted)
    uses = [_uses(ctx, platform, subject, loaded, usage) for subject, loaded in zip(subjects, answers, strict=True)]
    for place, (loaded, candidates) in enumerate(zip(answers, await asyncio.gather(*uses), strict=True)):
        if not isinstance(loaded.value, GraphError):
            prime(ctx, loaded.value.items, wanted, loaded.calls)
        found[place].extend(candidates)


async def _uses(
    ctx: Context,
    platform: ExperimentPlatform,
    subject: _Subject,
    loaded: Loaded[Found[Experiment]],
    usage: UsageWindow,
) -> list[Candidate[Use]]:
    """The experiments in the window that really name the subject, of those that may."""
    name = platform.profile.name
    subject.tally.note(name, loaded)
    if isinstance(loaded.value, GraphError):
        return []
    subject.tally.scanned += loaded.value.scanned
    subject.tally.incomplete(loaded.value.reasons)
    uses = [
        use
        for experiment in loaded.value.items
        if _inside(experiment, usage)
        for use in await _mentions(ctx, platform, experiment, subject)
    ]
    subject.tally.match(name, len({use.target for use in uses}))
    return uses


async def _mentions(
    ctx: Context, platform: ExperimentPlatform, experiment: Experiment, subject: _Subject
) -> list[Candidate[Use]]:
    name, conventions = platform.profile.name, platform.profile.conventions
    uses: list[Candidate[Use]] = []
    for variation in experiment.variations:
        for mention in models_in_value(conventions, variation.text):
            mentioned = MentionedBy(mention, platform)
            if await _names(ctx, mentioned, subject):
                text = f"{variation.key}{names_no_registry(ctx, mentioned)}"
                uses.append(_candidate(experiment, VARIATION_VALUE.evidence(name, text), [variation]))
    if subject.version is None:
        for mention in models_in_labels(conventions, experiment.labels):
            mentioned = MentionedBy(mention, platform)
            if await _names(ctx, mentioned, subject):
                text = f"{conventions.model_tag}:{mention.name}{names_no_registry(ctx, mentioned)}"
                uses.append(_candidate(experiment, EXPERIMENT_TAG.evidence(name, text), None))
    return uses


async def _names(ctx: Context, mentioned: MentionedBy, subject: _Subject) -> bool:
    """Whether a mention names the subject: for a version its number, or an alias that points to it now."""
    mention = mentioned.mention
    if mention.name != subject.name or not may_mean(ctx, mentioned, subject.registry):
        return False
    if subject.version is None:
        return True
    if mention.version is not None:
        return mention.version == subject.version
    return mention.alias is not None and await _alias_points(ctx, mention, subject)


async def _alias_points(ctx: Context, mention: ModelMention, subject: _Subject) -> bool:
    """Aliases are in the model's row, which is read only where a mention uses one."""
    registry = ctx.sources.registries[subject.registry]
    loaded = await ctx.loader(registry.models_by_name).load(subject.name, None, NOTHING)
    subject.tally.note(subject.registry, loaded)
    return isinstance(loaded.value, Model) and any(
        alias.alias == mention.alias and alias.version == subject.version for alias in loaded.value.version_aliases
    )


async def _by_cell(
    ctx: Context,
    subjects: Sequence[_Subject],
    found: Sequence[list[Candidate[Use]]],
    usage: UsageWindow,
    needs: Needs,
) -> None:
    """Experiments whose cells the versions' tags or their pipeline runs' parameters name."""
    flat = [(place, version) for place, subject in enumerate(subjects) for version in subject.cell_versions]
    cells = await cells_of_versions(ctx, [version for _, version in flat], [subjects[place].tally for place, _ in flat])
    named: list[tuple[int, Cell]] = [
        (place, cell) for (place, _), listed in zip(flat, cells, strict=True) for cell in listed
    ]
    asked: dict[str, list[Tally]] = {}
    for place, cell in named:
        asked.setdefault(cell.mention.test_id, []).append(subjects[place].tally)
    window = usage if usage is UsageWindow.CURRENT else None
    tests = await tests_meant(ctx, list(asked), window, needs, asked)
    for place, cell in named:
        meant = tests[cell.mention.test_id]
        if meant is None or (meant.experiment is not None and not _inside(meant.experiment, usage)):
            continue
        variations = variations_of(meant.experiment, cell.mention) if meant.experiment else None
        found[place].append(Candidate(meant.target, (cell.evidence,), Use(meant.experiment, variations), meant.verdict))
        if meant.target.source != SHARED:
            subjects[place].tally.match(meant.target.source)


def _candidate(experiment: Experiment, evidence: Evidence, variations: list[Variation] | None) -> Candidate[Use]:
    return Candidate(experiment.reference, (evidence,), Use(experiment, variations))


def merge_uses(one: Use, other: Use) -> Use:
    return Use(one.experiment or other.experiment, merge_variations(one.variations, other.variations))


def merge_variations(one: list[Variation] | None, other: list[Variation] | None) -> list[Variation] | None:
    """The variations of both, by number; a rule that knows none adds none."""
    if one is None or other is None:
        return one or other
    return sorted({item.key: item for item in (*one, *other)}.values(), key=lambda item: item.number)


def _inside(experiment: Experiment, usage: UsageWindow) -> bool:
    """Whether an experiment is in the window; one of unknown status is in every window."""
    status = experiment.status
    if status is ExperimentStatus.UNKNOWN:
        return True
    if usage is UsageWindow.CURRENT:
        return status is ExperimentStatus.RUNNING
    if usage is UsageWindow.DRAFT:
        return status is ExperimentStatus.DRAFT
    return status is not ExperimentStatus.DRAFT


def _since(experiment: Experiment | None) -> Timestamp | None:
    return experiment.phases[0].started_at if experiment and experiment.phases else None


def _until(use: Use) -> Timestamp | None:
    if use.running or use.experiment is None or not use.experiment.phases:
        return None
    return use.experiment.phases[-1].ended_at


def _connection(
    ctx: Context,
    parent: Model | ModelVersion,
    candidates: list[Candidate[Use]],
    tally: Tally,
    args: UsageArgs,
    usage: UsageWindow,
) -> ModelExperimentConnection:
    connection: ModelExperimentConnection = connect(
        ctx,
        ModelExperimentConnection,
        candidates,
        lambda item, cursor: ModelExperimentEdge(
            target=item.target,
            grounds=item.grounds,
            verdict=item.verdict,
            cursor=cursor,
            variations=item.extra.variations,
            running=item.extra.running,
            since=_since(item.extra.experiment),
            until=_until(item.extra),
        ),
        tally,
        first=args.first,
        after=args.after,
        bound_to=f"{type(parent).__name__}.experiments {parent.id} {usage.name}",
        rank=lambda item: 0 if item.extra.running else 1,
    )
    return connection
