"""How Airflow 3 is asked for runs: by key as a cross product of patterns, the newest of many pipelines, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import Query, SourceClient, unusable_as_segment
from resolvers.sources import SourceProfile
from resolvers.sources.orchestration import RunKey
from resolvers.sources.orchestration.airflow_lists import (
    API,
    PAGE_ROWS,
    Kind,
    Matched,
    Read,
    RunList,
    in_parts,
    is_absent,
    is_dag_id,
    items,
    matched,
    one,
    posted,
    singly,
    stretch,
    walk_on,
)
from resolvers.sources.orchestration.airflow_rows import DagId, RunIds, RunRow, run_of
from schema.identity import UrlMaker
from schema.pipeline import PipelineRun

ALL_RUNS = Kind((*API, "dags", "~", "dagRuns"), RunList, RunRow)
RUNS_BY_BODY = Kind((*ALL_RUNS.segments, "list"), RunList, RunRow)
LATEST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one Airflow. Each method answers the keys of one call, and what that call leaves open."""

    profile: SourceProfile
    client: SourceClient
    url_of: UrlMaker

    async def alone(self, key: RunKey) -> PipelineRun | SourceError | None:
        if "/" in key.run_id:
            # Airflow routes on the decoded path: such a run has no address of its own.
            listed = await stretch(self.client, runs_of(key.pipeline), _patterns([key], of_dags=False), 0, PAGE_ROWS)
            rows = self._matched_runs(listed.reads, [key])
            if not rows.found and not listed.whole:
                raise SourceBadResponse(self.client.name, f"{self.client.name} cannot be asked for this run alone.")
            return items([key], rows, self.as_run)[key]
        if unusable_as_segment(key.run_id):
            return None
        answer = await self.client.get((*runs_of(key.pipeline).segments, key.run_id), also=(404,))
        if is_absent(answer):
            return None
        return items([key], self._matched_runs([one(answer, RunRow)], [key]), self.as_run)[key]

    async def together(
        self, keys: Sequence[RunKey], regrouped: bool = False
    ) -> Mapping[RunKey, PipelineRun | SourceError | None]:
        one_dag = len({key.pipeline for key in keys}) == 1
        kind, query = runs_of(keys[0].pipeline) if one_dag else ALL_RUNS, _patterns(keys, of_dags=not one_dag)
        listed = await stretch(self.client, kind, query, 0, PAGE_ROWS)
        if not listed.whole and (listed.total or 0) <= 3 * len(keys):
            listed = await walk_on(self.client, kind, query, listed, 3 * len(keys))
        rows = self._matched_runs(listed.reads, keys)
        missing = [key for key in keys if key not in rows.found]
        found = items(keys, rows, self.as_run)
        if not missing or listed.whole:
            return found
        groups = [] if regrouped else _fewest_groups(missing)
        alone, joined = await asyncio.gather(
            singly(self.alone, missing if regrouped else [group[0] for group in groups if len(group) == 1]),
            in_parts(partial(self.together, regrouped=True), [group for group in groups if len(group) > 1]),
        )
        return {**found, **alone, **joined}

    async def latest(self, keys: Sequence[str]) -> Mapping[str, PipelineRun | SourceError | None]:
        newest: dict[str, Read[RunRow]] = {}
        pending = list(keys)
        for _ in range(LATEST_ROUNDS if len(keys) > 1 else 0):
            # A list of no ids would mean all DAGs. The limit of a body is not cut at 100.
            body = {"dag_ids": pending, "order_by": "-run_after", "page_limit": max(PAGE_ROWS, 2 * len(pending))}
            listed = await posted(self.client, RUNS_BY_BODY, body)
            for read in listed.reads:
                key = _dag_id(read)
                if key in pending and _is_newer(read, newest.get(key)):
                    newest[key] = read
            pending = [key for key in pending if key not in newest]
            if listed.whole or not pending:
                return {key: self.as_run(newest[key], key) if key in newest else None for key in keys}
        alone = await singly(self._latest_of, pending)
        return {**{key: self.as_run(read, key) for key, read in newest.items()}, **alone}

    async def _latest_of(self, key: str) -> PipelineRun | SourceError | None:
        listed = await stretch(self.client, runs_of(key), [("order_by", "-run_after")], 0, 1)
        return self.as_run(listed.reads[0], key) if listed.reads else None

    def _matched_runs(self, reads: Sequence[Read[RunRow]], keys: Sequence[RunKey]) -> Matched[RunKey, RunRow]:
        return matched(self.client.name, reads, set(keys), lambda row: row.key, RunIds)

    def as_run(self, read: Read[RunRow], pipeline: str | None = None) -> PipelineRun | SourceError:
        if isinstance(read.row, SourceBadResponse):
            return read.row.again()
        if pipeline is not None and read.row.dag_id != pipeline:
            return SourceBadResponse(self.client.name, f"{self.client.name} answered a run of another pipeline.")
        return run_of(read.row, read.fetched_at, self.profile, self.url_of)


def runs_of(dag_id: str) -> Kind[RunRow]:
    return Kind((*API, "dags", dag_id, "dagRuns"), RunList, RunRow)


def _patterns(keys: Sequence[RunKey], of_dags: bool) -> Query:
    run_ids = [("run_id_prefix_pattern", "|".join(dict.fromkeys(key.run_id for key in keys)))]
    dag_ids = [("dag_id_prefix_pattern", "|".join(dict.fromkeys(key.pipeline for key in keys)))]
    return [*run_ids, *(dag_ids if of_dags else []), ("order_by", "id")]


def _fewest_groups(keys: Sequence[RunKey]) -> list[list[RunKey]]:
    """Runs grouped by their id or by their DAG, whichever gives fewer groups."""
    by_run: dict[str, list[RunKey]] = {}
    by_dag: dict[str, list[RunKey]] = {}
    for key in keys:
        by_run.setdefault(key.run_id, []).append(key)
        by_dag.setdefault(key.pipeline, []).append(key)
    return list(min(by_dag, by_run, key=len).values())


def is_address(key: RunKey) -> bool:
    """Whether a run has an address of its own: `~` would mean all runs, and `/` ends a segment once decoded."""
    return (
        is_dag_id(key.pipeline) and key.run_id != "~" and "/" not in key.run_id and not unusable_as_segment(key.run_id)
    )


def _dag_id(read: Read[RunRow]) -> str:
    if not isinstance(read.row, SourceBadResponse):
        return read.row.dag_id
    try:
        return msgspec.json.decode(read.raw, type=DagId).dag_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _is_newer(read: Read[RunRow], than: Read[RunRow] | None) -> bool:
    """The newest row comes first; an unreadable one keeps its place, as it may be the newest."""
    if than is None:
        return True
    if isinstance(read.row, SourceBadResponse) or isinstance(than.row, SourceBadResponse):
        return False
    return read.row.run_after > than.row.run_after
