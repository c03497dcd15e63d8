"""Which GrowthBook experiments may test a model: looked up backwards, from what features serve and from tags."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TypeVar

from resolvers.conventions import models_in_labels
from resolvers.errors import SourceError
from resolvers.http import Query, query_bytes
from resolvers.sources import SourceProfile
from resolvers.sources.experimentation.growthbook_api import (
    EXPERIMENTS,
    FEATURES,
    NEWEST_FIRST,
    GrowthBookApi,
    Read,
    Unreadable,
    Walk,
    gathered,
    pages,
)
from resolvers.sources.experimentation.growthbook_details import Details
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, Row, in_window, window_query
from resolvers.sources.experimentation.growthbook_values import ValueIndex, index_of_features
from resolvers.sources.labels import parse_word
from schema.connection import IncompleteReason
from schema.experiment import UsageWindow

TAG_BYTES = 6000
"""Longest list of tags in one URL, encoded."""


R = TypeVar("R", bound=Row)


@dataclass(slots=True)
class Candidates:
    """Experiments by model, and what is not known: the error of a model, or why some may be missing."""

    index: ValueIndex
    rows: dict[str, Read[ExperimentRow]] = field(default_factory=dict)
    models: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Ids of experiments by model name."""
    errors: dict[str, SourceError] = field(default_factory=dict)
    scanned: int = 0
    reasons: frozenset[IncompleteReason] = frozenset()

    def note(self, walk: Walk[R]) -> None:
        self.scanned += len(walk.rows)
        if walk.cut:
            self.reasons |= {IncompleteReason.SCAN_LIMIT}
        if any(isinstance(row, Unreadable) for row in walk.rows):
            self.reasons |= {IncompleteReason.SOURCE_UNAVAILABLE}


class ModelLookup:
    """Finds candidates in the fewest calls: what features serve first, as that tells which experiments to read."""

    def __init__(self, profile: SourceProfile, api: GrowthBookApi, details: Details) -> None:
        self._profile = profile
        self._api = api
        self._details = details

    async def candidates(self, models: Collection[str], window: UsageWindow) -> Candidates:
        found = await self._served(window)
        mentioned = found.index.naming(self._profile.conventions, models)
        found.rows = {read.row.id: read for read in await self._read(found, set(models), window, mentioned)}
        for read in found.rows.values():
            named = self._tagged(read.row) | mentioned.get(found.index.identity(read.row), set())
            for model in named.intersection(models):
                found.models[model].append(read.row.id)
        return found

    async def _served(self, window: UsageWindow) -> Candidates:
        """An index of what variations serve: the SDK payload's for what runs, else that of all features."""
        if window is UsageWindow.CURRENT and (payload := await self._details.payload()) is not None:
            return Candidates(payload)
        # The flag of a stopped experiment is often archived by then.
        query: Query = (("archived", "true"),) if window is UsageWindow.EVER else ()
        walk = await self._api.walk(FEATURES, query, most=self._profile.scan_rows)
        found = Candidates(index_of_features(read.row for read in walk.read()))
        found.note(walk)
        return found

    async def _read(
        self, found: Candidates, models: set[str], window: UsageWindow, mentioned: dict[str, set[str]]
    ) -> list[Read[ExperimentRow]]:
        """The experiments mentioned or tagged, and more: by one walk, or by tags and one by one, whichever is fewer.

        An index of the window itself tells the length of the walk. One of all features says nothing of how few are
        drafts, and mentions many that are not.
        """
        tags = self._tag_queries(models)
        if tags == [] and not mentioned:
            return []
        narrower = found.index.by_id and window is not UsageWindow.EVER
        if tags is None or narrower or max(1, pages(len(found.index))) < len(tags) + len(mentioned):
            query = (*window_query(window), *NEWEST_FIRST)
            walk = await self._api.walk(EXPERIMENTS, query, most=self._profile.scan_rows)
            found.note(walk)
            return [read for read in walk.read() if in_window(read.row, window)]
        rows: list[Read[ExperimentRow]] = []
        queries = [(*tag, *window_query(window)) for tag in tags]
        walks = [self._api.walk(EXPERIMENTS, query, most=self._profile.scan_rows) for query in queries]
        for tagged in await gathered(walks):
            if isinstance(tagged, SourceError):
                raise tagged
            found.note(tagged)
            rows += [read for read in tagged.read() if in_window(read.row, window)]
        left = sorted(_unread(found.index, mentioned, rows))
        for identity, reads in zip(
            left, await gathered([self._mentioned(found.index, key, window) for key in left]), strict=True
        ):
            if isinstance(reads, SourceError):
                found.errors.update(dict.fromkeys(mentioned[identity], reads))
            else:
                rows += reads
        return rows

    async def _mentioned(self, index: ValueIndex, key: str, window: UsageWindow) -> list[Read[ExperimentRow]]:
        if index.by_id:
            read = await self._api.experiment(key)
            reads = [read] if read else []
        else:
            reads = await self._api.experiments_of_key(key, window_query(window))
        return [read for read in reads if in_window(read.row, window)]

    def _tag_queries(self, models: set[str]) -> list[Query] | None:
        """`tag=model:a,model:b`, several where one would be long; None where a name cannot stand in such a list."""
        key = self._profile.conventions.model_tag
        if key is None:
            return []
        if any("," in model or model != model.strip() for model in models):
            return None
        lists: list[str] = []
        for model in sorted(models):
            tag = f"{key}:{model}"
            if lists and query_bytes((("tag", longer := f"{lists[-1]},{tag}"),)) <= TAG_BYTES:
                lists[-1] = longer
            else:
                lists.append(tag)
        return [(("tag", tags),) for tags in lists]

    def _tagged(self, row: ExperimentRow) -> set[str]:
        labels = [parse_word(tag) for tag in row.tags]
        return {mention.name for mention in models_in_labels(self._profile.conventions, labels)}


def _unread(index: ValueIndex, mentioned: Collection[str], rows: Collection[Read[ExperimentRow]]) -> set[str]:
    """Mentioned experiments that were not read yet; of two with one tracking key, either may be missing."""
    features: dict[str, set[str]] = defaultdict(set)
    for read in rows:
        features[index.identity(read.row)].update(read.row.linked_features)
    return {
        key for key in mentioned if key not in features or not (index.by_id or index.features(key) <= features[key])
    }
