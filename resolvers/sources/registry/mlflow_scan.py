"""Reverse look-ups in MLflow: walks over searches, bounded, and the rows whose tag has a value."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from resolvers.errors import SourceError
from resolvers.sources import MOST_PAGES, Found
from resolvers.sources.registry import TagKey
from resolvers.sources.registry.mlflow_api import Listed
from resolvers.sources.registry.mlflow_filter import begins, contains, equals, is_tag_key, is_value, tag
from resolvers.sources.registry.mlflow_rows import PairRow, Read
from schema.connection import IncompleteReason

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")

Reads = Found[Read[R]] | SourceError
_WORTH_A_PATTERN = 4


async def walk(search: Callable[[int, int], Awaitable[Listed[K, R]]], a_page: int, most: int) -> Reads[R]:
    """Page after page, by limit and offset, until the end or `most` rows; what was read stays if a later page fails."""
    found: dict[K | None, Read[R]] = {}
    reasons: set[IncompleteReason] = set()
    scanned = pages = 0
    while True:
        pages += 1
        try:
            listed = await search(min(a_page, most - scanned), scanned)
        except SourceError as error:
            if not scanned:
                return error
            reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
            break
        again = scanned and listed.rows and all(key in found for key, _ in listed.rows)
        scanned += len(listed.rows)
        for key, row in listed.rows:
            if isinstance(row, Read):
                found[key] = row
            else:
                reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
        if not listed.more:
            break
        if again:  # pages that go in a circle
            reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
            break
        if scanned >= most or pages >= MOST_PAGES or not listed.rows:
            reasons.add(IncompleteReason.SCAN_LIMIT)
            break
    return Found(list(found.values()), scanned, frozenset(reasons))


def those(reads: Reads[R], test: Callable[[R], bool]) -> Reads[R]:
    """What of a walk belongs to one key."""
    if isinstance(reads, SourceError):
        return reads
    return Found([read for read in reads.items if test(read.row)], reads.scanned, reads.reasons)


async def by_tag(
    keys: Sequence[TagKey],
    search: Callable[[str, int, int], Awaitable[Listed[K, R]]],
    tags_of: Callable[[R], Sequence[PairRow]],
    a_page: int,
    most: int,
) -> dict[TagKey, Reads[R]]:
    """One walk for each key, as no filter takes a list of values of a tag (3.17.2).

    Several values of one tag first try a single page of the pattern of their common beginning, and several texts that
    values hold a page of all rows that have the tag: where that is all of them, it was one call. More pages would be
    ever more rows of no use as a registry grows.
    """

    async def of_key(key: TagKey) -> Reads[R]:
        clause = contains(tag(key.tag), key.value) if key.contains else equals(tag(key.tag), key.value)
        return those(await walk(partial(search, clause), a_page, most), partial(has, key))

    def has(key: TagKey, row: R) -> bool:
        values = [pair.value for pair in tags_of(row) if pair.key == key.tag]
        return any(key.value in value if key.contains else key.value == value for value in values)

    async def of_tag(name: str, asked: list[TagKey]) -> dict[TagKey, Reads[R]]:
        exact = [key for key in asked if not key.contains]
        held = [key for key in asked if key.contains]
        found: dict[TagKey, Reads[R]] = {}
        for several, beginning in ((exact, _common_beginning([key.value for key in exact])), (held, "")):
            if len(several) >= _WORTH_A_PATTERN:
                reads = await walk(partial(search, begins(tag(name), beginning)), a_page, min(a_page, most))
                if isinstance(reads, SourceError) or IncompleteReason.SCAN_LIMIT not in reads.reasons:
                    found |= {key: those(reads, partial(has, key)) for key in several}
        rest = [key for key in asked if key not in found]
        return found | dict(zip(rest, await asyncio.gather(*(of_key(key) for key in rest)), strict=True))

    tags: dict[str, list[TagKey]] = {}
    found: dict[TagKey, Reads[R]] = {}
    for key in dict.fromkeys(keys):
        if not is_tag_key(key.tag):
            found[key] = Found()  # MLflow lets nothing have such a tag
        elif is_value(key.value):
            tags.setdefault(key.tag, []).append(key)
        else:
            found[key] = Found(reasons=frozenset({IncompleteReason.NOT_SUPPORTED_BY_SOURCE}))
    for part in await asyncio.gather(*(of_tag(name, asked) for name, asked in tags.items())):
        found |= part
    return found


def _common_beginning(texts: Sequence[str]) -> str:
    """What all texts begin with: it is enough to compare the first and the last in order."""
    first, last = min(texts, default=""), max(texts, default="")
    same = (at for at, (left, right) in enumerate(zip(first, last, strict=False)) if left != right)
    return first[: next(same, min(len(first), len(last)))]
