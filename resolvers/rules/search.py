"""Query.search: swept in all sources at once, ranked in memory, read live, and what all hits have in common."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from resolvers.conventions import model_in_uri
from resolvers.cursors import MAX_ID, binding, digest, pair_cursor, pair_in
from resolvers.datasets import dataset_from
from resolvers.errors import BadUserInput, GraphError
from resolvers.loaders import Loaded
from resolvers.paging import page_size
from resolvers.rules.filters import MOST_TAGS, plain_text
from resolvers.search.documents import Document, Mention, document_of, document_of_mention, united
from resolvers.search.index import Index
from resolvers.search.live import read_live
from resolvers.search.ranking import ByWords, Hit, rank
from resolvers.search.snippets import matched_fields
from resolvers.search.sweep import NEEDS, OF_KIND, OF_ROLE, Part, Parts, sweep
from resolvers.search.sweeps import KeptIndex, Read
from resolvers.search.terms import Term, terms_of
from resolvers.search.wanted import Wanted
from resolvers.search.words import plain_words
from resolvers.sources import NOTHING, Found, Needs, SourceAdapter
from resolvers.tally import Tally
from schema.connection import IncompleteReason, PageInfo
from schema.model import Model
from schema.node import Entity
from schema.pipeline import AssetMention
from schema.query import Query
from schema.scalars import Timestamp
from schema.search import Facet, FacetValue, SearchArgs, SearchConnection, SearchEdge

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")

SCORERS = (ByWords(),)
MOST_ROUNDS = 3
"""How often a page is filled up with the next hits where some are gone."""
MOST_VALUES = 20
RANKS = 1_000_000
"""Steps of a score that a cursor tells apart."""


async def search(
    ctx: Context, roots: Sequence[Query], args: SearchArgs, needs: Needs
) -> list[SearchConnection | GraphError]:
    """Query.search"""
    first = page_size(args.first, 20)
    query = " ".join((plain_text("query", " ".join(args.query.split())) or "").split())
    if not plain_words(query):
        raise BadUserInput("`query` holds no word to look for.")
    wanted = _wanted(ctx, args)
    bound = binding("Query.search", query, str(wanted))
    taken = pair_in(args.after, bound) if args.after is not None else None
    tally = Tally()
    found = await _found(ctx, query, wanted, tally)
    left = [hit for hit in found.hits if taken is None or _place(hit) > taken]
    page = await _page(ctx, left, found.terms, first, wanted, needs, tally)
    edges = [
        SearchEdge(
            node=entity,
            cursor=pair_cursor(bound, *_place(hit)),
            score=hit.score,
            matched_fields=matched_fields(text, found.terms),
        )
        for hit, entity, text in page.rows
    ]
    for hit, *_ in page.rows:
        for source in hit.document.sources:
            tally.match(source)
    connection = SearchConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=page.looked_at < len(left) or tally.error is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=pair_cursor(bound, *_place(left[page.looked_at - 1])) if page.looked_at else None,
        ),
        total_count=len(found.hits) - (page.looked_at - len(page.rows)) if tally.complete else None,
        facets=_facets(found.hits) if tally.complete else None,
        completeness=tally.completeness(),
    )
    return [connection for _ in roots]


# ---------------------------------------------------------------- candidates


@dataclass(frozen=True, slots=True)
class _Found:
    hits: Sequence[Hit]
    terms: Sequence[Term]


async def _found(ctx: Context, query: str, wanted: Wanted, tally: Tally) -> _Found:
    """All hits, best first, by what a sweep of every source tells, and by its own search where that was cut short."""
    asked = []
    for adapter in ctx.sources:
        parts = frozenset(part for kind in wanted.kinds for part in OF_KIND[kind]) & OF_ROLE[adapter.role]
        if parts and wanted.source in (None, adapter.profile.name):
            asked.append((adapter, parts))
    held = await candidates(ctx, asked, [query], [tally])
    return await ask(held, lambda index: _ranked(query, index, wanted))


async def candidates(
    ctx: Context, asked: Sequence[tuple[SourceAdapter, Parts]], queries: Sequence[str], tallies: Sequence[Tally]
) -> KeptIndex:
    """What these lists hold, for all queries; those that were cut short are searched for each by name as well."""
    reads = await asyncio.gather(*(_read(ctx, adapter, parts) for adapter, parts in asked))
    adapters = [adapter for adapter, _ in asked]
    for tally in tallies:
        for read in reads:
            _note(read, tally)
    more = await asyncio.gather(
        *(_searched(ctx, query, adapters, reads, tally) for query, tally in zip(queries, tallies, strict=True))
    )
    whole = all(tally.complete for tally in tallies)
    kept = None if any(more) else await ctx.sweeps.index_of(reads, whole=whole)
    if kept is not None:
        return kept
    documents = [document for read in reads for document in read.swept.documents]
    documents.extend(document for found in more for document in found)
    return await asyncio.to_thread(lambda: KeptIndex(Index(united(documents, whole=whole))))


async def _read(ctx: Context, adapter: SourceAdapter, parts: Parts) -> Read:
    """What a caller sees only a part of is swept for this caller alone, and kept for nobody."""
    if ctx.sight is not None and ctx.sight.domains(adapter.profile.name) is not None:
        limits = ctx.sweeps.limits
        # What a row's verdict takes costs about as much again.
        return Read(await sweep(adapter, parts, replace(limits, calls=2 * limits.calls)), None)
    return await ctx.sweeps.read(adapter, parts, ctx.caller)


async def ask(held: KeptIndex, question: Callable[[Index], T]) -> T:
    """Beside the event loop; of an index that is kept, one question at a time."""

    def locked() -> T:
        with held.lock:
            return question(held.index)

    return await asyncio.to_thread(locked)


def _ranked(query: str, index: Index, wanted: Wanted) -> _Found:
    return _Found(rank(query, index, wanted, SCORERS), terms_of(query, index))


def _note(read: Read, tally: Tally) -> None:
    swept = read.swept
    # Of a sweep that was kept no call was made for this search.
    calls = swept.calls if read.age_s is None else ()
    tally.note(swept.source, Loaded(swept.error, calls))
    tally.scanned += swept.scanned
    tally.incomplete(swept.reasons)
    if read.age_s is not None:
        tally.aged(swept.source, int(read.age_s * 1000))


async def _searched(
    ctx: Context, query: str, adapters: Sequence[SourceAdapter], reads: Sequence[Read], tally: Tally
) -> list[Document]:
    """What the sources' own searches find, of those lists that were not read to their end."""
    calls: list[Coroutine[Any, Any, list[Document]]] = []
    for adapter, read in zip(adapters, reads, strict=True):
        unfinished = read.swept.unfinished if read.swept.error is None else frozenset()
        if unfinished & {Part.MODELS, Part.VERSIONS, Part.EXPERIMENTS, Part.PIPELINES}:
            calls.append(_by_name(ctx, adapter, query, unfinished, tally))
        if Part.ASSETS in unfinished:
            calls.append(_assets_by_name(ctx, adapter.profile.name, query, tally))
    if not calls:
        return []
    tasks = [asyncio.ensure_future(call) for call in calls]
    done, late = await asyncio.wait(tasks, timeout=ctx.sweeps.limits.time_s)
    for task in late:
        task.cancel()
        tally.incomplete([IncompleteReason.TIME_BUDGET])
    return [document for task in done for document in task.result()]


