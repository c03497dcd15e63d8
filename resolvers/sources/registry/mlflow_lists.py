"""The list of an MLflow's models, narrowed by what its search can say, and its search by words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial

from resolvers.errors import SourceError
from resolvers.http import query_bytes
from resolvers.sources import Capability, Found, ListArgs, ListFilter, Page, PageAsk
from resolvers.sources.labels import LabelRules
from resolvers.sources.registry.mlflow_api import MlflowApi
from resolvers.sources.registry.mlflow_filter import (
    equals,
    folded,
    is_folded_exactly,
    is_tag_key,
    present,
    quoted,
    tag,
)
from resolvers.sources.registry.mlflow_rows import ModelRow, Read
from resolvers.sources.registry.mlflow_scan import Reads, walk
from resolvers.sources.words import words_in
from schema.connection import IncompleteReason
from schema.filter import EntityOrder
from schema.source import CapabilityMode

Models = Page[Read[ModelRow]]

MODELS_A_PAGE = 1000  # the most MLflow takes
MOST_WORDS = 5
FOUND_A_WORD = 100
_FILTER_BYTES = 6000  # proxies commonly stop at 8 kB of URL
_ORDERS = {
    EntityOrder.NAME: ("name ASC",),
    EntityOrder.UPDATED_AT: ("last_updated_timestamp DESC", "name ASC"),
}

CAPABILITIES = (
    Capability("models.nameContains", CapabilityMode.NATIVE),
    Capability("models.owner", CapabilityMode.NATIVE, "One search a tag that names owners, up to scan_rows each."),
    Capability("models.unowned", CapabilityMode.SCAN, "MLflow cannot be asked for the absence of a tag."),
    Capability("models.domain", CapabilityMode.NATIVE, "By tag; a scan for the domain that is the source's own."),
    Capability("models.tags", CapabilityMode.NATIVE),
    Capability("models.UPDATED_AT", CapabilityMode.NATIVE),
    Capability("search", CapabilityMode.NATIVE, "Names only; one call a word, at most 5, 100 rows each."),
)


@dataclass(frozen=True, slots=True)
class _Narrowed:
    """Searches that find every wanted model between them, and whether nothing else."""

    searches: Sequence[str]
    exact: bool


async def model_pages(
    api: MlflowApi, rules: LabelRules, most: int, asks: Sequence[PageAsk], args: ListArgs
) -> list[Models | SourceError]:
    narrowed = _narrowed(args.filter, rules)
    if narrowed is None:
        return [Page((), False, 0) for _ in asks]
    if len(narrowed.searches) > 1:
        return await _united(api, narrowed.searches, most, asks, args.order)

    async def page(ask: PageAsk) -> Models | SourceError:
        limit = min(ask.limit, MODELS_A_PAGE)
        try:
            listed = await api.models(narrowed.searches[0], limit, ask.position, _ORDERS[args.order])
        except SourceError as error:
            return error
        return Page([row for _, row in listed.rows], listed.more, exact=narrowed.exact)

    return list(await asyncio.gather(*map(page, asks)))


async def models_with_words(api: MlflowApi, text: str) -> Reads[ModelRow]:
    """Models whose names hold any of the words; nothing of MLflow searches descriptions."""
    words, whole = words_in(text, MOST_WORDS)
    searches = [partial(api.models, folded("name", word)) for word in words]
    reads = await asyncio.gather(*(walk(search, FOUND_A_WORD, FOUND_A_WORD) for search in searches))
    return _joined(reads, frozenset() if whole else frozenset({IncompleteReason.CALL_BUDGET}))


async def _united(
    api: MlflowApi, searches: Sequence[str], most: int, asks: Sequence[PageAsk], order: EntityOrder
) -> list[Models | SourceError]:
    """Pages of several searches together: as MLflow knows no OR, all of them are read, then put in order."""

    def of(clause: str) -> Awaitable[Reads[ModelRow]]:
        return walk(partial(api.models, clause, orders=_ORDERS[order]), MODELS_A_PAGE, most)

    reads = _joined(await asyncio.gather(*map(of, searches)), frozenset())
    if isinstance(reads, SourceError):
        return [reads.again() for _ in asks]
    rows = sorted(reads.items, key=lambda read: read.row.name)
    if order is EntityOrder.UPDATED_AT:
        rows.sort(key=lambda read: read.row.last_updated_timestamp or 0, reverse=True)
    return [
        Page(
            rows[ask.position : ask.position + ask.limit],
            ask.position + ask.limit < len(rows),
            exact=False,
            reasons=reads.reasons,
        )
        for ask in asks
    ]


def _joined(reads: Sequence[Reads[ModelRow]], reasons: frozenset[IncompleteReason]) -> Reads[ModelRow]:
    rows: dict[str, Read[ModelRow]] = {}
    scanned = 0
    for found in reads:
        if isinstance(found, SourceError):
            return found
        rows |= {read.row.name: read for read in found.items}
        scanned += found.scanned
        reasons |= found.reasons
    return Found(list(rows.values()), scanned, reasons)


def _narrowed(wanted: ListFilter, rules: LabelRules) -> _Narrowed | None:
    """The searches for a filter; None where no model of an MLflow can be wanted."""
    clauses: list[str] = []
    exact = wanted.unowned is None
    if wanted.name_contains is not None:
        clauses.append(folded("name", wanted.name_contains))
        exact = exact and is_folded_exactly(wanted.name_contains)
    tags: list[tuple[str, str | None]] = list(wanted.tags)
    if wanted.domain is not None:
        if wanted.domain == rules.domain:
            exact = False  # models without the tag are of it too, and MLflow has no clause for these
        else:
            tags.append((rules.domain_tag, wanted.domain))
    for key, value in tags:
        if not is_tag_key(key) or key.startswith("mlflow."):
            return None  # no tag has this key, or it is one of MLflow's own, which are not shown
        if value:
            clauses.append(equals(tag(key), value))
            exact = exact and quoted(value) is not None
        else:
            clauses.append(present(tag(key)))
            exact = exact and value is None
    owners: list[str] = []
    if wanted.owner is not None:
        keys = filter(is_tag_key, rules.owner_tags)
        texts = rules.spellings(wanted.owner)
        # Whoever owns is compared exactly or not, as the rules of labels say: these find both.
        owners = [folded(tag(key), text) for key in keys for text in texts]
        if is_tag_key(rules.team_tag):
            owners += [folded(tag(rules.team_tag), text) for text in rules.team_spellings(wanted.owner)]
    kept: list[str] = []
    longest = max(map(_bytes, owners), default=0)
    for clause in clauses:
        if sum(map(_bytes, kept)) + _bytes(clause) + longest <= _FILTER_BYTES:
            kept.append(clause)
        else:
            exact = False
    if not owners:
        return _Narrowed([" AND ".join(kept)], exact)
    return _Narrowed([" AND ".join([*kept, owner]) for owner in owners], False)


def _bytes(clause: str) -> int:
    return query_bytes([("", f"{clause} AND ")])
