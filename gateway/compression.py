"""Makes answers smaller for their way to the client: by br, zstd or gzip, whichever it likes best."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping

import brotli  # type: ignore[import-untyped]  # it says nothing of its types
import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.negotiation import weights

MIN_BYTES = 1024
"""Below this an answer fits one packet as it is."""
_IN_THREAD_BYTES = 64 * 1024
"""From here on it would hold up the other requests by milliseconds."""
_TEXT = ("application/json", "application/graphql-response+json", "application/javascript", "image/svg+xml", "text/")

# Of equal weight the first is taken: br, as @whatwg-node/node-fetch 0.9.3 (in graphql-codegen) offers zstd even on a
# Node 20 that cannot read it, and fails. Of the two levels the first is for answers made once (50 MB/s and more on one
# core), the second for what is kept: a sixth smaller, at 10 MB/s.
_LEVELS = {"br": (4, 9), "zstd": (3, 12), "gzip": (6, 9)}
_CODINGS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "br": lambda body, level: bytes(brotli.compress(body, quality=level)),
    "zstd": zstandard.compress,
    "gzip": lambda body, level: gzip.compress(body, level, mtime=0),
}


class Compression:
    """ASGI middleware. Whole answers of text are compressed; streams, and what is encoded already, pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coding = accepted(Headers(scope=scope).getlist("accept-encoding"))
        start: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            if start is not None:
                started, start = start, None
                message = await _compressed(started, message, coding)
                await send(started)
            await send(message)

        await self._app(scope, receive, compressing)


def accepted(headers: Iterable[str]) -> str | None:
    """The coding a client's Accept-Encoding prefers; None where it takes none of ours."""
    asked = weights(headers)

    def weight(coding: str) -> float:
        return asked.get(coding, asked.get("*", 0.0))

    best = max(_CODINGS, key=weight)
    return best if weight(best) > 0 else None


async def encoded(body: bytes, coding: str, *, kept: bool = False) -> bytes:
    """The body in this coding; a long one is worked on beside the event loop."""
    encode, level = _CODINGS[coding], _LEVELS[coding][kept]
    return await asyncio.to_thread(encode, body, level) if len(body) >= _IN_THREAD_BYTES else encode(body, level)


async def _compressed(start: Message, message: Message, coding: str | None) -> Message:
    """The body to send; `start` gets the headers that go with it."""
    headers = MutableHeaders(raw=start["headers"])
    if not headers.get("content-type", "").startswith(_TEXT) or "content-encoding" in headers:
        return message
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    body = message.get("body", b"")
    if coding is None or message.get("more_body", False) or len(body) < MIN_BYTES:
        return message
    body = await encoded(body, coding)
    headers["content-encoding"] = coding
    headers["content-length"] = str(len(body))
    return {**message, "body": body}
