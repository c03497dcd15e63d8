"""What of a searched text products are asked for."""

from __future__ import annotations

import pytest

from resolvers.sources.words import words_in


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Content  embedding", ["content", "embedding"]),
        ("content-embedding v2.1", ["content-embedding", "v2.1"]),
        ("scene SCENE scene", ["scene"]),
        ("'; DROP -- %_ a|b tag:x \\", ["drop", "tag"]),
        ("a b", ["a", "b"]),
        ("-x- .y.", ["x", "y"]),
        ("café", ["caf"]),
        ("検索 ranker", ["ranker"]),
        ("__init__", ["init__"]),
        ("", []),
    ],
)
def test_words_hold_nothing_a_product_takes_for_a_pattern(text: str, words: list[str]) -> None:
    assert words_in(text, 5) == (words, True)


def test_the_longest_words_are_kept_in_their_order() -> None:
    assert words_in("the shot boundary of a scene", 3) == (["shot", "boundary", "scene"], False)
