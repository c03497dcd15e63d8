"""Search over the real servers: things of every kind are found, by the lists these servers really answer."""

from __future__ import annotations

import pytest

from tests.graph.client import Graph, graph_over
from tests.graph.test_search import SEARCH, ids
from tests.live.graph import settings_of
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live

FIRST = (
    ("scene boundary embedding", "MODEL", "model/studio-mlflow/content-embedding"),
    ("viewerembeding", "MODEL", "model/personalization-mlflow/viewer-embedding"),
    ("content-embedding 5", "MODEL_VERSION", "model-version/studio-mlflow/content-embedding%2F5"),
    ("ads contextual scene match", "EXPERIMENT", "experiment/unleash/ads-contextual-scene-match"),
    ("frame extraction", "PIPELINE", "pipeline/airflow/studio_frame_extraction"),
    ("s3://studio/frames", "DATASET", "dataset/-/s3%3A%2F%2Fstudio%2Fframes"),
    ("shot_len", "FEATURE", "feature/-/shot_len"),
)


async def first(graph: Graph, text: str, kind: str) -> tuple[list[str], list[str]]:
    """The first hit, and why the answer is not complete."""
    page = (await graph.data(SEARCH, text=text, kinds=[kind], first=1))["search"]
    return ids(page), page["completeness"]["reasons"]


async def test_things_of_every_kind_are_found_on_the_real_servers(real_company: RealCompany) -> None:
    settings, environment = settings_of(real_company)
    async with graph_over(f"[search]\ntime_s = 60.0\n{settings}", environment, {}) as graph:
        for text, kind, expected in FIRST:
            assert await first(graph, text, kind) == ([expected], []), text
