"""What routers need is in the schema, and out of the way of everybody else."""

from __future__ import annotations

from pathlib import Path

from graphql import GraphQLObjectType, GraphQLSchema, print_schema, validate_schema
from graphql import build_schema as build_from_text

from schema.build import build_schema, client_sdl

SCHEMA = build_schema()
FOLDER = Path(__file__).parents[2] / "schema"


def directives(sdl: str, kind: str) -> list[str]:
    """The federation directives of a type, as printed."""
    line = next(line for line in sdl.splitlines() if line.startswith(f"type {kind} "))
    return ["@" + part.strip(" {") for part in line.split("@")[1:]]


def test_the_committed_schemas_are_the_printed_ones() -> None:
    assert (FOLDER / "schema.graphql").read_text("utf-8") == SCHEMA.as_str() + "\n", "run: make schema"
    assert (FOLDER / "schema.client.graphql").read_text("utf-8") == client_sdl(SCHEMA) + "\n", "run: make schema"


def test_every_object_type_with_an_id_is_an_entity_and_no_interface_is() -> None:
    sdl = SCHEMA.as_str()
    with_id = [
        name
        for name, kind in SCHEMA._schema.type_map.items()
        if isinstance(kind, GraphQLObjectType) and "id" in kind.fields
    ]
    assert len(with_id) == 9
    for name in with_id:
        kind = SCHEMA._schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        keys = [key.partition("fields: ")[2].partition('"')[2].partition('"')[0] for key in directives(sdl, name)]
        assert keys == ["id", "ref { source key }"] if "ref" in kind.fields else ["id"]
    assert not [line for line in sdl.splitlines() if line.startswith("interface") and "@" in line]


def test_every_entity_can_be_asked_for() -> None:
    assert "resolvable" not in SCHEMA.as_str()


def test_other_subgraphs_may_have_pages_and_roots_by_id_of_their_own() -> None:
    sdl = SCHEMA.as_str()
    assert directives(sdl, "PageInfo") == directives(sdl, "EntityRef") == ["@shareable"]
    assert "  ): Node @inaccessible\n" in sdl
    assert "  ): [Node]! @inaccessible\n" in sdl
    assert "https://specs.apollo.dev/federation/v2.9" in sdl


def test_the_schema_for_clients_is_complete_in_itself_and_knows_no_federation() -> None:
    sdl = client_sdl(SCHEMA)
    read: GraphQLSchema = build_from_text(sdl)
    assert validate_schema(read) == []
    assert print_schema(read) == sdl
    assert [name for name in read.type_map if name.startswith("_") and not name.startswith("__")] == []
    assert not [
        word for word in ("@key", "@link", "_entities", "_service", "@shareable", "@inaccessible") if word in sdl
    ]


def test_introspection_shows_of_federation_only_what_is_asked_by_routers() -> None:
    shown = SCHEMA._schema
    assert [name for name in shown.type_map if name.startswith("_") and not name.startswith("__")] == [
        "_Any",
        "_Entity",
        "_Service",
    ]
    assert not [name for name in shown.type_map if name.startswith("link__")]
    assert {directive.name for directive in shown.directives} == {
        "include", "skip", "deprecated", "specifiedBy", "oneOf",
    }  # fmt: skip


def test_a_prefix_is_before_every_type_that_a_company_may_have_already() -> None:
    sdl = client_sdl(build_schema("Lifecycle"))
    named = [
        line.split()[1]
        for line in sdl.splitlines()
        if line.split(" ")[0] in ("type", "interface", "enum", "input", "union", "scalar")
    ]
    assert [name for name in named if not name.startswith("Lifecycle")] == [
        "DateTime",
        "JSON",
        "Node",
        "PageInfo",
        "Query",
    ]
    assert sdl.count("LifecycleLifecycle") == 0
