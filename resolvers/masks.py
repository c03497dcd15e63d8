"""Links as one caller sees them: one to what may not be seen keeps its kind, and nothing that tells what it is.

Judged on references alone, so that a mask says nothing of existence. Connections leave such links out instead, before
they are cut into pages (resolvers/rules/union.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import strawberry

from resolvers.access import Sight
from resolvers.errors import NotAllowed
from schema.connection import Evidence, Link, LinkConnection
from schema.identity import SHARED, EntityKind, Reference
from schema.lineage import Impact, Lineage, LineageNode
from schema.model import ModelLink


def masked(sight: Sight, answer: Any) -> Any:
    """What a link field answers, with every link in it masked where it must be."""
    match answer:
        case Link():
            _mask(sight, answer)
        case list():
            for item in answer:
                if isinstance(item, Link):
                    _mask(sight, item)
        case LinkConnection():
            for edge in answer.edges:
                _show_ways(sight, edge)
        case Lineage():
            _mask_lineage(sight, answer)
        case Impact():
            _mask_lineage(sight, answer.lineage)
            for link in answer.running_experiments:
                _mask(sight, link)
    return answer


def is_kept_back(sight: Sight | None, node: Link[Any] | LineageNode) -> bool:
    """Whether a caller may not see what this leads to."""
    return sight is not None and (not sight.allows(node.target) or isinstance(node.verdict, NotAllowed))


def _mask(sight: Sight, link: Link[Any]) -> None:
    if not is_kept_back(sight, link):
        _show_ways(sight, link)
        return
    link.target, link.verdict = _nobody(link.target.kind), NotAllowed()
    link.grounds = tuple(dict.fromkeys(_plain(sight, ground) for ground in link.grounds))
    if isinstance(link, ModelLink):
        link.alias = link.version_key = None


def _show_ways(sight: Sight, link: Link[Any]) -> None:
    link.grounds = tuple(_through(sight, ground) for ground in link.grounds)


def _mask_lineage(sight: Sight, lineage: Lineage) -> None:
    """Its nodes are told apart by number, so that its edges still join them. The root is what the caller named."""
    root, *others = lineage.nodes
    names: dict[str, str] = {}
    if is_kept_back(sight, root):
        root.verdict = NotAllowed()
    for node in others:
        if is_kept_back(sight, node):
            number = len(names) + 1
            target = _nobody(node.target.kind, f"-{number}")
            names[node.target.id] = target.id
            node.target, node.verdict = target, NotAllowed()
    for edge in lineage.edges:
        hidden = {edge.from_id, edge.to_id} & names.keys()
        edge.from_id = strawberry.ID(names.get(edge.from_id, edge.from_id))
        edge.to_id = strawberry.ID(names.get(edge.to_id, edge.to_id))
        show = _plain if hidden else _through
        edge.grounds = tuple(dict.fromkeys(show(sight, ground) for ground in edge.grounds))


def _nobody(kind: EntityKind, number: str = "") -> Reference:
    """What a mask shows; as an id it leads nowhere."""
    return Reference(kind, SHARED, f"forbidden{number}")


def _through(sight: Sight, ground: Evidence) -> Evidence:
    """Evidence without those steps that may not be seen."""
    if all(sight.allows(step) for step in ground.via):
        return ground
    return Evidence(ground.basis, ground.asserted_by, _seen(sight, ground.via), ground.rule)


def _plain(sight: Sight, ground: Evidence) -> Evidence:
    """Evidence that names the source and the rule, not what was matched, which may name the target."""
    source, _, _ = ground.asserted_by.partition(": ")
    return Evidence(ground.basis, f"{source}: {ground.rule}", _seen(sight, ground.via), ground.rule)


def _seen(sight: Sight, steps: Iterable[Reference]) -> tuple[Reference, ...]:
    return tuple(step for step in steps if sight.allows(step))
