"""What is explained on request: the plan of an operation without a call, or the calls that its answer took."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType

from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from gateway.settings import read
from gateway.sources import open_sources
from resolvers.estimate.entities import of_kind, target_of
from resolvers.estimate.fields import FIELDS
from resolvers.estimate.house import House
from schema.build import build_schema, declared_links
from schema.identity import EntityKind
from tests.graph.any_query import any_query
from tests.graph.client import Graph, graph_of
from tests.graph.queries import CONTENT_EMBEDDING_7, ON_CALL
from tests.graph.questions import QUESTIONS, query_of, variables_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMITS = "\n[limits]\ncalls = 2000\n"
"""So that a query over everything is let in."""
QUERIES = 60
FOUND_BY_TAGS = ["pipeline named by a version tag", "pipeline named by a training run's tag"]
BROAD = """{
  search(query: "embedding") { edges { node { id name owners { handle } } } }
  models(first: 3) { nodes { name latestVersion { trainingRun { params { key } } features { ref { key } }
    model { name } } versions { nodes { version } } producers { nodes { name } } consumers { nodes { name } } } }
  experiments(first: 3) { nodes { key results { conclusions } testedModels { edges { model { name } } }
    variations { models { state node { name } version { version } } } } }
  pipelines(first: 3) { nodes { name lastRun { state upstreamRuns { nodes { state } }
    testedIn { node { key } } modelVersions { edges { model { name } } } }
    runs { nodes { state pipeline { name } tasks { nodes { key } } } } modelVersions { nodes { version } }
    consumes { nodes { name consumers { nodes { name } } producers { nodes { name } }
    modelVersions { nodes { version } } } } produces { nodes { name } } upstream { nodes { name } }
    downstream { nodes { name } } } }
  features(first: 2) { nodes { name modelVersions { nodes { version } } } }
  owner(handle: "maya.ortiz") { owns { nodes { name } } }
  domains { nodes { name entities { nodes { name } } } }
  impact(id: "mlg://model/studio-mlflow/content-embedding") { ownersToTell { handle }
    lineage { nodes { name state code entity { name } owners { handle } } } }
  sources { name version }
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph() -> AsyncIterator[Graph]:
    async with graph_of(story(), LIMITS, server="explain = true") as graph:
        await graph.data("{ sources { name } }")  # Airflow's token and version are asked once per process
        yield graph


async def explained(graph: Graph, wish: str, query: str, **variables: object) -> dict[str, Any]:
    """The whole answer to who wants it explained."""
    body = {"query": query, "variables": variables}
    async with graph.session.post(graph.url, json=body, headers={"x-lifecycle-explain": wish}) as response:
        answer: dict[str, Any] = await response.json()
        return {"status": response.status, **answer}


def asked(plan: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(ask["source"], method) for link in plan for ask in link["asks"] for method in ask["methods"]}


async def test_a_plan_tells_links_rules_and_methods_and_asks_no_source(graph: Graph) -> None:
    query = """query($alias: String, $no: Boolean!) { model(name: "content-embedding", source: "studio-mlflow") {
      findVersion(alias: $alias) { producedBy { state node { pipeline { ...P } } } }
      similar @include(if: $no) { totalCount } owners { handle } } }
      fragment P on Pipeline { name again: lastRun { state } }"""
    graph.forget_calls()
    answer = await explained(graph, "plan", query, alias="champion", no=False)
    assert not any(graph.calls(source) for source in graph.served)
    assert (answer["status"], answer["data"]) == (200, None)

    def link(level: int, path: str, link: str, asks: dict[str, list[str]], found_by: list[str] | None = None) -> Any:
        shown = [{"source": source, "methods": methods} for source, methods in asks.items()]
        return {"level": level, "path": path, "link": link, "foundBy": found_by or [], "asks": shown}

    registries = ("personalization-mlflow", "studio-mlflow")
    by_alias, by_id = ({name: [what] for name in registries} for what in ("versions_by_alias", "training_runs_by_id"))
    made_by = "model.findVersion.producedBy"
    assert answer["extensions"]["explain"]["plan"] == [
        link(1, "model", "Query.model", {"studio-mlflow": ["models_by_name"]}),
        link(2, "model.findVersion", "Model.findVersion", by_alias),
        link(3, made_by, "ModelVersion.producedBy", by_id, FOUND_BY_TAGS),
        link(4, f"{made_by}.state", "PipelineRunLink.state", {"airflow": ["runs_by_key"]}),
        link(4, f"{made_by}.node", "PipelineRunLink.node", {"airflow": ["runs_by_key"]}),
        link(5, f"{made_by}.node.pipeline", "PipelineRun.pipeline", {"airflow": ["pipelines_by_name"]}),
        link(6, f"{made_by}.node.pipeline.again", "Pipeline.lastRun", {"airflow": ["latest_runs"]}),
    ]


async def test_a_plan_starts_where_the_ids_say(graph: Graph) -> None:
    query = '{ nodes(ids: ["mlg://model/studio-mlflow/x", "mlg://pipeline/airflow/y", "nonsense"]) { id } }'
    answer = await explained(graph, "plan", query)
    assert asked(answer["extensions"]["explain"]["plan"]) == {
        ("studio-mlflow", "models_by_name"),
        ("airflow", "pipelines_by_name"),
    }


async def test_a_plan_follows_what_is_given(graph: Graph) -> None:
    """A router's entities by either key, one source of a list, and kinds as literals or as variables."""
    query = """query($all: [_Any!]!) { _entities(representations: $all) { __typename }
      pipelines(filter: {source: "airflow"}) { totalCount } }"""
    ref = {"source": "studio-mlflow", "key": "content-embedding/7"}
    given = [{"__typename": "ModelVersion", "ref": ref}, {"__typename": "Recipe", "id": "mlg://model/studio-mlflow/x"}]
    answer = await explained(graph, "plan", query, all=given)
    assert asked(answer["extensions"]["explain"]["plan"]) == {
        ("studio-mlflow", "versions_by_key"),
        ("airflow", "pipelines"),
    }
    for head, kinds in (("", "EXPERIMENT"), ("query($kinds: [EntityKind!])", "$kinds")):
        query = f'{head} {{ search(query: "x", kinds: {kinds}) {{ totalCount }} }}'
        plan = (await explained(graph, "plan", query, kinds=["EXPERIMENT"]))["extensions"]["explain"]["plan"]
        assert ("growthbook", "experiments") in asked(plan)
        assert not {method for _, method in asked(plan)} & {"models", "pipelines", "every_asset", "assets"}


async def test_a_link_to_a_version_may_read_the_model_it_knows(graph: Graph) -> None:
    query = '{ pipeline(name: "studio_content_embedding_nightly") { modelVersions { edges { state } } } }'
    plan = (await explained(graph, "plan", query))["extensions"]["explain"]["plan"]
    of_state = next(link for link in plan if link["link"] == "ModelVersionLinkEdge.state")
    assert asked([of_state]) == {
        (registry, method)
        for registry in ("personalization-mlflow", "studio-mlflow")
        for method in ("models_by_name", "versions_by_key")
    }


async def test_what_one_field_read_thin_is_read_again_as_the_plan_tells(graph: Graph) -> None:
    """`testedModels` needs values of variations, which the other list did not ask for."""
    query = """{ a: experiments(first: 5) { nodes { key } }
      b: experiments(first: 6) { nodes { testedModels { totalCount } } } }"""
    plan = (await explained(graph, "plan", query))["extensions"]["explain"]["plan"]
    trace = (await explained(graph, "trace", query))["extensions"]["explain"]["trace"]
    assert "experiments_by_id" in {batch["method"] for batch in trace["batches"]}
    assert ("growthbook", "experiments_by_id") in asked(plan)


async def test_variables_that_do_not_fit_have_no_plan(graph: Graph) -> None:
    answer = await explained(graph, "plan", "query($n: Int!) { models(first: $n) { totalCount } }")
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_trace_tells_every_call_with_its_batch_and_its_time(graph: Graph) -> None:
    graph.forget_calls()
    answer = await explained(graph, "trace", ON_CALL, v=CONTENT_EMBEDDING_7)
    assert answer["data"]["node"]["version"] == "7"
    trace = answer["extensions"]["explain"]["trace"]
    sent = {
        source: sorted((call.method, call.target.partition("?")[0]) for call in graph.calls(source))
        for source in graph.served
    }
    told: dict[str, dict[tuple[float, str], tuple[str, str]]] = {}
    for batch in trace["batches"]:
        assert batch["keyCount"] == len(batch["keys"]) > 0
        for call in batch["calls"]:
            # A call that several batches share is told by each, with the same time.
            told.setdefault(batch["source"], {})[call["startMs"], call["path"]] = (call["method"], call["path"])
    assert {source: sorted(calls.values()) for source, calls in told.items()} == {
        source: calls for source, calls in sent.items() if calls
    }
    assert {item["source"]: item["calls"] for item in trace["sources"]} == {
        source: len(calls) for source, calls in sent.items() if calls
    }
    first = trace["batches"][0]
    assert (first["source"], first["method"], first["keys"]) == (
        "studio-mlflow",
        "versions_by_key",
        ["content-embedding/7"],
    )
    assert 0 <= first["startMs"] < first["startMs"] + first["ms"] <= trace["ms"]
    assert all(item["ms"] > 0 for item in trace["sources"])
    assert trace["otherCalls"] == []


async def test_a_call_outside_of_any_batch_is_told_too(graph: Graph) -> None:
    trace = (await explained(graph, "trace", "{ sources { status } }"))["extensions"]["explain"]["trace"]
    assert trace["batches"] == []
    assert {call["source"] for call in trace["otherCalls"]} == {item["source"] for item in trace["sources"]}


@pytest.mark.parametrize("question", [*QUESTIONS, "broad"])
async def test_whatever_is_asked_of_a_source_was_in_the_plan(graph: Graph, question: str) -> None:
    query, variables = (BROAD, {}) if question == "broad" else (query_of(question), variables_of(question))
    planned = asked((await explained(graph, "plan", query, **variables))["extensions"]["explain"]["plan"])
    trace = (await explained(graph, "trace", query, **variables))["extensions"]["explain"]["trace"]
    made = {(batch["source"], batch["method"]) for batch in trace["batches"]}
    assert made
    assert made <= planned


async def test_no_query_asks_what_its_plan_does_not_tell(graph: Graph) -> None:
    queries, compared = await any_query(graph, 2), 0
    for _ in range(QUERIES):
        query = queries.query()
        planned = await explained(graph, "plan", query)
        if "data" not in planned:
            assert planned["errors"][0]["extensions"]["code"] == "COST_ESTIMATED_TOO_EXPENSIVE"
            continue
        trace = (await explained(graph, "trace", query))["extensions"]["explain"]["trace"]
        made = {(batch["source"], batch["method"]) for batch in trace["batches"]}
        told = asked(planned["extensions"]["explain"]["plan"])
        assert made <= told, (query, made - told)
        compared += 1
    assert compared > QUERIES / 2


async def test_every_link_says_whom_it_may_ask() -> None:
    """By methods that the adapters of the role have."""
    schema = build_schema()
    async with serve_company(story()) as running:
        house = House(open_sources(read(running.settings, ENVIRONMENT)))
    asks = [ask for kind in EntityKind for ask in of_kind(house, kind)]
    for link in declared_links(schema):
        owner, _, field = link.coordinate.partition(".")
        of_field = FIELDS.get(link.coordinate)
        kind = schema._schema.type_map[owner]
        assert isinstance(kind, GraphQLObjectType)
        target = target_of(kind, field)
        assert (of_field is None) is not (target is None), link.coordinate
        asks.extend([target] if target is not None else of_field(house, {}) if of_field is not None else [])
    for role, method in (method for ask in asks for method in ask.methods):
        for adapter in house.adapters(role).values():
            assert callable(getattr(adapter, method.partition(".")[0])), method
    assert {kind for kind in EntityKind if not list(of_kind(house, kind))} == {EntityKind.TRAINING_RUN}


async def test_a_wish_that_is_none_is_refused(graph: Graph) -> None:
    answer = await explained(graph, "everything", "{ __typename }")
    assert (answer["status"], answer["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_nothing_is_explained_where_the_settings_do_not_allow_it() -> None:
    async with graph_of(story()) as graph:
        for wish in ("plan", "trace"):
            answer = await explained(graph, wish, "{ __typename }")
            assert (answer["status"], "data" in answer) == (403, False)
        assert "extensions" not in await graph.ask("{ __typename }")
