"""What one operation asked of its sources, and when: kept only where its client asked for a trace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from resolvers.operation import Call

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, in milliseconds since the operation began."""

    began_ms: float
    ended_ms: float


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch method of one adapter: for which keys it was asked, and the calls it took."""

    source: str
    method: str
    keys: Sequence[object]
    span: Span
    calls: tuple[Call, ...]


class Trace:
    """Batches and calls in the order in which they ended."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.batches: list[Batch] = []
        self.calls: dict[Call, Span] = {}

    def now(self) -> float:
        """Milliseconds since the operation began."""
        return (time.perf_counter() - self._began) * 1000


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def tracing() -> Iterator[Trace]:
    """Note what is asked inside this block, by this task and the tasks it starts."""
    trace = Trace()
    token = _trace.set(trace)
    try:
        yield trace
    finally:
        _trace.reset(token)


async def timed(call: Call, exchange: Awaitable[T]) -> T:
    """Note how long a call took, however it ended."""
    trace = _trace.get()
    if trace is None:
        return await exchange
    began = trace.now()
    try:
        return await exchange
    finally:
        trace.calls[call] = Span(began, trace.now())


@contextmanager
def batched(method: object, keys: Sequence[object], calls: Sequence[Call]) -> Iterator[None]:
    """Note a batch of an adapter; `calls` is filled while the block runs. What no adapter answers is not noted."""
    trace = _trace.get()
    source = getattr(getattr(getattr(method, "__self__", None), "profile", None), "name", None)
    if trace is None or source is None:
        yield
        return
    began = trace.now()
    try:
        yield
    finally:
        name = str(getattr(method, "__name__", ""))
        trace.batches.append(Batch(source, name, keys, Span(began, trace.now()), tuple(calls)))
