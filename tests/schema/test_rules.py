"""The rules every part of the schema keeps, so that clients can rely on one form: nullability, links, pages, shapes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from graphql import (
    GraphQLAbstractType,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_introspection_type,
    is_non_null_type,
    is_specified_scalar_type,
    parse,
    validate,
)

from schema.build import DeclaredLink, build_schema, declared_links
from schema.connection import Link, PageInfo

SCHEMA = build_schema()
GRAPH = SCHEMA._schema
LINKS = declared_links(SCHEMA)
TYPES = [
    kind for kind in GRAPH.type_map.values() if not is_introspection_type(kind) and not is_specified_scalar_type(kind)
]
OBJECTS = {kind.name: kind for kind in TYPES if isinstance(kind, GraphQLObjectType)}
CONNECTIONS = {name: kind for name, kind in OBJECTS.items() if "edges" in kind.fields and "pageInfo" in kind.fields}
LINK_TYPES = {
    concrete.definition.name: OBJECTS[concrete.definition.name]  # type: ignore[union-attr] # links are object types
    for concrete in SCHEMA.schema_converter.type_map.values()
    if isinstance(origin := getattr(concrete.definition, "origin", None), type)
    and issubclass(origin, Link)
    and concrete.definition.name in OBJECTS  # type: ignore[union-attr] # as above
}
LINK_CONNECTIONS = {
    name: kind for name, kind in CONNECTIONS.items() if get_named_type(kind.fields["edges"].type).name in LINK_TYPES
}
ROOT = OBJECTS["Query"]

# Each value here is one that clients branch on: a missing one breaks the server, a new one breaks them.
ENUMS = {
    "BreakerState": "CLOSED HALF_OPEN OPEN",
    "CapabilityMode": "NATIVE SCAN NONE",
    "EntityKind": "MODEL MODEL_VERSION TRAINING_RUN EXPERIMENT PIPELINE PIPELINE_RUN DATASET FEATURE OWNER DOMAIN",
    "EntityOrder": "NAME UPDATED_AT",
    "ErrorCode": "SOURCE_UNAVAILABLE SOURCE_TIMEOUT SOURCE_RATE_LIMITED SOURCE_ERROR SOURCE_BAD_RESPONSE "
    "SOURCE_RESPONSE_TOO_LARGE SOURCE_AUTH_FAILED DEADLINE_EXCEEDED OVERLOADED PAGE_LIMIT NOT_FOUND FORBIDDEN "
    "UNAUTHENTICATED AMBIGUOUS INTERNAL",
    "ExperimentStatus": "DRAFT RUNNING STOPPED ARCHIVED UNKNOWN",
    "IncompleteReason": "SOURCE_UNAVAILABLE TIME_BUDGET CALL_BUDGET NODE_LIMIT DEPTH_LIMIT SCAN_LIMIT POSITION_LOST "
    "NOT_SUPPORTED_BY_SOURCE FORBIDDEN",
    "LineageDirection": "UPSTREAM DOWNSTREAM BOTH",
    "LineageRelation": "PRODUCED_BY TRAINED_ON USES_FEATURE SERVED_IN CONSUMES PRODUCES VERSION_OF TRIGGERED_BY",
    "LinkBasis": "NATIVE CONVENTION INFERRED",
    "LinkState": "RESOLVED DANGLING UNAVAILABLE FORBIDDEN",
    "MetricRole": "GOAL SECONDARY GUARDRAIL",
    "ModelVersionStatus": "PENDING READY FAILED UNKNOWN",
    "RunState": "QUEUED RUNNING SUCCESS FAILED SKIPPED UNKNOWN",
    "SourceRole": "MODEL_REGISTRY EXPERIMENT_PLATFORM ORCHESTRATOR",
    "SourceStatus": "UP DEGRADED DOWN UNKNOWN",
    "UsageWindow": "CURRENT EVER DRAFT",
}
OUR_OWN_STATES = {"BreakerState", "LinkState", "SourceStatus"}
"""What the gateway itself says of links and sources, so that no source's word stands behind it."""


