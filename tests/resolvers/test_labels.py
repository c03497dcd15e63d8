"""Owners and domain are read from labels by one rule, whatever product keeps them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.sources.labels import LabelRules, domain_of, owners_of, parse_word
from schema.node import OwnerName

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)
RULES = LabelRules()
MAYA = OwnerName("maya.ortiz", "maya.ortiz@example.com", None)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("domain:studio", ("domain", "studio")),
        ("model:it's: a ranker", ("model", "it's: a ranker")),
        ("nightly", ("nightly", None)),
        ("nightly:", ("nightly:", None)),
        (":studio", (":studio", None)),
        (":", (":", None)),
        ("", ("", None)),
    ],
)
def test_a_bare_label_is_taken_apart_at_its_first_colon(word: str, expected: tuple[str, str | None]) -> None:
    assert parse_word(word) == expected


@EXAMPLES
@given(st.text(max_size=20))
def test_no_label_is_lost(word: str) -> None:
    key, value = parse_word(word)
    assert (key if value is None else f"{key}:{value}") == word


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("maya.ortiz@example.com", [MAYA]),
        ("maya.ortiz", [OwnerName("maya.ortiz")]),
        ("maya.ortiz@example.com, tomas.lindqvist", [MAYA, OwnerName("tomas.lindqvist")]),
        ("maya.ortiz@example.com,maya.ortiz", [MAYA]),
        ("@content-understanding", [OwnerName("@content-understanding")]),
        (" , ,", []),
        ("", []),
    ],
)
def test_an_owner_label_names_people(written: str, expected: list[OwnerName]) -> None:
    assert owners_of(RULES, [("owner", written)]) == expected


def test_a_team_is_named_beside_its_people_and_owns_alone_where_there_are_none() -> None:
    labels = [("team", "risk"), ("owner", "idris.bello@example.com")]
    assert owners_of(RULES, labels) == [OwnerName("idris.bello", "idris.bello@example.com", "risk")]
    assert owners_of(RULES, [("team", "risk")]) == [OwnerName("risk", None, "risk")]
    assert owners_of(RULES, [("team", "")]) == []


def test_what_the_product_itself_names_comes_first() -> None:
    owners = owners_of(RULES, [("owner", "maya.ortiz@example.com")], ["tomas.lindqvist", ""])
    assert owners == [OwnerName("tomas.lindqvist"), MAYA]


def test_nobody_owns_what_has_no_label() -> None:
    assert owners_of(RULES, []) == []
    assert owners_of(RULES, [("Owner", "maya"), ("owner", None), ("owners", "maya")]) == []


def test_the_labels_that_count_can_be_set() -> None:
    rules = LabelRules(owner_tags=("steward", "dri"), team_tag="squad", domain_tag="area")
    labels = [("dri", "maya"), ("owner", "no"), ("squad", "risk"), ("steward", "tomas"), ("area", "studio")]
    assert owners_of(rules, labels) == [OwnerName("maya", None, "risk"), OwnerName("tomas", None, "risk")]
    assert domain_of(rules, labels) == "studio"


def test_a_domain_is_said_by_the_label_else_the_product_else_the_settings() -> None:
    rules = LabelRules(domain="personalization")
    assert domain_of(rules, [("domain", "ads")], "project") == "ads"
    assert domain_of(rules, [("domain", "")], "project") == "project"
    assert domain_of(rules, [], None) == "personalization"
    assert domain_of(RULES, []) is None
