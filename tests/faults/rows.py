"""The table of the campaign: which fault, at which source, and what an answer may then be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.faults.judge import Expected
from tests.faults.questions import SOURCES

Options = Mapping[str, object]

UNAVAILABLE = "SOURCE_UNAVAILABLE"
BAD = "SOURCE_BAD_RESPONSE"
TIMEOUT = ("SOURCE_TIMEOUT", "DEADLINE_EXCEEDED")
DOWN = (UNAVAILABLE,)
"""The code of what is not asked while the breaker is open: any row whose fault counts as a failure has it too."""

MLFLOW, AIRFLOW, GROWTHBOOK = SOURCES


OF_ROWS = ("replace_json", "set_field", "drop_field", "dup_items", "cursor", "total")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `options` are for every source, `of` for one each; only sources in `of` are tried where it is given.

    `fast` bounds an answer to 1.5 s, otherwise the
    deadline does. `upstream` is how often a call of a healthy answer
    may be sent again.
    """

    name: str
    fault: str
    expected: Expected
    options: Options = field(default_factory=dict)
    of: Mapping[str, Options] = field(default_factory=lambda: {source: {} for source in SOURCES})
    fast: bool = False
    upstream: float = 2.0

    @property
    def own(self) -> bool:
        """Whether it is about a product's own rows and pages: then each source has another adapter to show."""
        return any(self.of.values()) or len(self.of) < len(SOURCES) or self.fault in OF_ROWS

    def options_of(self, source: str) -> dict[str, object]:
        return {**self.options, **self.of[source]}


def _broken(name: str, fault: str, *codes: str, fast: bool = False, **options: object) -> Row:
    """The source is of no use: what is its own is missing and said."""
    return Row(name, fault, Expected((*codes, *DOWN)), options, fast=fast)


def _healed(name: str, fault: str, **options: object) -> Row:
    """Nobody notices."""
    return Row(name, fault, Expected(whole=True), options)


def _rows(name: str, fault: str, expected: Expected, of: Mapping[str, Options], **options: object) -> Row:
    return Row(name, fault, expected, options, of)


_ALL: Mapping[str, Options] = {source: {} for source in SOURCES}
_BATCHES: Mapping[str, Options] = {
    MLFLOW: {"path": "name%20IN|run_id%20IN"},
    AIRFLOW: {"path": "prefix_pattern"},
    GROWTHBOOK: {"path": "experiments.*dateCreated.*offset"},
}
"""Calls that read things by their keys, many at a time."""
_LISTS: Mapping[str, Options] = {
    MLFLOW: {"path": "registered-models/search.max_results=21"},
    AIRFLOW: {"path": "dags.order_by=dag_id"},
    GROWTHBOOK: {"path": "experiments.sortBy=name"},
}
"""Calls that list."""


def _with(of: Mapping[str, Options], **more: Options) -> dict[str, Options]:
    return {source: {**options, **more[key]} for key, source in _KEYS.items() if (options := of[source]) is not None}


_KEYS = {"mlflow": MLFLOW, "airflow": AIRFLOW, "growthbook": GROWTHBOOK}
_TEXT = {"mlflow": {"field": "description"}, "airflow": {"field": "description"}, "growthbook": {"field": "hypothesis"}}
_NAME = {"mlflow": {"field": "name"}, "airflow": {"field": "dag_id"}, "growthbook": {"field": "id"}}
_TIME = {
    "mlflow": {"field": "creation_timestamp"},
    "airflow": {"field": "is_paused"},
    "growthbook": {"field": "variations"},
}
_MORE = _with(_BATCHES, **_NAME)
_SPOILED = Expected((BAD, *DOWN))