def shape(field: GraphQLField) -> str:
    """A field's type and arguments as one text: `[Tag!]!(first: Int = 10)`."""
    arguments = ", ".join(sorted(f"{name}: {argument_shape(given)}" for name, given in field.args.items()))
    return f"{field.type}({arguments})"


def argument_shape(argument: GraphQLArgument) -> str:
    default = "" if argument.default_value is Undefined else f" = {argument.default_value}"
    return f"{argument.type}{default}"


def output_fields() -> Iterator[tuple[str, GraphQLField]]:
    for kind in TYPES:
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            yield from ((f"{kind.name}.{name}", field) for name, field in kind.fields.items())


def own_types(fields: dict[str, GraphQLField], *names: str) -> dict[str, str]:
    return {name: str(fields[name].type) if name in fields else "missing" for name in names}


# ---------------------------------------------------------------- what makes calls, links, pages


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.coordinate)
def test_a_field_that_makes_a_call_can_say_that_the_call_failed(link: DeclaredLink) -> None:
    """By being null, by the completeness of a connection, by null items, or because it is itself the saying."""
    target = get_named_type(link.type)
    says_it_itself = target.name in OUR_OWN_STATES or target.name == "Source"
    null_items = (
        is_non_null_type(link.type)
        and isinstance(link.type.of_type, GraphQLList)
        and not is_non_null_type(link.type.of_type.of_type)
    )
    # An impact's lineage has it; owners are read off nodes that the walk has loaded.
    said_beside = link.coordinate in ("Query.impact", "Impact.ownersToTell", "LineageNode.owners")
    carries_completeness = said_beside or (isinstance(target, GraphQLObjectType) and "completeness" in target.fields)
    assert says_it_itself or not is_non_null_type(link.type) or null_items or carries_completeness


@pytest.mark.parametrize("coordinate", [name for name, field in output_fields() if isinstance(field.type, GraphQLList)])
def test_a_list_that_may_be_null_never_hides_null_items(coordinate: str) -> None:
    """So a client asks one question of it, not two."""
    parent, _, name = coordinate.partition(".")
    listed = OBJECTS[parent].fields[name].type
    assert is_non_null_type(listed.of_type)


@pytest.mark.parametrize(
    "coordinate", [name for name, f in output_fields() if get_named_type(f.type).name in LINK_TYPES]
)
def test_links_read_from_a_row_in_hand_are_null_where_their_evidence_could_not_be_read(coordinate: str) -> None:
    parent, _, name = coordinate.partition(".")
    if parent in LINK_CONNECTIONS or parent == "Impact":  # found by looking: these carry their completeness
        assert str(OBJECTS[parent].fields[name].type).endswith("!]!")
    else:
        assert not is_non_null_type(OBJECTS[parent].fields[name].type)


@pytest.mark.parametrize("name", CONNECTIONS)
def test_every_connection_says_how_complete_it_is(name: str) -> None:
    fields = CONNECTIONS[name].fields
    edge = get_named_type(fields["edges"].type).name
    assert own_types(fields, "edges", "pageInfo", "completeness") == {
        "edges": f"[{edge}!]!",
        "pageInfo": "PageInfo!",
        "completeness": "Completeness!",
    }
    assert str(OBJECTS[edge].fields["cursor"].type) == "String!"
    if "totalCount" in fields:
        assert str(fields["totalCount"].type) == "Int"


def test_completeness_names_each_source_with_what_it_contributed() -> None:
    assert {name: str(field.type) for name, field in OBJECTS["Completeness"].fields.items()} == {
        "complete": "Boolean!",
        "reasons": "[IncompleteReason!]!",
        "scanned": "Int!",
        "sources": "[SourceOutcome!]!",
    }
    assert {name: str(field.type) for name, field in OBJECTS["SourceOutcome"].fields.items()} == {
        "source": "String!",
        "ok": "Boolean!",
        "code": "ErrorCode",
        "matched": "Int",
        "calls": "Int!",
        "ageMs": "Int",
    }


