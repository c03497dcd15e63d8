"""Ids are readable, come back as they were made, and have exactly one valid spelling."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from schema.identity import (
    SHARED,
    EntityKind,
    Reference,
    pair_key,
    parse_id,
    split_run_key,
    split_version_key,
)

EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True, database=None)
KINDS = st.sampled_from(list(EntityKind))
SOURCES = st.from_regex(r"[a-z0-9-]{1,20}", fullmatch=True)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100)


@pytest.mark.parametrize(
    ("reference", "id"),
    [
        (Reference(EntityKind.MODEL, "studio-mlflow", "ranker"), "mlg://model/studio-mlflow/ranker"),
        (Reference(EntityKind.MODEL, "m", "it's-a-ranker"), "mlg://model/m/it%27s-a-ranker"),
        (Reference(EntityKind.MODEL, "m", "検索"), "mlg://model/m/%E6%A4%9C%E7%B4%A2"),
        (Reference(EntityKind.MODEL, "m", "churn 30% uplift"), "mlg://model/m/churn%2030%25%20uplift"),
        (Reference(EntityKind.MODEL, "m", "a.b_c-d~e"), "mlg://model/m/a.b_c-d~e"),
        (Reference(EntityKind.MODEL_VERSION, "m", "ranker/7"), "mlg://model-version/m/ranker%2F7"),
        (Reference(EntityKind.TRAINING_RUN, "m", "0f6f"), "mlg://training-run/m/0f6f"),
        (
            Reference(EntityKind.PIPELINE_RUN, "airflow", "train/manual__2026-11-22T02:00:00+00:00"),
            "mlg://pipeline-run/airflow/train%2Fmanual__2026-11-22T02%3A00%3A00%2B00%3A00",
        ),
        (Reference(EntityKind.DATASET, SHARED, "s3://a/b"), "mlg://dataset/-/s3%3A%2F%2Fa%2Fb"),
        (Reference(EntityKind.OWNER, SHARED, "maya.ortiz"), "mlg://owner/-/maya.ortiz"),
    ],
)
def test_an_id_says_kind_source_and_key(reference: Reference, id: str) -> None:
    assert reference.id == id
    assert parse_id(id) == reference


@EXAMPLES
@example(EntityKind.MODEL, "m", "%")
@example(EntityKind.MODEL, "m", "%2F")
@example(EntityKind.MODEL, "m", "/")
@example(EntityKind.MODEL, "m", "..")
@example(EntityKind.MODEL, "m", "\0")
@example(EntityKind.MODEL, "m", "\N{GRINNING FACE}")
@given(KINDS, SOURCES, KEYS)
def test_any_key_comes_back(kind: EntityKind, source: str, key: str) -> None:
    reference = Reference(kind, source, key)
    assert parse_id(reference.id) == reference
    assert reference.id.isascii()


@EXAMPLES
@given(KINDS, SOURCES, KEYS, st.data())
def test_no_second_spelling_is_an_id(kind: EntityKind, source: str, key: str, data: st.DataObject) -> None:
    """Whatever one character of the key is spelled as, only the one spelling that is made is read."""
    at = data.draw(st.integers(0, len(key) - 1))
    octets = "".join(f"%{octet:02X}" for octet in key[at].encode())
    spelled = data.draw(st.sampled_from([key[at], octets, octets.lower(), quote(octets), key[at] + "%00"]))
    id = f"mlg://{kind.name.lower().replace('_', '-')}/{source}/{quote(key[:at], safe='')}{spelled}"
    id += quote(key[at + 1 :], safe="")
    read = parse_id(id)
    assert read is None or read.id == id


@EXAMPLES
@given(st.text(max_size=60), st.booleans())
def test_any_text_is_an_id_in_its_one_spelling_or_none(text: str, prefixed: bool) -> None:
    text = f"mlg://model/{text}" if prefixed else text
    read = parse_id(text)
    assert read is None or read.id == text


@EXAMPLES
@given(KINDS, SOURCES, KEYS, KINDS, SOURCES, KEYS)
def test_two_things_never_share_an_id(
    kind: EntityKind, source: str, key: str, kind2: EntityKind, source2: str, key2: str
) -> None:
    assume((kind, source, key) != (kind2, source2, key2))
    assert Reference(kind, source, key).id != Reference(kind2, source2, key2).id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "ranker",
        "mlg:",
        "mlg://",
        "mlg://model",
        "mlg://model/m",
        "mlg://model/m/",
        "mlg://model//ranker",
        "mlg:///m/ranker",
        "mlg://model/m/a/b",
        "mlg://model/m/ranker/",
        "mlg://Model/m/ranker",
        "mlg://MODEL/m/ranker",
        "mlg://model_version/m/ranker%2F7",
        "mlg://experiment-run/m/ranker",
        "MLG://model/m/ranker",
        "mlg:/model/m/ranker",
        " mlg://model/m/ranker",
        "mlg://model/m/ranker\n",
        "mlg://model/m/%72anker",  # a character that is written bare
        "mlg://model/m/it's",  # one that is not
        "mlg://model/m/a%2fb",  # lower-case digits
        "mlg://model/m/a b",
        "mlg://model/m/a+b",
        "mlg://model/m/100%",
        "mlg://model/m/%zz",
        "mlg://model/m/%FF",  # no UTF-8
        "mlg://model/m/%C0%AF",  # an overlong slash
        "mlg://model/m/%ED%A0%80",  # a lone surrogate
        "mlg://model/m/\ud800",
        "mlg://model/m/検索",
        "mlg://model/m/ranker?version=7",
        "mlg://model/m/" + "a" * 5000,
    ],
)
def test_garbage_is_no_id(text: str) -> None:
    assert parse_id(text) is None


def test_a_versions_key_is_taken_apart_at_its_last_slash_and_a_runs_at_its_first() -> None:
    assert split_version_key("ranker/7") == ("ranker", "7")
    assert split_version_key("a/b/7") == ("a/b", "7")
    assert split_run_key("train/manual__2026") == ("train", "manual__2026")
    assert split_run_key("train/a/b") == ("train", "a/b")


@pytest.mark.parametrize("key", ["", "ranker", "ranker/", "/7", "/"])
def test_half_a_key_is_none(key: str) -> None:
    assert split_version_key(key) is None
    assert split_run_key(key) is None


@EXAMPLES
@given(KEYS, KEYS)
def test_pairs_come_back(parent: str, child: str) -> None:
    assume("/" not in child)
    assert split_version_key(pair_key(parent, child)) == (parent, child)
    assert split_run_key(pair_key(child, parent)) == (child, parent)


def test_a_reference_is_the_same_with_and_without_its_deep_link() -> None:
    linked = Reference(EntityKind.MODEL, "m", "ranker", lambda kind, key: f"https://m.example.com/{kind.name}/{key}")
    assert linked == Reference(EntityKind.MODEL, "m", "ranker")
    assert hash(linked) == hash(Reference(EntityKind.MODEL, "m", "ranker"))
    assert linked.url == "https://m.example.com/MODEL/ranker"
    assert Reference(EntityKind.MODEL, "m", "ranker").url is None
