"""What a query does not select is not fetched: calls are counted where they arrive, per source."""

from __future__ import annotations

import pytest

from tests.graph.client import Graph

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERSION = 'node(id: "mlg://model-version/studio-mlflow/content-embedding%2F7")'
MODEL = 'model(name: "content-embedding", source: "studio-mlflow")'
EXPERIMENT = 'experiment(key: "ads-contextual-scene-match")'


async def cost(graph: Graph, query: str) -> dict[str, int]:
    """Calls by source; both registries under their own names, and no source that got none."""
    graph.forget_calls()
    assert (await graph.ask(query))["data"] is not None
    return {name: len(graph.calls(name)) for name in graph.served if graph.calls(name)}


def studio(calls: int, **others: int) -> dict[str, int]:
    return {"studio-mlflow": calls, **others}


async def test_what_asks_nothing_of_a_source_costs_nothing(told: Graph) -> None:
    assert await cost(told, "{ __typename __schema { queryType { name } } }") == {}
    assert await cost(told, '{ node(id: "mlg://domain/-/studio") { id ... on Domain { name } } }') == {}


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ("name", studio(1)),
        ("name tags { key } owners { handle } versionAliases { alias } latestVersion { version aliases }", studio(1)),
        ("latestVersion { model { name } }", studio(1)),
        ("latestVersion { trainingRun { ref { key } } }", studio(2)),
        ("latestVersion { trainingRun { ref { key } } datasets { state } features { state } "
         "producedBy { ref { key } } }", studio(2)),
        ('findVersion(alias: "champion") { version }', studio(2)),
        ("versions { nodes { version aliases } }", studio(2)),
        ("consumers { totalCount }", studio(1, airflow=1)),
    ],
)  # fmt: skip
async def test_a_model_costs_what_is_selected_of_it(told: Graph, fields: str, calls: dict[str, int]) -> None:
    assert await cost(told, f"{{ {MODEL} {{ {fields} }} }}") == calls


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ("id version name tags { key }", studio(1)),
        ("aliases", studio(1)),
        ("producedBy { ref { key } evidence { assertedBy via { key } } }", studio(2)),
        ("producedBy { state }", studio(2, airflow=1)),
        ("producedBy { state code node { state startedAt testedIn { ref { key } } } }", studio(2, airflow=1)),
        ("producedBy { node { pipeline { name } } }", studio(2, airflow=2)),
        ("producedBy { node { upstreamRuns { edges { ref { key } } } } }", studio(2, airflow=2)),
    ],
)
async def test_a_link_asks_its_target_only_where_more_than_its_reference_is_selected(
    told: Graph, fields: str, calls: dict[str, int]
) -> None:
    assert await cost(told, f"{{ {VERSION} {{ ... on ModelVersion {{ {fields} }} }} }}") == calls


@pytest.mark.parametrize(
    ("fields", "calls"),
    [
        ("name key status hypothesis", 1),
        ("variations { key name number weight } phases { name } metrics { key role }", 1),
        ("createdAt updatedAt freshness { fetchedAt } tags { key } owners { handle }", 1),
        ("variations { value }", 2),
        ("metrics { name }", 2),
        ("domain { name }", 2),
        ("results { conclusions }", 2),
    ],
)
async def test_an_experiment_costs_what_is_selected_of_it(told: Graph, fields: str, calls: int) -> None:
    assert await cost(told, f"{{ {EXPERIMENT} {{ {fields} }} }}") == {"growthbook": calls}


async def test_needs_are_seen_through_fragments_aliases_and_interfaces(told: Graph) -> None:
    """A part that is selected in a roundabout way is fetched all the same, and is right."""
    query = f"""query {{ {EXPERIMENT} {{ ... on Entity {{ ...Where }} ...Values v: variations {{ shown: value }} }} }}
      fragment Where on Entity {{ domain {{ name }} }}
      fragment Values on Experiment {{ variations {{ ...One }} }}
      fragment One on Variation {{ value }}"""
    found = (await told.data(query))["experiment"]
    assert found["domain"] == {"name": "ads"}
    assert found["variations"][0]["value"] == {"model": "ads-context-matcher", "version": 3}
    assert found["v"][1]["shown"] == {"model": "content-embedding", "version": 7}


