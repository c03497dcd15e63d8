"""Runs the application under uvicorn: listens where the settings say, and stops without dropping a request."""

from __future__ import annotations

import gc
import logging
import math
import socket
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from gateway.health import Health
from gateway.logs import handler
from gateway.settings import Server

_ALLOCATIONS = 20_000
"""Python looks for garbage after so many new objects. At its own 700 that was half the time of an answer of many rows,
more the more of them there were."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError where the address cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((str(address[0]), port), family=family, backlog=2048)


def run(app: ASGIApp, settings: Server, health: Health, listener: socket.socket) -> None:
    """Serve until a signal to stop comes; a second one ends at once."""
    gc.set_threshold(_ALLOCATIONS, 10, 10)
    logging.basicConfig(level=logging.INFO, handlers=[handler()], force=True)
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=math.ceil(settings.deadline_s) + 1,
    )
    _Draining(config, health, settings.drain_s).run(sockets=[listener])


class _Draining(uvicorn.Server):
    """At a signal says that it drains, serves on for `drain_s`, then finishes what is in flight and exits with 0."""

    def __init__(self, config: uvicorn.Config, health: Health, drain_s: float) -> None:
        super().__init__(config)
        self._health, self._drain_s = health, drain_s
        self._stop_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        if self._stop_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._health.drain()
        self._stop_at = time.monotonic() + self._drain_s

    async def on_tick(self, counter: int) -> bool:
        over = self._stop_at is not None and time.monotonic() >= self._stop_at
        return await super().on_tick(counter) or over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            # uvicorn then leaves the application's own end out, and with it the connections to sources.
            await self.lifespan.shutdown()
