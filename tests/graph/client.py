"""A gateway over a company's served systems, asked over HTTP, with the calls each source got."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from gateway.app import create_app
from gateway.demo.company import Company
from gateway.demo.server import ServedApp, ServedCall, serve
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.settings import read


@dataclass(slots=True)
class Graph:
    """`ask` returns the whole answer; `served` are the systems behind, by source name; `asked` is what it was asked."""

    url: str
    session: aiohttp.ClientSession
    served: Mapping[str, ServedApp]
    asked: Sequence[ServedCall] = ()

    async def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The whole answer, errors and all."""
        async with self.session.post(self.url, json={"query": query, "variables": variables}) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def data(self, query: str, **variables: object) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def forget_calls(self) -> None:
        for served in self.served.values():
            served.calls.clear()

    def calls(self, source: str) -> list[ServedCall]:
        """The calls a source got since they were last forgotten, without the token Airflow gives once."""
        return [call for call in self.served[source].calls if call.target != "/auth/token"]


@asynccontextmanager
async def graph_over(
    settings: str, environment: Mapping[str, str], served: Mapping[str, ServedApp]
) -> AsyncIterator[Graph]:
    """A gateway with these settings."""
    app = create_app(read(settings, environment))
    async with serve(app) as gateway, aiohttp.ClientSession() as session:
        yield Graph(f"{gateway.url}/graphql", session, served, gateway.calls)


@asynccontextmanager
async def graph_of(company: Company, more: str = "", server: str = "") -> AsyncIterator[Graph]:
    """A gateway over fakes that serve this company; `more` settings, and those of the server, as they are written."""
    async with (
        serve_company(company, remember=True) as running,
        graph_over(f"[server]\n{server}\n{running.settings}{more}", ENVIRONMENT, running.served) as graph,
    ):
        yield graph
