"""The application: its addresses, and what opens and closes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from strawberry import Schema

from gateway.compression import Compression
from gateway.endpoint import Endpoint
from gateway.execution.documents import Documents
from gateway.execution.reference import Reference
from gateway.health import Health
from gateway.page import page, page_routes
from gateway.settings import Settings
from gateway.sources import close_sources, open_sources
from resolvers.context import Context
from resolvers.links import link_table
from resolvers.plan import Plans
from resolvers.search.index import check_fts5
from resolvers.search.sweeps import Sweeps
from schema.build import build_schema, client_sdl


def create_app(settings: Settings, health: Health | None = None) -> Starlette:
    """The gateway as an ASGI application. Raises ValueError where schema and link table disagree.

    Also where SQLite was built without full-text search.
    """
    server = settings.server
    production = server.profile == "production"
    told = health or Health()
    schema = build_schema(server.type_prefix)
    table = link_table(schema)
    sources = open_sources(settings)
    check_fts5()
    sweeps = Sweeps(settings.search.limits())
    endpoint = Endpoint(
        Documents(schema, hide_suggestions=production),
        Reference(schema, hide_suggestions=production),
        lambda: Context(sources, table, sweeps),
        deadline_s=server.deadline_s,
        page=None if production else page(),
        plan=partial(Plans(schema, table).of, sources) if server.explain else None,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        told.start()
        try:
            yield
        finally:
            await close_sources(sources)

    app = Starlette(
        routes=[
            Route("/graphql", endpoint),
            *([] if production else page_routes(server.type_prefix, explain=server.explain)),
            *_schema_routes(schema),
            *told.routes(),
        ],
        middleware=[Middleware(Compression)],
        lifespan=lifespan,
    )
    # A redirect would make clients repeat their POST, or worse, turn it into a GET.
    app.router.redirect_slashes = False
    return app


def _schema_routes(schema: Schema) -> list[Route]:
    """The schema as a part of a supergraph, and as clients generate code from it."""

    def route(path: str, text: str) -> Route:
        async def shown(_: Request) -> Response:
            return PlainTextResponse(text, headers={"Cache-Control": "no-store"})

        return Route(path, shown)

    return [
        route("/schema.graphql", schema.as_str() + "\n"),
        route("/schema.client.graphql", client_sdl(schema) + "\n"),
    ]
