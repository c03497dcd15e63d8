"""What one GraphQL operation carries down to its upstream calls: deadline, record of calls, answers shared in it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One upstream request that was sent; compared by identity, so that a shared call is counted once."""

    source: str
    method: str
    path: str


Shared = dict[object, tuple[object, tuple[Call, ...]]]
"""Answers of one operation by request, with the calls each took: a request is never sent twice for one operation."""

_shared: ContextVar[Shared | None] = ContextVar("shared", default=None)
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_calls: ContextVar[list[Call] | None] = ContextVar("calls", default=None)


def deadline() -> float | None:
    """The event loop's time by which the operation must be answered, or None outside of one."""
    return _deadline.get()


def shared() -> Shared | None:
    """What this operation has asked already, or None outside of one."""
    return _shared.get()


def operation() -> Hashable:
    """What tells this operation from the others under way; None outside of one."""
    known = _shared.get()
    return None if known is None else id(known)


def detached(calls: list[Call]) -> Context:
    """This context for a task that belongs to no operation: no deadline, nothing shared, and calls recorded here."""
    context = copy_context()
    context.run(_deadline.set, None)
    context.run(_shared.set, None)
    context.run(_calls.set, calls)
    return context


@contextmanager
def until(moment: float) -> Iterator[None]:
    """Make everything started inside this block one operation, with its deadline (event loop time, seconds)."""
    token, other = _deadline.set(moment), _shared.set({})
    try:
        yield
    finally:
        _deadline.reset(token)
        _shared.reset(other)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """Collect the calls sent inside this block, by this task and the tasks it starts; an outer block has them too."""
    calls: list[Call] = []
    outer = _calls.get()
    token = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(token)
        if outer is not None:
            outer.extend(calls)


def record(call: Call) -> None:
    """Note a call that is being sent."""
    calls = _calls.get()
    if calls is not None:
        calls.append(call)
