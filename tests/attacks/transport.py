"""Bodies that are no GraphQL request, and HTTP that is none, or another site's."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from urllib.parse import quote

from tests.attacks.attack import Attack

ASKED = b'{"query": "{ __typename }"}'
JSON = {"Content-Type": "application/json"}
NONE = frozenset({"BAD_REQUEST"})
SIMPLE = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain;application/json",
    "application/json; charset=utf-16", "text/html",
)  # fmt: skip


def attacks() -> Iterator[Attack]:
    for name, body in _bodies():
        codes = frozenset({"BAD_REQUEST", "MAX_JSON_DEPTH_LIMIT", "MAX_BODY_LIMIT", "MAX_VARIABLES_LIMIT",
                           "BAD_USER_INPUT", "PERSISTED_DOCUMENT_NOT_FOUND", "GRAPHQL_PARSE_FAILED"})  # fmt: skip
        yield Attack(name, body, codes, frozenset({200, 400, 413}))
    refused = frozenset({415})
    for kind in SIMPLE:
        yield Attack(f"a body of {kind}", ASKED, NONE, refused, headers={"Content-Type": kind})
    yield Attack("a body of no type", ASKED, NONE, refused, headers={})
    packed = {**JSON, "Content-Encoding": "gzip"}
    yield Attack("a packed body", gzip.compress(ASKED), NONE, refused, headers=packed)
    yield Attack("a packed body of nothing but zeros", gzip.compress(bytes(2**24)), NONE, refused, headers=packed)
    get = f"/graphql?query={quote('{ __typename }')}"
    cross = {"Sec-Fetch-Site": "cross-site"}
    yield Attack(
        "a GET of another site", b"", frozenset({"CSRF_PREVENTION_FAILED"}), frozenset({400, 403}), "GET", get, cross
    )
    yield Attack(
        "a mutation by GET",
        b"",
        frozenset({"GRAPHQL_VALIDATION_FAILED", "BAD_REQUEST"}),
        frozenset({400, 405}),
        "GET",
        f"/graphql?query={quote('mutation { delete }')}",
        {},
    )
    yield Attack("a GET of no UTF-8", b"", NONE, frozenset({400}), "GET", "/graphql?query=%ff", {})
    yield Attack("a GET of a thousand fields", b"", NONE, frozenset({400}), "GET", "/graphql?" + "a=b&" * 1000, {})
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
        yield Attack(f"a {method}", b"", NONE, frozenset({405}), method, headers={})
    huge = {**JSON, "X-Much": "x" * 200_000}
    yield Attack(
        "a header of 200 KB",
        ASKED,
        frozenset({"MAX_HEADERS_LIMIT", "BAD_REQUEST"}),
        frozenset({400, 431}),
        headers=huge,
    )
    token = {**JSON, "Authorization": "Bearer " + "x" * 1_000_000}
    yield Attack(
        "a token of a megabyte",
        ASKED,
        frozenset({"MAX_HEADERS_LIMIT", "BAD_REQUEST"}),
        frozenset({400, 431}),
        headers=token,
    )
    many = {**JSON, **{f"X-{n}": "x" for n in range(5000)}}
    yield Attack(
        "five thousand headers",
        ASKED,
        frozenset({"MAX_HEADERS_LIMIT", "BAD_REQUEST"}),
        frozenset({400, 431}),
        headers=many,
    )
    both = {**JSON, "Content-Length": "4", "Transfer-Encoding": "chunked"}
    yield Attack("two lengths", b"0\r\n\r\nGET /graphql HTTP/1.1\r\n\r\n", NONE, frozenset({400}), headers=both)
    yield Attack("a length that is none", ASKED, NONE, frozenset({400}), headers={**JSON, "Content-Length": "-1"})
    yield Attack("an address of many dots", b"", frozenset(), frozenset({404}), "GET", "/graphql/../../etc/passwd", {})
    yield Attack("a slash behind the address", ASKED, frozenset(), frozenset({404}), target="/graphql/")
    yield Attack("another host", ASKED, frozenset(), frozenset({200}),
                 headers={**JSON, "X-Forwarded-Host": "evil.example.org", "X-User-Id": "admin",
                          "X-Forwarded-For": "10.0.0.1", "X-Original-URL": "/metrics"})  # fmt: skip


def _bodies() -> Iterator[tuple[str, bytes]]:
    for text in (
        "null",
        "true",
        "1",
        '"x"',
        "[]",
        "{}",
        "[[]]",
        "",
        "{",
        '{"query": ',
        "NaN",
        "Infinity",
        "-",
        "\ufeff{}",
    ):
        yield f"a body of {text!r}", text.encode()
    yield "a body of bytes", bytes(range(256))
    yield "a body of no UTF-8", b'{"query": "\xff\xfe"}'
    yield "a number of five thousand digits", b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5000 + b"}}"
    yield "a number that is none", b'{"query": "{ __typename }", "variables": {"a": NaN}}'
    yield "lists in lists", b"[" * 100_000
    yield "objects in objects", b'{"a":' * 40_000
    yield "deep variables", b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}"
    yield "each key twice", b'{"query": "{ __typename }", "query": "{ models { totalCount } }"}'
    yield "a query that is a number", b'{"query": 1}'
    yield "a query of blanks", b'{"query": "   "}'
    yield "variables that are a list", b'{"query": "{ __typename }", "variables": []}'
    yield "a name that is an object", b'{"query": "{ __typename }", "operationName": {}}'
    yield "a batch of three", b"[" + b",".join([ASKED] * 3) + b"]"
    yield "a batch of two thousand", b"[" + b",".join([ASKED] * 2000) + b"]"
    yield "many variables", b'{"query": "{ __typename }", "variables": {"a": "' + b"x" * 100_000 + b'"}}'
    yield "twenty megabytes", b'{"query": "' + b" " * 20_000_000 + b'"}'
    yield "an unknown hash", b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "' + b"0" * 64 + b'"}}}'
