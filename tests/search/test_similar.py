"""How good Model.similar is, measured: does it find the one model that the demo's generator made for the same?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import pytest

from gateway.demo.generator import build
from gateway.demo.sources import ENVIRONMENT, serve_company
from tests.graph.client import Graph, graph_over
from tests.search.purposes import PAIRS, Pair, pairs_across, pairs_of_lines
from tests.search.test_quality import ENOUGH

SIMILAR = """query Similar($name: String!, $source: String!) { model(name: $name, source: $source) {
  similar(first: 100) { nodes { id ref { source } } completeness { complete reasons } } } }"""
PLACES = 3


class Quality(NamedTuple):
    mrr: float
    recall: float


@pytest.fixture(scope="module")
def reached() -> Mapping[str, Quality]:
    """Both groups, asked once."""
    return asyncio.run(_asked())


async def _asked() -> Mapping[str, Quality]:
    company = build(1200)
    groups = {"other registry": pairs_across(company), "same line": pairs_of_lines(company)}
    async with serve_company(company) as running, graph_over(patient(running.settings), ENVIRONMENT, {}) as graph:
        return {name: quality(pairs, [await _found(graph, pair) for pair in pairs]) for name, pairs in groups.items()}


def patient(settings: str) -> str:
    """All systems are one busy process here: nothing is to be missing because of that."""
    limits = "\n[sources.limits]\nattempt_s = 60.0\nconnect_s = 60.0\n"
    return settings.replace("\n[[sources]]", f"{limits}\n[[sources]]") + limits + ENOUGH


async def _found(graph: Graph, pair: Pair) -> Sequence[str]:
    """The ids of what is similar, where the pair says to look."""
    similar = (await graph.data(SIMILAR, name=pair.name, source=pair.source))["model"]["similar"]
    assert similar["completeness"]["complete"] is True, similar["completeness"]
    return [node["id"] for node in similar["nodes"] if pair.registry in (None, node["ref"]["source"])]


def quality(pairs: Sequence[Pair], found: Sequence[Sequence[str]]) -> Quality:
    assert len(pairs) == PAIRS
    ranks = [ids.index(pair.other) + 1 if pair.other in ids else None for pair, ids in zip(pairs, found, strict=True)]
    return Quality(
        fmean(1 / rank if rank else 0.0 for rank in ranks),
        fmean(rank is not None and rank <= PLACES for rank in ranks),
    )


@pytest.mark.parametrize(
    ("group", "floor"), [("other registry", Quality(0.6, 0.7)), ("same line", Quality(0.45, 0.45))]
)
def test_what_is_for_the_same_is_found_among_the_first(
    reached: Mapping[str, Quality], group: str, floor: Quality
) -> None:
    """In the other registry, by words alone: what does the same for the same users. Anywhere: the one other model that
    a training pipeline makes, by pipeline and data, among all that share more words."""
    report = "\n".join(
        f"{name:16} MRR {mrr:.2f}  recall@{PLACES} {recall:.2f}" for name, (mrr, recall) in reached.items()
    )
    print(report)
    assert reached[group].mrr >= floor.mrr, report
    assert reached[group].recall >= floor.recall, report
