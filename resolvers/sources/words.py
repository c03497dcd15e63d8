"""The words of a text somebody searches for: what products are asked for, one word at a time."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_][\w]*(?:[.\-][\w]+)*", re.ASCII)


def words_in(text: str, most: int) -> tuple[list[str], bool]:
    """Its words in small letters, the longest `most` of them in their order, and whether these are all.

    A word is letters, digits and `_`, with `-` and `.` inside: no product takes one for a pattern or an operator but
    `_`, which some read as any character. Letters that are not ASCII end a word, as databases fold these differently.
    """
    every = list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
    found = [word for word in every if len(word) > 1] or every  # a single letter is in almost everything
    kept = sorted(found, key=len, reverse=True)[:most]
    return [word for word in found if word in kept], len(found) <= most
