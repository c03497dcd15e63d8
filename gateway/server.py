"""Runs the application under uvicorn: listens where the settings say, and stops without dropping a request."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import socket
import time
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from gateway.connection import Connection, ConnectionLimits
from gateway.health import Health
from gateway.logs import handler
from gateway.settings import Server

_AT_ONCE_S = 1.0
_COLLECT_S = 30.0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError where the address cannot be had."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server((str(address[0]), port), family=family, backlog=2048)


def run(
    app: ASGIApp,
    settings: Server,
    health: Health,
    listener: socket.socket,
    limits: ConnectionLimits | None = None,
) -> None:
    """Serve until a signal to stop comes; a second one ends at once."""
    logging.basicConfig(level=logging.INFO, handlers=[handler()], force=True)
    # Looking for garbage stops every client: 0.2 s for what was made to start with, which stays, and up to 1.6 s for
    # what 64 operations hold. So all of it is looked through when nobody waits, and otherwise only what is new.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 100)
    limits = limits or ConnectionLimits(settings.max_connections)
    _Draining(configured(app, settings, limits), health, limits, settings.drain_s).run(sockets=[listener])


def configured(app: ASGIApp, settings: Server, limits: ConnectionLimits) -> uvicorn.Config:
    """What uvicorn is told."""
    return uvicorn.Config(
        app,
        http=limits.protocol,
        loop="uvloop",
        ws="none",
        log_config=None,
        log_level="error",  # its warnings are of requests that are no HTTP: anybody could fill the log with them
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_s,
        timeout_graceful_shutdown=math.ceil(settings.deadline_s) + 1,
    )


class _Draining(uvicorn.Server):
    """At a signal says that it drains, serves on for `drain_s`, then finishes what is in flight and exits with 0."""

    def __init__(self, config: uvicorn.Config, health: Health, limits: ConnectionLimits, drain_s: float) -> None:
        super().__init__(config)
        self._health, self._limits, self._drain_s = health, limits, drain_s
        self._stop_at: float | None = None
        self._collected_at = time.monotonic()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        if self._stop_at is not None:
            self.should_exit = self.force_exit = True
            return
        self._health.drain()
        self._limits.draining = True
        for connection in self._connections():
            connection.drain()
        self._stop_at = time.monotonic() + self._drain_s

    async def on_tick(self, counter: int) -> bool:
        if not self.server_state.tasks and time.monotonic() - self._collected_at > _COLLECT_S:
            gc.collect()
            self._collected_at = time.monotonic()
        over = self._stop_at is not None and time.monotonic() >= self._stop_at
        return await super().on_tick(counter) or over

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:
            # To the application they have left: it ends what it does for them.
            for connection in self._connections():
                connection.transport.abort()
            if self.server_state.tasks:
                await asyncio.wait(self.server_state.tasks, timeout=_AT_ONCE_S)
            # uvicorn then leaves the application's own end out, and with it the connections to sources.
            await self.lifespan.shutdown()

    def _connections(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]
