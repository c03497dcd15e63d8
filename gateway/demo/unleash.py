"""An Unleash of the demo: its own HTTP protocol, as 7.5.1 speaks it, over plain experiments.

One environment is real, the `production` beside it is empty. Only what reads flags is here; the rest is not found.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable, Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.demo.company import Platform
from gateway.demo.unleash_flags import Flag, Row, flag
from gateway.demo.unleash_rows import client_row, export_rows, feature_row, search_row
from gateway.demo.unleash_search import BadDataError, UnknownError, like, search

VERSION = "7.5.1"
INSTANCE = "00000000-0000-4000-8000-000000000751"
PAGE = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head><title>Unleash</title></head><body><div id="app"></div></body></html>\n'
)

Endpoint = Callable[[Request], Awaitable[Response]]


def app(platform: Platform, *, client_token: str, admin_token: str, environment: str = "development") -> Starlette:
    """`state.exports` counts the exports: each writes an event into Unleash's log."""
    unleash = _Unleash(platform, client_token, admin_token, environment)
    client, admin = unleash.client, unleash.admin
    served = Starlette(
        routes=[
            Route("/health", unleash.open(unleash.health)),
            Route("/api/client/features", client(unleash.client_features)),
            Route("/api/client/features/{name}", client(unleash.client_feature)),
            Route("/api/client{rest:path}", client(unleash.no_path)),
            Route("/api/admin/ui-config", admin(unleash.ui_config)),
            Route("/api/admin/search/features", admin(unleash.search)),
            Route("/api/admin/features-batch/export", admin(unleash.export), methods=["POST"]),
            Route("/api/admin/projects/{project}/features/{name}", admin(unleash.feature)),
            Route("/api{rest:path}", admin(unleash.no_path), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/{rest:path}", unleash.open(unleash.page)),
        ],
    )
    served.state.exports = 0
    return served


class _Unleash:
    def __init__(self, platform: Platform, client_token: str, admin_token: str, environment: str) -> None:
        users: dict[str, int] = {}
        self.flags = {e.key: flag(e, users.setdefault(e.owner, len(users) + 1)) for e in platform.experiments}
        self.live = {
            name: msgspec.Raw(msgspec.json.encode(client_row(flag)))
            for name, flag in self.flags.items()
            if flag.archived is None
        }
        self.client_token, self.admin_token = client_token, admin_token
        self.environment = environment
        self.environments = (environment, "production" if environment != "production" else "development")

    # ------------------------------------------------------------ who asks

    def client(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") not in (self.client_token, self.admin_token):
                said = "This endpoint requires an API token. Please add an authorization header to your request with a "
                return json({"message": said + "valid token"}, 401)
            return await answered(endpoint, request)

        return checked

    def admin(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            token = request.headers.get("authorization")
            if token == self.client_token:
                return wrong_token()
            said = "You must log in to use Unleash."
            if token is None:
                said += " Your request had no authorization header, so we could not authorize you."
                return error(401, "AuthenticationRequired", f"{said} Try logging in at /auth/simple/login")
            if token != self.admin_token:
                return error(401, "UnauthorizedError", said)
            return await answered(endpoint, request)

        return checked

    def open(self, endpoint: Endpoint) -> Endpoint:
        """Open to all but an SDK's token, which is refused everywhere but under /api/client."""

        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") == self.client_token:
                return wrong_token()
            return await endpoint(request)

        return checked

    # ------------------------------------------------------------ what SDKs read

    async def client_features(self, request: Request) -> Response:
        """Live flags of one environment. Unknown parameters, and environment and project, change nothing."""
        terms = request.query_params
        query: Row = {"project": ["default"], "environment": self.environment, "inlineSegmentConstraints": True}
        kept: list[Flag] = [flag for flag in self.flags.values() if flag.archived is None]
        if asked := terms.getlist("tag"):
            query["tag"] = tags = [tag_asked(text, index) for index, text in enumerate(asked)]
            kept = [flag for flag in kept if not flag.tags.isdisjoint(tags)]
        if prefixes := terms.getlist("namePrefix"):
            if len(prefixes) > 1:
                listed = ",".join(f'"{prefix}"' for prefix in prefixes)
                raise BadDataError({"message": f'"namePrefix" must be a string. You provided [{listed}].'})
            if not prefixes[0]:
                raise BadDataError({"message": '"namePrefix" is not allowed to be empty.'})
            query["namePrefix"] = prefixes[0]
            pattern = like(f"{prefixes[0]}%")
            kept = [flag for flag in kept if pattern.fullmatch(flag.name)]
        hashed = f"{zlib.crc32(msgspec.json.encode(query)):08x}"
        meta = {"revisionId": len(self.flags), "etag": f'"{hashed}:{len(self.flags)}:v1"', "queryHash": hashed}
        if request.headers.get("if-none-match") == meta["etag"]:
            return Response(status_code=304)
        rows = [self.live[flag.name] for flag in kept]
        answer = json({"version": 2, "features": rows, "query": query, "meta": meta})
        answer.headers["ETag"] = str(meta["etag"])
        return answer

    async def client_feature(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.live:
            return error(404, "NotFoundError", f"Could not find feature flag {name}", identified=False)
        return json(self.live[name])

    # ------------------------------------------------------------ what the admin UI reads

    async def search(self, request: Request) -> Response:
        terms = {name: request.query_params.getlist(name) for name in request.query_params}
        hits, total = search(self.flags.values(), self.environments, terms)
        ours = self.environment
        return json({"features": [search_row(h.flag, h.tags, h.environments, ours) for h in hits], "total": total})

    async def feature(self, request: Request) -> Response:
        """One live flag with its strategies, without its tags."""
        project, name = request.path_params["project"], request.path_params["name"]
        flag = self.flags.get(name)
        if flag is None or flag.project != project:
            said = f'There\'s no feature named "{name}" in project "{project}"'
            said += "." if flag is None else f', but there\'s a feature with that name in project "{flag.project}"'
            return error(404, "NotFoundError", said, identified=False)
        if flag.archived is not None:
            return error(404, "NotFoundError", f"Could not find feature flag with name {name}", identified=False)
        return json(feature_row(flag, self.environments, self.environment))

    async def export(self, request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=_ExportQuery)
        except msgspec.ValidationError as bad:
            raise BadDataError({"message": str(bad), "path": "/body"}) from None
        except msgspec.DecodeError as bad:
            return json({"message": str(bad)}, 400)
        names = self.exported(asked)
        flags = [self.flags[name] for name in sorted(names) if name in self.flags]
        request.app.state.exports += 1
        return json(export_rows(flags, asked.environment, self.environments, self.environment))

    def exported(self, asked: _ExportQuery) -> set[str]:
        if asked.tag is not None:
            # Only the value is compared: `model:ranker` finds nothing.
            return {flag.name for flag in self.flags.values() if any(value == asked.tag for _, value in flag.tags)}
        if asked.features:
            return set(asked.features)
        if asked.features is None and asked.project is None:
            said = "The `/body/features` property is required. It was not present on the data you sent."
            raise BadDataError({"message": said, "path": "/body/features"})
        live = (self.flags[name] for name in self.live)
        return {flag.name for flag in live if asked.project in (None, flag.project)}

    async def ui_config(self, _: Request) -> Response:
        current = {"oss": VERSION, "enterprise": ""}
        info = {"current": current, "latest": {}, "isLatest": True, "instanceId": INSTANCE}
        return json({"environment": "Open Source", "version": VERSION, "versionInfo": info, "flags": {}})

    async def health(self, _: Request) -> Response:
        return json({"health": "GOOD"})

    async def no_path(self, request: Request) -> Response:
        return error(404, "NotFoundError", f"The path you were looking for ({request.url.path}) is not available.")

    async def page(self, _: Request) -> Response:
        """Whatever is not under /api is the admin UI: 200 and HTML, not a 404."""
        return Response(PAGE, media_type="text/html")


class _ExportQuery(msgspec.Struct):
    environment: str
    features: list[str] | None = None
    tag: str | None = None
    project: str | None = None


def tag_asked(text: str, index: int) -> tuple[str, str]:
    if re.search(r"\w+:.+", text) is None:
        said = f'"tag[{index}]" with value "{text}" fails to match the tag pattern. You provided "{text}".'
        raise BadDataError({"message": said})
    kind, value, *rest = text.split(":")
    if rest:
        raise UnknownError("unequal number of entries in row expressions")
    return kind, value


async def answered(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except BadDataError as bad:
        said = "Request validation failed: your request body or params contain invalid data."
        return error(400, "BadDataError", f"{said} Refer to the `details` list for more information.", bad.details)
    except UnknownError as bad:
        return error(500, "UnknownError", str(bad), identified=False)


def wrong_token() -> Response:
    return json({"message": "invalid token: expected a different token type for this endpoint"}, 403)


def error(status: int, name: str, said: str, details: list[Row] | None = None, *, identified: bool = True) -> Response:
    body: Row = {"name": name, "message": said, "details": details or [{"message": said}]}
    return json({"id": INSTANCE, **body} if identified else body, status)


def json(body: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, media_type="application/json; charset=utf-8")
