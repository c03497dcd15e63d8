"""The data between pipelines and models: datasets, features, who reads and writes what, and what failed above a run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.graph.client import Graph
from tests.graph.ids import id_of, version_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHTLY = "studio_content_embedding_nightly"
INGEST = "studio_ingest_masters/manual__2026-11-23T00:00:00+00:00"
FRAMES = "studio_frame_extraction/asset_triggered__2026-11-23T00:31:00+00:00_f4fd0c9f"
SHOTS = "studio_shot_boundaries/asset_triggered__2026-11-23T01:10:00+00:00_e25cba81"
LAST_NIGHT = f"{NIGHTLY}/asset_triggered__2026-11-23T01:37:00+00:00_d1762a92"
GOOD_NIGHT = f"{NIGHTLY}/asset_triggered__2026-11-09T02:06:00+00:00_cbb0e0f6"


# ---------------------------------------------------------------- versions


async def test_a_version_leads_to_the_datasets_its_run_logged(told: Graph) -> None:
    answer = await told.data(
        """query($id: ID!) { node(id: $id) { ... on ModelVersion { datasets { state code ref { entityId source }
          node { name uri digest } evidence { basis assertedBy via { key } } } } } }""",
        id=version_id("content-embedding/7"),
    )
    via = [{"key": "58f84e3465c1380d9c7f6d15c0783960"}]
    assert answer["node"]["datasets"] == [
        {
            "state": "RESOLVED",
            "code": None,
            "ref": {"entityId": f"mlg://dataset/-/s3%3A%2F%2Fstudio%2F{name}", "source": "-"},
            "node": {"name": f"studio.{name}", "uri": f"s3://studio/{name}", "digest": digest},
            "evidence": [{"basis": "NATIVE", "assertedBy": f"studio-mlflow: dataset input studio.{name}", "via": via}],
        }
        for name, digest in (("frames", "979fb416"), ("shots", "b62e23e3"))
    ]


async def test_a_version_leads_to_its_features_whatever_names_them(told: Graph) -> None:
    answer = await told.data(
        """query($id: ID!) { node(id: $id) { ... on ModelVersion { features { state ref { entityId }
          node { name dataType } evidence { basis assertedBy } } } } }""",
        id=version_id("content-embedding/7"),
    )
    features = answer["node"]["features"]
    tag, signature = ("CONVENTION", "studio-mlflow: run tag feast.feature_refs"), ("NATIVE", "studio-mlflow: signature")
    frames, shots = (("NATIVE", f"studio-mlflow: dataset studio.{name}") for name in ("frames", "shots"))
    told_by = [
        (item["node"]["name"], item["node"]["dataType"], *((e["basis"], e["assertedBy"]) for e in item["evidence"]))
        for item in features
    ]
    assert told_by == [
        ("scene_stats:shot_len", None, tag),
        ("scene_stats:cut_rate", None, tag),
        ("scene_stats:boundary_strength", None, tag),
        ("studio.frames:title_id", "string", frames),
        ("studio.frames:frame_no", "long", frames),
        ("studio.frames:pixels", "binary", frames),
        ("studio.frames:captured_at", "datetime", frames),
        ("studio.shots:title_id", "string", shots),
        ("studio.shots:shot_no", "long", shots),
        ("studio.shots:shot_len", "double", shots),
        ("studio.shots:boundary_strength", "double", shots),
        ("shot_len", "double", signature),
        ("cut_rate", "double", signature),
        ("boundary_strength", "double", signature),
    ]
    assert {item["state"] for item in features} == {"RESOLVED"}
    assert features[0]["ref"]["entityId"] == "mlg://feature/-/scene_stats%3Ashot_len"


async def test_two_registries_mean_the_same_dataset_and_feature_by_the_same_id(told: Graph) -> None:
    query = """query($id: ID!) { node(id: $id) { ... on ModelVersion {
      datasets { ref { entityId } } features { ref { entityId } } } } }"""
    ours = (await told.data(query, id=version_id("content-embedding/7")))["node"]
    theirs = (await told.data(query, id=version_id("viewer-embedding/2", "personalization-mlflow")))["node"]

    def shared(field: str) -> set[str]:
        mine, other = ({item["ref"]["entityId"] for item in version[field]} for version in (ours, theirs))
        return mine & other

    assert shared("datasets") == {id_of("dataset", "-", "s3://studio/frames")}
    assert shared("features") == {
        id_of("feature", "-", name)
        for name in (
            "scene_stats:shot_len",
            "scene_stats:cut_rate",
            "studio.frames:title_id",
            "studio.frames:frame_no",
            "studio.frames:pixels",
            "studio.frames:captured_at",
        )
    }


# ---------------------------------------------------------------- pipelines

READS = {
    "payments_fraud_screen": ["s3://payments/transactions"],
    "personalization_home_ranking": ["s3://personalization/viewing-sessions"],
    "personalization_viewer_embedding": ["s3://personalization/viewing-sessions", "s3://studio/frames"],
    "studio.train-shot-detector": ["s3://studio/frames"],
    "studio_content_embedding_nightly": ["s3://studio/frames", "s3://studio/shots"],
    "studio_frame_extraction": ["s3://studio/masters"],
    "studio_shot_boundaries": ["s3://studio/frames"],  # the model it reads too is no dataset
}
WRITES = {
    "ads_context_matching": ["s3://ads/scene-matches"],
    "studio_frame_extraction": ["s3://studio/frames"],
    "studio_ingest_masters": ["s3://studio/masters"],
    "studio_shot_boundaries": ["s3://studio/shots"],
}
ABOVE = {
    "ads_context_matching": [(NIGHTLY, "mlflow://studio-mlflow/models/content-embedding")],
    "personalization_viewer_embedding": [("studio_frame_extraction", "s3://studio/frames")],
    "studio.train-shot-detector": [("studio_frame_extraction", "s3://studio/frames")],
    "studio_content_embedding_nightly": [
        ("studio_frame_extraction", "s3://studio/frames"),
        ("studio_shot_boundaries", "s3://studio/shots"),
    ],
    "studio_frame_extraction": [("studio_ingest_masters", "s3://studio/masters")],
    "studio_shot_boundaries": [("studio_frame_extraction", "s3://studio/frames")],
}
BELOW = {
    "studio_content_embedding_nightly": [("ads_context_matching", "mlflow://studio-mlflow/models/content-embedding")],
    "studio_frame_extraction": [
        ("personalization_viewer_embedding", "s3://studio/frames"),
        ("studio.train-shot-detector", "s3://studio/frames"),
        ("studio_content_embedding_nightly", "s3://studio/frames"),
        ("studio_shot_boundaries", "s3://studio/frames"),
    ],
    "studio_ingest_masters": [("studio_frame_extraction", "s3://studio/masters")],
    "studio_shot_boundaries": [("studio_content_embedding_nightly", "s3://studio/shots")],
}


@pytest.mark.parametrize(("field", "says", "expected"), [("consumes", "inlet", READS), ("produces", "outlet", WRITES)])
async def test_every_pipeline_leads_to_the_datasets_it_reads_and_writes(
    told: Graph, field: str, says: str, expected: dict[str, list[str]]
) -> None:
    answer = await told.data(
        f"{{ pipelines(first: 100) {{ nodes {{ name {field} {{ totalCount nodes {{ uri }} edges {{ state "
        "ref { source key } evidence { basis assertedBy via { key } } } completeness { complete } } } } }"
    )
    found = {row["name"]: row[field] for row in answer["pipelines"]["nodes"]}
    assert len(found) == 9
    for name, page in found.items():
        uris = expected.get(name, [])
        assert page["nodes"] == [{"uri": uri} for uri in uris]
        assert page["totalCount"] == len(uris)
        assert page["completeness"] == {"complete": True}
        assert page["edges"] == [
            {
                "state": "RESOLVED",
                "ref": {"source": "-", "key": uri},
                "evidence": [{"basis": "NATIVE", "assertedBy": f"airflow: {says} asset {uri}", "via": [{"key": name}]}],
            }
            for uri in uris
        ]


@pytest.mark.parametrize(("field", "expected"), [("upstream", ABOVE), ("downstream", BELOW)])
async def test_every_pipeline_leads_to_those_it_shares_an_asset_with(
    told: Graph, field: str, expected: dict[str, list[tuple[str, str]]]
) -> None:
    answer = await told.data(
        f"{{ pipelines(first: 100) {{ nodes {{ name {field} {{ totalCount nodes {{ name }} edges {{ state "
        "ref { key } evidence { basis assertedBy via { key } } } completeness { complete } } } } }"
    )
    found = {row["name"]: row[field] for row in answer["pipelines"]["nodes"]}
    assert len(found) == 9
    for name, page in found.items():
        others = expected.get(name, [])
        assert page["nodes"] == [{"name": other} for other, _ in others]
        assert page["totalCount"] == len(others)
        assert page["completeness"] == {"complete": True}
        assert page["edges"] == [
            {
                "state": "RESOLVED",
                "ref": {"key": other},
                "evidence": [{"basis": "NATIVE", "assertedBy": f"airflow: asset {uri}", "via": [{"key": name}]}],
            }
            for other, uri in others
        ]


# ---------------------------------------------------------------- runs


async def run(graph: Graph, key: str, fields: str, **variables: object) -> Any:
    declared = "".join(f", ${name}: Int" for name in variables)
    answer = await graph.data(
        f"query($id: ID!{declared}) {{ node(id: $id) {{ ... on PipelineRun {{ {fields} }} }} }}",
        id=id_of("pipeline-run", "airflow", key),
        **variables,
    )
    return answer["node"]


@pytest.mark.parametrize(
    ("key", "above"),
    [
        (INGEST, []),
        (FRAMES, [(INGEST, "FAILED", "masters", FRAMES)]),
        (SHOTS, [(FRAMES, "SUCCESS", "frames", SHOTS)]),
        (LAST_NIGHT, [(FRAMES, "SUCCESS", "frames", LAST_NIGHT), (SHOTS, "FAILED", "shots", LAST_NIGHT)]),
        (f"{NIGHTLY}/manual__2026-11-22T02:00:00+00:00", []),
    ],
)
async def test_a_run_leads_to_the_runs_that_fed_it(told: Graph, key: str, above: Any) -> None:
    answer = await run(
        told,
        key,
        "upstreamRuns { totalCount completeness { complete reasons } edges { state ref { key } node { state } "
        "evidence { basis assertedBy via { key } } } }",
    )
    page = answer["upstreamRuns"]
    assert page["totalCount"] == len(above)
    assert page["completeness"] == {"complete": True, "reasons": []}
    assert page["edges"] == [
        {
            "state": "RESOLVED",
            "ref": {"key": fed_by},
            "node": {"state": state},
            "evidence": [
                {
                    "basis": "NATIVE",
                    "assertedBy": f"airflow: asset event s3://studio/{asset}",
                    "via": [{"key": through}],
                }
            ],
        }
        for fed_by, state, asset, through in above
    ]


@pytest.mark.parametrize(
    ("key", "depth", "failed", "complete"),
    [
        (LAST_NIGHT, 1, [SHOTS], False),
        (LAST_NIGHT, 2, [INGEST, SHOTS], False),  # whether more lies above the masters is not known
        (LAST_NIGHT, 3, [INGEST, SHOTS], True),
        (LAST_NIGHT, 5, [INGEST, SHOTS], True),
        (FRAMES, 2, [INGEST], True),
        (INGEST, 2, [], True),
        (GOOD_NIGHT, 2, ["studio_shot_boundaries/asset_triggered__2026-11-09T01:39:00+00:00_eff53ce1"], True),
    ],
)
async def test_what_failed_above_a_run_is_found_level_by_level(
    told: Graph, key: str, depth: int, failed: list[str], complete: bool
) -> None:
    answer = await run(
        told,
        key,
        "failedUpstreamRuns(depth: $depth) { totalCount nodes { ref { key } state } "
        "completeness { complete reasons } }",
        depth=depth,
    )
    page = answer["failedUpstreamRuns"]
    assert page["nodes"] == [{"ref": {"key": item}, "state": "FAILED"} for item in failed]
    assert page["completeness"] == {"complete": complete, "reasons": [] if complete else ["DEPTH_LIMIT"]}
    assert page["totalCount"] == (len(failed) if complete else None)


async def test_what_failed_says_through_which_run_it_was_reached(told: Graph) -> None:
    answer = await run(told, LAST_NIGHT, "failedUpstreamRuns { edges { evidence { assertedBy via { key } } } }")
    assert [edge["evidence"] for edge in answer["failedUpstreamRuns"]["edges"]] == [
        [{"assertedBy": "airflow: asset event s3://studio/masters", "via": [{"key": FRAMES}]}],
        [{"assertedBy": "airflow: asset event s3://studio/shots", "via": [{"key": LAST_NIGHT}]}],
    ]


@pytest.mark.parametrize("depth", [0, -1, 6])
async def test_the_depth_is_one_to_five(told: Graph, depth: int) -> None:
    answer = await told.ask(
        "query($id: ID!, $depth: Int) { node(id: $id) { ... on PipelineRun { failedUpstreamRuns(depth: $depth) "
        "{ totalCount } } } }",
        id=id_of("pipeline-run", "airflow", LAST_NIGHT),
        depth=depth,
    )
    (error,) = answer["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("`depth` is 1 to 5.", "BAD_USER_INPUT")
