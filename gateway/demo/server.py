"""Serves an ASGI application on a loopback port, and remembers the requests it was sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.connection import ConnectionLimits


@dataclass(frozen=True, slots=True)
class ServedCall:
    """One request as it arrived: `target` is the raw path with its query."""

    method: str
    target: str
    body: bytes


@dataclass(slots=True)
class ServedApp:
    """A running application; `calls` grows with each request."""

    url: str
    calls: list[ServedCall] = field(default_factory=list)


@asynccontextmanager
async def serve(
    app: ASGIApp, port: int = 0, *, remember: bool = True, limits: ConnectionLimits | None = None
) -> AsyncIterator[ServedApp]:
    """Serve on 127.0.0.1 until the block ends; port 0 takes a free one. Raises OSError where the port is taken.

    With `remember` off the requests are not kept, for servers that run long. `limits` are those of a gateway.
    """
    # The protocol is said, as asyncio switches Nagle off only where it knows it is TCP: 43 ms a small answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    served = ServedApp(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(
        _recording(app, served.calls) if remember else app,
        http=limits.protocol if limits else "auto",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.005)
        yield served
    finally:
        server.stop()
        await task
        listener.close()


class _Quiet(uvicorn.Server):
    """Leaves signals to whoever runs the event loop, and stops at once when told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self.told.set()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)

    async def main_loop(self) -> None:
        # uvicorn's own ticks keep the Date header right; between them it would not see that it is to stop.
        counter = 0
        while not self.told.is_set():
            await self.on_tick(counter)
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self.told.wait(), 0.1)


def _recording(app: ASGIApp, calls: list[ServedCall]) -> ASGIApp:
    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        query = scope["query_string"].decode("latin-1")
        target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        calls.append(ServedCall(scope["method"], target, bytes(body)))
        whole: Message | None = {"type": "http.request", "body": bytes(body), "more_body": False}

        async def replay() -> Message:
            nonlocal whole
            if whole is not None:
                message, whole = whole, None
                return message
            return await receive()

        await app(scope, replay, send)

    return recording