@pytest.mark.parametrize("name", LINK_TYPES)
def test_every_link_tells_no_target_from_a_target_gone_or_hidden_or_out_of_reach(name: str) -> None:
    fields = LINK_TYPES[name].fields
    assert own_types(fields, "ref", "state", "code", "evidence") == {
        "ref": "EntityRef!",
        "state": "LinkState!",
        "code": "ErrorCode",
        "evidence": "[LinkEvidence!]!",
    }
    node = fields["node"].type
    assert isinstance(node, GraphQLObjectType), "nullable, and one type"
    assert "Node" in {interface.name for interface in node.interfaces}


@pytest.mark.parametrize("name", CONNECTIONS)
def test_nodes_is_aligned_with_edges_and_may_hold_null_only_where_edges_are_links(name: str) -> None:
    fields = CONNECTIONS[name].fields
    node = get_named_type(OBJECTS[get_named_type(fields["edges"].type).name].fields["node"].type)
    item = node.name if name in LINK_CONNECTIONS else f"{node.name}!"
    assert str(fields["nodes"].type) == f"[{item}]!"


# ---------------------------------------------------------------- states


def test_the_members_of_enums_are_those_that_were_agreed() -> None:
    printed = {kind.name: " ".join(kind.values) for kind in TYPES if isinstance(kind, GraphQLEnumType)}
    assert printed == {name: ENUMS[name] for name in printed}


@pytest.mark.parametrize(
    "name",
    [
        kind.name
        for kind in TYPES
        if isinstance(kind, GraphQLEnumType)
        and kind.name.endswith(("State", "Status"))
        and kind.name not in OUR_OWN_STATES
    ],
)
def test_a_state_that_a_source_reports_has_unknown_and_the_sources_own_word_beside_it(name: str) -> None:
    enum = GRAPH.type_map[name]
    assert isinstance(enum, GraphQLEnumType)
    assert "UNKNOWN" in enum.values
    holders = [
        kind for kind in OBJECTS.values() if any(get_named_type(field.type) is enum for field in kind.fields.values())
    ]
    assert holders
    assert {kind.name: own_types(kind.fields, "sourceStatus")["sourceStatus"] for kind in holders} == {
        kind.name: "String" for kind in holders
    }


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize(
    "coordinate", [name for name, field in output_fields() if get_named_type(field.type).name in CONNECTIONS]
)
def test_a_page_is_20_at_the_root_and_10_inside_and_goes_forward_only(coordinate: str) -> None:
    parent, _, name = coordinate.partition(".")
    arguments = OBJECTS[parent].fields[name].args
    # What an owner or a domain has is a list over everything, like those at the root.
    default = 20 if parent in ("Query", "Owner", "Domain") else 10
    assert argument_shape(arguments["first"]) == f"Int = {default}"
    if "after" in arguments:
        assert argument_shape(arguments["after"]) == "String"
    assert not {"last", "before", "offset", "page"} & set(arguments)


def test_page_info_has_relays_form_and_its_backward_half_is_never_true() -> None:
    assert {name: str(field.type) for name, field in OBJECTS["PageInfo"].fields.items()} == {
        "hasNextPage": "Boolean!",
        "hasPreviousPage": "Boolean!",
        "startCursor": "String",
        "endCursor": "String",
    }
    assert PageInfo(has_next_page=True).has_previous_page is False
    setters = [
        path
        for package in ("resolvers", "gateway")
        for path in (Path(__file__).parents[2] / package).rglob("*.py")
        if "has_previous_page" in path.read_text("utf-8")
    ]
    assert setters == [], "nobody may set it"


