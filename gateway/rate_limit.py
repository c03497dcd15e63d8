"""How much one client may ask: points by the minute, from a bucket that fills as time goes by."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from gateway.codes import RequestCode
from gateway.request import Refused

MAX_CLIENTS = 10_000


class Points(Protocol):
    """Where the points of clients are kept: in this process, or where replicas share them."""

    async def take(self, client: str, points: float, paid: float = 0.0) -> float:
        """Take points, and answer 0.0; or take none, and answer after how many seconds to ask again.

        `paid` were taken for the same operation before, and will be once more when it is asked again.
        """


class Buckets:
    """One bucket a client, in memory.

    Of many clients those seen longest ago are forgotten, which gives them a full bucket again.
    """

    def __init__(
        self,
        per_minute: float,
        burst: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        most: int = MAX_CLIENTS,
    ) -> None:
        self._per_second, self._burst, self._clock, self._most = per_minute / 60, burst, clock, most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, client: str, points: float, paid: float = 0.0) -> float:
        now = self._clock()
        held, at = self._held.pop(client, (self._burst, now))
        held = min(self._burst, held + (now - at) * self._per_second)
        # What costs more than a full bucket is let in by a full one, and leaves a debt; else it could never be asked.
        short = min(points, self._burst - paid) - held
        self._held[client] = (held if short > 0 else held - points, now)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return (short + paid) / self._per_second if short > 0 else 0.0

    def __len__(self) -> int:
        return len(self._held)


async def charge(points: Points | None, client: str, number: float, *, paid: float = 0.0) -> None:
    """Raises Refused where a client has used up its points; without `points` nobody is counted."""
    wait_s = await points.take(client, number, paid) if points is not None else 0.0
    if wait_s > 0:
        raise Refused(
            429,
            "You have asked for more than your share; ask again later.",
            {"Retry-After": str(math.ceil(wait_s))},
            code=RequestCode.RATE_LIMITED,
            more={"retryable": True, "retryAfterMs": math.ceil(wait_s * 1000)},
        )
