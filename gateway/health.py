"""Whether the gateway lives and whether it should be sent requests; neither depends on a source."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


class Health:
    """What the probes are told. A source that is down shows in the graph, not here."""

    def __init__(self) -> None:
        self._started = False
        self._draining = False
        self.overloaded: Callable[[], bool] = lambda: False
        """Whether so much is refused that others should be asked instead."""

    def start(self) -> None:
        self._started = True

    def drain(self) -> None:
        """Say that no more requests should come, while those that come are still answered."""
        self._draining = True

    def routes(self) -> list[Route]:
        return [Route("/livez", self._live), Route("/readyz", self._ready)]

    async def _live(self, _: Request) -> Response:
        return _told(200, "alive")

    async def _ready(self, _: Request) -> Response:
        if self._draining:
            return _told(503, "draining")
        if self.overloaded():
            return _told(503, "overloaded")
        return _told(200, "ready") if self._started else _told(503, "starting")


def _told(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status, {"Cache-Control": "no-store"})
