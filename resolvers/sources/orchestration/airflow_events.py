"""How Airflow 3 is asked which runs fed which: by the asset events that triggered a run, and by those it wrote."""

from __future__ import annotations

from dataclasses import dataclass

from resolvers.errors import SourceBadResponse
from resolvers.http import SourceClient
from resolvers.sources import Found
from resolvers.sources.orchestration import DownstreamRun, RunKey, UpstreamRun
from resolvers.sources.orchestration.airflow_lists import API, EventList, Kind, is_absent, walk
from resolvers.sources.orchestration.airflow_rows import EventRow
from resolvers.sources.orchestration.airflow_runs import runs_of
from schema.connection import IncompleteReason

EVENTS = Kind((*API, "assets", "events"), EventList, EventRow)


@dataclass(frozen=True, slots=True)
class Events:
    """The asset events of one Airflow; of those one run wrote no more than `scan_rows` are read."""

    client: SourceClient
    scan_rows: int

    async def above(self, key: RunKey) -> Found[UpstreamRun]:
        """GET /dags/{d}/dagRuns/{r}/upstreamAssetEvents: Airflow has no order for them (3.3.2), so names give it."""
        segments = (*runs_of(key.pipeline).segments, key.run_id, "upstreamAssetEvents")
        answer = await self.client.get(segments, also=(404,))
        if is_absent(answer):
            return Found()
        events = answer.rows(answer.read(EventList).rows, EventRow)
        found: dict[UpstreamRun, None] = {}
        for event in events:
            if isinstance(event, SourceBadResponse):
                raise event
            if event.source_dag_id and event.source_run_id:
                writer = RunKey(event.source_dag_id, event.source_run_id)
                found[UpstreamRun(writer, event.uri or event.name or "")] = None
        return Found(sorted(found), len(events))

    async def below(self, key: RunKey) -> Found[DownstreamRun]:
        """GET /assets/events?source_dag_id&source_run_id"""
        query = [("source_dag_id", key.pipeline), ("source_run_id", key.run_id), ("order_by", "timestamp")]
        listed = await walk(self.client, EVENTS, query, self.scan_rows)
        found: dict[DownstreamRun, None] = {}
        for event in (read.row for read in listed.reads):
            if isinstance(event, SourceBadResponse):
                raise event
            for run in event.created_dagruns if (event.source_dag_id, event.source_run_id) == key else ():
                found[DownstreamRun(RunKey(run.dag_id, run.run_id), event.uri or event.name or "")] = None
        reasons = frozenset[IncompleteReason]() if listed.whole else frozenset({IncompleteReason.SCAN_LIMIT})
        return Found(list(found), len(listed.reads), reasons)
