"""With what the calls to a source are signed: the protocol, and the credential that never changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from resolvers.upstream.answers import Answer
from resolvers.upstream.target import Request

Send = Callable[[Request], Awaitable[Answer]]


class Credential(Protocol):
    """How requests to a source are signed. `send` makes a call that is not signed, for fetching tokens."""

    def scope(self) -> str:
        """Whose answers these are: "" for the gateway's own credential, else a hash of what the caller sent.

        Read when a call is asked for, inside the caller's operation. Calls of different scopes share nothing.
        """

    async def headers(self, send: Send) -> Mapping[str, str]: ...

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:
        """Whether a refused request (401 or 403) is worth one more try, with the headers asked for again."""


@runtime_checkable
class OpenCredential(Protocol):
    """A credential with connections of its own, closed with those of its source."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class StaticCredential:
    """Headers that never change; empty for a source that asks for none."""

    fixed: Mapping[str, str] = field(default_factory=dict, repr=False)

    def scope(self) -> str:
        return ""

    async def headers(self, send: Send) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        return self.fixed

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:  # noqa: ARG002
        return False


ANONYMOUS = StaticCredential()
