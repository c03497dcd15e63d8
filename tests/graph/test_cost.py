"""What an operation is estimated to cost is never less than what it costs, and what people ask is not refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import pytest_asyncio

from gateway.demo.generator import build
from resolvers.estimate.fields import FIELDS
from resolvers.estimate.sizes import BOUNDS
from schema.build import build_schema, declared_links
from tests.graph.any_query import any_query
from tests.graph.client import Graph, graph_of
from tests.graph.queries import CONTENT_EMBEDDING_7, MODELS_PAGE, ON_CALL

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = {
    file.stem: (file.read_text(), json.loads(file.with_suffix(".json").read_text()))
    for file in sorted((Path(__file__).parents[2] / "gateway" / "static" / "examples").glob("*.graphql"))
}
QUERIES = 80
LISTS = {"edges", "nodes", *(name.partition(".")[2] for name, bound in BOUNDS.items() if bound.counted)}
NO_ROWS = {"values", "differs", "fromId", "toId", "relation"}
"""Fields of a comparison's and a lineage's lines, which lead nowhere and are not counted."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph() -> AsyncIterator[Graph]:
    """The demo's whole company, and the limits as they are."""
    async with graph_of(build()) as graph:
        await graph.data("{ sources { name } }")
        yield graph


async def costed(graph: Graph, query: str, **variables: object) -> tuple[Any, Any, int]:
    """The answer, its cost, and the calls that were made."""
    graph.forget_calls()
    body, headers = {"query": query, "variables": variables}, {"lifecycle-cost": "1"}
    async with graph.session.post(graph.url, json=body, headers=headers) as response:
        answer = await response.json()
    return answer, answer["extensions"]["cost"], sum(len(graph.calls(name)) for name in graph.served)


def rows_in(value: object, field: str = "") -> Iterator[int]:
    """The length of every page and list of entities in an answer."""
    if isinstance(value, dict):
        for name, below in value.items():
            yield from rows_in(below, name)
    elif isinstance(value, list):
        rows = [item for item in value if isinstance(item, dict) and not item.keys() & NO_ROWS]
        if field in LISTS and rows:
            yield len(value)
        for item in value:
            yield from rows_in(item)


async def test_every_link_field_says_what_it_asks() -> None:
    links = declared_links(build_schema())
    generic = {f"{owner}.{field}" for owner, _, field in (link.coordinate.partition(".") for link in links)
               if owner.endswith(("Link", "LinkEdge", "LinkConnection")) or owner in
               ("ModelExperimentEdge", "ModelExperimentConnection", "ExperimentModelEdge", "ExperimentModelConnection")
               if field in ("state", "code", "node", "nodes")}  # fmt: skip
    assert {link.coordinate for link in links} - generic == set(FIELDS)


async def test_estimates_are_never_below_what_was_read(graph: Graph) -> None:
    queries = await any_query(graph, 1)
    ratios, refused = [], 0
    for _ in range(QUERIES):
        query = queries.query()
        answer, cost, calls = await costed(graph, query)
        if "data" not in answer:
            assert answer["errors"][0]["extensions"]["code"] == "COST_ESTIMATED_TOO_EXPENSIVE", query
            assert calls == 0
            refused += 1
            continue
        assert cost["nodes"] >= sum(rows_in(answer["data"])), query
        assert cost["calls"] >= calls, (query, cost, {name: len(graph.calls(name)) for name in graph.served})
        if calls:
            ratios.append(cost["calls"] / calls)
    assert refused < QUERIES / 2
    assert median(ratios) < 8


@pytest.mark.parametrize("size", [1, 20, 100])
async def test_a_page_of_models_is_let_in(graph: Graph, size: int) -> None:
    answer, cost, calls = await costed(graph, MODELS_PAGE, first=size)
    assert len(answer["data"]["models"]["nodes"]) == size
    assert cost["limits"] == {"nodes": 20_000, "calls": 120}
    assert cost["nodes"] == size + 10 * size
    assert calls <= cost["calls"] <= 80


@pytest.mark.parametrize("name", EXAMPLES)
async def test_every_example_is_let_in(graph: Graph, name: str) -> None:
    query, variables = EXAMPLES[name]
    answer, cost, calls = await costed(graph, query, **variables)
    assert "errors" not in answer
    assert cost["nodes"] >= sum(rows_in(answer["data"]))
    assert calls <= cost["calls"]


async def test_the_question_of_who_is_on_call_is_let_in(graph: Graph) -> None:
    answer, cost, calls = await costed(graph, ON_CALL, v=CONTENT_EMBEDDING_7)
    assert answer["data"]["node"]["version"] == "7"
    assert calls <= cost["calls"] <= 80


