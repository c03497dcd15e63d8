"""What `check` reads of each source: how it is, and a bounded sample of what it has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Any, TypeVar

from resolvers.context import Context
from resolvers.errors import GraphError, SourceError
from resolvers.loaders import BatchMethod, Loaded
from resolvers.rules.makers import VERSIONS_LOOKED_AT
from resolvers.sources import NOTHING, ListArgs, Need, Page, PageAsk, SourceAdapter
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.sources.orchestration import Orchestrator
from resolvers.sources.registry import ModelRegistry
from resolvers.targets import prime
from schema.model import Model, ModelVersion
from schema.node import Entity
from schema.pipeline import Pipeline, PipelineRun
from schema.source import SourceRole, SourceStatus

T = TypeVar("T")

MOST_ROWS = 200
"""Models, experiments or pipelines read of one source, by the source's own order."""
MOST_VERSIONS = 300
"""Versions looked at of one registry: the newest of each model first."""
FEW = 20
"""Entities of one source for look-ups that cost a call each, spread over the sample."""
_READS = 8

_VALUES = frozenset({Need.VALUES, Need.TAGS})


@dataclass(slots=True)
class Sample:
    """One source: `rows` are its models, experiments or pipelines, `parts` versions of models or runs of pipelines."""

    adapter: SourceAdapter
    version: str | None = None
    told: bool = False
    """Whether it answered anything at all."""
    errors: list[GraphError] = field(default_factory=list)
    rows: list[Entity] = field(default_factory=list)
    parts: list[Entity] = field(default_factory=list)
    whole: bool = False
    total: int | None = None

    @property
    def name(self) -> str:
        return self.adapter.profile.name

    @property
    def status(self) -> SourceStatus:
        if not self.errors:
            return SourceStatus.UP
        return SourceStatus.DEGRADED if self.told else SourceStatus.DOWN


async def sampled(ctx: Context) -> list[Sample]:
    """A sample of every source: registries, platforms, orchestrators, each by name."""
    sources = ctx.sources
    return await asyncio.gather(
        *(_registry(ctx, adapter) for adapter in sources.registries.values()),
        *(_platform(ctx, adapter) for adapter in sources.platforms.values()),
        *(_orchestrator(ctx, adapter) for adapter in sources.orchestrators.values()),
    )


def of_type(found: Iterable[Entity], wanted: type[T]) -> list[T]:
    """Those of one type."""
    return [item for item in found if isinstance(item, wanted)]


def spread(rows: Sequence[T]) -> list[T]:
    """At most FEW of them, from everywhere in the list."""
    return [rows[place * len(rows) // FEW] for place in range(FEW)] if len(rows) > FEW else list(rows)


async def _registry(ctx: Context, registry: ModelRegistry) -> Sample:
    sample = await _asked(registry)
    await _list(ctx, sample, registry.models)
    # The same pages as Model.producers reads, so that they are read once.
    ask = PageAsk(0, VERSIONS_LOOKED_AT)
    names = [model.name for model in of_type(sample.rows, Model)]
    pages: list[Loaded[Page[ModelVersion]]] = await ctx.load(registry.versions, names, ask)
    listed = [_rows(sample, loaded) for loaded in pages]
    newest_first = (version for version in chain.from_iterable(zip_longest(*listed)) if version is not None)
    sample.parts.extend(version for version, _ in zip(newest_first, range(MOST_VERSIONS), strict=False))
    prime(ctx, sample.parts, NOTHING, ())
    return sample


async def _platform(ctx: Context, platform: ExperimentPlatform) -> Sample:
    sample = await _asked(platform)
    await _list(ctx, sample, platform.experiments)
    return sample


async def _orchestrator(ctx: Context, orchestrator: Orchestrator) -> Sample:
    sample = await _asked(orchestrator)
    await _list(ctx, sample, orchestrator.pipelines)
    names = [pipeline.reference.key for pipeline in of_type(sample.rows, Pipeline)]
    latest: list[Loaded[PipelineRun | None]] = await ctx.load(orchestrator.latest_runs, names, None)
    for loaded in latest:
        if isinstance(loaded.value, GraphError):
            _fail(sample, loaded.value)
        elif loaded.value is not None:
            sample.parts.append(loaded.value)
    prime(ctx, sample.parts, NOTHING, ())
    return sample


async def _asked(adapter: SourceAdapter) -> Sample:
    sample = Sample(adapter)
    try:
        sample.version = await adapter.version()
        sample.told = True
    except SourceError as error:
        _fail(sample, error)
    return sample


async def _list(ctx: Context, sample: Sample, method: BatchMethod[Any, Any, Any]) -> None:
    """Read pages until there are rows enough; values and tags of experiments with them."""
    needs = _VALUES if sample.adapter.role is SourceRole.EXPERIMENT_PLATFORM else NOTHING
    position = 0
    for _ in range(_READS):
        ask = PageAsk(position, MOST_ROWS - position)
        loaded: Loaded[Page[Entity]] = await ctx.loader(method).load(ask, ListArgs(), needs)
        if isinstance(loaded.value, GraphError):
            _fail(sample, loaded.value)
            return
        page = loaded.value
        rows = _rows(sample, loaded)
        prime(ctx, rows, needs, loaded.calls)
        sample.rows.extend(rows)
        sample.total, sample.whole = page.total, not page.more
        position += len(page.rows)
        if sample.whole or not page.rows or position >= MOST_ROWS:
            return


def _rows(sample: Sample, loaded: Loaded[Page[T]]) -> list[T]:
    """The readable rows of a page; what could not be read is noted."""
    if isinstance(loaded.value, GraphError):
        _fail(sample, loaded.value)
        return []
    sample.told = True
    rows: list[T] = []
    for row in loaded.value.rows:
        if isinstance(row, SourceError):
            _fail(sample, row)
        else:
            rows.append(row)
    return rows


def _fail(sample: Sample, error: GraphError) -> None:
    """Keep one error of a kind: a source that is down says it for each model."""
    if all(known.message != error.message for known in sample.errors):
        sample.errors.append(error)
