"""Joins what no single call of Unleash tells: flags as SDKs read them, their overviews, and exports of the archived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from urllib.parse import quote

import msgspec

from resolvers.errors import SourceBadResponse, SourceError, SourceForbidden
from resolvers.sources import Need, Needs, SourceProfile
from resolvers.sources.experimentation.unleash_calls import ARCHIVED, EXPERIMENTS, UnleashCalls, both
from resolvers.sources.experimentation.unleash_rows import EXPERIMENT, Feature, Overview, Strategy, experiment
from schema.experiment import Experiment, ExperimentStatus, UsageWindow
from schema.identity import EntityKind
from schema.scalars import Timestamp

Experiments = dict[str, Experiment | SourceError]


class UnleashFlags:
    """Makes experiments of flags, with the further calls that the needs and the flags' states ask for."""

    def __init__(self, profile: SourceProfile, calls: UnleashCalls) -> None:
        self.profile, self.calls = profile, calls

    async def live(self, features: Mapping[str, Feature], fetched_at: Timestamp, needs: Needs) -> Experiments:
        """Experiments of live flags; overviews only for tags, dates, and where only a lifecycle tells the status."""
        thin = not needs & {Need.TAGS, Need.DATES, Need.DOMAIN}
        asked = [name for name, feature in features.items() if not (thin and feature.enabled)]
        overviews = await self.calls.overviews(asked, EXPERIMENTS)
        made: Experiments = {}
        for name, feature in features.items():
            overview = overviews.get(name)
            if isinstance(overview, SourceError):
                made[name] = overview
            elif overview is None and not (thin and feature.enabled):
                made[name] = self.hidden(name)
            else:
                made[name] = self.made(feature, overview, fetched_at)
        return made

    async def archived(self, names: Collection[str]) -> Experiments:
        """Experiments of archived flags; names that no archived flag has are missing."""
        overviews = await self.calls.overviews(names, ARCHIVED)
        failed: Experiments = {name: row for name, row in overviews.items() if isinstance(row, SourceError)}
        known = {
            name: row
            for name, row in overviews.items()
            if not isinstance(row, SourceError) and row.type == EXPERIMENT and row.archived_at is not None
        }
        return failed | await self.put_away(known)

    async def listed(self, overviews: Sequence[Overview]) -> Experiments:
        """Experiments of rows of the search, live and archived; whether one is on is what its row says."""
        live = {row.name: row for row in overviews if row.archived_at is None}
        archived = {row.name: row for row in overviews if row.archived_at is not None}
        current, past = await both(self._listed(live), self.put_away(archived))
        return current | past

    async def _listed(self, overviews: Mapping[str, Overview]) -> Experiments:
        if not overviews:
            return {}
        features = await self.calls.features(overviews.keys())
        made: Experiments = {}
        for name, overview in overviews.items():
            feature = features.by_name.get(name)
            if isinstance(feature, SourceError):
                made[name] = feature
            elif feature is None:
                made[name] = self.bad("a row that cannot be read") if features.unreadable else self.hidden(name)
            else:
                on = overview.enabled(self.calls.environment)
                made[name] = self.made(msgspec.structs.replace(feature, enabled=on), overview, features.fetched_at)
        return made

    async def put_away(self, overviews: Mapping[str, Overview]) -> Experiments:
        """Experiments of these archived flags: one export tells what they served."""
        if not overviews:
            return {}
        try:
            strategies, fetched_at = await self.calls.exported(overviews.keys())
        except SourceError as error:
            return {name: error.again() for name in overviews}
        return {
            name: self.made(stand_in(row, strategies.get(name, [])), row, fetched_at) for name, row in overviews.items()
        }

    def made(self, feature: Feature, overview: Overview | None, fetched_at: Timestamp) -> Experiment:
        return experiment(self.profile, partial(self._page, feature.project), feature, overview, fetched_at)

    def hidden(self, name: str) -> SourceForbidden:
        """For a flag that one of the two tokens sees and the other does not."""
        return SourceForbidden(self.profile.name, f"{self.profile.name} lets the gateway see only a part of {name!r}.")

    def bad(self, what: str) -> SourceBadResponse:
        return SourceBadResponse(self.profile.name, f"{self.profile.name} answered {what}.")

    def _page(self, project: str, kind: EntityKind, key: str) -> str | None:
        del kind
        return f"{self.profile.ui_url}/projects/{quote(project, safe='')}/features/{quote(key, safe='')}"


def stand_in(overview: Overview, strategies: list[Strategy]) -> Feature:
    """An archived flag in the form of a live one: it is off whatever its environments say."""
    return Feature(
        name=overview.name,
        enabled=False,
        type=overview.type,
        project=overview.project,
        description=overview.description,
        strategies=strategies,
    )


def experiments_in(rows: Mapping[str, Feature | SourceError], window: UsageWindow | None) -> dict[str, Feature]:
    """The flags that are experiments and may be in the window: what is off is not current, what is on is no draft."""
    outside = {UsageWindow.CURRENT: False, UsageWindow.DRAFT: True}.get(window) if window else None
    return {
        name: row
        for name, row in rows.items()
        if not isinstance(row, SourceError) and row.type == EXPERIMENT and row.enabled is not outside
    }


def is_in(row: Experiment, window: UsageWindow | None) -> bool:
    """Whether an experiment is in the window; one whose status cannot be told is, but for CURRENT."""
    if window is UsageWindow.CURRENT:
        return row.status is ExperimentStatus.RUNNING
    if window is UsageWindow.DRAFT:
        return row.status in (ExperimentStatus.DRAFT, ExperimentStatus.UNKNOWN)
    return window is None or row.status is not ExperimentStatus.DRAFT
