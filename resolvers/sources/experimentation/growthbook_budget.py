"""GrowthBook's 60 calls a minute, kept from what its answers tell: no call is sent that is known to be refused."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from resolvers.caller import caller
from resolvers.errors import SourceRateLimited
from resolvers.http import Answer, retry_after_ms

_SAME_WINDOW_S = 2.0
"""`RateLimit-Reset` is in whole seconds, so two answers of one window may disagree by about one."""


class Budgets:
    """The budget of each key that is used: the gateway's one, or that of every caller whose own token is sent."""

    def __init__(self, source: str, clock: Callable[[], float], *, forwarded: bool, most: int = 1000) -> None:
        self._source, self._clock, self._forwarded, self._most = source, clock, forwarded, most
        self._kept: OrderedDict[str, CallBudget] = OrderedDict()

    def mine(self) -> CallBudget:
        """The budget of whoever asks now."""
        whose = caller().scope if self._forwarded else ""
        budget = self._kept.setdefault(whose, CallBudget(self._source, self._clock))
        self._kept.move_to_end(whose)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return budget


class CallBudget:
    """Calls a key has left in the present window, by its last answers (checked on GrowthBook 5.0.1)."""

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._remaining: int | None = None
        self._ends = -math.inf
        self._in_flight = 0

    def require(self, calls: int) -> None:
        """Raise SourceRateLimited where the window is known to hold fewer calls than these."""
        left_s = self._ends - self._clock()
        if self._remaining is not None and left_s > 0 and self._remaining - self._in_flight < calls:
            raise self._limited(math.ceil(left_s * 1000))

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Around one call: it counts as spent until its own answer tells what is left."""
        self.require(1)
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1

    def told(self, headers: Mapping[str, str]) -> None:
        """Take note of an answer's headers; without them (a proxy may strip them) nothing is known."""
        try:
            remaining, reset_s = int(headers["ratelimit-remaining"]), int(headers["ratelimit-reset"])
        except (KeyError, ValueError):
            return
        now = self._clock()
        ends = now + reset_s
        if self._remaining is None or now >= self._ends or ends > self._ends + _SAME_WINDOW_S:
            self._remaining, self._ends = remaining, ends
        else:
            # Answers of concurrent calls may arrive in another order than they were counted.
            self._remaining = min(self._remaining, remaining)

    def refusal(self, answer: Answer) -> SourceRateLimited:
        """The error of a 429: `Retry-After` says a whole window there even when Reset says less, so Reset counts."""
        left_s = self._ends - self._clock()
        return self._limited(math.ceil(left_s * 1000) if left_s > 0 else retry_after_ms(answer.headers))

    def _limited(self, wait_ms: int) -> SourceRateLimited:
        return SourceRateLimited(
            self._source, f"{self._source} takes no more calls in this minute.", retry_after_ms=wait_ms
        )
