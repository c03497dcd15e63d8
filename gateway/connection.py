"""One HTTP connection, bounded where uvicorn is not: how long and how large a head, how many, and who does not read.

With uvicorn 0.54, h11 bounds the size of a head, but takes 210 µs for the smallest query where httptools takes 130; and
neither ends a connection that never completes a head, or never takes its answer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.admission import overloaded
from gateway.answer import Answers
from gateway.codes import RequestCode
from gateway.logs import new_request_id
from gateway.request import Refused

HEAD_BYTES = 48 * 1024
"""Of the request line and all headers. The endpoint allows less; this bounds what is kept until it can judge."""
PIPELINED = 16
"""Requests sent ahead of their turn."""
_LINGER_S = 1.0
"""How long a refused client is heard out: closing on what it still sends would take the refusal from it."""
READ_BYTES = 4 * 1024
"""What a reader takes at least between two looks."""
_PROBES = (b"/livez", b"/readyz")


@dataclass(slots=True)
class ConnectionLimits:
    """What all connections of one server share: their bounds, and who has not read its answer yet."""

    most: int = 1000
    """Connections at once; past these, each is told so at its first request, and closed."""
    head_s: float = 10.0
    """From the beginning of the connection, or the first byte of a further request, to the end of the head."""
    reading_s: float = 5.0
    """A client that takes less than 4 KiB of a waiting answer in this time is cut off."""
    unread_bytes: int = 64 * 1024 * 1024
    """Answers that clients have not taken yet, together; past these the one that has waited longest is cut off."""
    draining: bool = False
    """Every answer from now on is the last of its connection."""
    readers: dict[Connection, int] = field(default_factory=dict)
    """Unread bytes, as last looked at; the one that has waited longest comes first."""

    @property
    def protocol(self) -> Any:
        """What uvicorn makes connections with. Any: uvicorn's types ask for a class where it calls a function."""
        return partial(Connection, limits=self)


class Connection(HttpToolsProtocol):
    """A connection that no client keeps for nothing, nor makes the gateway remember more than so much for."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: ConnectionLimits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._head_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None
        self._in_head = self._refused = self._crowded = False
        self._head_size = self._chunks_size = 0
        self._refusal: Refused | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn narrows it
        super().connection_made(transport)
        if len(self.connections) > self._limits.most:
            idle = next((each for each in self.connections if isinstance(each, Connection) and each.idle), None)
            if idle is None:
                self._crowded = True
            else:
                idle.transport.close()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _stop_timer(self._head_timer)
        self._head_timer = None
        self._forget_reader()
        # uvicorn leaves its own running where the connection broke, and holds all of this with it.
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        super().connection_lost(exc)

    @property
    def idle(self) -> bool:
        """Whether it was answered, and has asked for nothing since."""
        return self.timeout_keep_alive_task is not None and not self.transport.is_closing()

    def drain(self) -> None:
        """What it will be answered is its last answer; one that has begun did not say so any more."""
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self.cycle is None or self.cycle.response_complete:
            # Also for what is no head: blank lines, or the rest of a body whose answer did not wait for it.
            self._await_head()
        before = self._in_head
        super().data_received(data)
        # The parser keeps a line of a head until the line ends, and says nothing of it before.
        self._chunks_size = self._chunks_size + len(data) if before and self._in_head else 0
        if self._chunks_size > HEAD_BYTES and not self._refused:
            self._refuse(_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        _stop_timer(self._head_timer)
        self._head_timer = None
        if len(self.pipeline) >= PIPELINED:
            self._stop(Refused(400, "Too many requests were sent ahead of their turn."))
        if self._crowded and self.url.partition(b"?")[0] not in _PROBES:
            self.app = _crowded
        super().on_headers_complete()
        if self._limits.draining or self._crowded:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_reader()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._await_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._forget_reader()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self._await_reader()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text
        self._refuse(self._refusal or Refused(400, "This is not HTTP."))

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.head_s, self._end)

    def _end(self) -> None:
        self._head_timer = None
        self.transport.close()

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_BYTES:
            self._stop(_too_large())

    def _stop(self, refusal: Refused) -> None:
        """Refuse from within the parser, which ends by an error of its own."""
        self._refusal = refusal
        raise refusal

    def _refuse(self, refusal: Refused) -> None:
        """Answer and close; where an earlier request is still being answered, only close: the answers would mix."""
        self._refused = True
        _stop_timer(self._head_timer)
        self._head_timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.close()
            return
        answer = Answers("", new_request_id()).refused(refusal)
        head = (
            f"content-type: {answer.media_type}; charset=utf-8\r\ncontent-length: {len(answer.body)}\r\n"
            "cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(STATUS_LINE[answer.status] + head.encode("ascii") + answer.body)
        self.transport.write_eof()
        self._head_timer = self.loop.call_later(_LINGER_S, self.transport.abort)

    def _await_reader(self) -> None:
        """See to it that what is written is read: what the system's own buffers do not take stays in memory here."""
        readers, size = self._limits.readers, self.transport.get_write_buffer_size()
        if not size or self._reading_timer is not None:
            return
        readers[self] = size
        self._reading_timer = self.loop.call_later(self._limits.reading_s, self._look)
        while sum(readers.values()) > self._limits.unread_bytes:
            next(iter(readers))._cut()

    def _look(self) -> None:
        size = self.transport.get_write_buffer_size()
        if size > self._limits.readers[self] - READ_BYTES:
            self._cut()
        else:
            self._limits.readers[self] = size
            self._reading_timer = self.loop.call_later(self._limits.reading_s, self._look)

    def _cut(self) -> None:
        self._forget_reader()
        self.transport.abort()

    def _forget_reader(self) -> None:
        self._limits.readers.pop(self, None)
        _stop_timer(self._reading_timer)
        self._reading_timer = None


def _stop_timer(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _too_large() -> Refused:
    said = f"The request line and the headers have more than {HEAD_BYTES} bytes."
    return Refused(431, said, code=RequestCode.MAX_HEADERS_LIMIT)


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    refusal = overloaded("The gateway has more connections than it takes.")
    await Answers("", new_request_id()).refused(refusal).send(send)
