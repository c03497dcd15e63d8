"""What a fault at a source did: the sentences of what is wrong, none where the row holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

GRACE_S = 0.25
"""How much later than the deadline an answer may come."""
BACK_S = 10.0
"""How long after a fault the answer may still be another."""


@dataclass(slots=True)
class Result:
    """`calls` of `most_calls` is what the row bounds: requests to the source, or what its name says."""

    row: str
    source: str
    answers: int = 0
    right: int = 0
    slowest_s: float = 0.0
    bound_s: float = 0.0
    calls: int = 0
    most_calls: int = 0
    back_s: float | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults

    def must(self, holds: bool, otherwise: str) -> None:
        if not holds and otherwise not in self.faults:
            self.faults.append(otherwise)

    def note(self, right: bool, *wrong: str) -> None:
        """Count an answer."""
        self.answers += 1
        self.right += right
        for each in wrong:
            self.must(right, each)

    def took(self, seconds: float) -> None:
        self.slowest_s = max(self.slowest_s, seconds)
        self.must(self.slowest_s <= self.bound_s, f"an answer took more than {self.bound_s:g} s")

    def leaked(self, leaks: Iterable[str]) -> None:
        for leak in leaks:
            self.must(False, f"{leak} is shown")
