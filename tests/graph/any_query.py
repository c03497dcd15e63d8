"""Makes queries at random from the schema: every field, links of links, pages of all sizes, ids that are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
)

from schema.build import build_schema
from schema.identity import parse_id
from tests.graph.client import Graph

_NEVER = frozenset({"after", "since"})
_WORDS = ("embedding", "ranker", "scene frames", "churn", "nothing of the kind")


_POOL = """{
  models(first: 40) { nodes { id name owners { id handle } domain { id }
    latestVersion { id datasets { ref { entityId } } features { ref { entityId } } } } }
  pipelines(first: 40) { nodes { id name lastRun { id } } }
  experiments(first: 40) { nodes { id key } }
}"""


async def any_query(graph: Graph, seed: int) -> AnyQuery:
    """Queries for what a graph has."""
    data = await graph.data(_POOL)
    models, pipelines, experiments = (data[name]["nodes"] for name in ("models", "pipelines", "experiments"))
    versions = [model["latestVersion"] for model in models if model["latestVersion"]]
    ids = {
        "Model": [item["id"] for item in models],
        "ModelVersion": [item["id"] for item in versions],
        "Experiment": [item["id"] for item in experiments],
        "Pipeline": [item["id"] for item in pipelines],
        "PipelineRun": [item["lastRun"]["id"] for item in pipelines if item["lastRun"]],
        "Dataset": [link["ref"]["entityId"] for item in versions for link in item["datasets"] or ()],
        "Feature": [link["ref"]["entityId"] for item in versions for link in item["features"] or ()],
        "Owner": [owner["id"] for item in models for owner in item["owners"]],
        "Domain": [item["domain"]["id"] for item in models if item["domain"]],
    }
    names = {
        "model": [item["name"] for item in models],
        "experiment": [item["key"] for item in experiments],
        "pipeline": [item["name"] for item in pipelines],
        "owner": [owner["handle"] for item in models for owner in item["owners"]],
    }
    return AnyQuery(build_schema()._schema, Random(seed), ids, names)


@dataclass(slots=True)
class AnyQuery:
    """`ids` are those of entities, by type; `names` are what each root field takes. The same seed makes the same."""

    schema: GraphQLSchema
    random: Random
    ids: Mapping[str, Sequence[str]]
    names: Mapping[str, Sequence[str]]
    left: int = field(default=0, init=False)

    def query(self) -> str:
        """One to three root fields, and some dozens of fields below."""
        assert self.schema.query_type is not None
        self.left = self.random.choice((5, 10, 20))
        roots = [name for name in self.schema.query_type.fields if name != "sources"]
        parts = [
            f"r{number}: {self._field(self.schema.query_type, name, self.schema.query_type.fields[name], 0)}"
            for number, name in enumerate(self.random.sample(roots, self.random.choice((1, 1, 2, 3))))
        ]
        return f"{{ {' '.join(parts)} }}"

    def _field(self, owner: GraphQLObjectType, name: str, definition: GraphQLField, level: int) -> str:
        self.left -= 1
        args = [
            f"{key}: {value}"
            for key, argument in definition.args.items()
            if (value := self._argument(owner, name, key, argument)) is not None
        ]
        target = get_named_type(definition.type)
        written = f"{name}({', '.join(args)})" if args else name
        if is_leaf_type(target):
            return written
        return f"{written} {self._selection(target.name, level + 1)}"

    def _selection(self, name: str, level: int) -> str:
        target = self.schema.type_map[name]
        if is_abstract_type(target):
            types = list(self.schema.get_possible_types(target))
            chosen = self.random.sample(types, min(3, len(types)))
            parts = [f"... on {one.name} {self._selection(one.name, level)}" for one in chosen]
            return f"{{ __typename {' '.join(parts)} }}"
        assert isinstance(target, GraphQLObjectType)
        leaves = [key for key, item in target.fields.items() if is_leaf_type(get_named_type(item.type))]
        below = [key for key in target.fields if key not in leaves]
        wanted = self.random.sample(leaves, min(len(leaves), 2))
        if level < 11 and self.left > 0 and below:
            pages = [key for key in below if key in ("edges", "nodes", "node", "entity")]
            wanted += pages or self.random.sample(below, min(len(below), self.random.choice((1, 1, 2, 3))))
        parts = [self._field(target, key, target.fields[key], level) for key in wanted]
        return f"{{ {' '.join(parts) or '__typename'} }}"

    def _argument(self, owner: GraphQLObjectType, name: str, key: str, argument: GraphQLArgument) -> str | None:
        if key == "first":
            return str(self.random.choice((1, 1, 2, 2, 3, 5, 10, 100)))
        if key in ("id", "ids"):
            kinds = ["ModelVersion"] if name == "compareModelVersions" else list(self.ids)
            found = [self.random.choice(self.ids[self.random.choice(kinds)]) for _ in range(self.random.randint(2, 8))]
            return f'"{found[0]}"' if key == "id" else "[" + ", ".join(f'"{one}"' for one in found) + "]"
        if key == "representations":
            return f"[{', '.join(self._representation() for _ in range(self.random.randint(1, 8)))}]"
        if key in ("name", "key", "handle") and owner.name == "Query":
            return json.dumps(self.random.choice(self.names[name]))
        if key == "query":
            return f'"{self.random.choice(_WORDS)}"'
        if key == "depth":
            return str(self.random.randint(1, 4))
        if key == "usage":
            return self.random.choice(("CURRENT", "EVER", "DRAFT"))
        if key == "alias":
            return '"champion"'
        if key == "filter" and name != "search":
            return self.random.choice((None, None, '{owner: "maya.ortiz"}', '{nameContains: "e"}', "{unowned: true}"))
        assert key in _NEVER or not is_required_argument(argument), (owner, name, key)
        return None

    def _representation(self) -> str:
        """An entity by either key, or now and then what is none."""
        kind = self.random.choice(list(self.ids))
        id = self.random.choice(self.ids[kind])
        reference = parse_id(id)
        assert reference is not None
        ref = f"ref: {{source: {json.dumps(reference.source)}, key: {json.dumps(reference.key)}}}"
        typename = self.random.choice((kind, kind, kind, kind, "Recipe"))
        return f'{{__typename: "{typename}", {self.random.choice((f"id: {json.dumps(id)}", ref))}}}'
