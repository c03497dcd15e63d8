"""The application: its addresses, and what opens and closes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.endpoint import Endpoint
from gateway.execution.documents import Documents
from gateway.execution.reference import Reference
from gateway.health import Health
from gateway.settings import Settings
from gateway.sources import close_sources, open_sources
from resolvers.context import Context
from resolvers.links import link_table
from resolvers.search.index import check_fts5
from resolvers.search.sweeps import Sweeps
from schema.build import build_schema


def create_app(settings: Settings, health: Health | None = None) -> Starlette:
    """The gateway as an ASGI application. Raises ValueError where schema and link table disagree.

    Also where SQLite was built without full-text search.
    """
    server = settings.server
    production = server.profile == "production"
    told = health or Health()
    schema = build_schema()
    table = link_table(schema)
    sources = open_sources(settings)
    check_fts5()
    sweeps = Sweeps(settings.search.limits())
    printed = schema.as_str() + "\n"
    endpoint = Endpoint(
        Documents(schema, hide_suggestions=production),
        Reference(schema, hide_suggestions=production),
        lambda: Context(sources, table, sweeps),
        deadline_s=server.deadline_s,
        page=not production,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        told.start()
        try:
            yield
        finally:
            await close_sources(sources)

    async def schema_text(_: Request) -> Response:
        return PlainTextResponse(printed, headers={"Cache-Control": "no-store"})

    app = Starlette(
        routes=[Route("/graphql", endpoint), Route("/schema.graphql", schema_text), *told.routes()],
        lifespan=lifespan,
    )
    # A redirect would make clients repeat their POST, or worse, turn it into a GET.
    app.router.redirect_slashes = False
    return app
