"""A small server that speaks GrowthBook 5.0.1's protocol over the demo company's experiments; also the tests' fake.

Its answers are held to those recorded from the real server, which no registry offers to install.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from . import growthbook_query as query
from .company import Experiment, Platform
from .growthbook_features import feature_row, sdk_feature
from .growthbook_query import Refused
from .growthbook_rows import (
    Row,
    enhanced_status,
    experiment_row,
    fact_metric_row,
    feature_id,
    has_results,
    iso,
    metric_row,
    project_row,
    results_row,
)

WINDOW_S = 60.0

Handler = Callable[[Request], Awaitable[Response]]


def app(
    platform: Platform,
    *,
    secret: str,
    client_key: str,
    calls_per_minute: int = 60,
    clock: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The REST API under `/api/v1` and `/api/v2` for `secret`, the public SDK payload for `client_key`."""
    server = _Server(platform, client_key)
    limiter = _Limiter(calls_per_minute, clock)

    def guarded(answer: Callable[[Request], Row]) -> Handler:
        async def handle(request: Request) -> Response:
            if (refusal := _refused_key(request, secret)) is not None:
                return refusal
            headers, allowed = limiter.take()
            if not allowed:
                # The real limiter always says a whole window here, however soon it ends.
                headers["Retry-After"] = str(round(WINDOW_S))
                return _json({"message": f"Too many requests, limit to {calls_per_minute} per minute"}, 429, headers)
            if request.method != "GET":
                return _json({"message": "Unknown API endpoint"}, 404, headers)
            try:
                return _json(answer(request), 200, headers)
            except _UnknownEndpoint:
                return _json({"message": "Unknown API endpoint"}, 404, headers)
            except Refused as refused:
                return _json({"message": str(refused)}, 400, headers)

        return handle

    routes = [
        ("/api/v1/experiments", server.experiments),
        ("/api/v1/experiments/results", server.all_results),
        ("/api/v1/experiments/{id}", server.experiment),
        ("/api/v1/experiments/{id}/results", server.results),
        ("/api/v1/experiment-names", server.names),
        ("/api/v1/metrics", server.metrics),
        ("/api/v1/fact-metrics", server.fact_metrics),
        ("/api/v1/projects", server.projects),
        ("/api/v1/version", _version),
        ("/api/v2/features", server.features),
        ("/api/v2/features/{id}", server.feature),
        ("/api/v1/{rest:path}", _unknown),
        ("/api/v2/{rest:path}", _unknown),
    ]
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH"]
    return Starlette(
        routes=[
            Route("/api/features/{key}", server.sdk_payload, methods=["GET"]),
            *(Route(path, guarded(answer), methods=methods) for path, answer in routes),
        ],
        middleware=[Middleware(_RawPaths)],
    )


