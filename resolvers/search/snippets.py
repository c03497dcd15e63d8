"""Where a hit holds what was looked for: the field, and its text around the first match."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolvers.search.documents import NAMES, Document, Field
from resolvers.search.terms import Term
from resolvers.search.words import composed, glued_forms, words_of
from schema.search import MatchedField

LONGEST = 160
_BEFORE = 50
"""Characters shown before a match in a text too long to be shown whole."""


def matched_fields(document: Document, terms: Sequence[Term]) -> list[MatchedField]:
    """In the order of the fields; none where the document does not hold any of it."""
    return [
        MatchedField(name=field.label, snippet=snippet)
        for field, text in zip(Field, document.texts, strict=True)
        if text and (snippet := _snippet(field, text, terms)) is not None
    ]


def _snippet(field: Field, text: str, terms: Sequence[Term]) -> str | None:
    if field is Field.DATA:
        names = [name for name in text.split("\n") if _place(field, name, terms) is not None]
        return _cut(", ".join(names), 0) if names else None
    place = _place(field, text, terms)
    return None if place is None else _cut(composed(text).replace("\n", ", "), place)


def _place(field: Field, text: str, terms: Sequence[Term]) -> int | None:
    """Where the first match begins."""
    for word in words_of(text, humps=field in NAMES):
        if _met(word.text, terms):
            return word.start
    together: Iterator[str] = glued_forms(text) if field in NAMES else iter(())
    return 0 if any(_met(form, terms) for form in together) else None


def _met(word: str, terms: Sequence[Term]) -> bool:
    return any(term.is_met_by(word) for term in terms)


def _cut(text: str, place: int) -> str:
    """At most LONGEST characters of a text with the place in it, cut between words where there are any."""
    if len(text) <= LONGEST:
        return text
    start = 0
    if place > _BEFORE:
        space = text.find(" ", place - _BEFORE, place)
        start = space + 1 if space >= 0 else place - _BEFORE
    head = "…" if start else ""
    if len(text) - start <= LONGEST - len(head):
        return head + text[start:]
    end = start + LONGEST - len(head) - 1
    space = text.rfind(" ", place, end)
    return f"{head}{text[start : space if space > start else end].rstrip()}…"
