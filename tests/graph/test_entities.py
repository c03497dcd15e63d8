"""Entities for the router of a supergraph: by either key, in batches, each mistake in its own place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.demo.generator import build
from gateway.demo.sources import ENVIRONMENT, serve_company
from tests.graph.client import Graph, graph_of, graph_over
from tests.graph.conftest import WHOLE_LISTS

ENTITIES = """query($all: [_Any!]!) { _entities(representations: $all) {
  __typename
  ... on Model { name } ... on ModelVersion { version } ... on Experiment { name }
  ... on Pipeline { name } ... on PipelineRun { state } ... on Domain { name }
  ... on Dataset { uri } ... on Feature { name } ... on Owner { team }
} }"""
MODEL = {"__typename": "Model", "id": "mlg://model/studio-mlflow/content-embedding"}
FOUND = {"__typename": "Model", "name": "content-embedding"}


async def entities(graph: Graph, *representations: object) -> tuple[list[Any], list[tuple[list[object], str]]]:
    """What is answered, and the path and code of each error."""
    answer = await graph.ask(ENTITIES, all=list(representations))
    errors = [(error["path"], error["extensions"]["code"]) for error in answer.get("errors", [])]
    return answer["data"]["_entities"], errors


async def test_entities_are_found_by_id_and_by_what_their_source_calls_them() -> None:
    """For a domain and an owner every list may be walked, which is more than the default limits allow for both."""
    async with graph_of(build(), WHOLE_LISTS) as graph:
        found, errors = await entities(
            graph,
            MODEL,
            {"__typename": "Model", "ref": {"source": "studio-mlflow", "key": "content-embedding"}},
            {"__typename": "ModelVersion", "ref": {"source": "studio-mlflow", "key": "content-embedding/7"}},
            {"__typename": "Pipeline", "ref": {"source": "airflow", "key": "studio_content_embedding_nightly"}},
            {"__typename": "Domain", "id": "mlg://domain/-/ads"},
            {"__typename": "Dataset", "id": "mlg://dataset/-/s3%3A%2F%2Fstudio%2Fframes"},
            {"__typename": "Dataset", "ref": {"source": "-", "key": "s3://studio/shots"}},
            {"__typename": "Feature", "ref": {"source": "-", "key": "scene_stats:shot_len"}},
            {"__typename": "Owner", "id": "mlg://owner/-/maya.ortiz"},
        )
    assert found == [
        FOUND,
        FOUND,
        {"__typename": "ModelVersion", "version": "7"},
        {"__typename": "Pipeline", "name": "studio_content_embedding_nightly"},
        {"__typename": "Domain", "name": "ads"},
        {"__typename": "Dataset", "uri": "s3://studio/frames"},
        {"__typename": "Dataset", "uri": "s3://studio/shots"},
        {"__typename": "Feature", "name": "scene_stats:shot_len"},
        {"__typename": "Owner", "team": "content-understanding"},
    ]
    assert errors == []


async def test_a_bad_representation_takes_only_its_own_place() -> None:
    bad: list[object] = [
        {"__typename": "Recipe", "id": MODEL["id"]},
        {"id": MODEL["id"]},
        {"__typename": 5, "id": MODEL["id"]},
        {"__typename": "Model"},
        {"__typename": "Model", "id": 5},
        {"__typename": "Model", "id": "ranker"},
        {"__typename": "Pipeline", "id": MODEL["id"]},
        {"__typename": "TrainingRun", "id": "mlg://training-run/studio-mlflow/1"},
        {"__typename": "Model", "ref": "studio-mlflow"},
        {"__typename": "Model", "ref": {"source": "studio-mlflow"}},
        {"__typename": "Owner", "id": "mlg://domain/-/maya.ortiz"},
        "Model",
        [MODEL],
    ]
    async with graph_of(build()) as graph:
        found, errors = await entities(graph, MODEL, *bad, MODEL)
    assert found == [FOUND, *[None] * len(bad), FOUND]
    assert errors == [(["_entities", place], "BAD_USER_INPUT") for place in range(1, len(bad) + 1)]


async def test_fields_beside_the_key_are_no_mistake() -> None:
    """A router sends what another subgraph's `@requires` names, too."""
    async with graph_of(build()) as graph:
        assert await entities(graph, {**MODEL, "costCenter": "7", "ref": None, "more": {"a": [1]}}) == ([FOUND], [])