async def test_a_thin_row_is_completed_where_a_later_field_needs_more(told: Graph) -> None:
    """The edge's node was found without values; `testedModels` of it needs them."""
    query = f"""{{ {MODEL} {{ experiments {{ nodes {{ key testedModels {{ edges {{ ref {{ key }} }} }} }} }} }} }}"""
    assert (await told.data(query))["model"]["experiments"]["nodes"] == [
        {
            "key": "ads-contextual-scene-match",
            "testedModels": {
                "edges": [{"ref": {"key": "ads-context-matcher/3"}}, {"ref": {"key": "content-embedding/7"}}]
            },
        }
    ]


async def test_a_thing_asked_for_in_five_places_is_fetched_once(told: Graph) -> None:
    query = f"""{{ a: {MODEL} {{ name }} b: {MODEL} {{ latestVersion {{ version }} }}
      c: node(id: "mlg://model/studio-mlflow/content-embedding") {{ id }}
      d: nodes(ids: ["mlg://model/studio-mlflow/content-embedding"]) {{ id }}
      e: {VERSION} {{ ... on ModelVersion {{ model {{ name }} }} }} }}"""
    assert await cost(told, query) == studio(2)


@pytest.mark.parametrize(
    ("field", "calls"),
    [
        ("models(first: 100) { nodes { name } }", {"studio-mlflow": 1, "personalization-mlflow": 1}),
        ("models(first: 1) { nodes { name } }", {"studio-mlflow": 1, "personalization-mlflow": 1}),
        ("models(first: 100) { nodes { latestVersion { version aliases } } }",
         {"studio-mlflow": 1, "personalization-mlflow": 1}),
        ("models(first: 100) { nodes { consumers { totalCount } } }",
         {"studio-mlflow": 1, "personalization-mlflow": 1, "airflow": 1}),
        ("models(first: 100) { nodes { latestVersion { producedBy { state node { state pipeline { name } } } } } }",
         {"studio-mlflow": 4, "personalization-mlflow": 3, "airflow": 2}),
        ("models(first: 100) { nodes { experiments { edges { running node { key } } } } }",
         {"studio-mlflow": 5, "personalization-mlflow": 4, "airflow": 1, "growthbook": 2}),
        ("pipelines(first: 100) { nodes { name schedule owners { handle } } }", {"airflow": 1}),
        ("pipelines(first: 100) { nodes { lastRun { state pipeline { name } } } }", {"airflow": 2}),
        ("pipelines(first: 100) { nodes { consumes { nodes { uri } } produces { nodes { uri } } "
         "upstream { nodes { name } } downstream { nodes { name } } } }", {"airflow": 2}),
        ("experiments(first: 100) { nodes { key status variations { key weight } } }", {"growthbook": 1}),
        ("experiments(first: 100) { nodes { key variations { value } } }", {"growthbook": 3}),
        ("experiments(first: 100) { nodes { key domain { name } metrics { name } } }", {"growthbook": 3}),
        ("experiments(first: 100) { nodes { key variations { models { version { version } node { name } } } } }",
         {"studio-mlflow": 4, "personalization-mlflow": 5, "growthbook": 3}),
    ],
)  # fmt: skip
async def test_a_page_costs_a_few_calls_whatever_its_length(told: Graph, field: str, calls: dict[str, int]) -> None:
    """At most these: a better plan of an adapter is no failure."""
    spent = await cost(told, f"{{ {field} }}")
    assert spent.keys() == calls.keys()
    assert all(spent[name] <= most for name, most in calls.items()), spent
