"""One gateway over the story's company for all tests of a module: they only read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from gateway.demo.story import story
from tests.graph.client import Graph, graph_of

WHOLE_LISTS = """
[limits]
nodes = 50000
calls = 600
"""
"""Some tests read all versions of all models, or all runs of all pipelines, by one query."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told() -> AsyncIterator[Graph]:
    """The story's graph; its sources have told their versions and Airflow has given its token."""
    async with graph_of(story(), WHOLE_LISTS) as graph:
        await graph.data("{ sources { name } }")
        yield graph