ROWS: tuple[Row, ...] = (
    # ---- no connection, or none that holds
    _broken("refuse", "refuse", fast=True),
    _broken("rst on accept", "rst_on_accept", fast=True),
    _broken("rst", "rst", fast=True),
    _broken("garbage", "garbage", BAD, fast=True),
    _broken("close, no reply", "close_no_reply", fast=True),
    Row("close, no reply, once", "close_no_reply", Expected(whole=True), {"first": 1}),
    Row("stale keep-alive", "stale_keepalive", Expected(DOWN), {}),
    # ---- answers cut short
    _broken("rst mid body", "rst_mid_body", BAD),
    _broken("close mid body", "close_mid_body", BAD),
    _broken("chunks cut", "chunked_truncated", BAD),
    _broken("chunks without an end", "chunked_truncated", BAD, whole=True),
    _broken("length too long", "bad_content_length", BAD),
    _broken("length too short", "bad_content_length", BAD, by=-10),
    _broken("no length, cut", "close_delimited_cut", BAD),
    _broken("half of the JSON", "truncated_json", BAD),
    # ---- slow
    _broken("slow headers", "slow_headers", *TIMEOUT),
    _broken("slow body", "slow_body", *TIMEOUT),
    _broken("black hole", "blackhole", *TIMEOUT),
    _broken("endless 1xx", "endless_1xx", *TIMEOUT),
    _broken("latency 8 s", "latency", *TIMEOUT, ms=8000),
    _healed("latency on some", "latency", p=0.5, ms=50),
    # ---- statuses
    _broken("500", "status", "SOURCE_ERROR", status=500),
    _broken("502", "status", status=502),
    _broken("503", "status", status=503),
    _broken("503, Retry-After 1", "status", "SOURCE_RATE_LIMITED", status=503, retry_after="1"),
    _broken("404 of a proxy", "status", BAD, status=404, body='{"message": "no Route matched with those values"}'),
    Row("429, Retry-After 1", "status", Expected(("SOURCE_RATE_LIMITED",)), {"status": 429, "retry_after": "1"}),
    Row("429, a date", "status", Expected(("SOURCE_RATE_LIMITED",)), {"status": 429, "retry_after": "date:1"}),
    Row("429, garbage", "status", Expected(("SOURCE_RATE_LIMITED",)), {"status": 429, "retry_after": "soon"}),
    Row("401", "status", Expected(("SOURCE_AUTH_FAILED",)), {"status": 401}),
    Row("token of 3 calls", "expire_token", Expected(("SOURCE_AUTH_FAILED",)), {"ok": 3}, {AIRFLOW: {}}, upstream=3.0),
    _rows("token expired", "expire_token", Expected(("SOURCE_AUTH_FAILED",)), {GROWTHBOOK: {"ok": 3}}),
    _rows(
        "403 for one thing",
        "status",
        Expected(("FORBIDDEN",), silent=True),
        {
            MLFLOW: {"path": "registered-models/get"},
            AIRFLOW: {"path": "cbb0e0f6$"},
            GROWTHBOOK: {"path": "v1/metrics"},
        },
        status=403,
    ),
    # ---- well-formed answers of somebody else
    _broken("login page", "html_login", BAD, "SOURCE_AUTH_FAILED"),
    _broken("text/html", "wrong_content_type", BAD),
    _broken("text/plain", "wrong_content_type", BAD, type="text/plain"),
    _broken("empty 200", "empty_200", BAD),
    _broken("null", "replace_json", BAD, text="null"),
    _broken("[]", "replace_json", BAD, text="[]"),
    _rows("{}", "replace_json", _SPOILED, {MLFLOW: {"path": "/get"}, AIRFLOW: {}, GROWTHBOOK: {}}, text="{}"),
    _broken("a text", "replace_json", BAD, text='"healthy"'),
    # ---- no JSON that can be believed
    _broken("invalid UTF-8", "invalid_utf8", BAD),
    _broken("UTF-16", "bom", BAD),
    _broken("byte order mark", "bom", BAD, encoding="utf-8-sig"),
    _broken("deep JSON", "deep_json", BAD),
    _broken("big integers", "big_int", BAD),
    _broken("keys twice", "dup_json_keys", BAD),
    _rows("NaN in rows", "set_field", _SPOILED, _with(_ALL, **_TIME), value=math.nan, item=None),
    # ---- rows
    _rows("one row of a wrong type", "set_field", _SPOILED, _with(_ALL, **_TIME), value={"x": 1}),
    _rows("one row without its name", "drop_field", _SPOILED, _with(_ALL, **_NAME)),
    _rows("shuffled, by key", "shuffle_items", Expected(whole=True), _BATCHES),
    _rows("shuffled lists", "shuffle_items", Expected(whole=True, reordered=True), _LISTS),
    _rows("dropped, by key", "drop_items", Expected((BAD, "NOT_FOUND"), silent=True, short=True), _BATCHES),
    _rows("dropped from lists", "drop_items", Expected((BAD, *DOWN), short=True), _LISTS),
    _rows("two rows of one key", "dup_items", Expected((BAD, "SOURCE_ERROR")), _with(_ALL, **_TEXT)),
    _rows("one row more, by key", "extra_item", Expected(whole=True), {MLFLOW: _MORE[MLFLOW], AIRFLOW: _MORE[AIRFLOW]}),
    _rows("one row more than counted", "extra_item", Expected((BAD, "SOURCE_ERROR")), {GROWTHBOOK: _MORE[GROWTHBOOK]}),
    # ---- two answers in one, and too much
    _healed("a second answer behind", "extra_response"),
    _broken("length and chunks", "cl_and_te", BAD),
    _broken("gzip bomb of 1 GiB", "gzip_bomb", "SOURCE_RESPONSE_TOO_LARGE", mb=1024),
    _broken("256 MiB, declared", "huge_body", "SOURCE_RESPONSE_TOO_LARGE", mb=256, how="declared"),
    _broken("256 MiB, chunked", "huge_body", "SOURCE_RESPONSE_TOO_LARGE", mb=256, how="chunked"),
    _broken("5,000 headers", "many_headers", BAD),
    _broken("bad gzip", "bad_gzip", BAD),
    _broken("gzip cut", "bad_gzip", BAD, how="cut"),
    # ---- pages
    _rows("pages in a loop", "cursor", Expected((BAD, "PAGE_LIMIT", *DOWN)), _LISTS, how="loop"),
    _rows("endless pages", "cursor", Expected((BAD, "PAGE_LIMIT", *DOWN)), _LISTS, how="endless"),
    _rows("garbage for a cursor", "cursor", Expected((BAD, "PAGE_LIMIT", *DOWN)), _LISTS, how="garbage"),
    _rows("total too low", "total", Expected((BAD, "SOURCE_ERROR")), {AIRFLOW: {}, GROWTHBOOK: {}}, value=1),
    _rows(
        "total too high",
        "total",
        Expected((BAD, *DOWN), miscounted=True),
        {AIRFLOW: {}, GROWTHBOOK: {}},
        value=1_000_000,
    ),
    _rows("total of -1", "total", Expected((BAD, "SOURCE_ERROR")), {AIRFLOW: {}, GROWTHBOOK: {}}, value=-1),
    # ---- elsewhere, headers, time
    _broken("redirect to a stranger", "redirect", BAD),
    _broken("redirect to itself", "redirect_loop", BAD),
    _healed("Set-Cookie", "add_header"),
    _healed("clock a day ahead", "clock_skew", s=86_400),
    _healed("clock a day behind", "clock_skew", s=-86_400),
    _healed("stale cache", "stale", age=3600),
)
