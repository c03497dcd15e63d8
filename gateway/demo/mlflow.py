"""A small MLflow tracking server: the registry and run reads of its REST API over plain data, as 3.17.2 answers them.

`app()` serves one `Registry`; before 3.17.0 a list of names in a filter is refused, as those versions do.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.demo.company import Model, Registry
from gateway.demo.mlflow_filter import Broken, Clause, Order, Refused, parse_filter, parse_orders
from gateway.demo.mlflow_rows import (
    GROUPS,
    PROMPT,
    Group,
    Listed,
    Row,
    group_row,
    group_values,
    is_prompt,
    model_row,
    model_values,
    registry_grammars,
    run_grammar,
    run_row,
    run_values,
    version_row,
    version_values,
)
from gateway.demo.mlflow_table import Search, Table, limit_of, page_of

Query = Mapping[str, str]


def app(registry: Registry, *, version: str = "3.17.2", auth: tuple[str, str] | None = None) -> Starlette:
    server = _Server(registry, version)
    base = "/api/2.0/mlflow"
    routes = [
        Route("/version", _text(version, "text/html")),
        Route("/health", _text("OK", "text/plain")),
        Route(f"{base}/registered-models/search", _searched(server.search_models)),
        Route(f"{base}/registered-models/get", _read(server.get_model)),
        Route(f"{base}/registered-models/alias", _read(server.get_by_alias)),
        Route(f"{base}/model-versions/search", _searched(server.search_versions)),
        Route(f"{base}/model-versions/get", _read(server.get_version)),
        Route(f"{base}/runs/search", _searched(server.search_runs), methods=["POST"]),
        Route(f"{base}/runs/get", _read(server.get_run)),
        Route(f"{base}/experiments/search", _searched(server.search_groups), methods=["GET", "POST"]),
    ]
    served = Starlette(routes=routes, exception_handlers={404: _page, 405: _page})
    if auth is not None:
        served.add_middleware(_BasicAuth, credentials=auth)
    return served


class NotFound(Exception):
    """Answered with 404 and MLflow's own body; a path that is not there has an HTML page instead."""


class _Server:
    def __init__(self, registry: Registry, version: str) -> None:
        lists_names = tuple(int(part) for part in version.split(".")[:2]) >= (3, 17)
        starts: dict[str, int] = {}
        for run in registry.runs:
            starts[run.experiment_id] = min(run.started, starts.get(run.experiment_id, run.started))
        listed = [Listed(model, item) for model in registry.models for item in model.versions]
        self._model_grammar, self._version_grammar = registry_grammars(lists_names)
        self._run_grammar = run_grammar(lists_names)
        self._models = Table(registry.models, model_values)
        self._versions = Table(listed, version_values)
        self._runs = Table(registry.runs, run_values)
        groups = [Group(key, name, starts.get(key, 0)) for key, name in registry.groups.items()]
        self._groups = Table(groups, group_values)
        self._group_ids = {*starts, *registry.groups}
        self._has_prompts = any(is_prompt(model) for model in registry.models)
        self._version_at = {(row.model.name, row.version.version): row for row in listed}

    def search_models(self, search: Search) -> Row:
        limit = limit_of(search, default=100, most=1000, least=None)
        clauses = parse_filter(search.filter, self._model_grammar)
        orders = parse_orders(search.order_by, self._model_grammar)
        # `timestamp` and `last_updated_timestamp` are two names of one order.
        orders = [Order("attribute", "name" if order.key == "name" else "updated", order.ascending) for order in orders]
        rows = self._models.rows(_without_prompts(clauses), [*orders, Order("attribute", "name", True)])
        if self._has_prompts and not _asks_for_prompts(clauses):
            rows = [model for model in rows if not is_prompt(model)]
        return page_of("registered_models", rows, search, limit, model_row)

    def get_model(self, query: Query) -> Row:
        return {"registered_model": model_row(self._model(_name(query)))}

    def get_by_alias(self, query: Query) -> Row:
        name, alias = _name(query), _required(query, "alias")
        if not re.fullmatch(r"[\w-]+", alias):
            raise Refused(f"Invalid alias name: '{alias}'.")
        model = self._model(name)
        if alias.lower() == "latest" and model.versions:  # reserved: always the highest
            return {"model_version": self._version(name, max(version.version for version in model.versions))}
        if alias not in model.aliases:
            raise Refused(f"Registered model alias {alias} not found.")  # 400, though the model's own absence is 404
        return {"model_version": self._version(name, model.aliases[alias])}

    def search_versions(self, search: Search) -> Row:
        limit = limit_of(search, default=10_000, most=200_000)
        clauses = parse_filter(search.filter, self._version_grammar)
        orders = parse_orders(search.order_by, self._version_grammar)
        defaults = [("name", True), ("version_number", False)]
        if not orders:
            defaults.insert(0, ("last_updated_timestamp", False))
        orders += [Order("attribute", key, ascending) for key, ascending in defaults]
        rows = self._versions.rows(_without_prompts(clauses), orders)
        if self._has_prompts and not _asks_for_prompts(clauses):
            rows = [row for row in rows if not is_prompt(row.model)]
        return page_of("model_versions", rows, search, limit, lambda row: version_row(row.model, row.version))

    def get_version(self, query: Query) -> Row:
        name, text = _name(query), _required(query, "version")
        try:
            number = int(text)  # so `01` finds version 1
        except ValueError:
            raise Refused(f"Parameter 'version' must be an integer, got '{text}'.") from None
        return {"model_version": self._version(name, number)}

    def search_runs(self, search: Search) -> Row:
        limit = limit_of(search, default=1000, most=50_000)
        clauses = parse_filter(search.filter, self._run_grammar)
        orders = parse_orders(search.order_by, self._run_grammar)
        if not any(order.key == "start_time" for order in orders):
            orders.append(Order("attribute", "start_time", False))
        orders.append(Order("attribute", "run_id", True))
        # No experiment ids, no runs and no error; a number where text is meant counts as none.
        wanted = {item for item in search.experiment_ids if isinstance(item, str)}
        if not wanted or search.run_view_type == "DELETED_ONLY":
            return {}
        rows = self._runs.rows(clauses, orders)
        if not wanted >= self._group_ids:
            rows = [run for run in rows if run.experiment_id in wanted]
        return page_of("runs", rows, search, limit, run_row)

    def get_run(self, query: Query) -> Row:
        run_id = query.get("run_id") or query.get("run_uuid") or ""
        if not run_id:
            _required(query, "run_id")
        for run in self._runs.found("run_id", [run_id]):
            return {"run": run_row(run)}
        raise NotFound(f"Run with id={run_id} not found")

    def search_groups(self, search: Search) -> Row:
        limit = limit_of(search, default=0, most=50_000)  # without max_results: refused
        clauses = parse_filter(search.filter, GROUPS)
        orders = parse_orders(search.order_by, GROUPS) or [Order("attribute", "creation_time", False)]
        orders.append(Order("attribute", "experiment_id", True))
        rows = [] if search.view_type == "DELETED_ONLY" else self._groups.rows(clauses, orders)
        return page_of("experiments", rows, search, limit, group_row)

    def _model(self, name: str) -> Model:
        for model in self._models.found("name", [name]):
            return model
        raise NotFound(f"Registered Model with name={name} not found")

    def _version(self, name: str, number: int) -> Row:
        found = self._version_at.get((name, number))
        if found is None:
            raise NotFound(f"Model Version (name={name}, version={number}) not found")
        aliases = sorted(alias for alias, at in found.model.aliases.items() if at == number)
        row = version_row(found.model, found.version)
        return row | {"aliases": aliases} if aliases else row  # the only answers that tell a version's aliases


