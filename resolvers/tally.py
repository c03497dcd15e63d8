"""Keeps count, for one answer, of what each source was asked and whether all of it came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from resolvers.errors import GraphError, NotAllowed, code_of
from resolvers.loaders import Loaded
from resolvers.operation import Call
from schema.connection import Completeness, ErrorCode, IncompleteReason, SourceOutcome


@dataclass(slots=True)
class _Count:
    calls: set[Call] = field(default_factory=set)
    code: ErrorCode | None = None
    matched: int = 0
    age_ms: int | None = None


class Tally:
    """What one connection or link list was made from."""

    def __init__(self) -> None:
        self._sources: dict[str, _Count] = {}
        self._reasons: set[IncompleteReason] = set()
        self.scanned = 0
        self.error: GraphError | None = None

    def note(self, source: str, loaded: Loaded[Any]) -> None:
        """Count an answer of a source: its calls, and its failure if it is one; what our rules forbid names none."""
        if isinstance(loaded.value, NotAllowed):
            self._reasons.add(IncompleteReason.FORBIDDEN)
            return
        count = self._sources.setdefault(source, _Count())
        for call in loaded.calls:
            self._sources.setdefault(call.source, _Count()).calls.add(call)
        if isinstance(loaded.value, GraphError):
            count.code = count.code or code_of(loaded.value)
            self.error = self.error or loaded.value
            self._reasons.add(_reason(count.code))

    def match(self, source: str, edges: int = 1) -> None:
        """Count edges a source contributed."""
        self._sources.setdefault(source, _Count()).matched += edges

    def aged(self, source: str, age_ms: int) -> None:
        """Say that what a source contributed was read so long ago."""
        self._sources.setdefault(source, _Count()).age_ms = age_ms

    def incomplete(self, reasons: Iterable[IncompleteReason]) -> None:
        self._reasons.update(reasons)

    def completeness(self) -> Completeness:
        return Completeness(
            complete=not self._reasons,
            reasons=sorted(self._reasons, key=lambda reason: reason.name),
            scanned=self.scanned,
            sources=[
                SourceOutcome(
                    source=name,
                    ok=count.code is None,
                    code=count.code,
                    matched=count.matched if count.code is None else count.matched or None,
                    calls=len(count.calls),
                    age_ms=count.age_ms,
                )
                for name, count in sorted(self._sources.items())
            ],
        )

    @property
    def complete(self) -> bool:
        return not self._reasons


def _reason(code: ErrorCode) -> IncompleteReason:
    if code is ErrorCode.FORBIDDEN:
        return IncompleteReason.FORBIDDEN
    if code is ErrorCode.DEADLINE_EXCEEDED:
        return IncompleteReason.TIME_BUDGET
    return IncompleteReason.SOURCE_UNAVAILABLE
