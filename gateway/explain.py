"""What a client may have explained: how its operation would be answered, or how it was, in `extensions.explain`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from starlette.datastructures import Headers

from gateway.request import Refused
from resolvers.operation import Call
from resolvers.plan import PlannedLink
from resolvers.trace import Span, Trace

HEADER = "x-lifecycle-explain"
MOST_KEYS = 20
"""Shown of one batch; all are counted."""
MOST_CHARACTERS = 300

Shown = dict[str, object]


class Wish(Enum):
    """PLAN asks no source; TRACE answers as always and tells what was asked."""

    PLAN = "plan"
    TRACE = "trace"


def wish_of(headers: Headers, *, allowed: bool) -> Wish | None:
    """What the client wants explained; raises Refused."""
    text = headers.get(HEADER)
    if text is None:
        return None
    if not allowed:
        raise Refused(403, "This gateway explains nothing: `explain` is off in its settings.")
    try:
        return Wish(text.strip().lower())
    except ValueError:
        raise Refused(400, f"`{HEADER}` is `plan` or `trace`.") from None


def plan_shown(links: Iterable[PlannedLink]) -> Shown:
    """A plan: links level by level, each with the methods it may ask of each source."""
    return {
        "plan": [
            {
                "level": link.level,
                "path": link.path,
                "link": link.link,
                "foundBy": link.found_by,
                "asks": [{"source": source, "methods": methods} for source, methods in link.asks.items()],
            }
            for link in links
        ]
    }


def trace_shown(trace: Trace) -> Shown:
    """A trace: all in the order in which it began, in milliseconds since the operation did."""
    batches = sorted(trace.batches, key=lambda batch: batch.span.began_ms)
    within = {call for batch in batches for call in batch.calls}
    alone = [call for call in trace.calls if call not in within]
    return {
        "trace": {
            "ms": _rounded(trace.now()),
            "sources": _by_source([*within, *alone], trace),
            "batches": [
                {
                    "source": batch.source,
                    "method": batch.method,
                    "keys": [_text(key) for key in batch.keys[:MOST_KEYS]],
                    "keyCount": len(batch.keys),
                    **_times(batch.span),
                    "calls": [_call(call, trace) for call in batch.calls],
                }
                for batch in batches
            ],
            "otherCalls": [{"source": call.source, **_call(call, trace)} for call in alone],
        }
    }


def _by_source(calls: Iterable[Call], trace: Trace) -> list[Shown]:
    found: dict[str, list[Call]] = {}
    for call in calls:
        found.setdefault(call.source, []).append(call)
    return [
        {"source": source, "calls": len(made), "ms": _rounded(sum(_length(trace.calls.get(call)) for call in made))}
        for source, made in sorted(found.items())
    ]


def _call(call: Call, trace: Trace) -> Shown:
    # A call without a time is one that another operation made for this one, too.
    span = trace.calls.get(call)
    return {"method": call.method, "path": call.path[:MOST_CHARACTERS], **(_times(span) if span else {})}


def _times(span: Span) -> Shown:
    return {"startMs": _rounded(span.began_ms), "ms": _rounded(_length(span))}


def _length(span: Span | None) -> float:
    return span.ended_ms - span.began_ms if span else 0.0


def _rounded(milliseconds: float) -> float:
    return round(milliseconds, 1)


def _text(key: object) -> str:
    text = "/".join(str(part) for part in key) if isinstance(key, tuple) else str(key)
    return text[:MOST_CHARACTERS]
