"""Unites what several rules found for one parent, orders it, and cuts the page out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from resolvers.errors import GraphError, NotAllowed
from resolvers.paging import page_size, slice_page
from resolvers.tally import Tally
from schema.connection import Evidence, IncompleteReason, PageInfo
from schema.identity import Reference

if TYPE_CHECKING:
    from resolvers.context import Context

X = TypeVar("X")

LINK_LIMIT = 500
"""Most links of one parent; past it the answer says SCAN_LIMIT."""


@dataclass(slots=True)
class Candidate(Generic[X]):
    """A target, what says so, and what the edge shows of it."""

    target: Reference
    grounds: tuple[Evidence, ...]
    extra: X
    verdict: GraphError | None = None


def unite(candidates: Iterable[Candidate[X]], merge: Callable[[X, X], X]) -> list[Candidate[X]]:
    """One candidate per target, with the evidence of all, in order of first mention."""
    united: dict[Reference, Candidate[X]] = {}
    for candidate in candidates:
        known = united.setdefault(candidate.target, candidate)
        if known is not candidate:
            known.grounds = tuple(dict.fromkeys((*known.grounds, *candidate.grounds)))
            known.extra = merge(known.extra, candidate.extra)
    return list(united.values())


def connect(
    ctx: Context,
    connection: Callable[..., Any],
    candidates: list[Candidate[X]],
    edge_of: Callable[[Candidate[X], str], Any],
    tally: Tally,
    *,
    first: int | None,
    after: str | None,
    bound_to: str,
    rank: Callable[[Candidate[X]], int] = lambda candidate: 0,
) -> Any:
    """The page of a link connection: ordered by rank, then id; the cursor is that pair.

    What the caller may not see is left out before, as a cursor would name it; that it is, is said.
    """
    seen = candidates
    if ctx.sight is not None:
        seen = [item for item in candidates if ctx.sees(item.target) and not isinstance(item.verdict, NotAllowed)]
    if len(seen) < len(candidates):
        tally.incomplete([IncompleteReason.FORBIDDEN])
    ordered = sorted(seen, key=lambda candidate: (rank(candidate), candidate.target.id))
    if len(ordered) > LINK_LIMIT:
        del ordered[LINK_LIMIT:]
        tally.incomplete([IncompleteReason.SCAN_LIMIT])
    page = slice_page(
        ordered,
        first=page_size(first, 10),
        after=after,
        bound_to=bound_to,
        sort_key=lambda candidate: (rank(candidate), candidate.target.id),
    )
    edges = [edge_of(candidate, cursor) for candidate, cursor in page.rows]
    return connection(
        edges=edges,
        page_info=PageInfo(
            # Paging cannot bring what a source in trouble keeps back, but the end has not been seen either.
            has_next_page=page.has_next_page or tally.error is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
        total_count=len(ordered) if tally.complete else None,
        completeness=tally.completeness(),
    )
