"""The application: its addresses, and what opens and closes with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from graphql import DocumentNode
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from gateway.access_settings import access_of
from gateway.admission import Admission
from gateway.compression import Compression
from gateway.endpoint import Endpoint
from gateway.entrance import Entrance
from gateway.execution.documents import Documents
from gateway.execution.reference import Reference
from gateway.health import Health
from gateway.page import page, page_routes
from gateway.peer import Proxies
from gateway.schema_texts import SchemaTexts
from gateway.security_headers import SecurityHeaders
from gateway.settings import Settings
from gateway.sources import close_sources, open_sources
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.estimate.house import House
from resolvers.links import link_table
from resolvers.plan import PlannedLink, Plans
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
    access = access_of(settings.access)
    sweeps = Sweeps(settings.search.limits())
    proxies = Proxies(server.trusted_proxies)
    entrance = Entrance(
        settings.identity.opened(proxies), settings.rate_limit.points(), settings.documents.trusted(), proxies
    )

    def may_introspect(caller: Caller) -> bool:
        return settings.limits.may_introspect(caller.roles, production=production)

    def context(caller: Caller) -> Context:
        return Context(sources, table, sweeps, caller, access)

    house = House(sources, settings.search.calls, server.type_prefix)
    plans = Plans(schema, table)

    def plan(
        caller: Caller, document: DocumentNode, name: str | None, variables: Mapping[str, object]
    ) -> Iterable[PlannedLink]:
        return plans.of(replace(house, sources=context(caller).sources), document, name, variables)

    admission = Admission(server.max_operations, server.max_waiting)
    told.overloaded = lambda: admission.overloaded
    endpoint = Endpoint(
        Documents(schema, limits=settings.limits.of_documents(), hide_suggestions=production),
        Reference(schema, hide_suggestions=production),
        context,
        entrance=entrance,
        costs=settings.limits.costs(schema, house),
        may_introspect=may_introspect,
        admission=admission,
        deadline_s=server.deadline_s,
        page=None if production else page(),
        plan=plan if server.explain else None,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        told.start()
        try:
            yield
        finally:
            await close_sources(sources)
            await entrance.aclose()

    texts = SchemaTexts(entrance, may_introspect)
    app = Starlette(
        routes=[
            Route("/graphql", endpoint),
            *([] if production else page_routes(server.type_prefix, explain=server.explain)),
            texts.route("/schema.graphql", schema.as_str() + "\n"),
            texts.route("/schema.client.graphql", client_sdl(schema) + "\n"),
            *told.routes(),
        ],
        middleware=[Middleware(SecurityHeaders), *_cors(server.cors_origins), Middleware(Compression)],
        lifespan=lifespan,
    )
    # A redirect would make clients repeat their POST, or worse, turn it into a GET.
    app.router.redirect_slashes = False
    return app


def _cors(origins: Sequence[str]) -> list[Middleware]:
    """Lets pages of these origins ask, with a token they hold themselves: never with a cookie of the browser's."""
    if not origins:
        return []
    headers = ("Authorization", "Content-Type", "Lifecycle-Deadline-Ms", "Lifecycle-Cost")
    said = ("Retry-After",)
    allowed = Middleware(
        CORSMiddleware, allow_origins=origins, allow_methods=["POST"], allow_headers=headers, expose_headers=said
    )
    return [allowed]
