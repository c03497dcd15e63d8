"""Pages have 1 to 100 rows, wherever there are pages, and whether the number is written or given as a variable."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType

from schema.build import build_schema
from tests.graph.client import Graph
from tests.graph.ids import id_of
from tests.graph.queries import CONTENT_EMBEDDING_7

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARENTS = {
    "Model": "mlg://model/studio-mlflow/content-embedding",
    "ModelVersion": CONTENT_EMBEDDING_7,
    "Pipeline": "mlg://pipeline/airflow/studio_content_embedding_nightly",
    "Dataset": id_of("dataset", "-", "s3://studio/frames"),
    "Owner": "mlg://owner/-/maya.ortiz",
    "Domain": "mlg://domain/-/studio",
}
BEHIND = {
    "PipelineRun": ("Pipeline", "lastRun"),
    "Experiment": ("ModelVersion", "experiments { nodes"),
    "Feature": ("ModelVersion", "features { node"),
}
REQUIRED = {"Query.search": 'query: "embedding", '}


def paged() -> list[tuple[str, str]]:
    return [
        (owner.name, name)
        for owner in build_schema()._schema.type_map.values()
        if isinstance(owner, GraphQLObjectType)
        for name, field in owner.fields.items()
        if "first" in field.args
    ]


def asking(owner: str, name: str, size: str, head: str = "") -> str:
    asked = f"{name}({REQUIRED.get(f'{owner}.{name}', '')}first: {size}) {{ totalCount }}"
    if owner == "Query":
        return f"{head}{{ {asked} }}"
    parent, way = BEHIND.get(owner, (owner, ""))
    below = f"{way} {{ {asked} {'} ' * (way.count('{') + 1)}" if way else asked
    return f'{head}{{ node(id: "{PARENTS[parent]}") {{ ... on {parent} {{ {below} }} }} }}'


@pytest.mark.parametrize(("owner", "name"), paged())
async def test_no_page_is_smaller_or_larger(told: Graph, owner: str, name: str) -> None:
    for size in (0, -1, 101, 1_000_000):
        for query, variables in (
            (asking(owner, name, str(size)), {}),
            (asking(owner, name, "$n", "query($n: Int) "), {"n": size}),
        ):
            answer = await told.ask(query, **variables)
            codes = {error["extensions"]["code"] for error in answer["errors"]}
            assert codes == {"BAD_USER_INPUT"}, answer
            assert answer["errors"][0]["message"] == "`first` must be from 1 to 100."


@pytest.mark.parametrize("size", ["2147483648", '"5"', "1.5"])
async def test_a_number_that_is_none_is_refused(told: Graph, size: str) -> None:
    answer = await told.ask(asking("Query", "models", size))
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["GRAPHQL_VALIDATION_FAILED"]
