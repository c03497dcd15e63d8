"""The only door to a source: what is sent, how often, how long it may take, and what of it is believed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import NamedTuple, cast

import msgspec

from resolvers.credentials import ANONYMOUS, Credential, OpenCredential, Send, StaticCredential
from resolvers.errors import (
    CallerUnauthenticated,
    DeadlineExceeded,
    Overloaded,
    SourceError,
    SourceRateLimited,
    SourceUnavailable,
)
from resolvers.operation import Call, deadline, record, shared
from resolvers.trace import timed
from resolvers.upstream.answers import Answer, accepted, not_now, retry_after_ms
from resolvers.upstream.bulkhead import Bulkhead, FullError
from resolvers.upstream.exchange import Bounds, Broken, Connections
from resolvers.upstream.flights import EndedError, Flight, Flights
from resolvers.upstream.lanes import Lane, Lanes
from resolvers.upstream.retries import ATTEMPTS, RetryBudget
from resolvers.upstream.target import Query, Request, Targets, query_bytes, unusable_as_segment

__all__ = [
    "ANONYMOUS",
    "Answer",
    "Credential",
    "HttpLimits",
    "Query",
    "Request",
    "Send",
    "SourceClient",
    "StaticCredential",
    "query_bytes",
    "retry_after_ms",
    "unusable_as_segment",
]

LEAST_S = 0.1
"""With less time left no request is begun."""
TRIED_AGAIN = (500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bounds of one source: seconds, bytes after decompression, requests in flight, operations that wait for these."""

    attempt_s: float = 3.0
    connect_s: float = 1.0
    source_s: float = 6.0
    """Of all attempts of one call together."""
    response_bytes: int = 8 * 1024 * 1024
    concurrency: int = 8
    queue: int = 64
    queue_s: float = 2.0


class _Outcome(NamedTuple):
    """Of one attempt: an answer or an error. `again`: another may help; `counted`: it says something of the source."""

    era: int
    took_s: float
    answer: Answer | None = None
    error: SourceError | None = None
    again: bool = False
    counted: bool = True

    @property
    def succeeded(self) -> bool:
        """Whether the source works; one that has its limits does."""
        return self.answer is not None and (self.answer.status < 500 or not_now(self.answer))