async def _by_name(
    ctx: Context, adapter: SourceAdapter, query: str, unfinished: frozenset[Part], tally: Tally
) -> list[Document]:
    name = adapter.profile.name
    holder: Any = ctx.sources.registries.get(name) or ctx.sources.platforms.get(name) or ctx.sources.orchestrators[name]
    loaded: Loaded[Found[Entity]] = await ctx.loader(holder.search).load(query, None, NEEDS)
    documents: list[Document] = []
    for row in _items(loaded, name, tally):
        documents.append(document_of(row))
        if isinstance(row, Model) and row.newest is not None and Part.VERSIONS in unfinished:
            documents.append(document_of(row.newest))
    return documents


async def _assets_by_name(ctx: Context, source: str, query: str, tally: Tally) -> list[Document]:
    """By the longest word: an orchestrator is asked for one text at a time."""
    orchestrator = ctx.sources.orchestrators[source]
    longest = max(plain_words(query), key=len)
    loaded: Loaded[Found[AssetMention]] = await ctx.loader(orchestrator.assets).load(longest, None, NOTHING)
    return [
        document_of_mention(dataset_from(asset.name, asset.uri, asset.fetched_at), Mention(source, asset=asset.uri))
        for asset in _items(loaded, source, tally)
        if model_in_uri(orchestrator.profile.conventions, asset.uri) is None
    ]