NESTED = "versions(first: {0}) {{ nodes {{ experiments(first: {0}) {{ nodes {{ key }} }} }} }}"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (f"{{ models(first: 100) {{ nodes {{ {NESTED.format(100)} }} }} }}", {}),
        (f"query($n: Int) {{ models(first: $n) {{ nodes {{ {NESTED.format('$n')} }} }} }}", {"n": 100}),
        (f"query($n: Int) {{ models(first: $n) {{ nodes {{ {NESTED.format('$n')} }} }} }}", {"n": 100.0}),
        (
            "query($n: Int = 100) { models(first: $n) { nodes { ...F } } } "
            f"fragment F on Model {{ ... {{ {NESTED.format('$n')} }} }}",
            {},
        ),
        ("{ models(first: 100) { nodes { owners { owns(first: 100) { nodes { id } } } } } }", {}),
    ],
)
async def test_what_would_be_too_much_is_refused_before_any_call(
    graph: Graph, query: str, variables: dict[str, object]
) -> None:
    answer, cost, calls = await costed(graph, query, **variables)
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "COST_ESTIMATED_TOO_EXPENSIVE"
    assert f"{cost['nodes']} rows, of at most 20000" in error["message"]
    assert f"{cost['calls']} calls to sources, of at most 120" in error["message"]
    assert "data" not in answer
    assert calls == 0


async def test_what_is_left_out_costs_nothing(graph: Graph) -> None:
    query = "query($x: Boolean!) { models(first: 1) { nodes { name experiments @include(if: $x) { totalCount } } } }"
    costs = [(await costed(graph, query, x=x))[1] for x in (False, True)]
    assert costs[0]["calls"] < costs[1]["calls"]


async def test_entities_that_are_named_cost_what_their_own_types_do(graph: Graph) -> None:
    """Three of three types are no three of each; what is no entity of this graph is a row, and nothing is asked."""
    below = "__typename ... on Model { experiments(first: 5) { totalCount } } ... on Pipeline { lastRun { state } }"
    model = {"__typename": "Model", "id": "mlg://model/studio-mlflow/content-embedding"}
    pipeline = {"__typename": "Pipeline", "ref": {"source": "airflow", "key": "studio_content_embedding_nightly"}}
    bad = [{"__typename": "Recipe", "id": model["id"]}, {**model, "__typename": "Pipeline"}, {"__typename": "Model"}]

    async def cost(*named: object) -> tuple[int, int]:
        query = f"query($all: [_Any!]!) {{ _entities(representations: $all) {{ {below} }} }}"
        found = (await costed(graph, query, all=list(named)))[1]
        return found["nodes"], found["calls"]

    async def cost_of_ids(*ids: object) -> tuple[int, int]:
        found = (await costed(graph, f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {below} }} }}", ids=list(ids)))[1]
        return found["nodes"], found["calls"]

    (_, of_model), (_, of_pipeline) = await cost(model), await cost(pipeline)
    assert 0 < of_pipeline < of_model
    assert await cost(*bad) == (3, 0)
    assert await cost(model, pipeline, *bad) == (5, of_model + of_pipeline)
    ids = model["id"], "mlg://pipeline/airflow/studio_content_embedding_nightly"
    assert await cost_of_ids(*ids, "nonsense") == (3, of_model + of_pipeline)
    assert await cost_of_ids("nonsense", "mlg://model/-/content-embedding") == (2, of_model - 1)


async def test_a_variable_that_is_not_given_leaves_the_default_page(graph: Graph) -> None:
    query = "query($n: Int) { models(first: $n) { nodes { versions { nodes { version } } } } }"
    costs = [
        (await costed(graph, text))[1] for text in (query, query.replace("query($n: Int)", "").replace("$n", "20"))
    ]
    assert costs[0] == costs[1]
    assert costs[0]["nodes"] == 20 + 20 * 10


async def test_one_id_stands_for_a_list_of_it(graph: Graph) -> None:
    query = "{ nodes(ids: %s) { ... on Model { versions { nodes { version } } } } }"
    id = '"mlg://model/studio-mlflow/content-embedding"'
    (_, alone, calls), (_, listed, _) = [await costed(graph, query % text) for text in (id, f"[{id}]")]
    assert alone == listed
    assert calls <= alone["calls"]


async def test_the_cost_is_told_only_to_those_who_ask(graph: Graph) -> None:
    assert "extensions" not in await graph.ask("{ models(first: 1) { nodes { name } } }")
