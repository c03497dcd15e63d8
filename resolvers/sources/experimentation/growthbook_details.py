"""What a GrowthBook experiment does not hold itself and a query may want: values, metric names, project names."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import SourceClient
from resolvers.sources import Need, Needs, SourceProfile
from resolvers.sources.experimentation.growthbook_api import (
    FACT_METRICS,
    FEATURES,
    METRICS,
    PROJECTS,
    GrowthBookApi,
    Listing,
    Read,
)
from resolvers.sources.experimentation.growthbook_rows import ExperimentRow, NamedRow, Value, experiment_of
from resolvers.sources.experimentation.growthbook_values import (
    Payload,
    ValueIndex,
    index_of_features,
    index_of_payload,
)
from schema.experiment import Experiment
from schema.identity import UrlMaker

Names = dict[str, str]
Values = list[Value | None]
Other = TypeVar("Other", SourceError, SourceError | None)


class Details:
    """Completes rows to the graph's experiments, with the calls that the needs ask for."""

    def __init__(
        self, profile: SourceProfile, client: SourceClient, api: GrowthBookApi, client_key: str | None, url_of: UrlMaker
    ) -> None:
        self._profile = profile
        self._client = client
        self._api = api
        self._client_key = client_key
        self._url_of = url_of

    async def experiments(
        self, rows: Sequence[Read[ExperimentRow] | Other], needs: Needs, index: ValueIndex | None = None
    ) -> list[Experiment | SourceError | Other]:
        """One experiment per row, in order, what is no row passed on; values are those of `index` where it is given."""
        read = [row.row for row in rows if isinstance(row, Read)]
        values, metrics, projects = await asyncio.gather(
            self._values(read if Need.VALUES in needs and index is None else ()),
            self._metric_names(read if Need.METRICS in needs else ()),
            self._project_names(read if Need.DOMAIN in needs else ()),
        )
        if index is not None:
            values = {row.id: index.of(row, self._profile.conventions) for row in read}
        return [
            self._experiment(row, values.get(row.row.id), metrics, projects) if isinstance(row, Read) else row
            for row in rows
        ]

    async def payload(self) -> ValueIndex | None:
        """`GET /api/features/{clientKey}`, outside the budget of calls.

        None where it cannot be used: features then say the same at more calls.
        """
        if self._client_key is None:
            return None
        try:
            answer = await self._client.get(("api", "features", self._client_key), credential="sdk")
            payload = answer.read(Payload)
        except SourceError:
            return None
        return None if payload.encrypted_features else index_of_payload(payload)

    def _experiment(
        self,
        read: Read[ExperimentRow],
        values: Values | SourceError | None,
        metric_names: Names | SourceError,
        project_names: Names | SourceError,
    ) -> Experiment | SourceError:
        for part in (
            values,
            metric_names if read.row.metric_ids() else None,
            project_names if read.row.project else None,
        ):
            if isinstance(part, SourceError):
                return part.again()
        try:
            return experiment_of(
                read.row,
                read.at,
                self._profile,
                self._url_of,
                values=values if isinstance(values, list) else (),
                metric_names=metric_names if isinstance(metric_names, dict) else {},
                project_names=project_names if isinstance(project_names, dict) else {},
            )
        except ValueError:
            return SourceBadResponse(self._profile.name, f"{self._profile.name} answered a row that cannot be read.")

    async def _values(self, rows: Sequence[ExperimentRow]) -> dict[str, Values | SourceError | None]:
        """By experiment id: from the payload for what runs, from the linked features for all it does not hold."""
        linked = [row for row in rows if row.linked_features]
        found: dict[str, Values | SourceError | None] = {}
        conventions = self._profile.conventions
        running = any(row.status == "running" for row in linked) and not self._profile.forwarded
        if running and (payload := await self.payload()) is not None:
            for row in linked:
                if row.status == "running" and (values := payload.of(row, conventions)) is not None:
                    found[row.id] = values
        left = [row for row in linked if row.id not in found]
        try:
            features = await self._api.pick(
                FEATURES,
                {feature for row in left for feature in row.linked_features},
                lambda feature: (feature.id,),
                self._api.feature,
                query=(("archived", "true"),),
                most=self._profile.scan_rows,
            )
        except SourceError as error:
            return found | {row.id: error for row in left}
        index = index_of_features(read.row for read in features.values() if isinstance(read, Read))
        for row in left:
            failed = next((e for key in row.linked_features if isinstance(e := features[key], SourceError)), None)
            found[row.id] = failed or index.of(row, conventions)
        return found

    async def _metric_names(self, rows: Sequence[ExperimentRow]) -> Names | SourceError:
        """`GET /api/v1/fact-metrics` and `/metrics`, whichever hold the ids; groups of metrics have no name there."""
        ids = {key for row in rows for key in row.metric_ids()}
        names: Names = {}
        for listing, present in (
            (FACT_METRICS, any(key.startswith("fact__") for key in ids)),
            (METRICS, any(not key.startswith("fact__") for key in ids)),
        ):
            listed = await self._names(listing) if present else {}
            if isinstance(listed, SourceError):
                return listed
            names |= listed
        return names

    async def _project_names(self, rows: Sequence[ExperimentRow]) -> Names | SourceError:
        return await self._names(PROJECTS) if any(row.project for row in rows) else {}

    async def _names(self, listing: Listing[NamedRow]) -> Names | SourceError:
        try:
            walk = await self._api.walk(listing, most=self._profile.scan_rows)
        except SourceError as error:
            return error
        return {read.row.id: read.row.name for read in walk.read()}
