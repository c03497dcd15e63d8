"""Lineage and impact over the real servers: the same questions, the same ties."""

from __future__ import annotations

import pytest

from tests.graph.lineages import LINEAGE, dataset_id, edges, failing, levels, short
from tests.graph.queries import CONTENT_EMBEDDING_7
from tests.graph.test_impact import IMPACT
from tests.live.graph import graph_of_real
from tests.servers.real_company import RealCompany

pytestmark = pytest.mark.live

VERSION_7 = "model-version content-embedding/7"
NIGHTLY = "pipeline studio_content_embedding_nightly"


async def test_up_and_down_a_version_over_real_servers(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        found = (await graph.data(LINEAGE, id=CONTENT_EMBEDDING_7, depth=2))["lineage"]
    assert failing(found) == {}
    assert {
        f"{VERSION_7} PRODUCED_BY {NIGHTLY}",
        f"{VERSION_7} TRAINED_ON dataset s3://studio/frames",
        f"{VERSION_7} VERSION_OF model content-embedding",
        f"{VERSION_7} SERVED_IN experiment ads-contextual-scene-match",
        f"{NIGHTLY} CONSUMES dataset s3://studio/shots",
        "pipeline studio_shot_boundaries PRODUCES dataset s3://studio/shots",
        "pipeline ads_context_matching CONSUMES model content-embedding",
    } <= edges(found)


async def test_what_a_run_fed_and_made_over_real_servers(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        above = (await graph.data(LINEAGE, id=CONTENT_EMBEDDING_7, direction="UPSTREAM", depth=2))["lineage"]
        frames = next(
            node["ref"]["entityId"]
            for node in above["nodes"]
            if short(node["ref"]["entityId"]).startswith("pipeline-run studio_frame_extraction/")
        )
        found = (await graph.data(LINEAGE, id=frames, direction="DOWNSTREAM", depth=2))["lineage"]
    assert {name.partition("/")[0] for name in levels(found)[1]} == {
        "pipeline-run studio_shot_boundaries",
        "pipeline-run studio_content_embedding_nightly",
    }
    assert VERSION_7 in levels(found)[2]


async def test_what_breaks_if_the_frames_change_over_real_servers(real_company: RealCompany) -> None:
    async with graph_of_real(real_company) as graph:
        found = (await graph.data(IMPACT, id=dataset_id("s3://studio/frames")))["impact"]
    running = {link["node"]["name"]: link["variations"] for link in found["runningExperiments"]}
    assert running["ads-contextual-scene-match"] == [{"key": "treatment", "weight": 0.5}]
    assert "two-stage-home" in running
    assert {"maya.ortiz", "jonas.weber", "tomas.lindqvist", "priya.raman"} <= {
        owner["handle"] for owner in found["ownersToTell"]
    }
