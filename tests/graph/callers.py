"""A graph asked in process by callers of any roles, each answer as the bytes that would be sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import DocumentNode, GraphQLSchema, parse, validate

from gateway.access_settings import access_of
from gateway.answer import Answers
from gateway.demo.company import Company
from gateway.demo.server import ServedApp
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.execution import Operation
from gateway.execution.reference import Reference
from gateway.settings import Settings, read
from gateway.sources import close_sources, open_sources
from resolvers.access import Access
from resolvers.caller import ANYONE, Caller, asked_by
from resolvers.context import Context
from resolvers.links import link_table
from resolvers.mounts import Sources
from resolvers.operation import until
from resolvers.search.sweeps import Sweeps
from resolvers.table import LinkTable
from schema.build import build_schema


@dataclass(slots=True)
class Asked:
    """`text` is the whole answer as it is sent."""

    text: str

    @property
    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def data(self) -> Any:
        return self.answer["data"]

    @property
    def errors(self) -> list[Any]:
        found: list[Any] = self.answer.get("errors", [])
        return found


@dataclass(slots=True)
class Graph:
    """What create_app puts together, without HTTP in front of it."""

    sources: Sources
    sweeps: Sweeps
    access: Access
    table: LinkTable
    schema: GraphQLSchema
    executor: Reference
    served: Mapping[str, ServedApp]

    async def ask(self, query: str, caller: Caller = ANYONE, *, deadline_s: float = 60.0, **variables: object) -> Asked:
        context = Context(self.sources, self.table, self.sweeps, caller, self.access)
        try:
            with until(asyncio.get_running_loop().time() + deadline_s), asked_by(caller):
                outcome = await self.executor.execute(Operation(document(self.schema, query), None, variables), context)
                links = context.link_errors()
        finally:
            await context.aclose()
        return Asked(Answers("application/json", "the-request").executed(outcome, links).body.decode())


@lru_cache(maxsize=200)
def document(schema: GraphQLSchema, text: str) -> DocumentNode:
    """Any that is valid: a test's may be longer than a client's."""
    document = parse(text)
    mistakes = validate(schema, document)
    assert not mistakes, mistakes
    return document


@asynccontextmanager
async def graph_with(settings: Settings, served: Mapping[str, ServedApp] | None = None) -> AsyncIterator[Graph]:
    """A graph of these settings."""
    schema = build_schema()
    sources = open_sources(settings)
    try:
        yield Graph(
            sources,
            Sweeps(settings.search.limits()),
            access_of(settings.access),
            link_table(schema),
            schema._schema,
            Reference(schema),
            served or {},
        )
    finally:
        await close_sources(sources)


@asynccontextmanager
async def callers_of(company: Company, more: str = "", file: str = "settings") -> AsyncIterator[Graph]:
    """A graph over fakes that serve this company; `more` is added to its settings, as if they stood in the file."""
    async with serve_company(company, remember=True) as running:
        settings = read(f"{running.settings}\n{more}", ENVIRONMENT, file)
        async with graph_with(settings, running.served) as graph:
            yield graph