class _RawPaths:
    """Matches paths before they are decoded, as Express does: an encoded slash stays inside its segment."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app({**scope, "path": scope["raw_path"].decode("latin-1")}, receive, send)


class _UnknownEndpoint(Exception):
    pass


def _version(_: Request) -> Row:
    return {"version": "5.0.1", "commit": "", "date": ""}


def _unknown(_: Request) -> Row:
    raise _UnknownEndpoint


class _Server:
    """What each endpoint answers; rows are made when first asked for and kept as JSON text."""

    def __init__(self, platform: Platform, client_key: str) -> None:
        self._platform = platform
        self._client_key = client_key
        self._experiments = sorted(platform.experiments, key=lambda e: e.created)
        self._by_id = {e.id: e for e in self._experiments}
        self._by_feature = {key: e for e in self._experiments if (key := feature_id(e)) is not None}
        self._served = list(self._by_feature.values())
        self._experiment_json: dict[str, msgspec.Raw] = {}
        self._feature_json: dict[str, msgspec.Raw] = {}
        self._sdk: Response | None = None
        # As a database with an index: the pages of one list do not look through and order all of it again.
        self._listed = lru_cache(maxsize=16)(self._list)

    def experiments(self, request: Request) -> Row:
        asked = _asked(request, query.EXPERIMENTS)
        whole = frozenset(item for item in asked.items() if item[0] not in ("limit", "offset"))
        rows, paging = query.page(self._listed(whole), asked)
        return {"experiments": [self._experiment(row) for row in rows], **paging}

    def _list(self, asked: frozenset[tuple[str, str]]) -> Sequence[Experiment]:
        return query.ordered(query.matching(self._experiments, dict(asked), self._platform), dict(asked))

    def experiment(self, request: Request) -> Row:
        found = self._found(request)
        return {"experiment": {**experiment_row(found), "enhancedStatus": enhanced_status(found)}}

    def names(self, request: Request) -> Row:
        asked = _asked(request, query.NAMES)
        found = query.matching(self._experiments, {**asked, "archived": "false"}, self._platform)
        return {"experiments": [{"id": e.id, "name": e.name} for e in found]}

    def results(self, request: Request) -> Row:
        asked = _asked(request, query.RESULT)
        found = self._found(request)
        # Snapshots of the last phase, with no dimension, are all there are here.
        last = str(len(found.phases) - 1)
        if not has_results(found) or asked.get("phase", last) != last or asked.get("dimension"):
            raise Refused("No results found for that experiment")
        return {"experiment": self._experiment(found), "result": results_row(found, self._platform)}

    def all_results(self, request: Request) -> Row:
        asked = _asked(request, query.RESULTS)
        # Pages count experiments: those without results are left out of a page, not made up for.
        rows, paging = query.page(query.matching(self._experiments, asked, self._platform), asked)
        results = [results_row(e, self._platform) for e in rows if has_results(e)]
        return {"experimentResults": results, **paging, "count": len(results)}

    def features(self, request: Request) -> Row:
        asked = _asked(request, query.FEATURES)
        project = asked.get("projectId")
        found = [e for e in self._served if not project or e.project == project]
        rows, paging = query.page(found, asked)
        return {"features": [self._feature(row) for row in rows], **paging}

    def feature(self, request: Request) -> Row:
        found = self._by_feature.get(unquote(request.path_params["id"]))
        if found is None:
            raise Refused("Could not find a feature with that key")
        return {"feature": self._feature(found)}

    def metrics(self, request: Request) -> Row:
        return self._metric_page(request, "metrics", metric_row, fact=False)

    def fact_metrics(self, request: Request) -> Row:
        return self._metric_page(request, "factMetrics", fact_metric_row, fact=True)

    def projects(self, request: Request) -> Row:
        asked = _asked(request, query.PAGE)
        rows, paging = query.page(list(self._platform.projects.items()), asked)
        return {"projects": [project_row(*row) for row in rows], **paging}

    async def sdk_payload(self, request: Request) -> Response:
        if unquote(request.path_params["key"]) != self._client_key:
            return _json({"status": 400, "error": "Invalid API Key"}, 400, {})
        if self._sdk is None:
            features = {key: sdk_feature(e) for key, e in self._by_feature.items()}
            updated = iso(max((e.updated for e in self._experiments), default=0))
            cache = "public, max-age=30, stale-while-revalidate=3600, stale-if-error=36000"
            body = {"status": 200, "features": features, "dateUpdated": updated}
            self._sdk = _json(body, 200, {"Cache-Control": cache})
        return self._sdk

    def _found(self, request: Request) -> Experiment:
        found = self._by_id.get(unquote(request.path_params["id"]))
        if found is None:
            raise Refused("Could not find experiment with that id")
        return found

    def _experiment(self, experiment: Experiment) -> msgspec.Raw:
        row = self._experiment_json.get(experiment.id)
        if row is None:
            row = self._experiment_json[experiment.id] = _raw(experiment_row(experiment))
        return row

    def _feature(self, experiment: Experiment) -> msgspec.Raw:
        row = self._feature_json.get(experiment.id)
        if row is None:
            row = self._feature_json[experiment.id] = _raw(feature_row(experiment))
        return row

    def _metric_page(self, request: Request, name: str, row: Callable[[str, str], Row], *, fact: bool) -> Row:
        asked = _asked(request, query.METRICS)
        metrics = [item for item in self._platform.metrics.items() if item[0].startswith("fact__") == fact]
        rows, paging = query.page(metrics, asked)
        return {name: [row(*item) for item in rows], **paging}


class _Limiter:
    """Calls in a window that opens with its first call; the one key there is has one window."""

    def __init__(self, calls: int, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock
        self._used = 0
        self._ends = 0.0

    def take(self) -> tuple[dict[str, str], bool]:
        now = self._clock()
        if now >= self._ends:
            self._used, self._ends = 0, now + WINDOW_S
        self._used += 1
        headers = {
            "RateLimit-Limit": str(self._calls),
            "RateLimit-Remaining": str(max(self._calls - self._used, 0)),
            "RateLimit-Reset": str(math.ceil(self._ends - now)),
        }
        return headers, self._used <= self._calls


def _asked(request: Request, takes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    asked = dict(request.query_params)
    query.check(asked, takes)
    return asked


def _refused_key(request: Request, secret: str) -> Response | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return _json({"message": "Missing Authorization header"}, 400, {})
    if scheme not in ("Bearer", "Basic"):
        return _json({"message": "Must use either a Bearer or Basic authentication scheme"}, 400, {})
    if scheme == "Basic":
        try:
            value = base64.b64decode(value).decode("ascii", "replace").partition(":")[0]
        except binascii.Error:
            value = ""
    return None if value.strip() == secret else _json({"message": "Invalid API key"}, 401, {})


def _raw(row: Row) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(row))


def _json(body: Row, status: int, headers: Mapping[str, str]) -> Response:
    content = msgspec.json.encode(body)
    digest = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest())[:27].decode()
    etag = f'W/"{len(content):x}-{digest}"'
    return Response(content, status, {**headers, "ETag": etag, "Content-Type": "application/json; charset=utf-8"})
