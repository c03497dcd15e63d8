"""Owners and domains, which no source owns: found by what is theirs, and by what settings and the owners file say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from resolvers.errors import BadUserInput, GraphError, PageLimit, SourceUnavailable, Unseen
from resolvers.loaders import Loaded
from resolvers.paging import MergedPage, page_size, slice_page
from resolvers.rules.filters import plain_text
from resolvers.rules.lists import LISTED, first_of_each, of_kinds
from resolvers.sources import ListArgs, ListFilter, Need, Needs, Page, PageAsk
from resolvers.sources.labels import is_owner
from resolvers.tally import Tally
from schema.connection import IncompleteReason, PageInfo
from schema.entity import DomainConnection, DomainEdge, EntityConnection
from schema.identity import EntityKind
from schema.node import Domain, Entity, KindsArgs, Owner, OwnerName
from schema.query import HandleArgs, Query, TwentyArgs

if TYPE_CHECKING:
    from resolvers.context import Context


async def owner(
    ctx: Context, roots: Sequence[Query], args: HandleArgs, needs: Needs
) -> list[Owner | GraphError | None]:
    """Query.owner: whoever the directory knows, else whoever owns something."""
    text = (plain_text("handle", args.handle) or "").strip()
    found = await _owner(ctx, text) if text else None
    return [Owner.of(found) if isinstance(found, OwnerName) else found for _ in roots]


async def domains(
    ctx: Context, roots: Sequence[Query], args: TwentyArgs, needs: Needs
) -> list[DomainConnection | GraphError]:
    """Query.domains: what the settings name, and what the first `scan_rows` rows of each source's lists do."""
    tally = Tally()
    names = set(_settled(ctx))
    for source, rows in (await _scanned(ctx, tally)).items():
        found = {row.domain_name for row in rows if row.domain_name}
        tally.match(source, len(found))
        names |= found
    page = slice_page(
        sorted(names),
        first=page_size(args.first, 20),
        after=args.after,
        bound_to="Query.domains",
        sort_key=lambda name: (0, name),
    )
    edges = [DomainEdge(node=Domain.of(row.value), cursor=row.cursor) for row in page.rows]
    connection = DomainConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=page.has_next_page or tally.error is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        total_count=page.total_count if tally.complete else None,
        completeness=tally.completeness(),
    )
    return [connection for _ in roots]


async def owned(
    ctx: Context, owners: Sequence[Owner], args: KindsArgs, needs: Needs
) -> list[EntityConnection | GraphError]:
    """Owner.owns"""
    kinds = _kinds(args)
    filters = [(ListFilter(owner=item.handle), f"Owner.owns {item.id}") for item in owners]
    return list(await asyncio.gather(*(of_kinds(ctx, kinds, wanted, args, needs, bound) for wanted, bound in filters)))


async def belonging(
    ctx: Context, domains: Sequence[Domain], args: KindsArgs, needs: Needs
) -> list[EntityConnection | GraphError]:
    """Domain.entities"""
    kinds = _kinds(args)
    filters = [(ListFilter(domain=item.name), f"Domain.entities {item.id}") for item in domains]
    return list(await asyncio.gather(*(of_kinds(ctx, kinds, wanted, args, needs, bound) for wanted, bound in filters)))


async def owners_by_handle(
    ctx: Context, keys: Sequence[str], args: None, needs: Needs
) -> list[Owner | GraphError | None]:
    """Owners by the handle in their id: another spelling of somebody is nobody's id."""
    found = await asyncio.gather(*(_owner(ctx, key) for key in keys))
    return [
        item if not isinstance(item, OwnerName) else Owner.of(item) if item.handle == key else None
        for key, item in zip(keys, found, strict=True)
    ]


