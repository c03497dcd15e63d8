"""An index of candidates in memory: SQLite's FTS5, BM25 with a weight for each field."""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from weakref import finalize

from resolvers.search.documents import NAMES, Document, Field
from resolvers.search.words import glued_forms, plain_words, searchable

WEIGHTS = {
    Field.NAME: 8.0,
    Field.KEY: 6.0,
    Field.ALIASES: 3.0,
    Field.MODEL: 2.0,
    Field.DESCRIPTION: 2.0,
    Field.HYPOTHESIS: 2.0,
    Field.TAGS: 2.0,
    Field.OWNERS: 4.0,
}
GLUED = 6.0
"""The weight of names written as one word."""
_COLUMNS = [field.name.lower() for field in WEIGHTS]


def check_fts5() -> None:
    """Raises ValueError where this Python's SQLite was built without full-text search."""
    with sqlite3.connect(":memory:") as database:
        options = {row[0] for row in database.execute("PRAGMA compile_options")}
    database.close()
    if "ENABLE_FTS5" not in options:
        raise ValueError("the SQLite of this Python has no FTS5, which search needs")


class Index:
    """The documents of one sweep, or of several. Made in one thread, it may be asked in another, one at a time."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        finalize(self, self._database.close)  # by whoever asks it last: a search that was left may still be at it
        # What a thing was trained on is a table of its own: a long list of features must not make a name count less.
        self._database.executescript(
            f"""CREATE VIRTUAL TABLE own USING fts5({", ".join(_COLUMNS)}, glued, content='');
            CREATE VIRTUAL TABLE trained USING fts5(data, content='');
            CREATE VIRTUAL TABLE own_words USING fts5vocab(own, row);
            CREATE VIRTUAL TABLE trained_words USING fts5vocab(trained, row);
            BEGIN"""
        )
        marks = ", ".join("?" * (len(_COLUMNS) + 2))
        self._database.executemany(
            f"INSERT INTO own(rowid, {', '.join(_COLUMNS)}, glued) VALUES ({marks})",  # noqa: S608 - our own names
            ((number, *_row(document)) for number, document in enumerate(documents)),
        )
        self._database.executemany(
            "INSERT INTO trained(rowid, data) VALUES (?, ?)",
            (
                (number, searchable(document.texts[Field.DATA].replace("\n", " ")))
                for number, document in enumerate(documents)
                if document.texts[Field.DATA]
            ),
        )
        self._database.execute("COMMIT")

    @cached_property
    def words(self) -> list[str]:
        """Every word, in order."""
        query = "SELECT term FROM own_words UNION SELECT term FROM trained_words ORDER BY term"
        return [term for (term,) in self._database.execute(query)]

    def has(self, word: str) -> bool:
        place = bisect_left(self.words, word)
        return place < len(self.words) and self.words[place] == word

    @property
    def size(self) -> int:
        """Bytes SQLite holds."""
        ((pages,),) = self._database.execute("PRAGMA page_count")
        ((size,),) = self._database.execute("PRAGMA page_size")
        return int(pages) * int(size)

    def scores(self, expression: str) -> dict[int, float]:
        """The documents that an FTS5 expression finds in their own texts, by number, and their BM25."""
        weights = ", ".join(str(weight) for weight in (*WEIGHTS.values(), GLUED))
        query = f"SELECT rowid, -bm25(own, {weights}) FROM own WHERE own MATCH ?"  # noqa: S608 - numbers of ours
        return dict(self._database.execute(query, (expression,)))

    def scores_by_data(self, expression: str) -> dict[int, float]:
        """The same by the names of the datasets and features they were trained on."""
        return dict(
            self._database.execute("SELECT rowid, -bm25(trained) FROM trained WHERE trained MATCH ?", (expression,))
        )

    def rarity(self, documents: int) -> float:
        """What a word tells that stands in so many documents: BM25's IDF, never below nothing."""
        return max(math.log((len(self.documents) - documents + 0.5) / (documents + 0.5)), 1e-6)


def _row(document: Document) -> list[str]:
    texts = document.texts
    row = [" ".join(plain_words(texts[field])) if field in NAMES else searchable(texts[field]) for field in WEIGHTS]
    return [*row, " ".join(form for field in NAMES if texts[field] for form in glued_forms(texts[field]))]
