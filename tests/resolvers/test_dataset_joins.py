"""Which mentions of data are one dataset: by place, then by name, and never on a guess."""

from __future__ import annotations

import pytest

from resolvers.datasets import dataset_from, is_place, name_in, normalised_uri
from resolvers.rules.datasets import join
from schema.derived import Dataset
from schema.scalars import Timestamp

AT = Timestamp("2026-11-23T06:00:00.000Z")


def mention(name: str, uri: str | None = None, digest: str | None = None) -> Dataset:
    return dataset_from(name, uri, AT, digest)


def joined(*mentions: Dataset, whole: bool = True) -> dict[str, list[str]]:
    return {target.key: [item.reference.key for item in group] for target, group in join(mentions, whole=whole).items()}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("s3://lake/frames", "s3://lake/frames"),
        ("S3A://Lake/frames/", "s3://lake/frames"),
        ("s3n://lake/frames//", "s3://lake/frames"),
        ("postgres://db/a?schema=x#part", "postgres://db/a?schema=x"),
        ("file:///data/a.csv", "file:///data/a.csv"),
        ("/data/a.csv", None),
        ("frames", None),
        ("http://[", None),
    ],
)
def test_a_place_has_one_spelling(written: str, meant: str | None) -> None:
    assert normalised_uri(written) == meant
    if meant is not None:
        assert is_place(meant)


def test_a_key_is_the_place_or_the_name() -> None:
    assert mention("frames", "s3a://Lake/frames").reference.key == "s3://lake/frames"
    assert mention("frames", "frames").reference.key == "frames"
    assert not is_place("studio.frames")


def test_data_that_nobody_named_has_its_digest_in_its_key() -> None:
    assert mention("dataset", None, "a1").reference.key == "dataset@a1"
    assert mention("dataset", "s3://lake/x", "a1").reference.key == "s3://lake/x"
    assert mention("dataset").reference.key == "dataset"
    assert name_in("dataset@a1") == "dataset"
    assert name_in("me@home") == "me@home"


def test_mentions_of_one_place_are_one_whatever_they_call_it() -> None:
    assert joined(mention("frames", "s3://lake/f"), mention("studio.frames", "s3a://lake/f/")) == {
        "s3://lake/f": ["s3://lake/f", "s3://lake/f"]
    }


def test_a_name_joins_the_one_place_it_has_by_any_of_that_places_names() -> None:
    mentions = (mention("frames"), mention("frames", "s3://lake/f"), mention("studio.frames", "s3://lake/f"))
    assert joined(*mentions) == {"s3://lake/f": ["frames", "s3://lake/f", "s3://lake/f"]}
    assert joined(mention("studio.frames"), *mentions[1:]) == {
        "s3://lake/f": ["studio.frames", "s3://lake/f", "s3://lake/f"]
    }


def test_a_name_with_two_places_or_none_stays_by_itself() -> None:
    assert joined(mention("f"), mention("f", "s3://a/f"), mention("f", "s3://b/f")) == {
        "f": ["f"],
        "s3://a/f": ["s3://a/f"],
        "s3://b/f": ["s3://b/f"],
    }
    assert joined(mention("f"), mention("f")) == {"f": ["f", "f"]}


def test_where_a_mention_may_be_missing_nothing_is_joined_by_name() -> None:
    assert joined(mention("f"), mention("f", "s3://a/f"), whole=False) == {"f": ["f"], "s3://a/f": ["s3://a/f"]}


def test_what_nobody_named_is_not_joined_by_the_name_it_was_given() -> None:
    assert joined(mention("dataset", None, "a1"), mention("dataset", "s3://a/f"), mention("dataset", None, "a1")) == {
        "dataset@a1": ["dataset@a1", "dataset@a1"],
        "s3://a/f": ["s3://a/f"],
    }
