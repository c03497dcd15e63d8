"""Netflix's three hops: version, pipeline run, the A/B cells in its parameters; and the tests these name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from resolvers.conventions import CellMention, cells_in
from resolvers.errors import Ambiguous, GraphError, NotFound
from resolvers.loaders import Loaded
from resolvers.rules.origin import Origin, origins
from resolvers.rules.references import runs_meant
from resolvers.rules.rule import PRODUCING_RUN_CELLS, RUN_CELLS, VERSION_CELLS, Rule
from resolvers.sources import Needs
from resolvers.tally import Tally
from resolvers.targets import entities, prime
from schema.connection import Evidence
from schema.experiment import Experiment, ExperimentLink, UsageWindow, Variation
from schema.fields import NoArgs
from schema.identity import SHARED, EntityKind, Reference
from schema.model import ModelVersion
from schema.pipeline import PipelineRun

if TYPE_CHECKING:
    from resolvers.context import Context


class Cell(NamedTuple):
    """A cell some text names, and what says so."""

    mention: CellMention
    evidence: Evidence


class Tested(NamedTuple):
    """The experiment a cell means: `experiment` only where it was read; a verdict where it could not be."""

    target: Reference
    experiment: Experiment | None
    verdict: GraphError | None


async def cells_of_versions(
    ctx: Context, versions: Sequence[ModelVersion], tallies: Sequence[Tally]
) -> list[list[Cell]]:
    """The cells that each version's own tag names, and those in the parameters of the run that produced it."""
    found: list[list[Cell]] = [cells_of_tags(ctx, version) for version in versions]
    named = [
        (place, origin)
        for place, origin in enumerate(await origins(ctx, versions, tallies))
        if isinstance(origin, Origin) and origin.mention.run_id
    ]
    meant = await runs_meant(ctx, [origin.mention for _, origin in named])
    known = [(place, origin, run) for (place, origin), run in zip(named, meant, strict=True) if run.verdict is None]
    for (place, _), run in zip(named, meant, strict=True):
        if run.verdict is not None and not isinstance(run.verdict, NotFound):
            # A run that several orchestrators have is the registry's doing: it does not say which it means.
            source = getattr(run.verdict, "source", versions[place].reference.source)
            tallies[place].note(source, Loaded(run.verdict, ()))
    runs = await entities(ctx, [run.reference for _, _, run in known], frozenset())
    for (place, origin, run), loaded in zip(known, runs, strict=True):
        tallies[place].note(run.reference.source, loaded)
        if isinstance(loaded.value, PipelineRun):
            via = tuple(item.reference for item in (origin.training_run, loaded.value) if item is not None)
            found[place].extend(cells_of_run(ctx, loaded.value, via, PRODUCING_RUN_CELLS))
    return found


def cells_of_tags(ctx: Context, version: ModelVersion) -> list[Cell]:
    """The cells a version's own tag names."""
    source = version.reference.source
    tag = ctx.sources.registries[source].profile.conventions.cells
    evidence = VERSION_CELLS.evidence(source, tag, (version.reference,))
    text = next((value for key, value in version.labels if key == tag), None)
    return [Cell(mention, evidence) for mention in cells_in(text)] if text else []


def cells_of_run(ctx: Context, run: PipelineRun, via: tuple[Reference, ...], rule: Rule) -> list[Cell]:
    """The cells a run's parameters name."""
    source = run.reference.source
    parameter = ctx.sources.orchestrators[source].profile.conventions.cells
    evidence = rule.evidence(source, parameter, via)
    return [Cell(mention, evidence) for mention in cells_in(run.parameters.get(parameter))]


async def tests_meant(
    ctx: Context,
    test_ids: Sequence[str],
    usage: UsageWindow | None,
    needs: Needs,
    tallies: Mapping[str, Sequence[Tally]],
) -> dict[str, Tested | None]:
    """The experiment of each test id; `tallies` are those to note the answers in, by test id.

    With a usage window None stands for a test that no platform has inside it. Without one a test nobody has is
    DANGLING, one that several platforms have is AMBIGUOUS.
    """
    waiting = {
        name: [ctx.loader(platform.experiments_by_key).load(test_id, usage, needs) for test_id in test_ids]
        for name, platform in ctx.sources.platforms.items()
    }
    found: dict[str, dict[str, Loaded[Experiment | None]]] = {test_id: {} for test_id in test_ids}
    for name, futures in waiting.items():
        for test_id, future in zip(test_ids, futures, strict=True):
            loaded = await future
            found[test_id][name] = loaded
            for tally in tallies.get(test_id, ()):
                tally.note(name, loaded)
            if isinstance(loaded.value, Experiment):
                prime(ctx, [loaded.value], needs, loaded.calls)
    return {test_id: _decide(ctx, test_id, answers, usage) for test_id, answers in found.items()}


def _decide(
    ctx: Context, test_id: str, answers: Mapping[str, Loaded[Experiment | None]], usage: UsageWindow | None
) -> Tested | None:
    having = [loaded.value for loaded in answers.values() if isinstance(loaded.value, Experiment)]
    failed = [loaded.value for loaded in answers.values() if isinstance(loaded.value, GraphError)]
    if len(having) == 1 and not failed:
        return Tested(having[0].reference, having[0], None)
    only = next(iter(answers)) if len(answers) == 1 else SHARED
    platform = ctx.sources.platforms.get(only)
    nowhere = Reference(EntityKind.EXPERIMENT, only, test_id, platform.url if platform else None)
    if len(having) > 1:
        return Tested(nowhere, None, Ambiguous(test_id, tuple(str(item.id) for item in having)))
    if failed:
        return Tested(nowhere, None, failed[0])
    return None if usage is not None else Tested(nowhere, None, NotFound(f"No platform has {test_id!r}."))


def variations_of(experiment: Experiment, cell: CellMention) -> list[Variation] | None:
    """The variation a cell means: by key or name where it says one, else by number; None where neither fits."""
    if cell.name is not None:
        named = [item for item in experiment.variations if cell.name in (item.key, item.name)]
        if named:
            return named[:1]
    numbered = [item for item in experiment.variations if cell.number is not None and item.number == cell.number]
    return numbered or None


async def tested_in(
    ctx: Context,
    runs: Sequence[PipelineRun],
    args: NoArgs,
    needs: Needs,
) -> list[list[ExperimentLink]]:
    """PipelineRun.testedIn"""
    cells = [cells_of_run(ctx, run, (run.reference,), RUN_CELLS) for run in runs]
    wanted = list(dict.fromkeys(cell.mention.test_id for listed in cells for cell in listed))
    tests = await tests_meant(ctx, wanted, None, needs, {})
    return [_links(listed, tests) for listed in cells]


def _links(cells: Sequence[Cell], tests: Mapping[str, Tested | None]) -> list[ExperimentLink]:
    links: dict[Reference, ExperimentLink] = {}
    for cell in cells:
        meant = tests[cell.mention.test_id]
        if meant is None:
            continue
        variations = variations_of(meant.experiment, cell.mention) if meant.experiment else None
        known = links.get(meant.target)
        if known is None:
            links[meant.target] = ExperimentLink(
                target=meant.target, grounds=(cell.evidence,), verdict=meant.verdict, variations=variations
            )
        elif variations:
            both = [*(known.variations or []), *variations]
            known.variations = sorted({item.key: item for item in both}.values(), key=lambda item: item.number)
    return list(links.values())
