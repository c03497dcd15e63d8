"""A small Airflow 3 over the company's data: its REST API `/api/v2` and the simple auth manager's `/auth/token`.

Checked against 3.3.2. Left out: cursor paging (a `cursor` is ignored, as before 3.3), cookies, everything that writes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from gateway.demo.airflow_query import Column, Parameters, Refusal, fault, moment_ms, ordered_by
from gateway.demo.airflow_rows import asset_row, dag_details, dag_row, run_row
from gateway.demo.airflow_tables import RANGES, ServerFault, Tables, in_ranges
from gateway.demo.airflow_tokens import Tokens
from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Orchestrator

Answer = tuple[int, object]
Endpoint = Callable[[Request], Awaitable[Answer]]
Body = TypeVar("Body")
Natural = Annotated[int, msgspec.Meta(ge=0)]

DAY_S = 24 * 60 * 60
RUN_STATES = ("queued", "running", "success", "failed")
TASK_STATES = (
    *("removed", "scheduled", "queued", "running", "success", "restarting", "failed", "up_for_retry"),
    *("up_for_reschedule", "upstream_failed", "skipped", "deferred", "awaiting_input"),
)


def app(
    orchestrator: Orchestrator,
    *,
    version: str = "3.3.2",
    users: dict[str, str] | None = None,
    token_lifetime_s: int = DAY_S,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """`users` maps name to password; None is a server with `simple_auth_manager_all_admins`: no token is looked at."""
    airflow = _Airflow(orchestrator, version)
    tokens = Tokens(users, token_lifetime_s, clock)

    async def create_token(request: Request) -> Answer:
        token = tokens.log_in(request.headers.get("content-type", ""), await request.body())
        return 201, {"access_token": token}

    async def create_token_all_admins(_: Request) -> Answer:
        return 201, {"access_token": tokens.without_credentials()}

    def public(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            return await _answered(endpoint, request)

        return answered

    def guarded(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def checked(request: Request) -> Answer:
            tokens.check(request.headers.get("authorization"))
            return await endpoint(request)

        return public(checked)

    run, runs = "/api/v2/dags/{dag_id}/dagRuns/{run_id}", "/api/v2/dags/{dag_id}/dagRuns"
    return Starlette(
        routes=[
            Route("/auth/token", public(create_token), methods=["POST"]),
            Route("/auth/token", public(create_token_all_admins)),
            Route("/api/v2/version", public(airflow.version)),
            Route("/api/v2/monitor/health", public(airflow.health)),
            Route("/api/v2/dags", guarded(airflow.dags)),
            Route("/api/v2/dagTags", guarded(airflow.tags)),
            Route("/api/v2/dags/{dag_id}", guarded(airflow.dag)),
            Route("/api/v2/dags/{dag_id}/details", guarded(airflow.details)),
            Route(f"{runs}/list", guarded(airflow.runs_batch), methods=["POST"]),
            Route(runs, guarded(airflow.runs)),
            Route(run, guarded(airflow.run)),
            Route(f"{run}/taskInstances/list", guarded(airflow.instances_batch), methods=["POST"]),
            Route(f"{run}/taskInstances", guarded(airflow.instances)),
            Route(f"{run}/upstreamAssetEvents", guarded(airflow.upstream_events)),
            Route("/api/v2/assets", guarded(airflow.assets)),
            Route("/api/v2/assets/events", guarded(airflow.events)),
        ],
        exception_handlers={HTTPException: _no_route},
    )


class _Airflow:
    """One method per endpoint: reads the request, asks the tables."""

    def __init__(self, orchestrator: Orchestrator, version: str) -> None:
        self._version = version
        self._tables = Tables(orchestrator, version)

    async def version(self, _: Request) -> Answer:
        return 200, {"version": self._version, "git_version": None}

    async def health(self, _: Request) -> Answer:
        return 200, {
            "metadatabase": {"status": "healthy"},
            "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": None},
            "triggerer": {"status": None, "latest_triggerer_heartbeat": None},
            "dag_processor": {"status": None, "latest_dag_processor_heartbeat": None},
        }

    async def dags(self, request: Request) -> Answer:
        given = Parameters(request.query_params)
        offset, limit = given.page()
        paused, tags, owners = given.flag("paused"), given.texts("tags"), [o.lower() for o in given.texts("owners")]
        every_tag = given.choice("tags_match_mode", ("any", "all")) == "all"
        state, dependency = given.member("last_dag_run_state", RUN_STATES), given.text("asset_dependency")
        given.check()
        ids = self._tables.matching(given, "dag_id", self._tables.dag_ids)
        depending = self._tables.depending(dependency) if dependency else None

        def wanted(dag: Dag) -> bool:
            return (
                (paused is None or dag.paused == paused)
                and (not tags or (all if every_tag else any)(tag in dag.tags for tag in tags))
                and (not owners or any(owner in ", ".join(dag.owners or ("airflow",)).lower() for owner in owners))
                and (state is None or self._tables.last_run_state(dag) == state)
                and (depending is None or dag.dag_id in depending)
            )

        rows = [dag for dag_id, dag in self._tables.dags.items() if (ids is None or dag_id in ids) and wanted(dag)]
        columns: dict[str, Column[Dag]] = {
            "dag_id": lambda dag: dag.dag_id,
            "dag_display_name": lambda dag: dag.dag_id,
            "last_run_state": self._tables.last_run_state,
            "last_run_start_date": lambda dag: run.started if (run := self._tables.last_run(dag)) else None,
        }
        rows = ordered_by(rows, given.texts("order_by") or ["dag_id"], columns, columns["dag_id"])
        page = [dag_row(dag, dag.dag_id in self._tables.by_assets) for dag in rows[offset : offset + limit]]
        return 200, {"dags": page, "total_entries": len(rows)}

    async def tags(self, request: Request) -> Answer:
        given = Parameters(request.query_params)
        offset, limit = given.page()
        given.check()
        names = self._tables.matching(given, "tag_name", self._tables.tags)
        rows = [tag for tag in self._tables.tags if names is None or tag in names]
        columns: dict[str, Column[str]] = {"name": lambda tag: tag}
        rows = ordered_by(rows, given.texts("order_by") or ["name"], columns, columns["name"])
        return 200, {"tags": rows[offset : offset + limit], "total_entries": len(rows)}

    async def dag(self, request: Request) -> Answer:
        dag = self._tables.known(request.path_params["dag_id"])
        return 200, dag_row(dag, dag.dag_id in self._tables.by_assets)

    async def details(self, request: Request) -> Answer:
        dag = self._tables.known(request.path_params["dag_id"])
        running = sum(run.state == "running" for run in self._tables.runs_of[dag.dag_id])
        return 200, dag_details(dag, dag.dag_id in self._tables.by_assets, running)

    async def runs(self, request: Request) -> Answer:
        dag_id = request.path_params["dag_id"]
        given = Parameters(request.query_params)
        offset, limit = given.page()
        moments = {f"{column}_{bound}": given.moment(f"{column}_{bound}") for column, bound in RANGES}
        types, conf = set(given.texts("run_type")), given.text("conf_contains")
        given.check()
        states = given.states("state", RUN_STATES, ("none",))
        if dag_id != "~":
            self._tables.known(dag_id)
        dag_ids = self._tables.matching(given, "dag_id", self._tables.dag_ids)
        if dag_id != "~":
            dag_ids = {dag_id} if dag_ids is None or dag_id in dag_ids else set()
        run_ids = self._tables.matching(given, "run_id", self._tables.run_ids)
        rows = [
            run
            for run in in_ranges(self._tables.candidates(dag_ids, run_ids), moments)
            if (states is None or run.state in states)
            and (not types or run.run_type in types)
            and (conf is None or conf in msgspec.json.encode(run.conf).decode())
        ]
        return 200, self._tables.run_page(rows, given.texts("order_by") or ["id"], offset, limit)

    async def runs_batch(self, request: Request) -> Answer:
        _only_all(request, "dag_id")
        body = await _body(request, RunsBatch)
        rows = [
            run
            for run in in_ranges(self._tables.candidates(set(body.dag_ids or ()) or None, None), _moments(body))
            if (not body.states or run.state in body.states)
            and (body.conf_contains is None or body.conf_contains in msgspec.json.encode(run.conf).decode())
        ]
        return 200, self._tables.run_page(rows, [body.order_by or "id"], body.page_offset, body.page_limit)

    async def run(self, request: Request) -> Answer:
        run = self._tables.known_run(**request.path_params)
        return 200, run_row(run, self._tables.created(run.dag_id))

    async def instances(self, request: Request) -> Answer:
        dag_id, run_id = request.path_params["dag_id"], request.path_params["run_id"]
        given = Parameters(request.query_params)
        offset, limit = given.page()
        task_id = given.text("task_id")
        given.check()
        states = given.states("state", TASK_STATES, ("none", "no_status"))
        if run_id != "~" and dag_id == "~":
            raise Refusal(400, "dag_id is required when dag_run_id is specified")
        runs: Sequence[DagRun] = self._tables.runs
        if run_id != "~":
            runs = [self._tables.known_run(dag_id, run_id, "DagRun")]
        elif dag_id != "~":
            runs = self._tables.runs_of[self._tables.known(dag_id).dag_id]
        rows = [
            (number, run, task)
            for number, run, task in self._tables.instances(runs)
            if (states is None or task.state in states) and (task_id is None or task.task_id == task_id)
        ]
        return 200, self._tables.instance_page(rows, given.texts("order_by") or ["map_index"], offset, limit)

    async def instances_batch(self, request: Request) -> Answer:
        _only_all(request, "dag_id")
        _only_all(request, "run_id")
        body = await _body(request, InstancesBatch)
        runs = self._tables.candidates(set(body.dag_ids or ()) or None, set(body.dag_run_ids or ()) or None)
        rows = [
            (number, run, task)
            for number, run, task in self._tables.instances(runs)
            if (not body.state or task.state in body.state) and (not body.task_ids or task.task_id in body.task_ids)
        ]
        return 200, self._tables.instance_page(rows, [body.order_by or "id"], body.page_offset, body.page_limit)

    async def upstream_events(self, request: Request) -> Answer:
        run = self._tables.known_run(**request.path_params)
        events = self._tables.events_of.get((run.dag_id, run.run_id), [])
        return 200, {"asset_events": self._tables.event_rows(events), "total_entries": len(events)}

    async def assets(self, request: Request) -> Answer:
        given = Parameters(request.query_params)
        offset, limit = given.page()
        given.flag("only_active")
        given.check()
        dag_ids = given.texts("dag_ids")
        if len(dag_ids) == 1:
            dag_ids = dag_ids[0].split(",")
        uris, names = (
            self._tables.matching(given, "uri", self._tables.uris),
            self._tables.matching(given, "name", self._tables.asset_names),
        )
        numbers = set().union(*(self._tables.assets_of.get(dag_id, set()) for dag_id in dag_ids))
        rows = [
            (number, asset)
            for number, asset in self._tables.assets
            if (not dag_ids or number in numbers)
            and (uris is None or asset.uri in uris)
            and (names is None or asset.name in names)
        ]
        columns: dict[str, Column[tuple[int, Asset]]] = {
            "id": lambda row: row[0],
            "name": lambda row: row[1].name,
            "uri": lambda row: row[1].uri,
            "created_at": lambda row: self._tables.asset_created(row[1]),
            "updated_at": lambda row: self._tables.asset_created(row[1]),
        }
        rows = ordered_by(rows, given.texts("order_by") or ["id"], columns, columns["id"])
        page = [
            asset_row(number, asset, self._tables.asset_created(asset), self._tables.last_event.get(asset.uri))
            for number, asset in rows[offset : offset + limit]
        ]
        return 200, {"assets": page, "total_entries": len(rows)}

    async def events(self, request: Request) -> Answer:
        given = Parameters(request.query_params)
        offset, limit = given.page()
        asset_id = given.integer("asset_id")
        given.check()
        names = self._tables.matching(given, "name", self._tables.asset_names)
        sources: dict[str, Column[AssetEvent]] = {
            "source_dag_id": lambda event: event.dag_id,
            "source_task_id": lambda event: event.task_id,
            "source_run_id": lambda event: event.run_id,
        }
        asked = [(column, value) for name, column in sources.items() if (value := given.text(name)) is not None]
        rows = [
            (number, event)
            for number, event in self._tables.events
            if (asset_id is None or self._tables.asset_by_uri[event.asset_uri][0] == asset_id)
            and (names is None or self._tables.asset_by_uri[event.asset_uri][1].name in names)
            and all(column(event) == value for column, value in asked)
        ]
        columns: dict[str, Column[tuple[int, AssetEvent]]] = {
            "source_task_id": lambda row: row[1].task_id,
            "source_dag_id": lambda row: row[1].dag_id,
            "source_run_id": lambda row: row[1].run_id,
            "source_map_index": lambda _: -1,
            "timestamp": lambda row: row[1].at,
        }
        rows = ordered_by(rows, given.texts("order_by") or ["timestamp"], columns, lambda row: row[0])
        return 200, {"asset_events": self._tables.event_rows(rows[offset : offset + limit]), "total_entries": len(rows)}


class RunsBatch(msgspec.Struct, forbid_unknown_fields=True):
    order_by: str | None = None
    page_offset: Natural = 0
    page_limit: Natural = 100
    dag_ids: list[str] | None = None
    states: list[str | None] | None = None
    conf_contains: str | None = None
    run_after_gte: str | None = None
    run_after_gt: str | None = None
    run_after_lte: str | None = None
    run_after_lt: str | None = None
    start_date_gte: str | None = None
    start_date_gt: str | None = None
    start_date_lte: str | None = None
    start_date_lt: str | None = None


class InstancesBatch(msgspec.Struct, forbid_unknown_fields=True):
    order_by: str | None = None
    page_offset: Natural = 0
    page_limit: Natural = 100
    dag_ids: list[str] | None = None
    dag_run_ids: list[str] | None = None
    task_ids: list[str] | None = None
    state: list[str | None] | None = None


def _moments(body: RunsBatch) -> dict[str, float | None]:
    names = [name for column, bound in RANGES if hasattr(body, name := f"{column}_{bound}")]
    return {name: moment_ms(text) for name in names if (text := getattr(body, name)) is not None}


async def _body(request: Request, shape: type[Body]) -> Body:
    """A request's body is strict where its query is not: an unknown field is refused, and no limit is capped."""
    raw = await request.body()
    if not raw:
        raise Refusal(422, [fault("missing", ("body",), "Field required", None)])
    try:
        return msgspec.json.decode(raw, type=shape)
    except msgspec.ValidationError as error:
        raise Refusal(422, [_fault_in(msgspec.json.decode(raw), str(error))]) from None
    except msgspec.DecodeError:
        raise Refusal(
            422, [fault("json_invalid", ("body", 0), "JSON decode error", {}, error="Expecting value")]
        ) from None


