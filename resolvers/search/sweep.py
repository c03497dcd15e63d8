"""One live sweep of a source: pages of its lists, made into documents, within a budget of time and calls."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from resolvers.conventions import model_in_uri
from resolvers.datasets import dataset_from, feature_from
from resolvers.errors import DeadlineExceeded, GraphError, SourceError, SourceUnavailable, Unseen
from resolvers.operation import Call, recording, until
from resolvers.search.documents import MOST_MENTIONS, Document, Mention, document_of, document_of_mention, united
from resolvers.search.mentioned import features_of_version, things_of_run
from resolvers.sources import ListArgs, Need, Needs, Page, PageAsk, SourceAdapter
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.sources.orchestration import Orchestrator
from resolvers.sources.registry import ModelRegistry
from schema.connection import IncompleteReason
from schema.derived import Dataset, Feature
from schema.experiment import Experiment
from schema.identity import EntityKind, Reference
from schema.model import Model, ModelVersion, TrainingRun
from schema.pipeline import AssetMention, Pipeline
from schema.source import SourceRole

T = TypeVar("T")
PageMethod = Callable[[Sequence[PageAsk], Any, Needs], Awaitable[Sequence[Page[T] | GraphError]]]

NEEDS: Needs = frozenset({Need.TAGS, Need.DOMAIN, Need.DATES})


class Part(Enum):
    """The lists of a source that hold what is searched, in the order in which calls are spent on them."""

    MODELS = auto()
    EXPERIMENTS = auto()
    PIPELINES = auto()
    VERSIONS = auto()
    ASSETS = auto()
    TRAINING_RUNS = auto()


Parts = frozenset[Part]

OF_ROLE = {
    SourceRole.MODEL_REGISTRY: frozenset({Part.MODELS, Part.VERSIONS, Part.TRAINING_RUNS}),
    SourceRole.EXPERIMENT_PLATFORM: frozenset({Part.EXPERIMENTS}),
    SourceRole.ORCHESTRATOR: frozenset({Part.PIPELINES, Part.ASSETS}),
}
OF_KIND = {
    EntityKind.MODEL: frozenset({Part.MODELS, Part.TRAINING_RUNS}),
    EntityKind.MODEL_VERSION: frozenset({Part.VERSIONS, Part.TRAINING_RUNS}),
    EntityKind.EXPERIMENT: frozenset({Part.EXPERIMENTS}),
    EntityKind.PIPELINE: frozenset({Part.PIPELINES}),
    EntityKind.DATASET: frozenset({Part.ASSETS, Part.TRAINING_RUNS}),
    EntityKind.FEATURE: frozenset({Part.VERSIONS, Part.TRAINING_RUNS}),
}
"""What is read for a kind; models and versions are found by what they were trained on, too."""


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """What one search may ask of each source, and how long what it read may serve other searches (0: not at all)."""

    time_s: float = 2.0
    calls: int = 10
    max_age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep read. `unfinished` are the parts of which there may be more; `error` is the source's failure."""

    source: str
    parts: Parts
    documents: Sequence[Document]
    scanned: int
    calls: tuple[Call, ...]
    unfinished: Parts
    reasons: frozenset[IncompleteReason]
    error: SourceError | None
    began: float
    """By the event loop's clock."""


