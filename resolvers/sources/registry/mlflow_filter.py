"""Writes MLflow's search language safely: which texts can be quoted, and what to send for those that cannot.

MLflow has no escape (3.17.2): `''` and `\\'` stay in the value, and a list is read as a Python literal, where a
backslash is an escape that it is not elsewhere. Patterns find more than was asked; the caller compares exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from resolvers.http import query_bytes

MOST_KEYS = 100
_MOST_BYTES = 6000  # proxies commonly stop at 8 kB of URL, and a search of models is GET only
_TAG_KEY = re.compile(r"[\w\-. :/]{1,250}")
_LONGEST = 500


def is_name(text: str) -> bool:
    """Whether a model may have this name: MLflow refuses `/` and `:`, and what is no text cannot be sent at all."""
    return 0 < len(text) <= _LONGEST and "/" not in text and ":" not in text and _is_text(text)


def is_tag_key(text: str) -> bool:
    """Whether a tag may have this key: MLflow takes no others, a backtick least of all."""
    return _TAG_KEY.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether a tag's value can be asked for: longer ones would not fit in a URL."""
    return len(text) <= _LONGEST and _is_text(text)


def quoted(text: str) -> str | None:
    """The text between quotes, alike alone and in a list; None where it can be written in neither."""
    if "\\" in text or any(char < " " or char == "\x7f" for char in text):
        return None
    if "'" not in text:
        return f"'{text}'"
    return f'"{text}"' if '"' not in text else None


def equals(identifier: str, text: str) -> str:
    """A clause that finds at least the rows whose value is this text."""
    value = quoted(text)
    return f"{identifier} = {value}" if value else f"{identifier} LIKE '{_masked(text)}'"


def contains(identifier: str, text: str) -> str:
    """A clause that finds at least the rows whose value holds this text."""
    return f"{identifier} LIKE '%{_masked(text)}%'"


def begins(identifier: str, text: str) -> str:
    """A clause that finds at least the rows whose value begins with this text."""
    return f"{identifier} LIKE '{_masked(text)}%'"


def folded(identifier: str, text: str) -> str:
    """A clause that finds at least the rows whose value holds this text, letter case aside.

    Databases fold ASCII letters alike and others not at all, or each in its own way: these stand for anything.
    """
    masked = "".join(char if char.isascii() else "%" for char in _masked(text))
    return f"{identifier} ILIKE '%{masked}%'"


def is_folded_exactly(text: str) -> bool:
    """Whether `folded` finds nothing else."""
    return text.isascii() and not set(text) & set("%_'\\") and text.isprintable()


def present(identifier: str) -> str:
    """A clause that finds the rows that have any value: a search of models takes no IS NOT NULL (3.17.2)."""
    return f"{identifier} LIKE '%'"


def one_of(identifier: str, texts: Sequence[str]) -> str:
    """A clause for a list of texts, each of which can be quoted."""
    return f"{identifier} IN ({','.join(quoted(text) or '' for text in texts)})"


def tag(key: str) -> str:
    """A tag as a filter names it; see `is_tag_key`."""
    return f"tags.`{key}`"


def chunks(texts: Sequence[str]) -> Iterator[list[str]]:
    """Lists short enough for one call, by count and by encoded length."""
    chunk: list[str] = []
    size = 0
    for text in texts:
        length = query_bytes([("", f"{quoted(text)},")])
        if chunk and (len(chunk) == MOST_KEYS or size + length > _MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += length
    if chunk:
        yield chunk


def _masked(text: str) -> str:
    """A pattern that matches the text: `_` stands for whatever could end the quotes or be taken for an escape."""
    return "".join("_" if char in "'\\" or char < " " or char == "\x7f" else char for char in text)


def _is_text(text: str) -> bool:
    """Whether it can be sent at all, and every database takes it."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)
