"""What is refused as JSON that a decoder would take: pages, other types, endless nesting, keys that come twice."""

from __future__ import annotations

import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import SourceBadResponse
from resolvers.upstream.answers import Answer
from resolvers.upstream.strict import DEPTH, flaw, twice
from schema.scalars import Timestamp


class Row(msgspec.Struct):
    name: str


class Rows(msgspec.Struct):
    rows: list[msgspec.Raw]
    total: int = 0


class Typed(msgspec.Struct):
    rows: list[Row]


def answer(body: bytes, content_type: str = "application/json") -> Answer:
    at = Timestamp("2026-11-23T06:00:00.000Z")
    return Answer("registry", 200, body, {"content-type": content_type}, at, flaw(body, content_type), twice(body))


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "Application/JSON; charset=utf-8", "application/problem+json", " application/json ;x"],
)
def test_json_may_say_so_or_say_nothing(content_type: str) -> None:
    assert answer(b'{"name": "a"}', content_type).read(Row) == Row("a")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "text/plain; charset=utf-8", "application/xml", "text/json", "x"]
)
def test_json_under_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(SourceBadResponse, match=r"another type than JSON: is its url right\?"):
        answer(b'{"name": "a"}', content_type).read(Row)


@pytest.mark.parametrize("content_type", ["text/html", "text/html; charset=UTF-8", "application/xhtml+xml"])
def test_a_page_to_sign_in_at_is_no_answer_and_says_where_to_look(content_type: str) -> None:
    with pytest.raises(SourceBadResponse, match="`auth`"):
        answer(b"<form>password</form>", content_type).read(Row)


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf{}",
        '{"name": "a"}'.encode("utf-16"),
        '{"name": "é"}'.encode("latin-1"),
        b'{"name": "\xed\xa0\x80"}',
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": "a",}',
        b"{'name': 'a'}",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"name": 1' + b"0" * 5000 + b"}",
    ],
)
def test_what_is_almost_json_is_refused(body: bytes) -> None:
    with pytest.raises(SourceBadResponse):
        answer(body).read(Row)


@pytest.mark.parametrize("opens,closes", [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])  # noqa: PT006 - short
def test_nesting_is_counted(opens: str, closes: str) -> None:
    layers = opens.count("[") + opens.count("{")
    fits = DEPTH // layers
    for times, expected in ((fits, ""), (fits + 1, f"JSON nested more than {DEPTH} deep.")):
        assert flaw(f"{opens * times}0{closes * times}".encode(), "") == expected
    for times in (1000, 100_000):
        assert flaw((opens * times).encode(), "")


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"text": "[" * 1000}),
        json.dumps({"text": "{" * 1000, "more": ['"[{' * 100]}),
        json.dumps({"text": '\\"' * 50 + "[" * 100}),
        json.dumps([[] for _ in range(1000)]),
        json.dumps([{"a": [{"b": {}}]} for _ in range(1000)]),
    ],
)
def test_brackets_in_texts_and_beside_each_other_are_no_nesting(body: str) -> None:
    assert flaw(body.encode(), "application/json") == ""


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}",\\a', max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="[{a", max_size=2), inner, max_size=3),
    max_leaves=30,
)


@given(VALUES, st.integers(min_value=0, max_value=80))
def test_nesting_is_counted_as_a_reader_would(value: object, more: int) -> None:
    for _ in range(more):
        value = [value, "]"]
    deep = flaw(json.dumps(value).encode(), "") != ""
    assert deep == (depth(value) > DEPTH)


@given(VALUES)
def test_no_key_comes_twice_where_none_does(value: object) -> None:
    assert not twice(json.dumps(value).encode())


@pytest.mark.parametrize("hostile", [b'"\\' * 4_000_000 + b"[" * 70, b"[" * 8_000_000, b'{"a":' * 1_600_000])
def test_the_largest_answer_is_judged_in_no_time(hostile: bytes) -> None:
    started = time.process_time()
    assert flaw(hostile, "") or not twice(hostile)
    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "a", "name": "a"}',
        b'{"name": "a", "name": null}',
        b'{"name": "a", "x": {"y": [{"k": 1, "k": 1}]}}',
        b'{"name": "a", "\\u006eame": "b"}',
    ],
)
def test_an_object_with_a_key_twice_is_refused(body: bytes) -> None:
    with pytest.raises(SourceBadResponse, match="a key that comes twice"):
        answer(body).read(Row)
    with pytest.raises(SourceBadResponse):
        answer(b'{"rows": [' + body + b"]}").read(Typed)


def test_a_row_with_a_key_twice_is_an_error_in_its_place() -> None:
    got = answer(b'{"rows": [{"name": "a"}, {"name": "b", "name": null}, {"name": "c"}]}')
    first, second, third = got.rows(got.read(Rows).rows, Row)
    assert (first, third) == (Row("a"), Row("c"))
    assert isinstance(second, SourceBadResponse)


def test_a_list_that_comes_twice_is_no_list() -> None:
    with pytest.raises(SourceBadResponse, match="a key that comes twice"):
        answer(b'{"rows": [{"name": "a"}], "total": 1, "rows": []}').read(Rows)


def test_of_a_long_answer_the_beginning_is_looked_at() -> None:
    rows = b",".join(b'{"name": "%d", "name": null}' % number for number in range(10_000))
    got = answer(b'{"rows": [' + rows + b"]}")
    assert all(isinstance(row, SourceBadResponse) for row in got.rows(got.read(Rows).rows, Row))
