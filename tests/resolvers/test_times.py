"""Times have one text form, in which text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.times import from_epoch_ms, from_iso
from schema.scalars import parse_timestamp

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True, database=None)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
MOMENTS = st.integers(FIRST, LAST)


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_413_600_000, "2026-11-23T06:00:00.000Z"),
        (1_795_413_600_007, "2026-11-23T06:00:00.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (FIRST, "0001-01-01T00:00:00.000Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_epoch_milliseconds_are_written_out(milliseconds: int, expected: str) -> None:
    assert from_epoch_ms(milliseconds) == expected


@pytest.mark.parametrize("milliseconds", [FIRST - 1, LAST + 1, 10**20, -(10**20)])
def test_a_time_of_no_year_is_refused(milliseconds: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_epoch_ms(milliseconds)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T06:00:00Z", "2026-11-23T06:00:00.000Z"),
        ("2026-11-23T06:00:00.123456+00:00", "2026-11-23T06:00:00.123Z"),
        ("2026-11-23T06:00:00.999999Z", "2026-11-23T06:00:00.999Z"),
        ("2026-11-23T08:30:00+02:30", "2026-11-23T06:00:00.000Z"),
        ("2026-11-22T22:00:00-08:00", "2026-11-23T06:00:00.000Z"),
        ("2026-11-23T06:00:00", "2026-11-23T06:00:00.000Z"),
        ("2026-11-23 06:00:00", "2026-11-23T06:00:00.000Z"),
        ("2026-11-23", "2026-11-23T00:00:00.000Z"),
        ("0800-12-25T00:00:00Z", "0800-12-25T00:00:00.000Z"),
    ],
)
def test_iso_texts_become_utc(text: str, expected: str) -> None:
    assert from_iso(text) == expected


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01", "2026-11-23T25:00:00Z", "1795413600000", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        from_iso(text)


@EXAMPLES
@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(one: int, other: int) -> None:
    assert (from_epoch_ms(one) < from_epoch_ms(other)) == (one < other)


@EXAMPLES
@given(MOMENTS)
def test_both_ways_of_writing_a_moment_agree_and_can_be_sent_back(milliseconds: int) -> None:
    text = from_epoch_ms(milliseconds)
    assert parse_timestamp(text) == text
    assert from_iso(text) == text
    assert from_iso((EPOCH + timedelta(milliseconds=milliseconds)).isoformat()) == text
