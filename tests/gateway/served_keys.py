"""Keys fetched from a served issuer, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.demo.server import serve
from gateway.key_set import FetchedKeys
from resolvers.http import SourceClient


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def fetched(issuer: ASGIApp, clock: Clock | None = None) -> AsyncIterator[FetchedKeys]:
    async def http_only(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await issuer(scope, receive, send)

    async with serve(http_only, remember=False) as served:
        keys = FetchedKeys(SourceClient("the issuer", f"{served.url}/keys"), clock=clock or Clock())
        yield keys
        await keys.aclose()