# ---------------------------------------------------------------- the root, ids, shapes


def test_nothing_can_be_written_or_subscribed_to() -> None:
    assert GRAPH.mutation_type is None
    assert GRAPH.subscription_type is None
    assert not {"Mutation", "Subscription"} & set(GRAPH.type_map)


def test_id_appears_on_what_node_can_fetch_again_and_nowhere_else() -> None:
    """Client caches take whatever has an `id` for one object, wherever it is met."""
    with_id = {name for name, kind in OBJECTS.items() if "id" in kind.fields}
    nodes = {name for name, kind in OBJECTS.items() if "Node" in {interface.name for interface in kind.interfaces}}
    assert with_id == nodes
    assert {name: str(OBJECTS[name].fields["id"].type) for name in nodes} == dict.fromkeys(nodes, "ID!")


ABSTRACT = [kind for kind in TYPES if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)]


@pytest.mark.parametrize("abstract", ABSTRACT, ids=lambda kind: kind.name)
def test_fragments_on_the_types_of_one_interface_always_merge(abstract: GraphQLAbstractType) -> None:
    """A field name has one type, one nullability and one set of arguments in all types of an interface or union."""
    clashes = [
        f"{one.name}.{name} is {shape(one.fields[name])} but {other.name}.{name} is {shape(other.fields[name])}"
        for one, other in combinations(GRAPH.get_possible_types(abstract), 2)
        for name in sorted(one.fields.keys() & other.fields.keys())
        if shape(one.fields[name]) != shape(other.fields[name])
    ]
    assert clashes == []


@pytest.mark.parametrize("abstract", ABSTRACT, ids=lambda kind: kind.name)
def test_one_query_can_ask_for_every_field_of_every_type_of_an_interface(abstract: GraphQLAbstractType) -> None:
    """The same rule, judged by GraphQL's own validation of a query a generic explorer would send."""
    fragments = " ".join(
        f"... on {kind.name} {{ __typename {' '.join(selection(name, f) for name, f in kind.fields.items())} }}"
        for kind in GRAPH.get_possible_types(abstract)
    )
    entry = next(name for name, field in ROOT.fields.items() if is_abstract_type(get_named_type(field.type)))
    document = parse(f'{{ {entry}(id: "x") {{ ... on {abstract} {{ __typename {fragments} }} }} }}')
    assert [error.message for error in validate(GRAPH, document)] == []


def selection(name: str, field: GraphQLField) -> str:
    return f"{name} {{ __typename }}" if is_composite_type(get_named_type(field.type)) else name


def test_a_field_of_links_means_the_same_in_all_of_them() -> None:
    """Only what `node` leads to differs from link to link; whether it can be null does not."""
    shapes: dict[str, dict[str, list[str]]] = {}
    for name, kind in LINK_TYPES.items():
        for field_name, field in kind.fields.items():
            text = (
                "an entity or null"
                if field_name == "node" and isinstance(field.type, GraphQLObjectType)
                else shape(field)
            )
            shapes.setdefault(field_name, {}).setdefault(text, []).append(name)
    assert {name: found for name, found in shapes.items() if len(found) > 1} == {}


def test_a_field_of_connections_means_the_same_in_all_of_them() -> None:
    for field in ("pageInfo", "totalCount", "completeness"):
        assert len({shape(kind.fields[field]) for kind in CONNECTIONS.values() if field in kind.fields}) == 1


def test_no_default_of_null_is_printed_as_it_says_nothing() -> None:
    arguments = [
        (f"{coordinate}({name}:)", argument)
        for coordinate, field in output_fields()
        for name, argument in field.args.items()
    ]
    inputs = [
        (f"{kind.name}.{name}", field)
        for kind in TYPES
        if isinstance(kind, GraphQLInputObjectType)
        for name, field in kind.fields.items()
    ]
    assert [coordinate for coordinate, given in [*arguments, *inputs] if given.default_value is None] == []