async def sweep(adapter: SourceAdapter, parts: Parts, limits: SearchLimits) -> Swept:
    """Read these lists of a source. Raises nothing: what went wrong is in the answer."""
    began = asyncio.get_running_loop().time()
    text = _Text(adapter)
    with until(began + limits.time_s), recording() as calls:
        budget = _Budget(limits.calls, calls)
        walks = [_Walk(part, adapter, text, budget) for part in Part if part in parts]
        try:
            async with asyncio.timeout_at(began + limits.time_s):
                # The beginning of every list comes first; it tells how long some of them are.
                await asyncio.gather(*(walk.begin() for walk in walks))
                for walk in walks:
                    await walk.go_on()
        except TimeoutError:
            for walk in walks:
                walk.stop(IncompleteReason.TIME_BUDGET)
    unfinished = frozenset(walk.part for walk in walks if walk.more)
    return Swept(
        source=adapter.profile.name,
        parts=parts,
        documents=text.documents(),
        scanned=sum(walk.scanned - walk.unseen for walk in walks),
        calls=tuple(dict.fromkeys(calls)),
        unfinished=unfinished,
        reasons=frozenset().union(*(walk.reasons for walk in walks)),
        error=next((walk.error for walk in walks if walk.error is not None), None),
        began=began,
    )


class _Budget:
    """The calls of one sweep. A page counts when it is asked for; what it needs beside it, once it was sent."""

    def __init__(self, most: int, sent: Sequence[Call]) -> None:
        self._most, self._sent, self._pages = most, sent, 0

    @property
    def left(self) -> int:
        return self._most - max(self._pages, len(set(self._sent)))

    def take(self, pages: int = 1) -> bool:
        """Whether there is enough for so many pages."""
        if pages > self.left:
            return False
        self._pages = max(self._pages, len(set(self._sent))) + pages
        return True


class _Walk:
    """Pages of one list, one after the other where its length is not told, else together."""

    def __init__(self, part: Part, adapter: SourceAdapter, text: _Text, budget: _Budget) -> None:
        self.part = part
        self.more = True
        """Whether there may be rows that were not read."""
        self.scanned = self.unseen = 0
        self.reasons: set[IncompleteReason] = set()
        self.error: SourceError | None = None
        self._source = adapter.profile.name
        self._budget = budget
        self._method, self._args, self._rows = _list_of(part, adapter)
        self._take = text.taker(part)
        self._total: int | None = None
        self._stopped = False

    async def begin(self) -> None:
        if self._budget.take():
            await self._page(0)
        else:
            self.stop(IncompleteReason.CALL_BUDGET)

    async def go_on(self) -> None:
        """The rest, where the budget is enough for it; of a list of unknown length, as much as it is enough for."""
        if self._total is not None and self.more and not self._stopped:
            positions = range(self.scanned, self._total, self._rows)
            if self._budget.take(len(positions)):
                await asyncio.gather(*map(self._page, positions))
                self.more = self._stopped
            else:
                self.stop(IncompleteReason.CALL_BUDGET)
        while self.more and not self._stopped:
            if self._budget.take():
                await self._page(self.scanned)
            else:
                self.stop(IncompleteReason.CALL_BUDGET)

    def stop(self, reason: IncompleteReason) -> None:
        if self.more and not self._stopped:
            self._stopped = True
            self.reasons.add(reason)

    async def _page(self, position: int) -> None:
        (page,) = await self._answer(PageAsk(position, self._rows))
        if isinstance(page, GraphError):
            self._fail(page)
            return
        for row in page.rows:
            if isinstance(row, Unseen):
                self.unseen += 1
            elif isinstance(row, SourceError):
                self.reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
            else:
                self._take(row)
        self.scanned += len(page.rows)
        self.more = page.more
        self._total = page.total if page.more else None
        if page.more and not page.rows:
            self.stop(IncompleteReason.SCAN_LIMIT)

    async def _answer(self, ask: PageAsk) -> Sequence[Page[Any] | GraphError]:
        try:
            return await self._method([ask], self._args, NEEDS)
        except GraphError as error:
            return [error]

    def _fail(self, error: GraphError) -> None:
        if isinstance(error, DeadlineExceeded):
            self.stop(IncompleteReason.TIME_BUDGET)
            return
        self._stopped = True
        self.error = error if isinstance(error, SourceError) else SourceUnavailable(self._source, error.message)