async def test_what_is_not_there_is_null_without_an_error() -> None:
    async with graph_of(build()) as graph:
        gone = {"__typename": "Model", "id": "mlg://model/studio-mlflow/nobody-has-this"}
        elsewhere = {"__typename": "Model", "ref": {"source": "another", "key": "content-embedding"}}
        assert await entities(graph, gone, elsewhere) == ([None, None], [])


async def test_more_than_a_thousand_are_refused() -> None:
    async with graph_of(build()) as graph:
        answer = await graph.ask(ENTITIES, all=[{"__typename": "Model", "id": "mlg://model/studio-mlflow/a"}] * 1001)
        assert answer["data"] is None
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
        assert not any(graph.calls(source) for source in graph.served)


async def test_two_hundred_mixed_representations_cost_the_calls_of_one_page() -> None:
    """One call per source and kind; GrowthBook has no read by ids, so many are found by its walk of 8 pages of 100."""
    async with graph_of(build()) as graph:
        mixed = await two_hundred(graph)
        graph.forget_calls()
        found, errors = await entities(graph, *mixed)
        calls = {source: len(graph.calls(source)) for source in graph.served}
    assert [item["__typename"] for item in found] == [item["__typename"] for item in mixed]
    assert errors == []
    assert calls == {"studio-mlflow": 2, "personalization-mlflow": 2, "airflow": 2, "growthbook": 8}


async def two_hundred(graph: Graph) -> Sequence[dict[str, Any]]:
    """Models, their versions, experiments, pipelines and their runs, 40 of each, by turns; half by each key."""
    page = await graph.data("""{
      models(first: 60) { nodes { id latestVersion { ref { source key } } } }
      experiments(first: 40) { nodes { ref { source key } } }
      pipelines(first: 60) { nodes { id lastRun { ref { source key } } } }
      sources { name }
    }""")
    models = [item for item in page["models"]["nodes"] if item["latestVersion"]][:40]
    pipelines = [item for item in page["pipelines"]["nodes"] if item["lastRun"]][:40]
    mixed = [
        representation
        for model, experiment, pipeline in zip(models, page["experiments"]["nodes"], pipelines, strict=True)
        for representation in (
            {"__typename": "Model", "id": model["id"]},
            {"__typename": "ModelVersion", **model["latestVersion"]},
            {"__typename": "Experiment", **experiment},
            {"__typename": "Pipeline", "id": pipeline["id"]},
            {"__typename": "PipelineRun", **pipeline["lastRun"]},
        )
    ]
    assert len(mixed) == 200
    return mixed


async def test_the_schema_a_router_reads_is_the_committed_form() -> None:
    async with graph_of(build()) as graph:
        sdl = (await graph.data("{ _service { sdl } }"))["_service"]["sdl"]
        async with graph.session.get(graph.url.replace("/graphql", "/schema.graphql")) as response:
            assert await response.text() == sdl + "\n"


async def test_a_prefix_changes_the_names_of_types_and_nothing_else() -> None:
    query = """{ model(name: "content-embedding") { __typename owners { __typename handle }
      experiments { edges { variations { key value } node { status tags { key } } } }
      findVersion(version: "7") { __typename aliases } } }"""
    async with serve_company(build()) as running:
        settings = f'[server]\ntype_prefix = "Lifecycle"\n{running.settings}'
        async with (
            graph_over(settings, ENVIRONMENT, {}) as prefixed,
            graph_over(running.settings, ENVIRONMENT, {}) as plain,
        ):
            model = (await prefixed.data(query))["model"]
            expected = (await plain.data(query))["model"]
            by_router = await prefixed.data(
                "query($all: [_Any!]!) { _entities(representations: $all) { ... on LifecycleModel { name } } }",
                all=[{**MODEL, "__typename": "LifecycleModel"}],
            )
    assert by_router == {"_entities": [{"name": "content-embedding"}]}
    assert (model.pop("__typename"), expected.pop("__typename")) == ("LifecycleModel", "Model")
    for version, prefix in ((model["findVersion"], "Lifecycle"), (expected["findVersion"], "")):
        assert version.pop("__typename") == f"{prefix}ModelVersion"
    for owner, prefix in ((model["owners"], "Lifecycle"), (expected["owners"], "")):
        assert {item.pop("__typename") for item in owner} == {f"{prefix}Owner"}
    assert model == expected
