"""The company's orchestrator as Airflow's tables: the indexes a database would have, and pages of its rows.

A row's primary key is its place in the company's data, so that is the order of insertion.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway.demo.airflow_query import Column, Parameters, Refusal, ordered_by, prefixed, substring, within
from gateway.demo.airflow_rows import (
    JSONObject,
    RunKey,
    duration_s,
    event_row,
    logical_ms,
    run_row,
    task_row,
)
from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Orchestrator, TaskRun

Instance = tuple[int, DagRun, TaskRun]


class ServerFault(Exception):
    """Airflow's own 500: a line of text."""


class Tables:
    def __init__(self, orchestrator: Orchestrator, version: str) -> None:
        release = tuple(int(part) for part in version.split(".")[:2])
        self._pipes = release >= (3, 2)
        self._prefixes = release >= (3, 3)

        self.dags = {dag.dag_id: dag for dag in sorted(orchestrator.dags, key=lambda dag: dag.dag_id)}
        self.dag_ids = list(self.dags)
        self.tags = sorted({tag for dag in orchestrator.dags for tag in dag.tags})
        self.runs = orchestrator.runs
        self._run_numbers: dict[RunKey, int] = {}
        self.runs_of: dict[str, list[DagRun]] = defaultdict(list)
        self._runs_called: dict[str, list[DagRun]] = defaultdict(list)
        self._first_instance: dict[RunKey, int] = {}
        instances = 1
        for number, run in enumerate(self.runs, 1):
            self._run_numbers[run.dag_id, run.run_id] = number
            self.runs_of[run.dag_id].append(run)
            self._runs_called[run.run_id].append(run)
            self._first_instance[run.dag_id, run.run_id] = instances
            instances += len(run.tasks)
        self.run_ids = sorted(self._runs_called)

        self.assets = list(enumerate(orchestrator.assets, 1))
        self.uris = sorted({asset.uri for asset in orchestrator.assets})
        self.asset_names = sorted({asset.name for asset in orchestrator.assets})
        self.asset_by_uri = {asset.uri: (number, asset) for number, asset in self.assets}
        self.assets_of: dict[str, set[int]] = defaultdict(set)
        self.by_assets: set[str] = set()
        for number, asset in self.assets:
            self.by_assets.update(asset.scheduled)
            for dag_id in (*asset.scheduled, *(dag_id for dag_id, _ in (*asset.producers, *asset.consumers))):
                self.assets_of[dag_id].add(number)

        self.events = list(enumerate(orchestrator.events, 1))
        self.last_event: dict[str, tuple[int, AssetEvent]] = {}
        self.events_of: dict[RunKey, list[tuple[int, AssetEvent]]] = defaultdict(list)
        self._triggering: dict[RunKey, int] = {}
        for number, event in sorted(self.events, key=lambda row: row[1].at):
            self.last_event[event.asset_uri] = number, event
            for key in event.triggered:
                self.events_of[key].append((number, event))
                self._triggering[key] = number

    def known(self, dag_id: str) -> Dag:
        dag = self.dags.get(dag_id)
        if dag is None:
            raise Refusal(404, f"The Dag with ID: `{dag_id}` was not found")
        return dag

    def known_run(self, dag_id: str, run_id: str, called: str = "The DagRun") -> DagRun:
        number = self._run_numbers.get((dag_id, run_id))
        if number is None:
            raise Refusal(404, f"{called} with dag_id: `{dag_id}` and run_id: `{run_id}` was not found")
        return self.runs[number - 1]

    def created(self, dag_id: str) -> int:
        dag = self.dags.get(dag_id)
        return dag.created if dag else 0

    def asset_created(self, asset: Asset) -> int:
        dag_ids = (*asset.scheduled, *(dag_id for dag_id, _ in (*asset.producers, *asset.consumers)))
        return min((self.created(dag_id) for dag_id in dag_ids), default=0)

    def last_run(self, dag: Dag) -> DagRun | None:
        """The run inserted last, whatever its dates say."""
        runs = self.runs_of.get(dag.dag_id)
        return runs[-1] if runs else None

    def last_run_state(self, dag: Dag) -> str | None:
        run = self.last_run(dag)
        return run.state if run else None

    def depending(self, text: str) -> set[str]:
        """DAGs scheduled by an asset whose name or URI holds the text."""
        return {
            dag_id
            for _, asset in self.assets
            if text.lower() in asset.uri.lower() or text.lower() in asset.name.lower()
            for dag_id in asset.scheduled
        }

    def matching(self, given: Parameters, name: str, ordered: list[str]) -> set[str] | None:
        """The values both patterns of a column allow, None where neither is given; before 3.3 prefixes are unknown."""
        pattern, prefix = given.text(f"{name}_pattern"), given.text(f"{name}_prefix_pattern")
        found: set[str] | None = None
        if pattern is not None:
            found = set(filter(substring(pattern, self._pipes), ordered))
        if prefix is not None and self._prefixes:
            by_prefix = prefixed(prefix, ordered, self._pipes)
            found = by_prefix if found is None else found & by_prefix
        return found

    def candidates(self, dag_ids: set[str] | None, run_ids: set[str] | None) -> Sequence[DagRun]:
        if dag_ids is not None:
            runs = [run for dag_id in dag_ids for run in self.runs_of.get(dag_id, [])]
            return runs if run_ids is None else [run for run in runs if run.run_id in run_ids]
        if run_ids is not None:
            return [run for run_id in run_ids for run in self._runs_called.get(run_id, [])]
        return self.runs

    def run_page(self, rows: list[DagRun], order_by: list[str], offset: int, limit: int) -> JSONObject:
        columns: dict[str, Column[DagRun]] = {
            "id": lambda run: self._run_numbers[run.dag_id, run.run_id],
            "state": lambda run: run.state,
            "dag_id": lambda run: run.dag_id,
            "run_id": lambda run: run.run_id,
            "dag_run_id": lambda run: run.run_id,
            "updated_at": lambda run: run.ended or run.started or run.queued,
            "duration": lambda run: duration_s(run.started, run.ended),
            **RUN_MOMENTS,
        }
        ordered = ordered_by(rows, order_by, columns, columns["id"])
        page = [run_row(run, self.created(run.dag_id)) for run in ordered[offset : offset + limit]]
        return {"dag_runs": page, "total_entries": len(rows), **_NO_CURSOR}

    def instances(self, runs: Iterable[DagRun]) -> Iterable[Instance]:
        for run in runs:
            first = self._first_instance[run.dag_id, run.run_id]
            yield from ((first + place, run, task) for place, task in enumerate(run.tasks))

    def instance_page(self, rows: list[Instance], order_by: list[str], offset: int, limit: int) -> JSONObject:
        columns: dict[str, Column[Instance]] = {
            "id": lambda row: row[0],
            "state": lambda row: row[2].state,
            "duration": lambda row: duration_s(row[2].started, row[2].ended),
            "start_date": lambda row: row[2].started,
            "end_date": lambda row: row[2].ended,
            "map_index": lambda _: -1,
            "try_number": lambda row: row[2].attempt,
            "logical_date": lambda row: logical_ms(row[1]),
            "run_after": lambda row: row[1].queued,
        }
        ordered = ordered_by(rows, order_by, columns, columns["id"])[offset : offset + limit]
        page = [task_row(run, task, number, self.created(run.dag_id)) for number, run, task in ordered]
        return {"task_instances": page, "total_entries": len(rows), **_NO_CURSOR}

    def event_rows(self, events: Iterable[tuple[int, AssetEvent]]) -> list[JSONObject]:
        """3.3.2 fails as a whole while a run the event fed has not started: its row model wants a start date."""
        rows = []
        for number, event in events:
            fed = [self.runs[self._run_numbers[key] - 1] for key in event.triggered if key in self._run_numbers]
            if any(run.started is None for run in fed):
                raise ServerFault
            rows.append(event_row(number, event, self.asset_by_uri[event.asset_uri], fed, self._triggering))
        return rows


_NO_CURSOR = {"total_entries_limit": None, "next_cursor": None, "previous_cursor": None}
RUN_MOMENTS: Mapping[str, Column[DagRun]] = {
    "run_after": lambda run: run.queued,
    "logical_date": logical_ms,
    "start_date": lambda run: run.started,
    "end_date": lambda run: run.ended,
}
RANGES = [(column, bound) for column in RUN_MOMENTS for bound in ("gte", "gt", "lte", "lt")]


def in_ranges(runs: Sequence[DagRun], moments: Mapping[str, float | None]) -> Sequence[DagRun]:
    for name, column in RUN_MOMENTS.items():
        bounds = [(bound, at) for _, bound in RANGES[:4] if (at := moments.get(f"{name}_{bound}")) is not None]
        if bounds:
            inside = within(bounds)
            runs = [run for run in runs if inside(column(run))]
    return runs
