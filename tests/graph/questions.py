"""The questions of the README: example queries with their variables, as the page shows them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.graph.client import Graph

FOLDER = Path(__file__).parents[2] / "gateway" / "static" / "examples"
QUESTIONS = sorted(path.stem for path in FOLDER.glob("*.graphql"))


def query_of(question: str) -> str:
    return (FOLDER / f"{question}.graphql").read_text("utf-8")


def variables_of(question: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{question}.json").read_text("utf-8"))
    return found


async def answer_of(graph: Graph, question: str) -> Any:
    """The data of an answer without errors."""
    return await graph.data(query_of(question), **variables_of(question))


def uses(experiments: Any) -> list[tuple[str, str, bool, list[str]]]:
    """Of each experiment its key and status, whether it runs, and the variations that serve the model."""
    return [
        (
            edge["node"]["key"],
            edge["node"]["status"],
            edge["running"],
            [variation["key"] for variation in edge["variations"] or ()],
        )
        for edge in experiments["edges"]
    ]


def failed(version: Any) -> list[tuple[str, str, list[str], dict[str, str]]]:
    """Of each failed run above: its pipeline, its state, who owns the pipeline, and how its tasks ended."""
    return [
        (
            edge["node"]["pipeline"]["name"],
            edge["node"]["state"],
            [owner["handle"] for owner in edge["node"]["pipeline"]["owners"]],
            {task["key"]: task["state"] for task in edge["node"]["tasks"]["nodes"]},
        )
        for edge in version["producedBy"]["node"]["failedUpstreamRuns"]["edges"]
    ]
