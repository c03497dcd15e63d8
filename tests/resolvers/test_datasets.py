"""Datasets of different systems are one where their URIs mean the same place, and never where they do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.datasets import dataset_from, feature_from, normalised_uri, uri_in_source
from schema.scalars import Timestamp

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, database=None)
NOW = Timestamp("2026-11-23T06:00:00.000Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://studio/frames", "s3://studio/frames"),
        ("s3://studio/frames/", "s3://studio/frames"),
        ("s3a://studio/frames", "s3://studio/frames"),
        ("s3n://studio/frames", "s3://studio/frames"),
        ("S3://Studio/Frames", "s3://studio/Frames"),
        ("  s3://studio/frames\n", "s3://studio/frames"),
        ("s3://studio", "s3://studio"),
        ("s3://studio/", "s3://studio"),
        ("s3://studio/a//b", "s3://studio/a//b"),
        ("https://data.example.com/frames?day=1#top", "https://data.example.com/frames?day=1"),
        ("snowflake://account/db/schema/table", "snowflake://account/db/schema/table"),
        ("file:///data/frames.csv", "file:///data/frames.csv"),
        ("file:/data/frames.csv", "file:///data/frames.csv"),
        ("gs://studio/検索", "gs://studio/検索"),
        ("/data/frames.csv", None),
        ("studio.frames", None),
        ("x:y", None),
        ("C:\\data\\frames.csv", None),
        ("s3:", None),
        ("://studio/frames", None),
        ("s3://[studio/frames", None),
        ("", None),
        ("   ", None),
    ],
)
def test_a_uri_has_one_form(text: str, expected: str | None) -> None:
    assert normalised_uri(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("s3://studio/frames", "s3://studio/Frames"),
        ("s3://studio/frames", "gs://studio/frames"),
        ("https://example.com/frames?day=1", "https://example.com/frames?day=2"),
        ("s3://studio/frames", "s3://studio/frames/v2"),
        ("https://example.com/frames", "http://example.com/frames"),
    ],
)
def test_places_that_may_differ_are_two(one: str, other: str) -> None:
    assert normalised_uri(one) != normalised_uri(other)


@EXAMPLES
@given(st.text(max_size=40) | st.text("s3fil:/.?#[]@% \n", max_size=14).map("s3:/".__add__))
def test_any_text_has_a_form_or_none(text: str) -> None:
    form = normalised_uri(text)
    assert form is None or ":" in form


@EXAMPLES
@given(
    st.sampled_from(["s3", "s3a", "gs", "https", "snowflake"]),
    st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True),
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="?#"), max_size=30),
)
def test_the_form_of_a_uri_is_its_own_form(scheme: str, host: str, path: str) -> None:
    form = normalised_uri(f"{scheme}://{host}/{path}")
    assert form is not None
    assert normalised_uri(form) == form
    assert normalised_uri(form + "/") == form


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('{"uri": "s3://studio/frames"}', "s3://studio/frames"),
        ('{"url": "https://example.com/frames.csv"}', "https://example.com/frames.csv"),
        ('{"path": "/data/frames.csv"}', "/data/frames.csv"),
        ('{"uri": "", "path": "/data/frames.csv"}', "/data/frames.csv"),
        ('{"uri": null}', None),
        ('{"tags": {"mlflow.user": "maya"}}', None),
        ('["s3://studio/frames"]', None),
        ("s3://studio/frames", "s3://studio/frames"),
        ("frames.csv", None),
        ("{", None),
        ("[" * 100_000, None),
        ("", None),
        (None, None),
    ],
)
def test_a_training_input_says_where_it_lies(source: str | None, expected: str | None) -> None:
    assert uri_in_source(source) == expected


@EXAMPLES
@given(st.recursive(st.none() | st.integers() | st.text(max_size=20), st.lists, max_leaves=8))
def test_any_json_may_be_a_source(value: object) -> None:
    assert uri_in_source(json.dumps({"uri": value})) == (value if isinstance(value, str) and value else None)


def test_a_dataset_is_known_by_its_place_else_by_its_name() -> None:
    placed = dataset_from("frames", "s3a://studio/frames/", NOW, digest="979fb416")
    assert placed.id == "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes"
    assert (placed.name, placed.uri, placed.digest) == ("frames", "s3://studio/frames", "979fb416")
    elsewhere = dataset_from("studio.frames", "s3://STUDIO/frames", NOW)
    assert elsewhere.reference == placed.reference

    unplaced = dataset_from("frames", "frames.csv", NOW)
    assert unplaced.id == "mlg://dataset/-/frames"
    assert unplaced.uri is None
    assert dataset_from("frames", None, NOW).reference == unplaced.reference


def test_a_feature_is_known_by_its_name() -> None:
    feature = feature_from("scene_stats:shot_len", NOW, "double")
    assert feature.id == "mlg://feature/-/scene_stats%3Ashot_len"
    assert (feature.name, feature.data_type) == ("scene_stats:shot_len", "double")
