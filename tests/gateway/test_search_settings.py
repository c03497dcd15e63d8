"""The table [search] of the settings file."""

from __future__ import annotations

import pytest

from gateway.settings import SettingsError, read
from resolvers.search.sweep import SearchLimits

SOURCES = '\n[[sources]]\nname = "m"\nproduct = "mlflow"\nurl = "http://127.0.0.1:5000"\n'


def test_without_it_a_search_has_two_seconds_and_ten_calls_a_source_and_keeps_nothing() -> None:
    assert read(SOURCES, {}).search.limits() == SearchLimits(time_s=2.0, calls=10, max_age_s=0.0)


def test_an_operator_may_say_otherwise() -> None:
    settings = read(f"[search]\ntime_s = 0.5\ncalls = 30\nmax_age = 60.0\n{SOURCES}", {})
    assert settings.search.limits() == SearchLimits(time_s=0.5, calls=30, max_age_s=60.0)


@pytest.mark.parametrize("wrong", ["calls = 0", "time_s = 0.0", "max_age = -1.0", "max_age = 3601.0", "keep = true"])
def test_what_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read(f"[search]\n{wrong}\n{SOURCES}", {})
    assert f"search.{wrong.split()[0]}" in str(refused.value)
