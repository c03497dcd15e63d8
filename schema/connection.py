"""Links, edges and connections: one pattern for everything that leads from one entity to others."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

import strawberry

from schema.fields import After, First, to_many, to_one
from schema.identity import Reference
from schema.keys import SHAREABLE
from schema.node import EntityRef

N = TypeVar("N")
E = TypeVar("E")


@strawberry.enum(description="What is known of a link's target.")
class LinkState(Enum):
    RESOLVED = strawberry.enum_value("RESOLVED", description="The target was read from its source just now.")
    DANGLING = strawberry.enum_value("DANGLING", description="The reference stands, its target is gone.")
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE", description="The source could not say: down, slow, limited, or its answer was bad. See `code`."
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN",
        description="The target may not be seen. Where rules of the graph say so they judge the reference alone, so "
        "this tells nothing of existence, and `ref` shows the kind only; what its own labels keep back is DANGLING.",
    )


@strawberry.enum(description="How a link was found.")
class LinkBasis(Enum):
    NATIVE = strawberry.enum_value("NATIVE", description="A field of the source itself, such as a version's run_id.")
    CONVENTION = strawberry.enum_value(
        "CONVENTION", description="A tag, parameter, asset URI or variation value matched by a configured rule."
    )
    INFERRED = strawberry.enum_value("INFERRED", description="Reached by composing other links.")


@strawberry.enum(description="One vocabulary for errors, links and outcomes.")
class ErrorCode(Enum):
    SOURCE_UNAVAILABLE = strawberry.enum_value("SOURCE_UNAVAILABLE", description="The source could not be reached.")
    SOURCE_TIMEOUT = strawberry.enum_value("SOURCE_TIMEOUT", description="The source did not answer in time.")
    SOURCE_RATE_LIMITED = strawberry.enum_value(
        "SOURCE_RATE_LIMITED", description="The source takes no more calls for now; see `retryAfterMs`."
    )
    SOURCE_ERROR = strawberry.enum_value("SOURCE_ERROR", description="The source answered with an error of its own.")
    SOURCE_BAD_RESPONSE = strawberry.enum_value(
        "SOURCE_BAD_RESPONSE", description="The source answered something that cannot be trusted or read."
    )
    SOURCE_RESPONSE_TOO_LARGE = strawberry.enum_value(
        "SOURCE_RESPONSE_TOO_LARGE", description="The source's answer was larger than the gateway takes."
    )
    SOURCE_AUTH_FAILED = strawberry.enum_value(
        "SOURCE_AUTH_FAILED", description="The source refused the gateway's credential."
    )
    DEADLINE_EXCEEDED = strawberry.enum_value("DEADLINE_EXCEEDED", description="The request's own time was used up.")
    OVERLOADED = strawberry.enum_value("OVERLOADED", description="Too many calls are waiting for this source.")
    PAGE_LIMIT = strawberry.enum_value("PAGE_LIMIT", description="More pages than the gateway reads for one answer.")
    NOT_FOUND = strawberry.enum_value("NOT_FOUND", description="The source has no such thing.")
    FORBIDDEN = strawberry.enum_value("FORBIDDEN", description="It may not be seen.")
    UNAUTHENTICATED = strawberry.enum_value(
        "UNAUTHENTICATED",
        description="The caller is not known, or what it sent is not taken by a source that is asked with it.",
    )
    AMBIGUOUS = strawberry.enum_value("AMBIGUOUS", description="Several sources have this name: say which.")
    INTERNAL = strawberry.enum_value("INTERNAL", description="A fault of the gateway; the log has it under requestId.")


@strawberry.type(description="What says that a link exists.")
class LinkEvidence:
    basis: LinkBasis = strawberry.field(description="How the link was found.")
    asserted_by: str = strawberry.field(
        description="What said so, e.g. `studio-mlflow: run tag lifecycle.pipeline_run`."
    )
    via: list[EntityRef] = strawberry.field(description="What the link was reached through, in order.")


class Evidence:
    """One piece of evidence, kept light until it is selected."""

    __slots__ = ("asserted_by", "basis", "rule", "via")

    def __init__(self, basis: LinkBasis, asserted_by: str, via: tuple[Reference, ...] = (), rule: str = "") -> None:
        self.basis, self.asserted_by, self.via, self.rule = basis, asserted_by, via, rule

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Evidence)
            and (self.basis, self.asserted_by, self.via) == (other.basis, other.asserted_by, other.via)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash((self.basis, self.asserted_by, self.via))

    def shown(self) -> LinkEvidence:
        return LinkEvidence(
            basis=self.basis, asserted_by=self.asserted_by, via=[EntityRef.of(reference) for reference in self.via]
        )


@strawberry.enum(description="Why an answer is not complete.")
class IncompleteReason(Enum):
    SOURCE_UNAVAILABLE = strawberry.enum_value("SOURCE_UNAVAILABLE", description="A source did not answer.")
    TIME_BUDGET = strawberry.enum_value("TIME_BUDGET", description="The time for looking was used up.")
    CALL_BUDGET = strawberry.enum_value("CALL_BUDGET", description="The calls allowed for looking were used up.")
    NODE_LIMIT = strawberry.enum_value("NODE_LIMIT", description="More nodes than asked for exist.")
    DEPTH_LIMIT = strawberry.enum_value("DEPTH_LIMIT", description="More lies beyond the depth asked for.")
    SCAN_LIMIT = strawberry.enum_value("SCAN_LIMIT", description="A reverse look-up stopped at its bound.")
    POSITION_LOST = strawberry.enum_value(
        "POSITION_LOST", description="All rows the cursor remembered are gone: rows may be missed or repeated here."
    )
    NOT_SUPPORTED_BY_SOURCE = strawberry.enum_value(
        "NOT_SUPPORTED_BY_SOURCE", description="A source has no way to answer this."
    )
    FORBIDDEN = strawberry.enum_value(
        "FORBIDDEN", description="Something may not be seen; links to it are left out, or not followed."
    )


@strawberry.type(description="What one source contributed to an answer.")
class SourceOutcome:
    source: str = strawberry.field(description="The configured source.")
    ok: bool = strawberry.field(description="Whether everything asked of it was answered.")
    code: ErrorCode | None = strawberry.field(description="What went wrong, if anything.", default=None)
    matched: int | None = strawberry.field(description="How many edges it contributed; null if unknown.", default=None)
    calls: int = strawberry.field(
        description="Upstream calls whose answers were used here; a call shared with other fields counts in each."
    )
    age_ms: int | None = strawberry.field(
        description="Of a search: how long ago its candidates were read, where the operator lets them be kept for a "
        "while. Null for what was read now, as everything that is shown is.",
        default=None,
    )


@strawberry.type(
    description="Whether all edges were found. It speaks of finding the edges, never of the state of their targets."
)
class Completeness:
    complete: bool = strawberry.field(description="True when nothing can be missing.")
    reasons: list[IncompleteReason] = strawberry.field(description="Why something may be missing.")
    scanned: int = strawberry.field(description="How many rows were read to find these edges.")
    sources: list[SourceOutcome] = strawberry.field(description="Each source that was asked, by name.")


@strawberry.type(description="Where a page ends. Paging goes forward only.", directives=SHAREABLE)
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether more exist, or may exist: while a source is down, or where rows are left to look through."
    )
    has_previous_page: bool = strawberry.field(description="Always false: paging goes forward only.", default=False)
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge.", default=None)
    end_cursor: str | None = strawberry.field(description="Pass it as `after` for the next page.", default=None)


@strawberry.type(description="A link from one entity to another.")
class Link(Generic[N]):
    target: strawberry.Private[Reference]
    grounds: strawberry.Private[tuple[Evidence, ...]] = ()
    verdict: strawberry.Private[Exception | None] = None
    """Why the target is known to be unresolved before it is asked for, e.g. a name that two sources have."""

    state: LinkState = to_one("What is known of the target; asks the target's source.")
    code: ErrorCode | None = to_one("Why the target is not resolved; null where it is.")
    node: N | None = to_one("The target, read from its source; null where `state` is not RESOLVED.")

    @strawberry.field(description="Which entity is meant; known without asking the target's source.")
    def ref(self) -> EntityRef:
        return EntityRef.of(self.target)

    @strawberry.field(description="What says that this link exists.")
    def evidence(self) -> list[LinkEvidence]:
        return [ground.shown() for ground in self.grounds]


@strawberry.type(description="A link in a connection.")
class LinkEdge(Link[N], Generic[N]):
    cursor: str = strawberry.field(description="Position of this edge, for `after`.")


@strawberry.type(description="Links found for one entity.")
class LinkConnection(Generic[N, E]):
    edges: list[E] = strawberry.field(description="The links on this page.")
    page_info: PageInfo = strawberry.field(description="Where this page ends.")
    total_count: int | None = strawberry.field(
        description="How many links there are in all; null where that is not known exactly.", default=None
    )
    completeness: Completeness = strawberry.field(description="Whether all links were found.")
    nodes: list[N | None] = to_many("The targets, aligned with `edges`; null where a target is not resolved.")


@strawberry.type(description="One row of a list.")
class Edge(Generic[N]):
    node: N = strawberry.field(description="The row.")
    cursor: str = strawberry.field(description="Position of this row, for `after`.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[N, E]):
    edges: list[E] = strawberry.field(description="The rows on this page.")
    nodes: list[N] = strawberry.field(description="The rows on this page, without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page ends.")
    total_count: int | None = strawberry.field(
        description="How many rows there are in all; null where that is not known exactly.", default=None
    )
    completeness: Completeness = strawberry.field(description="Whether all sources answered.")


__all__ = [
    "After",
    "Completeness",
    "Connection",
    "Edge",
    "ErrorCode",
    "Evidence",
    "First",
    "IncompleteReason",
    "Link",
    "LinkBasis",
    "LinkConnection",
    "LinkEdge",
    "LinkEvidence",
    "LinkState",
    "PageInfo",
    "SourceOutcome",
]
