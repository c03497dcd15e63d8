"""Cuts text into the words that are compared: folded, at separators and inside camelCase, with the glued forms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

_CHUNK = re.compile(r"[^\W_]+(?:['’ʼ][^\W_]+)*")
_PLAIN = re.compile(r"[a-z0-9]+")
_APOSTROPHE = re.compile(r"['’ʼ]")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MAIL_DOMAIN = re.compile(r"(?<=\w)@[\w\-]+(?:\.[\w\-]+)+")
"""What follows the name in an e-mail address: nearly everybody shares it, so it tells nothing."""
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{3,}")
"""Scripts that put no space between words: their pairs of characters are words too."""
_VOICED = {"\u3099", "\u309a"}
"""Marks that make another letter in Japanese, where those of Latin letters are accents."""
LONGEST = 60
"""Characters of the longest word; what is longer is a digest or a token, which nobody types."""


class Word(NamedTuple):
    """A folded word and where it stands in the text."""

    text: str
    start: int
    end: int


def words_of(text: str, *, humps: bool = True) -> Iterator[Word]:
    """The words of a text in its order; the places are those in `composed(text)`.

    `humps` says whether camelCase is cut, as in names: in prose, `GraphQL` is a word.
    """
    text = composed(text)
    hidden = [match.span() for match in _MAIL_DOMAIN.finditer(text)] if "@" in text else []
    for chunk in _CHUNK.finditer(text):
        if any(start <= chunk.start() < end for start, end in hidden):
            continue
        start = chunk.start()
        for part in _HUMP.split(chunk[0]) if humps else [chunk[0]]:
            end = start + len(part)
            if len(part) <= LONGEST:
                yield from _folded(Word(folded(_APOSTROPHE.sub("", part)), start, end))
            start = end


def plain_words(text: str) -> list[str]:
    """The words alone; most names are plain, and quick to cut."""
    if text.isascii() and text == text.lower() and "'" not in text and "@" not in text:
        return [word for word in _PLAIN.findall(text) if len(word) <= LONGEST]
    return [word.text for word in words_of(text)]


def glued(words: Sequence[str]) -> str:
    """Words written as one: `viewerembedding`."""
    return "".join(words)


def glued_forms(text: str) -> Iterator[str]:
    """How people write a name without its separators: as a whole, and two neighbours at a time."""
    for part in text.split():
        words = plain_words(part)
        if 1 < len(words) <= 8:
            yield from (glued(pair) for pair in pairwise(words))
            if len(words) > 2:
                yield glued(words)


def composed(text: str) -> str:
    """Each letter with its accent as one character, so that places in the text mean the same everywhere."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """Without case, accents and compatibility forms."""
    text = text.casefold()
    if text.isascii():
        return text
    apart = unicodedata.normalize("NFKD", text)
    kept = (char for char in apart if char in _VOICED or not unicodedata.combining(char))
    return unicodedata.normalize("NFC", "".join(kept)).casefold()


def searchable(text: str) -> str:
    """A long text for the index, whose own tokenizer cuts it: what that does not know is done here."""
    if not text.isascii():
        return " ".join(word.text for word in words_of(text, humps=False))
    if "@" in text:
        text = _MAIL_DOMAIN.sub(" ", text)
    return text.replace("'", "").lower()


def singular(word: str) -> str:
    """The light stem: an English word without the ending of its plural, as Harman's s-stemmer has it."""
    if len(word) < 4 or not word.endswith("s") or not word.isascii():
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return f"{word[:-3]}y"
    if word.endswith("es") and word[-3] in "aeo":
        return word
    return word if word[-2] in "us" else word[:-1]


def _folded(word: Word) -> Iterator[Word]:
    yield word
    for run in _UNSPACED.finditer(word.text):
        for at in range(run.start(), run.end() - 1):
            yield Word(word.text[at : at + 2], word.start, word.end)