def _asks_for_prompts(clauses: Sequence[Clause]) -> bool:
    asked = {("=", "true"), ("!=", "false")}
    return any(clause.key == PROMPT and (clause.operator, str(clause.value).lower()) in asked for clause in clauses)


def _without_prompts(clauses: Sequence[Clause]) -> list[Clause]:
    return list(clauses) if _asks_for_prompts(clauses) else [clause for clause in clauses if clause.key != PROMPT]


# ---------------------------------------------------------------- HTTP


def _searched(answer: Callable[[Search], Row]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return _answered(request, lambda: answer(_search(request, body)))

    return endpoint


def _read(answer: Callable[[Query], Row]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return _answered(request, lambda: answer(request.query_params))

    return endpoint


def _answered(request: Request, answer: Callable[[], Row]) -> Response:
    try:
        return _json(200, answer())
    except Refused as refused:
        return _error(400, "INVALID_PARAMETER_VALUE", "INVALID_PARAMETER_VALUE", str(refused))
    except NotFound as missing:
        return _error(404, "RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND", str(missing))
    except Broken as broken:
        if not broken.args:
            return _page(request, broken)
        return _error(500, "INTERNAL_ERROR", "INTERNAL_ERROR", str(broken))


def _search(request: Request, body: bytes) -> Search:
    try:
        if request.method == "POST":
            return msgspec.json.decode(body or b"{}", type=Search)
        query: dict[str, object] = dict(request.query_params)
        query["order_by"] = request.query_params.getlist("order_by")
        return msgspec.convert(query, Search, strict=False)
    except msgspec.DecodeError as error:
        raise Refused(f"Invalid value for parameter supplied: {error}") from None


def _required(query: Query, name: str) -> str:
    value = query.get(name, "")
    if not value:
        raise Refused(f"Missing value for required parameter '{name}'.")
    return value


def _name(query: Query) -> str:
    name = _required(query, "name")
    if "/" in name or ":" in name:
        raise Refused(f"Invalid model name '{name}'. Names cannot contain '/' or ':'.")
    return name


def _json(status: int, body: Row) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json")


def _error(status: int, code: str, kind: str, message: str) -> Response:
    return _json(status, {"error_code": code, "message": message, "sqlstate": "KAM00", "error_class": kind})


def _page(_: Request, error: Exception) -> Response:
    """What is not MLflow's own answer is an HTML page of the web framework beneath it."""
    status = getattr(error, "status_code", 500)
    title = {404: "404 Not Found", 405: "405 Method Not Allowed"}.get(status, "500 Internal Server Error")
    return HTMLResponse(f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n<h1>{title[4:]}</h1>\n", status)


def _text(text: str, media_type: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(_: Request) -> Response:
        return Response(text, media_type=media_type)

    return endpoint


class _BasicAuth:
    """HTTP Basic and nothing else; the health check is open, the version is not."""

    def __init__(self, app: ASGIApp, credentials: tuple[str, str]) -> None:
        self._app = app
        self._expected = b"Basic " + base64.b64encode(":".join(credentials).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope.get("headers", ())).get(b"authorization")
        if scope["type"] != "http" or scope["path"].startswith("/health") or given == self._expected:
            await self._app(scope, receive, send)
            return
        # Called HTML, though it is none.
        refusal = HTMLResponse("You are not authenticated.", 401, headers={"WWW-Authenticate": 'Basic realm="mlflow"'})
        await refusal(scope, receive, send)
