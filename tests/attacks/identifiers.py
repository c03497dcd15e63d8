"""Ids, names, cursors and page sizes that mean something to what stands behind a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from tests.attacks.attack import Attack, asking

TRAVERSALS = "..", "../..", "..%2f..", "%2e%2e", "..%252f..", "..\\..", "..%c0%af..", "content-embedding/../../x"
DELIMITERS = "?", "a?b=c", "#", "a#b", ";", "a;b", "\\", "a&b=c", "a=b", "/", "//", "a/b", "."
CONTROLS = "a\r\nX-Injected: 1", "a\0b", "\x7f", "\u2028"
QUOTES = "x' AND name = 'y", 'x" OR 1', "x`y", "x'y\"z", "x\\' AND 1", "name = 'x' --"
PATTERNS = "%", "_", "a%b", "*", "~content", "|"
STRANGE = (
    "http://127.0.0.1/", "file:///etc/passwd", "\u00e9", "e\u0301", "\u202eabc", "\U0001f600", "a" * 5000,
)  # fmt: skip
KEYS = (*TRAVERSALS, *DELIMITERS, *CONTROLS, *QUOTES, *PATTERNS, *STRANGE)
NODE = "query q($id: ID!) { node(id: $id) { id } }"
NAMED = "query q($name: String!) { model(name: $name) { id name } }"


def attacks() -> Iterator[Attack]:
    for key in KEYS:
        spelled = quote(key, safe="", errors="replace")
        for kind, source in (
            ("model", "studio-mlflow"), ("pipeline", "airflow"), ("experiment", "growthbook"),
            ("training-run", "studio-mlflow"),
        ):  # fmt: skip
            yield _asks(asking(f"{kind} {key[:40]!r}", NODE, variables={"id": f"mlg://{kind}/{source}/{spelled}"}))
        yield _asks(asking(f"name {key[:40]!r}", NAMED, variables={"name": key}))
        yield _asks(
            asking(
                f"search {key[:40]!r}",
                "query q($t: String!) { search(query: $t) { nodes { __typename } } }",
                variables={"t": key},
            )
        )
    for wrong in ("", "x", "mlg://", "mlg://model", "mlg://model/x", "mlg://no/studio-mlflow/x",
                  "mlg://MODEL/studio-mlflow/x", "mlg://model/studio-mlflow/%zz", "mlg://model/studio-mlflow/%41",
                  "a" * 20_000):  # fmt: skip
        yield asking(f"id {wrong[:40]!r}", NODE, "BAD_USER_INPUT", variables={"id": wrong})
    for absent in ("mlg://model/no/x", "mlg://model/../x", "mlg://model-version/studio-mlflow/x"):
        yield asking(f"id {absent!r}", NODE, variables={"id": absent})
    yield asking("a surrogate", '{ model(name: "\\ud800") { id } }', "BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED")
    for first in (0, -1, 1_000_000, 2**31, 2**63, "5", 1.5, True):
        yield asking(
            f"first: {first!r}",
            "query q($n: Int) { models(first: $n) { totalCount } }",
            "BAD_USER_INPUT",
            variables={"n": first},
        )
    for cursor in ("x", "\0", "a" * 20_000, "Li4vLi4vZXRjL3Bhc3N3ZA==", "e30=", "bnVsbA==", "W10=", "MQ==", "====="):
        yield asking(
            f"after: {cursor[:20]!r}",
            "query q($c: String) { models(after: $c) { totalCount } }",
            "BAD_USER_INPUT",
            variables={"c": cursor},
        )
    yield asking("a variable too many", "query q { __typename }", variables={"a": [1] * 100})
    yield asking("a list where a text belongs", NAMED, "BAD_USER_INPUT", variables={"name": ["a"]})
    yield asking("an object where a text belongs", NAMED, "BAD_USER_INPUT", variables={"name": {"$ne": ""}})
    yield asking("no variable", NAMED, "BAD_USER_INPUT")
    many = ["mlg://model/studio-mlflow/a"] * 5000
    yield asking(
        "five thousand ids",
        "query q($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        "BAD_USER_INPUT",
        "MAX_VARIABLES_LIMIT",
        "COST_ESTIMATED_TOO_EXPENSIVE",
        variables={"ids": many},
    )


def _asks(attack: Attack) -> Attack:
    return replace(attack, asks_sources=True)
