"""Cursors come back as they were made, and nothing else is one."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resolvers.cursors import (
    KEPT,
    MAX_ID,
    MAX_LENGTH,
    Place,
    binding,
    digest,
    pair_cursor,
    pair_in,
    places_cursor,
    places_in,
)
from resolvers.errors import BadUserInput

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True, database=None)

BOUND = binding("list", "Query.models", "one", "two")
ROW_NUMBERS = st.integers(0, 10_000_000)
PLACES = st.builds(
    Place,
    position=ROW_NUMBERS,
    keys=st.lists(st.text(max_size=5), max_size=KEPT).map(lambda keys: b"".join(digest(key) for key in keys)),
    complete=st.booleans(),
    length=st.none() | ROW_NUMBERS,
)
PAIRS = st.tuples(st.integers(-(2**53), 2**53), st.text(st.characters(exclude_categories=["Cs"]), max_size=MAX_ID))


def spelled(value: object) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(value)).rstrip(b"=").decode()


def refuse(cursor: str, count: int = 1) -> None:
    with pytest.raises(BadUserInput) as places:
        places_in(cursor, BOUND, count)
    with pytest.raises(BadUserInput) as pair:
        pair_in(cursor, BOUND)
    assert places.value.message == pair.value.message
    assert "`after`" in places.value.message


@EXAMPLES
@given(st.lists(PLACES, max_size=20))
def test_places_come_back_as_they_were(places: list[Place]) -> None:
    cursor = places_cursor(BOUND, places)

    assert places_in(cursor, BOUND, len(places)) == places
    assert len(cursor) <= MAX_LENGTH
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@EXAMPLES
@given(PAIRS)
@example((2**53, "\U0001f600" * MAX_ID))
def test_a_pair_comes_back_as_it_was(pair: tuple[int, str]) -> None:
    cursor = pair_cursor(BOUND, *pair)

    assert pair_in(cursor, BOUND) == pair
    assert len(cursor) <= MAX_LENGTH


@pytest.mark.parametrize(("sources", "kept"), [(28, 5), (40, 3), (60, 1)])
def test_with_many_sources_fewer_keys_of_each_are_remembered(sources: int, kept: int) -> None:
    keys = [digest(str(number)) for number in range(KEPT)]
    place = Place(10_000_000, b"".join(keys), True, 10_000_000)

    cursor = places_cursor(BOUND, [place] * sources)

    assert len(cursor) <= MAX_LENGTH
    read = {(place.keys, place.complete) for place in places_in(cursor, BOUND, sources)}
    assert read == {(b"".join(keys[-kept:]), kept == KEPT)}


def test_too_many_sources_for_a_cursor_are_said() -> None:
    with pytest.raises(BadUserInput, match="too many sources"):
        places_cursor(BOUND, [Place(10_000_000, digest("a"))] * 200)


def test_a_cursor_is_of_use_only_for_what_it_is_bound_to() -> None:
    places, pair = places_cursor(BOUND, [Place()]), pair_cursor(BOUND, 1, "a")

    for other in (binding("list", "Query.pipelines", "one", "two"), binding("list", "Query.models", "onetwo"), b""):
        with pytest.raises(BadUserInput):
            places_in(places, other, 1)
        with pytest.raises(BadUserInput):
            pair_in(pair, other)


def test_a_cursor_is_of_use_only_for_its_kind_and_number_of_sources() -> None:
    with pytest.raises(BadUserInput):
        pair_in(places_cursor(BOUND, [Place()]), BOUND)
    with pytest.raises(BadUserInput):
        places_in(pair_cursor(BOUND, 1, "a"), BOUND, 1)
    for count in (0, 1, 3):
        with pytest.raises(BadUserInput):
            places_in(places_cursor(BOUND, [Place(), Place()]), BOUND, count)


def test_lone_surrogates_can_be_bound_and_remembered() -> None:
    assert binding("\ud800") != binding("\ud801")
    assert digest("\ud800") != digest("?")


@pytest.mark.parametrize(
    "places",
    [
        [[-1, b"", True, None]],
        [[10_000_001, b"", True, None]],
        [[0, b"1234567", True, None]],
        [[0, b"1" * 48, True, None]],
        [[0, b"", True, -1]],
        [[0, b"", 1, None]],
        [[0, "12345678", True, None]],
        [["0", b"", True, None]],
        [[0.0, b"", True, None]],
        [[True, b"", True, None]],
        [[0, b"", True]],
        [[0, b"", None, True, None]],
        [[]],
        [None],
        {},
        None,
    ],
)
def test_places_of_another_shape_are_refused(places: object) -> None:
    refuse(spelled(["l", BOUND, places]))


@pytest.mark.parametrize(
    "pair",
    [["1", "a"], [1, b"a"], [1, None], [1], [1, "a", 2], [2**53 + 1, "a"], [2**64 - 1, "a"], [1, "a" * (MAX_ID + 1)]],
)
def test_pairs_of_another_shape_are_refused(pair: list[object]) -> None:
    refuse(spelled(["p", BOUND, *pair]))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "A",
        "AAAA",
        "garbage",
        "../../etc/passwd",
        "a\0b",
        "é",
        "\ud800",
        "🙂" * 100,
        "A" * (MAX_LENGTH + 1),
        "x" * 20_000,
        "arrayconnection:5",
        urlsafe_b64encode(b"\x91" * 1500).decode().rstrip("="),
        spelled(["l", BOUND, [[0, b"", True, None]], [[[[]]]]]),
        spelled(["l", BOUND]),
        spelled(["x", BOUND, []]),
        spelled({"l": 1}),
    ],
)
def test_garbage_is_refused_with_one_message(cursor: str) -> None:
    refuse(cursor)


def test_an_array_nested_beyond_the_decoder_is_refused() -> None:
    raw = msgspec.msgpack.encode(["l", BOUND, [[0, b"", True, None]]])
    deep = bytes([raw[0] + 1]) + raw[1:] + b"\x91" * 1490
    refuse(urlsafe_b64encode(deep).decode().rstrip("="))


def test_every_cursor_has_one_spelling() -> None:
    cursor = places_cursor(BOUND, [Place(3, digest("a") + digest("b"))])
    raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    long_number = raw.replace(b"\x94\x03", b"\x94\xcc\x03")
    assert long_number != raw
    for other in (
        cursor + "=",
        cursor + "==",
        cursor + "\n",
        " " + cursor,
        cursor[:4] + "!" + cursor[4:],
        cursor[:-1],
        cursor + "A",
        urlsafe_b64encode(long_number).decode().rstrip("="),
        urlsafe_b64encode(raw + b"\xc0").decode().rstrip("="),
    ):
        refuse(other)


def test_spare_bits_of_the_last_character_must_be_zero() -> None:
    cursor = next(text for number in range(9) if len(text := pair_cursor(BOUND, 0, "a" * number)) % 4 == 2)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = cursor[:-1] + alphabet[alphabet.index(cursor[-1]) + 1]

    assert urlsafe_b64decode(other + "==") == urlsafe_b64decode(cursor + "==")
    refuse(other)


@EXAMPLES
@given(
    st.text(max_size=60)
    | st.binary(max_size=60).map(lambda raw: urlsafe_b64encode(raw).decode())
    | st.recursive(
        st.none() | st.integers(-(2**63), 2**64 - 1) | st.binary(max_size=9) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner, max_size=4),
    ).map(lambda value: spelled(["l", BOUND, value]))
    | st.tuples(st.integers(0, 60), st.characters(codec="ascii")).map(
        lambda change: (
            (made := places_cursor(BOUND, [Place(7, digest("a"))]))[: change[0]] + change[1] + made[change[0] + 1 :]
        )
    )
)
def test_no_text_does_anything_but_decode_or_be_refused(cursor: str) -> None:
    for count in (0, 1):
        try:
            places = places_in(cursor, BOUND, count)
        except BadUserInput:
            continue
        assert places_cursor(BOUND, places) == cursor
    with pytest.raises(BadUserInput):
        pair_in(cursor, BOUND)