def _list_of(part: Part, adapter: SourceAdapter) -> tuple[PageMethod[Any], object, int]:
    """How a list is read, and how many rows a call of most products brings: of runs, some 2 MB."""
    match part:
        case Part.MODELS:
            return _registry(adapter).models, ListArgs(), 1000
        case Part.VERSIONS:
            return _registry(adapter).every_version, None, 2000
        case Part.TRAINING_RUNS:
            return _registry(adapter).every_training_run, None, 500
        case Part.EXPERIMENTS:
            return _platform(adapter).experiments, ListArgs(), 100
        case Part.PIPELINES:
            return _orchestrator(adapter).pipelines, ListArgs(), 100
        case Part.ASSETS:
            return _orchestrator(adapter).every_asset, None, 100


def _registry(adapter: SourceAdapter) -> ModelRegistry:
    return adapter  # type: ignore[return-value] # its role says which protocol it has


def _platform(adapter: SourceAdapter) -> ExperimentPlatform:
    return adapter  # type: ignore[return-value] # likewise


def _orchestrator(adapter: SourceAdapter) -> Orchestrator:
    return adapter  # type: ignore[return-value] # likewise


# ---------------------------------------------------------------- rows to documents


class _Text:
    """What was read so far, put together once all is read: what a model was trained on comes from other lists."""

    def __init__(self, adapter: SourceAdapter) -> None:
        self._source, self._conventions = adapter.profile.name, adapter.profile.conventions
        self._plain: list[Document] = []
        self._models: list[tuple[Document, str | None, list[str]]] = []
        self._versions: list[tuple[Document, str | None, list[str]]] = []
        self._of_run: dict[str, list[str]] = {}
        self._mentioned: dict[Reference, tuple[Dataset | Feature, list[Mention]]] = {}

    def taker(self, part: Part) -> Callable[[Any], None]:
        takers: dict[Part, Callable[[Any], None]] = {
            Part.MODELS: self._model,
            Part.VERSIONS: self._version,
            Part.TRAINING_RUNS: self._run,
            Part.EXPERIMENTS: self._entity,
            Part.PIPELINES: self._entity,
            Part.ASSETS: self._asset,
        }
        return takers[part]

    def documents(self) -> list[Document]:
        found = list(self._plain)
        for document, run_id, features in (*self._models, *self._versions):
            found.append(document.with_data([*features, *self._of_run.get(run_id or "", ())]))
        for thing, mentions in self._mentioned.values():
            found.extend(document_of_mention(thing, mention) for mention in mentions)
        return united(found, whole=False)

    def _entity(self, row: Experiment | Pipeline) -> None:
        self._plain.append(document_of(row))

    def _model(self, row: Model) -> None:
        newest = row.newest
        self._models.append((document_of(row), newest.run_id if newest else None, self._tagged(newest)))

    def _version(self, row: ModelVersion) -> None:
        names = self._tagged(row)
        for name in names:
            self._mention(feature_from(name, row.fetched_at), Mention(self._source, version=(row.name, row.version)))
        self._versions.append((document_of(row), row.run_id, names))

    def _run(self, row: TrainingRun) -> None:
        mention = Mention(self._source, run_id=row.reference.key)
        things = list(things_of_run(row, self._conventions))
        for thing in things:
            self._mention(thing, mention)
        self._of_run[row.reference.key] = list(dict.fromkeys(thing.name for thing in things))

    def _asset(self, row: AssetMention) -> None:
        if model_in_uri(self._conventions, row.uri) is None:
            self._mention(dataset_from(row.name, row.uri, row.fetched_at), Mention(self._source, asset=row.uri))

    def _tagged(self, version: ModelVersion | None) -> list[str]:
        return [] if version is None else list(features_of_version(version, self._conventions))

    def _mention(self, thing: Dataset | Feature, mention: Mention) -> None:
        known = self._mentioned.get(thing.reference)
        if known is None:
            self._mentioned[thing.reference] = (thing, [mention])
        elif len(known[1]) < MOST_MENTIONS:
            known[1].append(mention)
