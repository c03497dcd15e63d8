"""Lineages as short texts, so that a test can list the whole of one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

LINEAGE = """
query Lineage($id: ID!, $direction: LineageDirection! = BOTH, $depth: Int! = 1, $maxNodes: Int! = 200) {
  lineage(id: $id, direction: $direction, depth: $depth, maxNodes: $maxNodes) {
    root { entityId kind }
    nodes { ref { entityId kind source key } name distance expanded state code owners { handle } }
    edges { fromId toId relation evidence { basis assertedBy } }
    completeness { complete reasons sources { source ok code } } } }
"""


def dataset_id(key: str) -> str:
    return f"mlg://dataset/-/{quote(key, safe='')}"


def version_id(registry: str, name: str, version: int) -> str:
    return f"mlg://model-version/{registry}/{quote(f'{name}/{version}', safe='')}"


def short(entity_id: str) -> str:
    """`pipeline studio_frame_extraction`, `model-version content-embedding/7`."""
    kind, _, key = entity_id.removeprefix("mlg://").split("/")
    return f"{kind} {unquote(key)}"


def levels(lineage: dict[str, Any]) -> list[set[str]]:
    """The nodes of each level."""
    found: list[set[str]] = [set() for _ in range(1 + max(node["distance"] for node in lineage["nodes"]))]
    for node in lineage["nodes"]:
        found[node["distance"]].add(short(node["ref"]["entityId"]))
    return found


def edges(lineage: dict[str, Any]) -> set[str]:
    """Each edge as a sentence; that no two are the same is part of what is read."""
    found = [f"{short(edge['fromId'])} {edge['relation']} {short(edge['toId'])}" for edge in lineage["edges"]]
    assert len(found) == len(set(found))
    return set(found)


def unexpanded(lineage: dict[str, Any]) -> set[str]:
    return {short(node["ref"]["entityId"]) for node in lineage["nodes"] if not node["expanded"]}


def states(lineage: dict[str, Any]) -> dict[str, str]:
    """The nodes that are not resolved, and why."""
    return {
        short(node["ref"]["entityId"]): f"{node['state']} {node['code']}"
        for node in lineage["nodes"]
        if node["state"] != "RESOLVED"
    }


def failing(lineage: dict[str, Any]) -> dict[str, str]:
    """The sources that did not answer everything, and why."""
    return {item["source"]: item["code"] for item in lineage["completeness"]["sources"] if not item["ok"]}