class SourceClient:
    """Makes the calls of one source. Shared by all requests; holds connections and tokens, never answers."""

    def __init__(
        self,
        name: str,
        base_url: str,
        credentials: Mapping[str, Credential] | None = None,
        limits: HttpLimits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Random | None = None,
    ) -> None:
        self.name = name
        self.limits = limits or HttpLimits()
        self._clock, self._sleep = clock, sleep
        random = random or Random()  # noqa: S311 - spreads retries and probes, keeps no secret
        self._targets = Targets(name, base_url)
        self._credentials = dict(credentials or {"": ANONYMOUS})
        self._bulkhead = Bulkhead(self.limits.concurrency, self.limits.queue, self.limits.queue_s)
        self._retries = RetryBudget(clock, random)
        self._lanes = Lanes(clock, random)
        self._flights: Flights[Answer] = Flights()
        self._connections = Connections(name, self.limits.concurrency)

    async def get(
        self, segments: Sequence[str], query: Query = (), *, also: Sequence[int] = (), credential: str = ""
    ) -> Answer:
        """GET; a status of `also` is answered, every other one past 299 is raised as its SourceError."""
        return accepted(await self._once(Request("GET", segments, query), credential), also)

    async def post(
        self, segments: Sequence[str], body: object, *, also: Sequence[int] = (), credential: str = ""
    ) -> Answer:
        """POST `body` as JSON: for searches only, as nothing of a source is ever changed."""
        return accepted(await self._once(Request("POST", segments, (), body), credential), also)

    async def send(self, request: Request) -> Answer:
        """One call with the first credential that nobody else shares or remembers; every status is answered."""
        lane = self._lanes.of("", self._credentials[""].scope())
        return await self._signed(request, self._targets.path(request), "", lane, Flight())

    def remembers(self, segments: Sequence[str], query: Query = (), *, credential: str = "") -> bool:
        """Whether asking this GET now costs no call: this operation has the answer, or such a call is under way."""
        known = shared()
        request = Request("GET", segments, query)
        key = self._key(request, self._targets.path(request), credential)
        return known is not None and (key in known or key in self._flights)

    async def aclose(self) -> None:
        await self._flights.aclose()
        await self._connections.aclose()
        for credential in self._credentials.values():
            if isinstance(credential, OpenCredential):
                await credential.aclose()

    # ------------------------------------------------------------ one call, for all who ask for it

    async def _once(self, request: Request, name: str) -> Answer:
        """What the operation has already, or a call under way brings, or a new one; a failure is not remembered."""
        path = self._targets.path(request)
        key = self._key(request, path, name)
        known = shared()
        if known is not None and key in known:
            answer, calls = known[key]
            for call in calls:
                record(call)
            return cast("Answer", answer)
        lane = self._lanes.of(name, self._credentials[name].scope())
        self._in_time(lane.gate.closed_s(), deadline())
        try:
            answer, calls = await self._flights.join(key, partial(self._signed, request, path, name, lane))
        except TimeoutError:
            self._in_time(lane.gate.closed_s(), deadline())
            raise DeadlineExceeded(self.name, f"The request's time ended before {self.name} answered.") from None
        except EndedError:
            raise SourceUnavailable(self.name, f"{self.name} is not asked any more.") from None
        if known is not None:
            known[key] = answer, calls
        return answer

    def _key(self, request: Request, path: str, name: str) -> Hashable:
        """Equal for what is answered alike: never across credentials, nor across callers where theirs is used."""
        scope = self._credentials[name].scope()
        body = b"" if request.body is None else msgspec.json.encode(request.body)
        return self.name, name, scope, request.method, path, body

    async def _signed(self, request: Request, path: str, name: str, lane: Lane, flight: Flight) -> Answer:
        async def unsigned(other: Request) -> Answer:
            return await self._tried(other, self._targets.path(other), {}, self._lanes.of("unsigned", ""), flight)

        credential = self._credentials[name]
        headers = await credential.headers(unsigned)
        answer = await self._tried(request, path, headers, lane, flight)
        if answer.status in (401, 403) and await credential.renew(headers, answer, unsigned):
            answer = await self._tried(request, path, await credential.headers(unsigned), lane, flight)
        if answer.status == 401 and credential.scope():
            raise CallerUnauthenticated(self.name, f"{self.name} refused the token of the caller.")
        return answer

    # ------------------------------------------------------------ its attempts

    async def _tried(
        self, request: Request, path: str, headers: Mapping[str, str], lane: Lane, flight: Flight
    ) -> Answer:
        """Up to two attempts, the second where the first says nothing of the request and there is time and budget."""
        self._retries.began()
        spent_s = 0.0
        for left in reversed(range(ATTEMPTS)):
            outcome = await self._attempt(request, path, headers, lane, flight, self.limits.source_s - spent_s)
            spent_s += outcome.took_s
            if outcome.answer is not None and not_now(outcome.answer):
                if not left or not self._reached(lane.gate.closed_s(), flight.ends):
                    return outcome.answer
                continue
            if left == ATTEMPTS - 1:
                self._retries.ended(succeeded=outcome.succeeded)
            wait_s = self._retries.wait_s()
            enough = spent_s + LEAST_S < self.limits.source_s and self._reached(wait_s, flight.ends)
            if not (left and outcome.again and enough and self._retries.take()):
                break
            await self._sleep(wait_s)
        if outcome.counted:
            lane.breaker.tell(outcome.era, succeeded=outcome.succeeded)
        if outcome.error is not None:
            raise outcome.error
        return cast("Answer", outcome.answer)

    async def _attempt(
        self, request: Request, path: str, headers: Mapping[str, str], lane: Lane, flight: Flight, most_s: float
    ) -> _Outcome:
        """One attempt, when its turn comes: of those the source limits, and of the places there are."""
        while True:
            self._unbroken(lane)
            wait_s = lane.gate.wait_s()
            if wait_s:
                self._in_time(wait_s, flight.ends)
                await self._sleep(lane.gate.take())
            else:
                lane.gate.take()
            try:
                async with self._bulkhead.place(flight.operation):
                    # While a place was waited for another call may have been told not to come back yet.
                    if not lane.gate.closed_s():
                        return await self._exchange(request, path, headers, lane, flight, most_s)
            except FullError:
                raise Overloaded(self.name, f"Too many calls wait for {self.name}: ask again.") from None

    async def _exchange(
        self, request: Request, path: str, headers: Mapping[str, str], lane: Lane, flight: Flight, most_s: float
    ) -> _Outcome:
        if not self._reached(0.0, flight.ends):
            raise DeadlineExceeded(self.name, f"The request's time ended before {self.name} was asked.")
        self._unbroken(lane)
        url = self._targets.url(path)
        probing = lane.breaker.open
        era = lane.breaker.enter()
        if era is None:
            raise self._broken(lane)
        # Its own deadline ends nobody's call: who waits no longer leaves, and the last who leaves ends it.
        bounds = Bounds(min(self.limits.attempt_s, most_s), self.limits.connect_s, self.limits.response_bytes)
        record(call := Call(self.name, request.method, url.raw_path))
        began = self._clock()
        try:
            answer = await timed(call, self._connections.exchange(request, url, headers, bounds))
        except Broken as broken:
            full = bounds.seconds == self.limits.attempt_s or broken.again
            took_s = self._clock() - began
            return _Outcome(era, took_s, error=broken.error, again=broken.again and not probing, counted=full)
        except SourceError:
            lane.breaker.tell(era, succeeded=True)
            raise
        took_s = self._clock() - began
        if not_now(answer):
            lane.gate.refused(retry_after_ms(answer.headers) / 1000)
            lane.breaker.tell(era, succeeded=True)
            return _Outcome(era, took_s, answer)
        lane.gate.answered()
        return _Outcome(era, took_s, answer, again=answer.status in TRIED_AGAIN and not probing)

    # ------------------------------------------------------------ reasons not to ask

    def _unbroken(self, lane: Lane) -> None:
        if lane.breaker.wait_s():
            raise self._broken(lane)

    def _broken(self, lane: Lane) -> SourceUnavailable:
        return SourceUnavailable(
            self.name,
            f"{self.name} is not asked for a moment, as its last calls failed.",
            retry_after_ms=int(lane.breaker.wait_s() * 1000) + 1,
        )

    def _in_time(self, wait_s: float, ends: float | None) -> None:
        """Raise where a turn comes too late for an operation that ends then, or later than a call may take."""
        if wait_s and not self._reached(wait_s, ends):
            raise SourceRateLimited(
                self.name, f"{self.name} takes no more calls for now.", retry_after_ms=int(wait_s * 1000) + 1
            )

    def _reached(self, wait_s: float, ends: float | None) -> bool:
        """Whether there is time for a request after a wait."""
        left_s = self.limits.source_s if ends is None else ends - asyncio.get_running_loop().time()
        return left_s - wait_s >= LEAST_S
