"""How text is cut into words that compare alike however people write them."""

from __future__ import annotations

import pytest

from resolvers.search.words import composed, glued_forms, plain_words, searchable, singular, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("content-embedding", ["content", "embedding"]),
        ("Shot_Boundary_Detector", ["shot", "boundary", "detector"]),
        ("poster.art.picker", ["poster", "art", "picker"]),
        ("adsContextMatcher", ["ads", "context", "matcher"]),
        ("HTTPServer2Go", ["http", "server2", "go"]),
        ("s3://ads/scene-matches", ["s3", "ads", "scene", "matches"]),
        ("scene_stats:shot_len", ["scene", "stats", "shot", "len"]),
        ("churn 30% uplift", ["churn", "30", "uplift"]),
        ("it's-a-ranker", ["its", "a", "ranker"]),
        ("the “director’s cut”", ["the", "directors", "cut"]),
        ("café-ranker", ["cafe", "ranker"]),
        ("cafe\N{COMBINING ACUTE ACCENT}-ranker", ["cafe", "ranker"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("İstanbul", ["istanbul"]),
        ("ﬁlm Ⅷ", ["film", "viii"]),
        ("検索-ranker", ["検索", "ranker"]),
        ("ガラス", ["ガラス", "ガラ", "ラス"]),
        ("lena.fischer@example.com", ["lena", "fischer"]),
        ("@example.com", ["example", "com"]),
        ("", []),
        ("-- % __", []),
    ],
)
def test_words_are_folded_and_cut_at_separators_and_humps(text: str, words: list[str]) -> None:
    assert plain_words(text) == words


def test_a_script_without_spaces_is_also_cut_into_pairs() -> None:
    assert set(plain_words("検索")) <= set(plain_words("動画検索モデル"))


def test_words_know_their_place_in_the_composed_text() -> None:
    text = "The cafe\N{COMBINING ACUTE ACCENT}'s adsMatcher of kim.lee@example.com"
    assert [composed(text)[word.start : word.end] for word in words_of(text)] == [
        "The",
        "café's",
        "ads",
        "Matcher",
        "of",
        "kim",
        "lee",
    ]


def test_prose_keeps_its_humps() -> None:
    assert [word.text for word in words_of("GraphQL", humps=False)] == ["graphql"]
    assert searchable("GraphQL for Kim's café") == "graphql for kims cafe"
    assert searchable("kim.lee@example.com, Kim's") == "kim.lee , kims"


def test_a_name_is_also_written_as_one_word() -> None:
    assert list(glued_forms("shot-boundary-detector v2")) == [
        "shotboundary",
        "boundarydetector",
        "shotboundarydetector",
    ]
    assert list(glued_forms("MLflow")) == ["mlflow"]
    assert list(glued_forms("plain words apart")) == []


def test_what_nobody_types_is_no_word() -> None:
    assert plain_words("a" * 61 + " ranker") == ["ranker"]
    assert plain_words("Ä" * 61 + " ranker") == ["ranker"]


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("scenes", "scene"),
        ("advertisements", "advertisement"),
        ("queries", "query"),
        ("status", "status"),
        ("class", "class"),
        ("bus", "bus"),
        ("embedding", "embedding"),
    ],
)
def test_only_plurals_are_stemmed(word: str, stem: str) -> None:
    assert singular(word) == stem