async def domains_by_name(
    ctx: Context, keys: Sequence[str], args: None, needs: Needs
) -> list[Domain | GraphError | None]:
    """Domains that the settings name, or that something belongs to."""

    async def found(name: str) -> Domain | GraphError | None:
        if name in _settled(ctx):
            return Domain.of(name)
        pages = await first_of_each(ctx, ListFilter(domain=name))
        return Domain.of(name) if any(page.rows for page in pages) else _verdict(pages)

    return list(await asyncio.gather(*map(found, keys)))


async def _owner(ctx: Context, text: str) -> OwnerName | GraphError | None:
    known = ctx.sources.directory.owner(text)
    if known is not None and ctx.sight is None:
        return known
    # To who may not see everything, somebody is there by owning something that may be seen.
    pages = await first_of_each(ctx, ListFilter(owner=known.handle if known else text))
    if known is not None and any(page.rows for page in pages):
        return known
    named = [name for page in pages for row in page.rows for name in row.value.owned_by if is_owner(name, text)]
    if not named:
        return _verdict(pages)
    person = next((name for name in named if name.team != text or name.handle == text), None)
    if person is None:
        return OwnerName(text, None, text)  # a team whose members own what was found
    same = [name for name in named if name.handle == person.handle]
    return OwnerName(person.handle, _first(name.email for name in same), _first(name.team for name in same))


def _verdict(pages: Iterable[MergedPage[Entity]]) -> GraphError | None:
    """Why it is not certain that there is none; None where it is."""
    cut: GraphError | None = None
    for page in pages:
        for outcome in page.outcomes:
            if outcome.error is not None:
                return outcome.error.again()
            if page.reasons:
                error = PageLimit if IncompleteReason.SCAN_LIMIT in page.reasons else SourceUnavailable
                cut = cut or error(outcome.source, f"{outcome.source} could not be read to its end.")
    return cut


def _settled(ctx: Context) -> set[str]:
    """The domains that settings give to whole sources."""
    names = {(adapter.profile.name, adapter.profile.labels.domain) for adapter in ctx.sources}
    seen = {name: ctx.sight.domains(name) if ctx.sight is not None else None for name, _ in names}
    return {domain for name, domain in names if domain and domain in (seen[name] or {domain})}


async def _scanned(ctx: Context, tally: Tally) -> dict[str, list[Entity]]:
    """The first rows of every source's list."""
    needs, args = frozenset({Need.DOMAIN}), ListArgs()
    methods: list[tuple[str, int, Any]] = [
        *((one.profile.name, one.profile.scan_rows, one.models) for one in ctx.sources.registries.values()),
        *((one.profile.name, one.profile.scan_rows, one.experiments) for one in ctx.sources.platforms.values()),
        *((one.profile.name, one.profile.scan_rows, one.pipelines) for one in ctx.sources.orchestrators.values()),
    ]
    waiting = [(name, ctx.loader(method).load(PageAsk(0, most), args, needs)) for name, most, method in methods]
    found: dict[str, list[Entity]] = {}
    for name, pending in waiting:
        loaded: Loaded[Page[Entity]] = await pending
        tally.note(name, loaded)
        found[name] = []
        if isinstance(loaded.value, GraphError):
            continue
        tally.scanned += len(loaded.value.rows)
        tally.incomplete(loaded.value.reasons)
        if loaded.value.more:
            tally.incomplete([IncompleteReason.SCAN_LIMIT])
        for row in loaded.value.rows:
            if isinstance(row, Unseen):
                tally.scanned -= 1
            elif isinstance(row, GraphError):
                tally.incomplete([IncompleteReason.SOURCE_UNAVAILABLE])
            else:
                found[name].append(row)
    return found


def _kinds(args: KindsArgs) -> tuple[EntityKind, ...]:
    kinds = LISTED if args.kinds is None else tuple(args.kinds)
    if not set(kinds) <= set(LISTED):
        raise BadUserInput(f"`kinds` are of {', '.join(kind.name for kind in LISTED)} here.")
    return kinds


def _first(texts: Iterable[str | None]) -> str | None:
    return next((text for text in texts if text), None)
