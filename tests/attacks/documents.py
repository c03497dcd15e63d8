"""Documents whose shape is the attack: wide, deep, repeated, circular, doubled, long."""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.attack import Attack, asking

MODEL = 'model(name: "content-embedding")'
SHAPE = "MAX_ALIASES_LIMIT", "MAX_OVERLAPS_LIMIT", "MAX_ROOT_FIELDS_LIMIT", "MAX_TOKENS_LIMIT", "MAX_FIELDS_LIMIT"
LONG = "MAX_TOKENS_LIMIT", "MAX_DOCUMENT_LIMIT", "MAX_BODY_LIMIT", "GRAPHQL_PARSE_FAILED"


def attacks() -> Iterator[Attack]:
    yield asking("a thousand aliases", _many(lambda n: f"a{n}: {MODEL} {{ id }}", 1000), *SHAPE)
    yield asking("thirty-one aliases", _many(lambda n: f"a{n}: __typename", 31), *SHAPE)
    yield asking("one field two thousand times", _many(lambda _: "__typename", 2000), *SHAPE)
    yield asking("one field with arguments a hundred times", _many(lambda _: f"{MODEL} {{ id name }}", 100), *SHAPE)
    yield asking("a thousand unknown fields", _many(lambda n: f"no{n}", 1000), *SHAPE)
    yield asking("a thousand directives", "{ __typename " + "@no " * 900 + "}", "MAX_DIRECTIVES_LIMIT")
    yield asking("known directives", "{ __typename " + "@include(if: true) " * 51 + "}", "MAX_DIRECTIVES_LIMIT")
    yield asking("a fragment in itself", "{ ...a } fragment a on Query { ...a }", "GRAPHQL_VALIDATION_FAILED")
    circle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...c } fragment c on Query { ...a }"
    yield asking("a circle of fragments", circle, "GRAPHQL_VALIDATION_FAILED")
    for levels in (20, 24):
        yield asking(f"fragments that double {levels} times", _doubling(levels), *SHAPE)
    yield asking("fragments that double aliases", _doubling(20, "a: __typename"), *SHAPE)
    yield asking("sixty overlaps of sixty", _overlapping(60), *SHAPE, "GRAPHQL_VALIDATION_FAILED")
    yield asking("twenty thousand tokens", _many(lambda _: "a", 20_000), *LONG)
    yield asking("commas", "{ " + "," * 200_000 + " __typename }", *LONG)
    yield asking("comments", "{" + "\n#" * 100_000 + "\n__typename }", *LONG)
    yield asking("brackets", "{" * 100_000, *LONG, "MAX_DEPTH_LIMIT")
    yield asking("closing brackets", "}" * 1000, *LONG)
    lists = f"{{ nodes(ids: {'[' * 5000}{']' * 5000}) {{ id }} }}"
    yield asking("a list of lists", lists, *LONG, "MAX_DEPTH_LIMIT")
    objects = f"{{ models(filter: {'{a: ' * 900}1{'}' * 900}) {{ totalCount }} }}"
    yield asking("an object of objects", objects, *LONG, "MAX_DEPTH_LIMIT", "GRAPHQL_VALIDATION_FAILED")
    nested = f"query q($a: {'[' * 900}Int{']' * 900}) {{ __typename }}"
    yield asking("a type of types", nested, *LONG, "MAX_DEPTH_LIMIT", "GRAPHQL_VALIDATION_FAILED")
    yield asking("a text of five megabytes", '{ model(name: "' + "x" * 5_000_000 + '") { id } }', "MAX_BODY_LIMIT")
    yield asking("a block text", '{ model(name: """' + "\n" * 30_000 + '""") { id } }')
    yield asking(
        "two thousand operations",
        " ".join(f"query q{n} {{ __typename }}" for n in range(2000)),
        *LONG,
        "MAX_OPERATIONS_LIMIT",
        "BAD_USER_INPUT",
    )
    for depth in (20, 60, 150):
        yield asking(f"{depth} levels", _deep(depth), "MAX_DEPTH_LIMIT", "COST_ESTIMATED_TOO_EXPENSIVE")
    pages = "versions(first: 100) { nodes { model { versions(first: 100) { nodes { id } } } } }"
    yield asking(
        "pages of pages", f"{{ models(first: 100) {{ nodes {{ {pages} }} }} }}", "COST_ESTIMATED_TOO_EXPENSIVE"
    )
    types = "{ __schema { types { " + "fields { type { " * 6 + "name" + " } }" * 6 + " } } }"
    yield asking("an introspection of itself", types, "GRAPHQL_VALIDATION_FAILED", "INTROSPECTION_DISABLED")
    yield asking("a mutation", "mutation { delete }", "GRAPHQL_VALIDATION_FAILED")
    yield asking("a subscription", "subscription { changes }", "GRAPHQL_VALIDATION_FAILED")
    yield asking(
        "a document that defines types", "type Query { a: Int }", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"
    )
    yield asking("a field that is spelled almost right", "{ modls { id } }", "GRAPHQL_VALIDATION_FAILED")
    yield asking("no operation", "fragment a on Query { __typename }", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT")
    yield asking("a name of no operation", "query a { __typename }", "BAD_USER_INPUT", operationName="b")


def _many(field: object, number: int) -> str:
    assert callable(field)
    return "{ " + " ".join(field(n) for n in range(number)) + " }"


def _doubling(levels: int, leaf: str = "__typename") -> str:
    parts = [f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return " ".join(["{ ...f0 }", *parts, f"fragment f{levels} on Query {{ {leaf} }}"])


def _overlapping(number: int) -> str:
    inner = " ".join(["name"] * number)
    return "{ " + " ".join([f"{MODEL} {{ {inner} }}"] * number) + " }"


def _deep(levels: int) -> str:
    return f"{{ {MODEL} {{ " + "versions { nodes { model { node { " * levels + "id" + " } } } }" * levels + " } }"