def _items(loaded: Loaded[Found[T]], source: str, tally: Tally) -> Sequence[T]:
    tally.note(source, loaded)
    if isinstance(loaded.value, GraphError):
        return ()
    tally.scanned += loaded.value.scanned
    return loaded.value.items


# ---------------------------------------------------------------- pages and facets


@dataclass(frozen=True, slots=True)
class _Page:
    """The hits of a page with their rows, and how many were looked at for them."""

    rows: Sequence[tuple[Hit, Entity, Document]]
    looked_at: int


async def _page(
    ctx: Context, left: Sequence[Hit], terms: Sequence[Term], first: int, wanted: Wanted, needs: Needs, tally: Tally
) -> _Page:
    """The next hits that still are what was asked for, each read now; those that are not make room for others."""
    rows: list[tuple[Hit, Entity, Document]] = []
    at = 0
    for _ in range(MOST_ROUNDS):
        batch = left[at : at + first - len(rows)]
        if not batch:
            break
        at += len(batch)
        read = await read_live(ctx, [hit.document for hit in batch], needs | wanted.needs, tally)
        for hit, now in zip(batch, read, strict=True):
            if now is not None and wanted(now[1]) and matched_fields(now[1], terms):
                rows.append((hit, *now))
    return _Page(rows, at)


def _place(hit: Hit) -> tuple[int, str]:
    """Its place among all: by score, then by id, as far as a cursor holds it."""
    id = hit.document.reference.id
    return -round(hit.score * RANKS), id if len(id) <= MAX_ID else id[: MAX_ID - 16] + digest(id).hex()


def _facets(hits: Sequence[Hit]) -> list[Facet]:
    documents = [hit.document for hit in hits]
    return [
        _facet("kind", (document.reference.kind.name for document in documents)),
        _facet("domain", (document.domain for document in documents if document.domain)),
        _facet("owner", (handle for document in documents for handle in {owner.handle for owner in document.owners})),
        _facet("source", (source for document in documents for source in document.sources)),
        _facet("status", (document.status.name for document in documents if document.status)),
    ]


def _facet(field: str, values: Iterable[str]) -> Facet:
    counted = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
    return Facet(field=field, values=[FacetValue(value=value, count=count) for value, count in counted[:MOST_VALUES]])


# ---------------------------------------------------------------- arguments


def _wanted(ctx: Context, args: SearchArgs) -> Wanted:
    kinds = frozenset(OF_KIND if args.kinds is None else args.kinds)
    if not kinds <= OF_KIND.keys():
        raise BadUserInput(f"`kinds` may be {', '.join(kind.name for kind in OF_KIND)}.")
    given = args.filter
    if given is None:
        return Wanted(kinds)
    tags = given.tags if isinstance(given.tags, list | tuple) else ()
    if len(tags) > MOST_TAGS:
        raise BadUserInput(f"At most {MOST_TAGS} tags.")
    source = plain_text("source", given.source)
    if source is not None and source not in ctx.sources.all:
        raise BadUserInput(f"There is no such source: {', '.join(ctx.sources.all) or 'none is configured'}.")
    return Wanted(
        kinds,
        owner=plain_text("owner", given.owner),
        domain=plain_text("domain", given.domain),
        tags=tuple((plain_text("key", tag.key) or "", plain_text("value", tag.value)) for tag in tags),
        updated_after=Timestamp(given.updated_after) if isinstance(given.updated_after, str) else None,
        source=source,
    )
