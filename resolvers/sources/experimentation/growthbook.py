"""GrowthBook as an experiment platform. Checked against 5.0.1; see https://docs.growthbook.io/api.

It has no read by ids and takes 60 calls a minute, so each method here is a plan for the fewest calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from urllib.parse import quote

import msgspec

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import SourceClient
from resolvers.sources import Capability, Found, ListArgs, Need, Needs, Page, PageAsk, SourceProfile
from resolvers.sources.experimentation.growthbook_api import (
    EXPERIMENTS,
    NEWEST_FIRST,
    RESULTS,
    GrowthBookApi,
    Read,
    gathered,
)
from resolvers.sources.experimentation.growthbook_budget import Budgets
from resolvers.sources.experimentation.growthbook_details import Details
from resolvers.sources.experimentation.growthbook_lists import CAPABILITIES, Lists
from resolvers.sources.experimentation.growthbook_models import ModelLookup
from resolvers.sources.experimentation.growthbook_plan import growthbook_plan
from resolvers.sources.experimentation.growthbook_rows import (
    ExperimentRow,
    ResultRow,
    in_window,
    results_of,
    window_query,
)
from schema.connection import IncompleteReason
from schema.experiment import Experiment, ExperimentResults, UsageWindow
from schema.identity import EntityKind
from schema.source import CapabilityMode, SourceRole

RESULTS_ONE_BY_ONE = 15
"""So many results are read one by one; for more, pages of results and of the experiments these leave out are fewer."""


class _OneResult(msgspec.Struct):
    experiment: ExperimentRow
    result: ResultRow


class _Version(msgspec.Struct):
    version: str


class GrowthBook:
    """`client_key` names the SDK connection whose environment counts as what runs now.

    Its payload is public and outside the budget of calls; without the key every value is read from features.
    """

    role = SourceRole.EXPERIMENT_PLATFORM
    product = "growthbook"
    capabilities: Sequence[Capability] = (
        Capability("experiments_by_id", CapabilityMode.NATIVE, "1 call each for 1 or 2; for more, pages if fewer."),
        Capability("experiments_by_key", CapabilityMode.NATIVE, "As by id; of a status where one is meant."),
        Capability(
            "experiments_by_model",
            CapabilityMode.SCAN,
            "Running: 1 SDK payload, then tags or pages of running ones. Ever: pages of features and of experiments.",
        ),
        Capability("results_by_id", CapabilityMode.NATIVE, "1 call each up to 15, then pages of the latest results."),
        Capability("experiments", CapabilityMode.NATIVE, "100 a call."),
        *CAPABILITIES,
    )

    def __init__(
        self,
        profile: SourceProfile,
        client: SourceClient,
        client_key: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.profile = profile
        self.plans = growthbook_plan(profile.scan_rows)
        self._client = client
        self._api = GrowthBookApi(client, Budgets(profile.name, clock, forwarded=profile.forwarded))
        self._details = Details(profile, client, self._api, client_key, self.url)
        self._lists = Lists(profile, self._api)
        self._models = ModelLookup(profile, self._api, self._details)

    def url(self, kind: EntityKind, key: str) -> str | None:
        """The experiment's page."""
        if kind is not EntityKind.EXPERIMENT or not self.profile.ui_url:
            return None
        return f"{self.profile.ui_url.rstrip('/')}/experiment/{quote(key, safe='')}"

    async def version(self) -> str | None:
        """`GET /api/v1/version`."""
        answer = await self._api.get(("v1", "version"))
        return answer.read(_Version).version if answer else None

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def experiments_by_id(
        self,
        keys: Sequence[str],
        args: None,
        needs: Needs,
    ) -> Sequence[Experiment | SourceError | None]:
        """`GET /api/v1/experiments/{id}` each for 1 or 2 keys; for more the first page of `GET /api/v1/experiments`,
        then the other pages (100 a call) or the missing ones each, whichever is fewer.

        One item per key; an unknown id is a 400 with its own text, here None. Further calls: values from the SDK
        payload and features, metric names, and for Need.DOMAIN the project's name, which is the domain. Raises the
        error of the first page.
        """
        return await self._details.experiments(await self._by_id(keys), needs)

    async def experiments_by_key(
        self, keys: Sequence[str], args: UsageWindow | None, needs: Needs
    ) -> Sequence[Experiment | SourceError | None]:
        """`GET /api/v1/experiments?trackingKey=` each for 1 or 2 keys, for more pages as by id; for CURRENT and DRAFT
        only of that status.

        One item per key. Tracking keys need not be unique: the newest experiment in the window counts. A key that is
        none but looks like an id is asked for as one. Raises the error of the first page.
        """

        async def single(key: str) -> Read[ExperimentRow] | None:
            reads = await self._api.experiments_of_key(key, (*window_query(args), *NEWEST_FIRST))
            if not reads and key.startswith("exp_"):
                by_id = await self._api.experiment(key)
                reads = [by_id] if by_id else []
            return next((read for read in reads if in_window(read.row, args)), None)

        found = await self._api.pick(
            EXPERIMENTS,
            _askable(keys),
            lambda row: (row.tracking_key, row.id) if in_window(row, args) else (),
            single,
            query=(*window_query(args), *NEWEST_FIRST),
            most=self.profile.scan_rows,
        )
        return await self._details.experiments([found.get(key) for key in keys], needs)

    async def experiments_by_model(
        self, keys: Sequence[str], args: UsageWindow, needs: Needs
    ) -> Sequence[Found[Experiment] | SourceError]:
        """What variations serve says which experiments: `GET /api/features/{clientKey}` for CURRENT, else pages of
        `GET /api/v2/features`. Then pages of `GET /api/v1/experiments` with the window's status, or
        `?tag=model:a,model:b` (6 kB of names a call) and those that a value names each, whichever is fewer.

        One Found per key, values included. What runs now is what the SDK connection serves. Raises the error of any
        page; an experiment that a value names and that could not be read is the error of its models.
        """
        asked = _askable(keys)
        if not asked:
            return [Found() for _ in keys]
        found = await self._models.candidates(asked, args)
        ids = list(dict.fromkeys(row for rows in found.models.values() for row in rows))
        # What everybody is served tells where to look, but not that this caller may see it: that takes own reads.
        index = None if self.profile.forwarded else found.index
        built = await self._details.experiments([found.rows[row] for row in ids], needs | {Need.VALUES}, index)
        experiments = dict(zip(ids, built, strict=True))
        items: list[Found[Experiment] | SourceError] = []
        for key in keys:
            mine = [experiments[row] for row in found.models.get(key, ())]
            error = found.errors.get(key) or next((item for item in mine if isinstance(item, SourceError)), None)
            listed = [item for item in mine if isinstance(item, Experiment)]
            items.append(error.again() if error else Found(listed, found.scanned, found.reasons))
        return items

    async def results_by_id(
        self,
        keys: Sequence[str],
        args: None,
        needs: Needs,
    ) -> Sequence[ExperimentResults | SourceError | None]:
        """`GET /api/v1/experiments/{id}/results` each up to 15 keys; past that the experiments (as by id) and pages of
        `GET /api/v1/experiments/results?datasourceId=`, which hold the latest snapshot but not the experiment.

        One item per key; no results is a 400 with its own text, here None. Raises the error of the first page.
        """
        asked = _askable(keys)
        if len(asked) > RESULTS_ONE_BY_ONE:
            found = await self._many_results(asked)
        else:
            found = dict(zip(asked, await gathered([self._result(key) for key in asked]), strict=True))
        return [found.get(key) for key in keys]

    async def experiments(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Experiment] | SourceError]:
        """`GET /api/v1/experiments?sortBy=&limit=&offset=`, 100 a call, with `status`, `archived`, `q` or `tag`.

        One page per key. A domain is a tag or a project, so both lists are read whole, up to scan_rows.
        """
        listed = await self._lists.pages(keys, args)
        rows = [row for page in listed if isinstance(page, Page) for row in page.rows]
        built = iter(await self._details.experiments(rows, needs))
        return [
            Page([next(built) for _ in page.rows], page.more, page.total, page.exact, page.reasons)
            if isinstance(page, Page)
            else page
            for page in listed
        ]

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Experiment] | SourceError]:
        """`GET /api/v1/experiments?q=`, one call a word of each text, at most 3, the newest 100 rows of each."""
        founds = await gathered([self._lists.search(key) for key in keys])
        rows = [row for found in founds if isinstance(found, Found) for row in found.items]
        built = iter(await self._details.experiments(rows, needs))
        items: list[Found[Experiment] | SourceError] = []
        for found in founds:
            if isinstance(found, SourceError):
                items.append(found)
                continue
            made = [next(built) for _ in found.items]
            read = [item for item in made if not isinstance(item, SourceError)]
            spoiled = {IncompleteReason.SOURCE_UNAVAILABLE} if len(read) < len(made) else set()
            items.append(Found(read, found.scanned, found.reasons | spoiled))
        return items

    async def _by_id(self, keys: Collection[str]) -> list[Read[ExperimentRow] | SourceError | None]:
        found = await self._api.pick(
            EXPERIMENTS,
            _askable(keys),
            lambda row: (row.id,),
            self._api.experiment,
            query=NEWEST_FIRST,
            most=self.profile.scan_rows,
        )
        return [found.get(key) for key in keys]

    async def _result(self, key: str) -> ExperimentResults | None:
        answer = await self._api.get_of(key, "v1", "experiments", key, "results")
        if answer is None:
            return None
        found = answer.read(_OneResult)
        if found.experiment.id != key or found.result.experiment_id != key:
            raise SourceBadResponse(answer.source, f"{answer.source} answered other results than the ones asked for.")
        return results_of(found.experiment, found.result, self.profile.name)

    async def _many_results(self, keys: Sequence[str]) -> dict[str, ExperimentResults | SourceError | None]:
        reads = dict(zip(keys, await self._by_id(keys), strict=True))
        found: dict[str, ExperimentResults | SourceError | None] = {}
        by_datasource: dict[str, dict[str, ExperimentRow]] = {}
        for key, read in reads.items():
            if not isinstance(read, Read):
                found[key] = read
            elif read.row.status != "draft":
                by_datasource.setdefault(read.row.settings.datasource_id, {})[key] = read.row
        for datasource, rows in by_datasource.items():
            # Pages of results count all experiments of the filter: without a data source these would be all there are.
            if datasource:
                snapshots = await self._api.pick(
                    RESULTS,
                    rows,
                    lambda result: (result.experiment_id,),
                    self._snapshot,
                    query=(("datasourceId", datasource),),
                    most=self.profile.scan_rows,
                )
                found |= {
                    key: results_of(rows[key], read.row, self.profile.name) if isinstance(read, Read) else read
                    for key, read in snapshots.items()
                }
            else:
                found |= zip(rows, await gathered([self._result(key) for key in rows]), strict=True)
        return found

    async def _snapshot(self, key: str) -> Read[ResultRow] | None:
        answer = await self._api.get_of(key, "v1", "experiments", key, "results")
        if answer is None:
            return None
        return Read(answer.read(_OneResult).result, answer.fetched_at)


def _askable(keys: Collection[str]) -> list[str]:
    """Each key once; an empty one is not asked for, as GrowthBook takes an empty filter for none."""
    return [key for key in dict.fromkeys(keys) if key]