def _fault_in(given: object, said: str) -> dict[str, object]:
    """What pydantic says of a body that msgspec refuses."""
    values = given if isinstance(given, dict) else {}
    unknown = said.partition("unknown field `")[2].rstrip("`")
    if unknown:
        return fault("extra_forbidden", ("body", unknown), "Extra inputs are not permitted", values[unknown])
    name = said.partition("at `$.")[2].rstrip("`")
    if said.startswith("Expected `int` >= 0"):
        return fault(
            "greater_than_equal", ("body", name), "Input should be greater than or equal to 0", values[name], ge=0
        )
    if said.startswith("Expected `int`"):
        message = "Input should be a valid integer, unable to parse string as an integer"
        return fault("int_parsing", ("body", name), message, values[name])
    return fault("value_error", ("body",), said, None)


def _only_all(request: Request, name: str) -> None:
    given = request.path_params[name]
    if given != "~":
        raise Refusal(422, [fault("literal_error", ("path", name), "Input should be '~'", given, expected="'~'")])


async def _answered(endpoint: Endpoint, request: Request) -> Response:
    try:
        status, content = await endpoint(request)
    except Refusal as refusal:
        return _json(refusal.status, {"detail": refusal.detail})
    except ServerFault:
        return PlainTextResponse("Internal Server Error", 500)
    return _json(status, content)


async def _no_route(request: Request, error: Exception) -> Response:
    """Under `/api` an unknown path is 404; elsewhere every path is the web application's page, with 200."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404 and request.scope["path"].startswith("/api/"):
        return _json(404, {"error": "API route not found"})
    if status == 404 and request.method == "GET":
        return HTMLResponse("<!doctype html>\n<html lang='en'><head><title>Airflow</title></head><body></body></html>")
    return _json(405, {"detail": "Method Not Allowed"})


def _json(status: int, content: object) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
