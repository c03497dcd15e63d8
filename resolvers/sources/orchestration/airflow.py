"""Airflow 3 as an orchestrator: DAGs are pipelines, DAG runs their runs, task instances their tasks.

Its REST API is `/api/v2`: https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html
Checked against 3.3.2. Older releases have no prefix patterns (and silently ignore them): there, keys are asked singly.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import SourceClient
from resolvers.sources import Capability, Found, ListArgs, Needs, Page, PageAsk, SourceProfile
from resolvers.sources.orchestration import DownstreamRun, PipelineAssets, RunKey, RunsAsk, TasksAsk, UpstreamRun
from resolvers.sources.orchestration.airflow_assets import Assets
from resolvers.sources.orchestration.airflow_events import Events
from resolvers.sources.orchestration.airflow_lists import (
    API,
    PAGE_ROWS,
    Kind,
    Matched,
    Read,
    TaskList,
    calls,
    in_parts,
    is_absent,
    is_dag_id,
    is_plain,
    items,
    matched,
    one,
    page,
    singly,
    stretch,
    walk,
    walk_on,
)
from resolvers.sources.orchestration.airflow_pipelines import CAPABILITIES as LIST_CAPABILITIES
from resolvers.sources.orchestration.airflow_pipelines import DAGS, Pipelines
from resolvers.sources.orchestration.airflow_plan import airflow_plan
from resolvers.sources.orchestration.airflow_rows import (
    RUN_STATES,
    TASK_STATES,
    TASK_STATES_SINCE_3_3,
    DagId,
    DagRow,
    ServerVersion,
    TaskRow,
    pipeline_of,
    states_asked,
    task_of,
)
from resolvers.sources.orchestration.airflow_runs import Runs, is_address, runs_of
from schema.connection import IncompleteReason
from schema.identity import EntityKind, pair_key, split_run_key
from schema.pipeline import AssetMention, Pipeline, PipelineRun, TaskRun
from schema.source import CapabilityMode, SourceRole

Key = TypeVar("Key")

OR_PATTERNS = (3, 2)
"""From here on `|` means OR in `*_pattern`."""
PREFIX_PATTERNS = (3, 3)
"""From here on there is `*_prefix_pattern`: an index serves it, but it matches more than the key."""
MOST_PATTERNS = 50
MOST_PAIRS = 100
MOST_BODY_IDS = 200

CAPABILITIES = (
    Capability("pipelines_by_name", CapabilityMode.NATIVE, "50 names a call from 3.3 on, one a call before"),
    Capability("pipelines_by_tag", CapabilityMode.NATIVE, "50 tags a call, pages of 100"),
    Capability("runs_by_key", CapabilityMode.NATIVE, "100 runs a call from 3.3 on, one a call before"),
    Capability("latest_runs", CapabilityMode.NATIVE, "200 pipelines a call, at most 3 calls, then one a pipeline"),
    Capability("runs", CapabilityMode.NATIVE, "one call a pipeline; `since` bounds the time a run was due"),
    Capability("tasks", CapabilityMode.NATIVE, "one call a run"),
    Capability("assets_by_pipeline", CapabilityMode.NATIVE, "50 pipelines a call, pages of 100"),
    Capability("assets_by_uri", CapabilityMode.NATIVE, "50 URIs a call from 3.2 on, one a call before"),
    Capability("assets_by_place", CapabilityMode.NATIVE, "50 URIs a call from 3.2 on, one a call before"),
    Capability("assets_by_name", CapabilityMode.NATIVE, "50 names a call from 3.2 on, one a call before"),
    Capability("assets", CapabilityMode.NATIVE, "pages of 100 by name"),
    Capability("every_asset", CapabilityMode.NATIVE, "pages of 100"),
    Capability("upstream_runs", CapabilityMode.NATIVE, "one call a run"),
    Capability("downstream_runs", CapabilityMode.NATIVE, "one call a run"),
    Capability("pipelines", CapabilityMode.NATIVE, "pages of 100 by name"),
    *LIST_CAPABILITIES,
)


class Airflow:
    """One Airflow. Nothing of its data is kept, only its release."""

    role = SourceRole.ORCHESTRATOR
    product = "airflow"
    capabilities: Sequence[Capability] = CAPABILITIES

    def __init__(self, profile: SourceProfile, client: SourceClient) -> None:
        self.profile = profile
        self.plans = airflow_plan(profile.scan_rows)
        self._client = client
        self._release: tuple[int, int] | None = None
        self._runs = Runs(profile, client, self.url)
        self._assets = Assets(client, profile.scan_rows)
        self._events = Events(client, profile.scan_rows)
        self._lists = Pipelines(profile, client, self._as_pipeline)

    def url(self, kind: EntityKind, key: str) -> str | None:
        root = self.profile.ui_url.rstrip("/")
        if kind is EntityKind.PIPELINE:
            return f"{root}/dags/{quote(key, safe='')}"
        pair = split_run_key(key) if kind is EntityKind.PIPELINE_RUN else None
        return f"{root}/dags/{quote(pair[0], safe='')}/runs/{quote(pair[1], safe='')}" if pair else None

    async def version(self) -> str | None:
        """GET /version, which needs no token."""
        answer = await self._client.get((*API, "version"))
        text = answer.read(ServerVersion).version
        parts = re.match(r"(\d+)\.(\d+)", text)
        self._release = (int(parts[1]), int(parts[2])) if parts else (0, 0)
        return text

    async def aclose(self) -> None:
        await self._client.aclose()

    # ------------------------------------------------------------ pipelines

    async def pipelines_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Pipeline | SourceError | None]:
        """GET /dags?dag_id_prefix_pattern=a|b, 50 names a call (3.3.2); GET /dags/{id} for one name and before 3.3.

        A DAG whose file is gone but whose runs are kept is answered too. None for a name no DAG has or could have.
        A prefix matches more than its name: where that is more than a page, pages or single calls follow, the fewer.
        """
        asked = [key for key in keys if is_dag_id(key)]
        single, together = await self._divided(asked, is_plain)
        alone, joined = await asyncio.gather(
            singly(self._pipeline, single),
            in_parts(self._pipelines, calls(together, lambda key: [key], MOST_PATTERNS)),
        )
        found = {**alone, **joined}
        return [found.get(key) for key in keys]

    async def pipelines_by_tag(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[Pipeline] | SourceError]:
        """GET /dags?tags=a&tags=b&tags_match_mode=any, 50 tags a call, pages of 100 (3.3.2); active DAGs only.

        A row that cannot be read may carry any tag: every Found of its call then says that it may be incomplete.
        """
        parts = calls(keys, lambda key: [key], MOST_PATTERNS)
        found = await in_parts(self._tagged, parts)
        return [found[key] for key in keys]

    async def pipelines(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Pipeline] | SourceError]:
        """GET /dags?order_by=dag_id&limit&offset, 100 rows a call (3.3.2); active DAGs only.

        Narrowed by `dag_id_pattern`, `tags` and `last_dag_run_state`. Several states are a list each; an owner is one
        of `owners` and one of the tags that GET /dagTags?tag_name_pattern finds; these are read whole, up to scan_rows.
        """
        found = await self._lists.pages(keys, args)
        return [found[key] for key in keys]

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Pipeline] | SourceError]:
        """GET /dags?dag_id_pattern=w1|w2, one call a text, or one a word before 3.2; 100 rows each, active ones."""
        joined = await self._is_at_least(OR_PATTERNS)
        found = await singly(lambda key: self._lists.search(key, joined), keys)
        return [found[key] for key in keys]

    async def _pipeline(self, key: str) -> Pipeline | SourceError | None:
        answer = await self._client.get((*DAGS.segments, key), also=(404,))
        if is_absent(answer):
            return None
        return items([key], self._matched_dags([one(answer, DagRow)], [key]), self._as_pipeline)[key]

    async def _pipelines(self, keys: Sequence[str]) -> Mapping[str, Pipeline | SourceError | None]:
        query = [("dag_id_prefix_pattern", "|".join(keys)), ("exclude_stale", "false"), ("order_by", "dag_id")]
        listed = await stretch(self._client, DAGS, query, 0, PAGE_ROWS)
        rows = self._matched_dags(listed.reads, keys)
        missing = [key for key in keys if key not in rows.found]
        if missing and not listed.whole:
            total = listed.total
            if total is not None and total - len(listed.reads) <= PAGE_ROWS * len(missing):
                listed = await walk_on(self._client, DAGS, query, listed, total)
                rows = self._matched_dags(listed.reads, keys)
                missing = [key for key in keys if key not in rows.found]
            if missing and not listed.whole:
                alone = await singly(self._pipeline, missing)
                return {**items(keys, rows, self._as_pipeline), **alone}
        return items(keys, rows, self._as_pipeline)

    async def _tagged(self, tags: Sequence[str]) -> Mapping[str, Found[Pipeline]]:
        query = [*(("tags", tag) for tag in tags), ("tags_match_mode", "any"), ("order_by", "dag_id")]
        listed = await walk(self._client, DAGS, query, self.profile.scan_rows)
        carried: dict[str, list[Pipeline]] = {tag: [] for tag in tags}
        reasons = set() if listed.whole else {IncompleteReason.SCAN_LIMIT}
        for read in listed.reads:
            if isinstance(read.row, SourceBadResponse):
                reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                continue
            pipeline = pipeline_of(read.row, read.fetched_at, self.profile, self.url)
            for tag in {tag.name for tag in read.row.tags} & carried.keys():
                carried[tag].append(pipeline)
        scanned = len(listed.reads)
        return {tag: Found(items, scanned, frozenset(reasons)) for tag, items in carried.items()}

    def _matched_dags(self, reads: Sequence[Read[DagRow]], keys: Sequence[str]) -> Matched[str, DagRow]:
        return matched(self._client.name, reads, set(keys), lambda row: row.dag_id, DagId)

    def _as_pipeline(self, read: Read[DagRow]) -> Pipeline | SourceError:
        if isinstance(read.row, SourceBadResponse):
            return read.row.again()
        return pipeline_of(read.row, read.fetched_at, self.profile, self.url)

    # ------------------------------------------------------------ runs

    async def runs_by_key(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[PipelineRun | SourceError | None]:
        """GET /dags/~/dagRuns?run_id_prefix_pattern=r1|r2&dag_id_prefix_pattern=d1|d2, 100 runs a call (3.3.2).

        That is a cross product: past three times the keys asked for it is not read on; what is missing is asked by
        run id or by DAG, whichever is fewer calls. GET /dags/{d}/dagRuns/{r} for one run and before 3.3.
        """
        asked = [key for key in keys if is_dag_id(key.pipeline)]
        single, together = await self._divided(asked, lambda key: is_plain(key.pipeline) and is_plain(key.run_id))
        # Runs of one night share their id: kept together they make the smallest cross product.
        together.sort(key=lambda key: (key.run_id, key.pipeline))
        alone, joined = await asyncio.gather(
            singly(self._runs.alone, single),
            in_parts(self._runs.together, calls(together, lambda key: key, MOST_PAIRS)),
        )
        found = {**alone, **joined}
        return [found.get(key) for key in keys]

    async def latest_runs(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineRun | SourceError | None]:
        """POST /dags/~/dagRuns/list, the newest runs of 200 pipelines by the time they were due (3.3.2).

        Airflow has no "newest of each": busy DAGs may fill the answer, so it is asked again without those it found,
        and after three rounds singly. GET /dags/{d}/dagRuns?order_by=-run_after&limit=1 for one pipeline.
        """
        asked = [key for key in keys if is_dag_id(key)]
        parts = [asked] if len(asked) == 1 else calls(asked, lambda _: [], MOST_BODY_IDS)
        found = await in_parts(self._runs.latest, parts)
        return [found.get(key) for key in keys]

    async def runs(self, keys: Sequence[str], args: RunsAsk, needs: Needs) -> Sequence[Page[PipelineRun] | SourceError]:
        """GET /dags/{d}/dagRuns?order_by=-run_after&state=…&run_after_gte=…, one call a pipeline (3.3.2).

        `since` bounds the time a run was due: the only one all runs have, and the one they are ordered by. An unknown
        pipeline has an empty page.
        """
        states = states_asked(RUN_STATES, args.states)
        query = [("order_by", "-run_after"), *(("state", state) for state in states or ())]
        query += [("run_after_gte", args.since)] if args.since else []

        async def read(key: str) -> Page[PipelineRun]:
            listed = await stretch(self._client, runs_of(key), query, args.page.position, args.page.limit)
            return page(listed, args.page, lambda row: self._runs.as_run(row, key))

        asked = [] if states == [] else [key for key in keys if is_dag_id(key)]
        found = await singly(read, asked)
        return [found.get(key, Page((), more=False, total=0)) for key in keys]

    # ------------------------------------------------------------ tasks

    async def tasks(
        self, keys: Sequence[RunKey], args: TasksAsk, needs: Needs
    ) -> Sequence[Page[TaskRun] | SourceError]:
        """GET /dags/{d}/dagRuns/{r}/taskInstances?order_by=start_date&state=…, one call a run (3.3.2).

        Tasks that have not started come where the database sorts NULL. An unknown run has an empty page.
        """
        since_3_3 = args.states is None or await self._is_at_least(PREFIX_PATTERNS)
        states = states_asked(TASK_STATES, args.states, frozenset() if since_3_3 else TASK_STATES_SINCE_3_3)
        query = [("order_by", "start_date"), *(("state", state) for state in states or ())]

        async def read(key: RunKey) -> Page[TaskRun]:
            kind = Kind((*runs_of(key.pipeline).segments, key.run_id, "taskInstances"), TaskList, TaskRow)
            listed = await stretch(self._client, kind, query, args.page.position, args.page.limit)
            return page(listed, args.page, lambda row: self._as_task(row, key))

        asked = [] if states == [] else [key for key in keys if is_address(key)]
        found = await singly(read, asked)
        return [found.get(key, Page((), more=False, total=0)) for key in keys]

    def _as_task(self, read: Read[TaskRow], key: RunKey) -> TaskRun | SourceError:
        if isinstance(read.row, SourceBadResponse):
            return read.row.again()
        if (read.row.dag_id, read.row.dag_run_id) != key:
            return SourceBadResponse(self._client.name, f"{self._client.name} answered a task of another run.")
        return task_of(read.row, self.url(EntityKind.PIPELINE_RUN, pair_key(*key)))

    # ------------------------------------------------------------ assets

    async def assets_by_pipeline(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineAssets | SourceError]:
        """GET /assets?dag_ids=a&dag_ids=b, 50 pipelines a call, pages of 100 (3.3.2); both directions in one row.

        A pipeline that Airflow does not know has none. Raises PageLimit for one with more than `scan_rows` assets.
        """
        asked = [key for key in keys if is_dag_id(key)]
        parts = calls(asked, lambda key: [key], MOST_PATTERNS)
        found = await in_parts(self._assets.by_pipeline, parts)
        return [found.get(key, PipelineAssets()) for key in keys]

    async def assets_by_uri(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[AssetMention | SourceError | None]:
        """GET /assets?uri_pattern=u1|u2, 50 URIs a call (3.3.2), one a call before 3.2; compared exactly afterwards.

        None for a URI no active asset has. Raises PageLimit where more than `scan_rows` assets have it as a part.
        """
        asked = [key for key in keys if key not in ("", "~")]
        joined = len(asked) > 1 and await self._is_at_least(OR_PATTERNS)
        together = [key for key in asked if joined and "|" not in key and key == key.strip()]
        parts = [*([key] for key in asked if key not in together), *calls(together, lambda key: [key], MOST_PATTERNS)]
        found = await in_parts(self._assets.by_uri, parts)
        return [found.get(key) for key in keys]

    async def assets_by_place(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | SourceError]:
        """GET /assets?uri_pattern=bucket/a|bucket/b, 50 places a call (3.3.2), one a call before 3.2.

        Found as parts of URIs, letter case aside, and compared by what the URIs normalise to.
        """
        return await self._assets_by_text(keys, self._assets.by_place)

    async def assets_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | SourceError]:
        """GET /assets?name_pattern=a|b, 50 names a call (3.3.2), one a call before 3.2; compared exactly afterwards."""
        return await self._assets_by_text(keys, self._assets.by_name)

    async def assets(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | SourceError]:
        """GET /assets?name_pattern=text, pages of 100 up to scan_rows (3.3.2); active assets only."""
        found = await singly(self._assets.containing, keys)
        return [found[key] for key in keys]

    async def every_asset(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[AssetMention] | SourceError]:
        """GET /assets?order_by=id&limit&offset, 100 rows a call (3.3.2); active assets only."""
        found = await singly(self._assets.page, keys)
        return [found[key] for key in keys]

    async def _assets_by_text(
        self,
        keys: Sequence[str],
        ask: Callable[[Sequence[str]], Awaitable[Mapping[str, Found[AssetMention] | SourceError]]],
    ) -> list[Found[AssetMention] | SourceError]:
        asked = [key for key in keys if key.strip() not in ("", "~")]
        joined = len(asked) > 1 and await self._is_at_least(OR_PATTERNS)
        together = [key for key in asked if joined and "|" not in key and key == key.strip()]
        parts = [*([key] for key in asked if key not in together), *calls(together, lambda key: [key], MOST_PATTERNS)]
        found = await in_parts(ask, parts)
        return [found.get(key, Found()) for key in keys]

    async def upstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[UpstreamRun] | SourceError]:
        """GET /dags/{d}/dagRuns/{r}/upstreamAssetEvents, one call a run (3.3.2); an unknown run has none.

        3.3.2 answers 500 while another run fed by one of these events has not started; that is this key's error.
        """
        found = await singly(self._events.above, filter(is_address, keys))
        return [found.get(key, Found()) for key in keys]

    async def downstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[DownstreamRun] | SourceError]:
        """GET /assets/events?source_dag_id&source_run_id, one call a run, pages of 100 (3.3.2); none for one unknown.

        It fails as `upstream_runs` does while a run that was fed has not started.
        """
        found = await singly(self._events.below, filter(is_address, keys))
        return [found.get(key, Found()) for key in keys]

    # ------------------------------------------------------------ for all of them

    async def _is_at_least(self, release: tuple[int, int]) -> bool:
        """The release is asked for once in the life of the process: it may be kept, entities may not."""
        if self._release is None:
            await self.version()
        return self._release is not None and self._release >= release

    async def _divided(self, keys: Sequence[Key], joinable: Callable[[Key], bool]) -> tuple[list[Key], list[Key]]:
        """Keys to ask singly, and keys to ask together by prefix patterns."""
        if len(keys) < 2 or not await self._is_at_least(PREFIX_PATTERNS):
            return list(keys), []
        together = [key for key in keys if joinable(key)]
        if len(together) == 1:
            return list(keys), []
        return [key for key in keys if not joinable(key)], together
