"""Who asks: told by the gateway for one operation, read where a rule or a source's credential depends on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Caller:
    """One who asks. `subject` is empty where nobody is known; `token` is what was sent, kept out of every text."""

    subject: str = ""
    roles: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)

    @property
    def scope(self) -> str:
        """What tells apart whose token was sent without telling the token; empty where none was."""
        return sha256(self.token.encode()).hexdigest() if self.token else ""


ANYONE = Caller()

_caller: ContextVar[Caller] = ContextVar("caller", default=ANYONE)


def caller() -> Caller:
    """Who asks the operation this runs in."""
    return _caller.get()


@contextmanager
def asked_by(one: Caller) -> Iterator[None]:
    """Make everything started inside this block asked by one caller."""
    token = _caller.set(one)
    try:
        yield
    finally:
        _caller.reset(token)
