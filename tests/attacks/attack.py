"""One hostile request: its bytes on the wire, and what may be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True, slots=True)
class Attack:
    """`codes` are those one of which every error must have; empty where an answer without errors is right, too."""

    name: str
    body: bytes = b""
    codes: frozenset[str] = frozenset()
    statuses: frozenset[int] = frozenset({200, 400, 413})
    method: str = "POST"
    target: str = "/graphql"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    asks_sources: bool = False
    """Whether a source may be asked: a well-formed id of a strange kind is a question like another."""

    def wire(self, host: str) -> bytes:
        """The request as it is sent."""
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {host}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body and "Transfer-Encoding" not in self.headers and "Content-Length" not in self.headers:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body


def asking(name: str, query: str, *codes: str, **more: object) -> Attack:
    """A document; refused with one of these codes."""
    return Attack(name, msgspec.json.encode({"query": query, **more}), frozenset(codes))
