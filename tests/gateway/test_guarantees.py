"""The numbers in the README's section "What it stands up to" are those of the code and of the tests that hold them.

What each of them does is held elsewhere, by tests of the module it is taken from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from inspect import signature
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from gateway import admission, connection, deadline, jwt_identity, key_set, limits, request
from gateway.admission import Admission
from gateway.client_settings import RateLimit
from gateway.connection import ConnectionLimits
from gateway.identity import MAX_TOKEN_BYTES
from gateway.json_values import DEPTH
from gateway.key_set import FetchedKeys
from gateway.limits_settings import CALLS, CALLS_A_SOURCE, LimitSettings
from gateway.server import configured
from gateway.settings import Server
from gateway.source_settings import GrowthBookLimits, Limits, MlflowLimits, Places
from resolvers.estimate import sizes
from resolvers.http import LEAST_S, TRIED_AGAIN, HttpLimits
from resolvers.paging import MAX_FIRST
from resolvers.upstream import breaker, exchange, retries, strict
from resolvers.upstream.answers import MOST_ROWS, retry_after_ms
from tests.attacks.test_attacks import LIMIT_S, TRIES, _attacks
from tests.faults.result import GRACE_S
from tests.faults.storms import MEMORY_MB
from tests.graph.test_access import ROLES
from tests.graph.test_callers import EACH
from tests.graph.test_cost import QUERIES

KIB, MIB = 1024, 1024 * 1024
README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
_PART = README.partition("## What it stands up to\n")[2].partition("\n## ")[0]
SECTION = re.sub(r"\s+", " ", re.sub(r"```.*?```", "", _PART, flags=re.DOTALL))
"""Without its example, which test_readme.py reads."""
WORDS: Mapping[float, str] = {0.1: "a tenth", 0.2: "a fifth", 0.25: "a quarter", 3: "three", 5: "five", 10: "ten",
                              20: "twenty", 3600: "one hour"}  # fmt: skip

SERVER, LIMITS, OPEN, RATES = Server(), LimitSettings(), ConnectionLimits(), RateLimit()
SOURCE, MLFLOW, GROWTHBOOK = Limits(), MlflowLimits(), GrowthBookLimits()
ADMISSION = {name: parameter.default for name, parameter in signature(Admission).parameters.items()}
KEYS = {name: parameter.default for name, parameter in signature(FetchedKeys).parameters.items()}
STATUSES = ", ".join(str(status) for status in TRIED_AGAIN[:-1]) + f" or {TRIED_AGAIN[-1]}"
MOST_PLACES = TypeAdapter(Places).json_schema()["maximum"]

SAID = [
    f"some {round(len(list(_attacks())), -1)} hostile requests",
    f"in {LIMIT_S} s (in one of {TRIES} tries)",
    # Time
    f"An operation has {SERVER.deadline_s:g} s (`deadline_s`; less by the header `Lifecycle-Deadline-Ms`, "
    f"at least {deadline.LEAST_MS}) and is answered at most {GRACE_S} s later",
    f"a call has {SOURCE.attempt_s:g} s, of them {SOURCE.connect_s:g} s to connect, "
    f"all attempts of one {SOURCE.source_s:g} s",
    f"None begins with less than {LEAST_S} s left",
    # Retries
    f"One more attempt, {retries.WAIT_S[0] * 1000:.0f} to {retries.WAIT_S[1] * 1000:.0f} ms later",
    f"the status is {STATUSES};",
    f"less than {WORDS[retries.ENOUGH]} of the last {retries.WINDOW_CALLS} first attempts",
    f"at most {WORDS[retries.SHARE]} of the calls of {retries.WINDOW_S:g} s, or {WORDS[retries.LEAST]}",
    # "Not now", Down
    f"After a 429, or a 503 with Retry-After (seconds or date, at most "
    f"{retry_after_ms({'retry-after': '999999'}) // 1000} s)",
    f"After {WORDS[breaker.IN_A_ROW]} failures in a row, or half of the last {WORDS[breaker.ENOUGH]} to "
    f"{WORDS[breaker.WINDOW_CALLS]} calls, within {breaker.WINDOW_S:g} s, a source is asked once in "
    f"{breaker.PROBE_S:g} s ({WORDS[breaker.JITTER]} more or less) only",
    "Bad tokens, 404, 429 and what was given up",
    # Slow
    f"At most {SOURCE.concurrency} calls of a source are under way (MLflow {MLFLOW.concurrency}, GrowthBook "
    f"{GROWTHBOOK.concurrency}; `limits.concurrency`, up to {MOST_PLACES}). {SOURCE.queue} operations wait for "
    "a place, "
    f"each {SOURCE.queue_s:g} s",
    # Leaving, Load
    "its calls end with it (250 ms)",
    f"At most {SERVER.max_operations} operations at once: {admission.FIRST} to begin with, down to "
    f"{admission.LEAST} while "
    f"the gateway's own thread computes more than {admission.BUSY:.0%} of its time or is "
    f"{admission.LATE_S * 1000:g} ms "
    f"late. {SERVER.max_waiting} others wait, {ADMISSION['wait_s']} s at most",
    "is answered 503 at once, with Retry-After",
    f"`/readyz` with 503 after {admission._MANY} refusals in {admission._LATELY_S:g} s",
    # Connections
    f"{OPEN.most:,} at once (`max_connections`);",
    "or is answered 503.",
    f"A head has {OPEN.head_s:g} s and {connection.HEAD_BYTES // KIB} KiB, a body {request.BODY_S:g} s, a "
    "connection that "
    f"does nothing {SERVER.keep_alive_s} s",
    f"less than {connection.READ_BYTES // KIB} KiB of an answer in {OPEN.reading_s:g} s is cut off",
    f"once {OPEN.unread_bytes // MIB} MiB lie unread",
    # Size, Right
    f"An answer of a source may have {SOURCE.response_mb:g} MiB once decompressed (GrowthBook "
    f"{GROWTHBOOK.response_mb:g} "
    f"MiB); what is longer is SOURCE_RESPONSE_TOO_LARGE and not read on: 1 GiB in gzip costs less than {MEMORY_MB} MiB",
    f"More than {exchange.HEADER_BYTES // KIB} KiB of headers are SOURCE_BAD_RESPONSE, more than {MOST_ROWS:,} rows",
    f"a key twice in its first {strict.LOOKED_AT_BYTES // KIB} KiB, holds NaN or is nested past {strict.DEPTH} levels",
    # Stopping, limits
    "the exit code is 0;",
    f"body {request.MAX_BODY_BYTES // KIB} KiB, variables {request.MAX_VARIABLES_BYTES // KIB} KiB, JSON "
    f"{DEPTH} levels, "
    f"headers {request.MAX_HEADERS_BYTES // KIB} KiB ({request.MAX_HEADER_BYTES // KIB} KiB each), document "
    f"{limits.CHARACTERS:,} characters, {LIMITS.tokens:,} tokens, {limits.COMMENTS} comments, {limits.OPERATIONS} "
    f"operations, {LIMITS.depth} levels of fields, {LIMITS.aliases} aliases, {LIMITS.root_fields} root fields, "
    f"{LIMITS.directives} directives, {limits.FIELDS:,} fields with every fragment written out, "
    f"{limits.OVERLAPS:,} pairs",
    f"Pages have 1 to {MAX_FIRST} rows",
    f"at most {LIMITS.nodes:,} rows and {CALLS} calls to sources ({CALLS_A_SOURCE} for each source",
    "`Lifecycle-Cost: 1` shows them",
    f"Of {QUERIES} random queries over the demo",
    "at less than 8 times its calls",
    # Identity, access, credentials
    f"signed tokens ({', '.join(key_set.ALGORITHMS)}; `iss`, `aud`, `exp` required; {jwt_identity.LEEWAY_S} s "
    "leeway; at "
    f"most {MAX_TOKEN_BYTES // KIB} KiB)",
    "the answer is the same 401",
    f"once in {KEYS['refresh_s'] / 60:g} minutes, and for an unknown one once in {KEYS['between_s']:g} s at "
    "most; while it "
    f"is down its keys serve {WORDS[KEYS['keep_s']]}, then the answer is 503",
    f"({len(ROLES)} roles, every kind, every path)",
    "RFC 8693",
    "No answer, call, 429,",
    f"two callers, {2 * EACH:,} interleaved questions",
    # Rates and documents
    f"counts 1 point an operation and 1 for each call it may make, by subject or else address, up to "
    f"{RATES.burst:,} at once",
    "past it 429 with Retry-After",
    "its SHA-256",
    # Not guaranteed
    f"a withdrawn key for {KEYS['refresh_s'] / 60:g} minutes",
    f"(owners, tags, variations: {sizes.PARTS} each; datasets of a version: {sizes.DATASETS}; running experiments: "
    f"{sizes.RUNNING})",
    f"past the first {strict.LOOKED_AT_BYTES // KIB} KiB is not noticed",
    "HTTP/1.1",
]


@pytest.mark.parametrize("said", SAID)
def test_the_readme_says_what_holds(said: str) -> None:
    assert said in SECTION


def test_no_other_number_is_in_it() -> None:
    rest = SECTION
    for said in sorted(SAID, key=len, reverse=True):
        rest = rest.replace(said, " ")
    assert re.findall(r"[^|]{0,40}\d[^|]{0,20}", rest) == []


def test_the_defaults_of_the_settings_are_those_of_what_they_set() -> None:
    """Each is written in two places, as a module can be used without settings."""
    assert (ADMISSION["most"], ADMISSION["line"]) == (SERVER.max_operations, SERVER.max_waiting)
    assert OPEN.most == SERVER.max_connections
    assert SERVER.drain_s == 0
    assert HttpLimits() == HttpLimits(
        SOURCE.attempt_s, SOURCE.connect_s, SOURCE.source_s, int(SOURCE.response_mb * MIB), SOURCE.concurrency,
        SOURCE.queue, SOURCE.queue_s,
    )  # fmt: skip


def test_uvicorn_keeps_connections_and_stops_as_the_settings_say() -> None:
    async def app(*_: object) -> None:
        raise NotImplementedError  # only what uvicorn is told is looked at: nothing is served

    config = configured(app, Server(keep_alive_s=7, deadline_s=2.5), ConnectionLimits())
    assert (config.timeout_keep_alive, config.timeout_graceful_shutdown) == (7, 4)
    assert not config.proxy_headers
