"""Who may see what: callers of several roles, everything there is, every way to it, and no word of what they may not.

What may not be seen is told from the company itself (hidden.py), the questions from the schema (selections.py). What
somebody may see says what it says: a name it mentions is no leak. Everything else that is another's is looked for in
the whole text of every answer.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from gateway.demo.company import Company
from gateway.demo.story import story
from resolvers.caller import Caller
from tests.graph.callers import Graph, callers_of
from tests.graph.hidden import Thing, canary, data_of, spoken, things, with_canaries
from tests.graph.ids import id_of
from tests.graph.selections import everything, of_any_kind

pytestmark = pytest.mark.asyncio(loop_scope="module")

RULES = """
[[access]]
roles = ["admin"]

[[access]]
roles = ["studio"]
domains = ["studio"]

[[access]]
roles = ["ranking"]
sources = ["personalization-mlflow", "growthbook"]

[[access]]
roles = ["payments"]
sources = ["studio-mlflow", "airflow"]
domains = ["payments"]

[[access]]
roles = ["payments"]
sources = ["growthbook"]
"""
EVERY = frozenset({"studio-mlflow", "personalization-mlflow", "airflow", "growthbook"})
SEEN: dict[str, tuple[frozenset[str], dict[str, str]]] = {
    "studio": (frozenset(), dict.fromkeys(EVERY, "studio")),
    "ranking": (frozenset({"personalization-mlflow", "growthbook"}), {}),
    "payments": (frozenset({"growthbook"}), {"studio-mlflow": "payments", "airflow": "payments"}),
    "stranger": (frozenset(), {}),
}
"""Sources that a role sees whole, and the domain of which it sees others."""
ROLES = tuple(SEEN)
COMPANY = with_canaries(story())
THINGS = tuple(things(COMPANY))


def sees(role: str, source: str, domain: str) -> bool:
    whole, partly = SEEN[role]
    return source in whole or partly.get(source) == domain


def caller(role: str) -> Caller:
    return Caller(role, frozenset({role}))


def hidden(role: str, kind: str = "") -> list[Thing]:
    return [thing for thing in THINGS if f"mlg://{kind}" in thing.id and not sees(role, thing.source, thing.domain)]


def secrets(role: str, company: Company = COMPANY) -> list[str]:
    """Every text that this role may not read: nothing it may see says it."""
    said = spoken(company, lambda source, domain: sees(role, source, domain))
    texts = {text for thing in hidden(role) for text in thing.secrets} | data_of(company)
    return sorted(text for text in texts if text not in said)


def leaks(role: str, answer: str) -> list[str]:
    return [
        text
        for text in secrets(role)
        if text in answer or json.dumps(text)[1:-1] in answer or quote(text, safe="") in answer
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def graph() -> AsyncIterator[Graph]:
    async with callers_of(COMPANY, RULES) as graph:
        await graph.ask("{ sources { name } }", caller("admin"))
        yield graph


async def test_the_company_has_something_to_hide_from_every_role_and_something_to_show_to_all_but_strangers() -> None:
    for role in ROLES:
        assert len(secrets(role)) > 50, role
        assert (len(hidden(role)) < len(THINGS)) is (role != "stranger"), role


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kind", ["model/", "model-version", "experiment", "pipeline/", "pipeline-run"])
async def test_what_is_kept_back_is_not_told_by_id_nor_by_anything_it_is_linked_with(
    graph: Graph, role: str, kind: str
) -> None:
    """All ids of a kind are asked for, those that may be seen too: with all their fields, and those of their links."""
    ids = [thing.id for thing in THINGS if f"mlg://{kind}" in thing.id]
    name = {"model/": "Model", "pipeline/": "Pipeline"}.get(kind, kind.title().replace("-", ""))
    query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {name} {{ {everything(graph.schema, name, 1)} }} }} }}"
    for start in range(0, len(ids), 60):
        some = ids[start : start + 60]
        asked = await graph.ask(query, caller(role), ids=some)
        assert leaks(role, asked.text) == []
        own = {thing.id for thing in THINGS if sees(role, thing.source, thing.domain)}
        assert [node is not None for node in asked.data["nodes"]] == [id in own for id in some]


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_kept_back_and_what_is_not_there_are_answered_alike(graph: Graph, role: str) -> None:
    query = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id __typename } }"
    nothing = {"data": {"node": None, "nodes": [None]}}
    for kind in ("model", "model-version", "experiment", "pipeline", "pipeline-run"):
        kept_back = [thing.id for thing in hidden(role, f"{kind}/")][:3]
        source = kept_back[0].split("/")[3] if kept_back else "growthbook"
        for id in (*kept_back, id_of(kind, source, "no-such/thing"), id_of(kind, "no-such-source", "a/b")):
            assert (await graph.ask(query, caller(role), id=id)).answer == nothing


@pytest.mark.parametrize(("role", "field", "name", "source"), [
    ("studio", "model", "fraud-screen", None),
    ("studio", "model", "fraud-screen", "studio-mlflow"),
    ("studio", "pipeline", "payments_fraud_screen", None),
    ("studio", "experiment", "winback-offer", "growthbook"),
    ("payments", "model", "content-embedding", "studio-mlflow"),
    ("payments", "model", "viewer-embedding", None),
    ("ranking", "model", "content-embedding", None),
    ("ranking", "pipeline", "studio_ingest_masters", None),
    ("stranger", "experiment", "winback-offer", None),
])  # fmt: skip
async def test_a_name_that_is_kept_back_and_one_that_nobody_has_are_answered_alike(
    graph: Graph, role: str, field: str, name: str, source: str | None
) -> None:
    argument = "key" if field == "experiment" else "name"
    query = f"query($name: String!, $source: String) {{ {field}({argument}: $name, source: $source) {{ id }} }}"
    asked = await graph.ask(query, caller(role), name=name, source=source)
    absent = await graph.ask(query, caller(role), name="nobody-has-this", source=source)
    assert asked.text == absent.text
    assert asked.answer == {"data": {field: None}}
    assert (await graph.ask(query, caller("admin"), name=name, source=source)).data[field] is not None


async def test_a_source_that_is_kept_back_and_one_that_is_not_configured_are_answered_alike(graph: Graph) -> None:
    for query in (
        '{ model(name: "a", source: "SOURCE") { id } }',
        '{ models(filter: {source: "SOURCE"}) { totalCount } }',
        '{ search(query: "ranker", filter: {source: "SOURCE"}) { totalCount } }',
    ):
        asked = await graph.ask(query.replace("SOURCE", "studio-mlflow"), caller("ranking"))
        assert asked.text == (await graph.ask(query.replace("SOURCE", "no-such-source"), caller("ranking"))).text
        assert asked.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("role", ROLES)
async def test_lists_hold_and_count_only_what_may_be_seen(graph: Graph, role: str) -> None:
    query = """{ models(first: 100) { totalCount nodes { id } completeness { complete reasons sources { source } } }
      experiments(first: 100) { totalCount nodes { id } completeness { complete reasons sources { source } } }
      pipelines(first: 100) { totalCount nodes { id } completeness { complete reasons sources { source } } } }"""
    asked = await graph.ask(query, caller(role))
    assert asked.errors == []
    assert leaks(role, asked.text) == []
    whole, partly = SEEN[role]
    for field, kind in (("models", "model/"), ("experiments", "experiment/"), ("pipelines", "pipeline/")):
        own = {item.id for item in THINGS if f"mlg://{kind}" in item.id and sees(role, item.source, item.domain)}
        page = asked.data[field]
        assert {node["id"] for node in page["nodes"]} == own
        assert (page["totalCount"], page["completeness"]["complete"]) == (len(own), True)
        assert page["completeness"]["reasons"] == []
        assert {item["source"] for item in page["completeness"]["sources"]} <= whole | partly.keys()


@pytest.mark.parametrize("role", ["studio", "payments"])
async def test_a_walk_by_single_rows_passes_over_what_is_kept_back(graph: Graph, role: str) -> None:
    query = """query($after: String) { pipelines(first: 1, after: $after) {
      nodes { id } pageInfo { hasNextPage endCursor } completeness { reasons } } }"""
    found, after, more = [], None, True
    while more:
        page = (await graph.ask(query, caller(role), after=after)).data["pipelines"]
        found += [node["id"] for node in page["nodes"]]
        assert page["completeness"]["reasons"] == []
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    own = [thing.id for thing in THINGS if "mlg://pipeline/" in thing.id and sees(role, thing.source, thing.domain)]
    assert sorted(found) == sorted(own)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("role", ROLES)
async def test_every_root_list_and_what_no_source_owns_tell_nothing_that_is_kept_back(graph: Graph, role: str) -> None:
    schema = graph.schema
    for query in (
        f"{{ models(first: 100) {{ {everything(schema, 'ModelConnection', 0)} }} }}",
        f"{{ experiments(first: 100) {{ {everything(schema, 'ExperimentConnection', 0)} }} }}",
        f"{{ pipelines(first: 100) {{ {everything(schema, 'PipelineConnection', 0)} }} }}",
        f"{{ datasets(first: 100) {{ {everything(schema, 'DatasetConnection', 1)} }} }}",
        f"{{ features(first: 100) {{ {everything(schema, 'FeatureConnection', 1)} }} }}",
        f"{{ domains(first: 100) {{ {everything(schema, 'DomainConnection', 1)} }} }}",
        f"{{ sources {{ {everything(schema, 'Source', 0)} }} }}",
    ):
        asked = await graph.ask(query, caller(role))
        assert leaks(role, asked.text) == [], query[:30]
    whole, partly = SEEN[role]
    listed = await graph.ask("{ sources { name } domains(first: 100) { nodes { name } } }", caller(role))
    assert {item["name"] for item in listed.data["sources"]} == whole | partly.keys()
    domains = {thing.domain for thing in THINGS if sees(role, thing.source, thing.domain)}
    assert {item["name"] for item in listed.data["domains"]["nodes"]} == domains


@pytest.mark.parametrize("role", ROLES)
async def test_data_that_only_others_mention_is_not_there(graph: Graph, role: str) -> None:
    everyone = await graph.ask("{ datasets(first: 100) { nodes { id name } } features(first: 100) { nodes { id } } "
                               "}", caller("admin"))  # fmt: skip
    ids = [node["id"] for field in ("datasets", "features") for node in everyone.data[field]["nodes"]]
    query = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ {of_any_kind(graph.schema, 0)} }} }}"
    listed = await graph.ask(
        "{ datasets(first: 100) { nodes { id } } features(first: 100) { nodes { id } } }", caller(role)
    )
    own = {node["id"] for field in ("datasets", "features") for node in listed.data[field]["nodes"]}
    asked = await graph.ask(query, caller(role), ids=ids[:100])
    assert leaks(role, asked.text) == []
    assert {node["id"] for node in asked.data["nodes"] if node} == own & set(ids[:100])
    assert len(own) < len(ids)


@pytest.mark.parametrize("role", ROLES)
async def test_owners_are_there_by_what_they_own_that_may_be_seen(graph: Graph, role: str) -> None:
    rows = "(first: 100) { nodes { id owners { id handle } } }"
    everybody = await graph.ask(f"{{ models{rows} pipelines{rows} experiments{rows} }}", caller("admin"))
    owned: dict[str, set[str]] = {}
    for field in ("models", "pipelines", "experiments"):
        for node in everybody.data[field]["nodes"]:
            for owner in node["owners"]:
                owned.setdefault(owner["handle"], set()).add(node["id"])
    seen = {thing.id for thing in THINGS if sees(role, thing.source, thing.domain)}
    for handle, ids in owned.items():
        query = """query($h: String!, $id: ID!) { node(id: $id) { id }
          owner(handle: $h) { handle owns(first: 100) { nodes { id } } } }"""
        asked = await graph.ask(query, caller(role), h=handle, id=id_of("owner", "-", handle))
        if ids & seen:
            assert {node["id"] for node in asked.data["owner"]["owns"]["nodes"]} >= ids & seen
            assert {node["id"] for node in asked.data["owner"]["owns"]["nodes"]} <= seen
        else:
            assert asked.answer == {"data": {"node": None, "owner": None}}


WORDS = ("ranker", "fraud", "embedding", "studio", "canary", "personalization home", "scene", "s3", "nightly", "offer")


@pytest.mark.parametrize("role", ROLES)
async def test_search_finds_counts_and_sorts_by_nothing_that_is_kept_back(graph: Graph, role: str) -> None:
    all_of_it = everything(graph.schema, "SearchConnection", 0)
    query = f"query($q: String!) {{ search(query: $q, first: 100) {{ {all_of_it} }} }}"
    plain = """query($q: String!) { search(query: $q, first: 100) { totalCount
      facets { field values { value count } } edges { node { ... on Entity { id kind ref { source } } } }
      completeness { complete sources { source } } } }"""
    own = {thing.id for thing in THINGS if sees(role, thing.source, thing.domain)}
    whole, partly = SEEN[role]
    for words in WORDS:
        assert leaks(role, (await graph.ask(query, caller(role), q=words)).text) == []
        page = (await graph.ask(plain, caller(role), q=words)).data["search"]
        ids = [edge["node"]["id"] for edge in page["edges"]]
        assert {id for id in ids if "/-/" not in id} <= own
        assert {item["source"] for item in page["completeness"]["sources"]} <= whole | partly.keys()
        assert (page["completeness"]["complete"], page["totalCount"]) == (True, len(ids)), words
        counted = {value["value"]: value["count"] for facet in page["facets"] if facet["field"] == "kind"
                   for value in facet["values"]}  # fmt: skip
        assert sum(counted.values()) == len(ids)


@pytest.mark.parametrize("role", ROLES)
async def test_who_searches_for_the_very_word_of_what_is_kept_back_finds_nothing(graph: Graph, role: str) -> None:
    query = "query($q: String!) { search(query: $q) { totalCount nodes { ... on Entity { id } } } }"
    for thing in [*hidden(role, "model/")[:3], *hidden(role, "pipeline/")[:2], *hidden(role, "experiment")[:2]]:
        asked = await graph.ask(query, caller(role), q=thing.secrets[-1])
        assert asked.data["search"] == {"totalCount": 0, "nodes": []}
        assert (await graph.ask(query, caller("admin"), q=thing.secrets[-1])).data["search"]["totalCount"] == 1


@pytest.mark.parametrize("role", ROLES)
async def test_lineage_and_impact_show_of_what_is_kept_back_its_kind_and_no_more(graph: Graph, role: str) -> None:
    query = f"""query($id: ID!) {{
      lineage(id: $id, depth: 3) {{ {everything(graph.schema, "Lineage", 1)} }}
      impact(id: $id, depth: 4) {{ {everything(graph.schema, "Impact", 1)} }} }}"""
    own = {thing.id for thing in THINGS if sees(role, thing.source, thing.domain)}
    starts = [
        thing for thing in THINGS if any(f"mlg://{kind}/" in thing.id for kind in ("model", "pipeline", "experiment"))
    ]
    for thing in (item for item in starts if item.id in own):
        asked = await graph.ask(query, caller(role), id=thing.id)
        assert leaks(role, asked.text) == [], thing.id
        for walk in (asked.data["lineage"], asked.data["impact"]["Impact_lineage"]):
            ids = {node["LineageNode_ref"]["entityId"] for node in walk["Lineage_nodes"]}
            assert {id for edge in walk["Lineage_edges"] for id in (edge["fromId"], edge["toId"])} <= ids
            for node in walk["Lineage_nodes"]:
                shown = node["LineageNode_ref"]
                if node["state"] == "FORBIDDEN":
                    assert (shown["source"], shown["url"], node["name"]) == ("-", None, None)
                    assert not node["expanded"]
                elif shown["source"] != "-":
                    assert shown["entityId"] in own or node["state"] == "DANGLING"
        counted = sum(item["count"] for item in asked.data["impact"]["Impact_countByKind"])
        shown_nodes = [n for n in asked.data["impact"]["Impact_lineage"]["Lineage_nodes"] if n["state"] != "FORBIDDEN"]
        assert counted == len(shown_nodes) - 1


@pytest.mark.parametrize("role", ROLES)
async def test_a_lineage_from_what_is_kept_back_is_that_of_a_node_alone(graph: Graph, role: str) -> None:
    query = """query($id: ID!) { lineage(id: $id, depth: 3) { nodes { name state expanded owners { handle }
      ref { url } } edges { fromId } } impact(id: $id) { countByKind { count } ownersToTell { handle } } }"""
    for thing in [*hidden(role, "model/")[:2], *hidden(role, "pipeline/")[:2]]:
        asked = await graph.ask(query, caller(role), id=thing.id)
        (node,) = asked.data["lineage"]["nodes"]
        assert (node["name"], node["owners"], asked.data["lineage"]["edges"]) == (None, [], [])
        assert asked.data["impact"] == {"countByKind": [], "ownersToTell": []}
        gone = thing.id.replace(thing.id.rsplit("/", 1)[1], "nobody-has-this")
        absent = await graph.ask(query, caller(role), id=gone)
        assert node["state"] == absent.data["lineage"]["nodes"][0]["state"]


@pytest.mark.parametrize("role", ROLES)
async def test_versions_that_are_kept_back_are_compared_as_if_they_were_not_there(graph: Graph, role: str) -> None:
    ids = [thing.id for thing in hidden(role, "model-version")][:5]
    all_of_it = everything(graph.schema, "ModelComparison", 0)
    query = f"query($ids: [ID!]!) {{ compareModelVersions(ids: $ids) {{ {all_of_it} }} }}"
    asked = await graph.ask(query, caller(role), ids=[*ids, id_of("model-version", "studio-mlflow", "nobody/1")])
    assert leaks(role, asked.text) == []
    assert "errors" not in asked.answer
    versions = await graph.ask(
        "query($ids: [ID!]!) { compareModelVersions(ids: $ids) { versions { id } params { key } } }",
        caller(role), ids=[*ids, id_of("model-version", "studio-mlflow", "nobody/1")],
    )  # fmt: skip
    assert versions.data["compareModelVersions"] == {"versions": [None] * (len(ids) + 1), "params": []}


@pytest.mark.parametrize("role", ROLES)
async def test_similar_models_are_those_that_may_be_seen(graph: Graph, role: str) -> None:
    all_of_it = everything(graph.schema, "SimilarModelConnection", 0)
    query = f"""query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Model {{ id
      similar(first: 50) {{ {all_of_it} edges {{ node {{ id }} }} }} }} }} }}"""
    own = [thing.id for thing in THINGS if "mlg://model/" in thing.id and sees(role, thing.source, thing.domain)]
    asked = await graph.ask(query, caller(role), ids=own)
    assert leaks(role, asked.text) == []
    for node in asked.data["nodes"]:
        assert {edge["node"]["id"] for edge in node["similar"]["edges"]} <= set(own)


async def test_somebody_only_the_owners_file_knows_is_not_told_of_to_who_may_not_see_everything(tmp_path: Path) -> None:
    (tmp_path / "owners.toml").write_text('[people."ghost.writer"]\nemail = "ghost@example.org"\n', "utf-8")
    more = f'{RULES}\n[owners]\nfile = "owners.toml"\n'
    query = 'query($id: ID!) { owner(handle: "ghost.writer") { email } node(id: $id) { id } }'
    async with callers_of(COMPANY, more, str(tmp_path / "settings.toml")) as known:
        id = id_of("owner", "-", "ghost.writer")
        assert (await known.ask(query, caller("admin"), id=id)).data["owner"] == {"email": "ghost@example.org"}
        assert (await known.ask(query, caller("studio"), id=id)).answer == {"data": {"node": None, "owner": None}}


# ---------------------------------------------------------------- links


async def test_a_link_to_a_source_that_is_kept_back_is_forbidden_and_no_call_is_made_for_it(graph: Graph) -> None:
    """The ranking people see no pipelines: who made a version is not for them, and the source is not asked."""
    graph.served["airflow"].calls.clear()
    asked = await graph.ask(
        """query($id: ID!) { node(id: $id) { ... on ModelVersion { producedBy { state code
        ref { entityId kind source key url } evidence { assertedBy via { source } } node { id } } } } }""",
        caller("ranking"),
        id=id_of("model-version", "personalization-mlflow", "viewer-embedding/2"),
    )
    assert asked.data["node"]["producedBy"] == {
        "state": "FORBIDDEN",
        "code": "FORBIDDEN",
        "ref": {
            "entityId": "mlg://pipeline-run/-/forbidden",
            "kind": "PIPELINE_RUN",
            "source": "-",
            "key": "forbidden",
            "url": None,
        },
        "evidence": [
            {
                "assertedBy": "personalization-mlflow: pipeline named by a training run's tag",
                "via": [{"source": "personalization-mlflow"}],
            }
        ],
        "node": None,
    }
    (error,) = asked.errors
    assert error["extensions"] == {"code": "FORBIDDEN", "retryable": False, "count": 1, "requestId": "the-request"}
    assert graph.served["airflow"].calls == []


async def test_a_reference_to_a_source_that_is_kept_back_is_forbidden_whether_it_leads_anywhere_or_not(
    graph: Graph,
) -> None:
    query = (
        "query($id: ID!) { lineage(id: $id) { nodes { state code name } completeness { reasons sources { source } } } }"
    )
    for key in ("content-embedding", "nobody-has-this"):
        graph.served["studio-mlflow"].calls.clear()
        asked = await graph.ask(query, caller("ranking"), id=id_of("model", "studio-mlflow", key))
        assert asked.data["lineage"] == {
            "nodes": [{"state": "FORBIDDEN", "code": "FORBIDDEN", "name": None}],
            "completeness": {"reasons": ["FORBIDDEN"], "sources": []},
        }
        assert graph.served["studio-mlflow"].calls == []


async def test_a_connection_leaves_out_what_is_kept_back_and_says_that_something_is(graph: Graph) -> None:
    asked = await graph.ask(
        """{ model(name: "viewer-embedding") { producers { totalCount edges { cursor } nodes { id }
        completeness { complete reasons sources { source } } } } }""",
        caller("ranking"),
    )
    page = asked.data["model"]["producers"]
    assert (page["edges"], page["nodes"], page["totalCount"]) == ([], [], None)
    assert page["completeness"] == {
        "complete": False,
        "reasons": ["FORBIDDEN"],
        "sources": [{"source": "personalization-mlflow"}],
    }


async def test_a_list_is_complete_without_sources_that_may_not_be_seen(graph: Graph) -> None:
    asked = await graph.ask(
        "{ pipelines { totalCount completeness { ...C } } models { completeness { ...C } } } "
        "fragment C on Completeness { complete reasons sources { source } }",
        caller("ranking"),
    )
    whole = {"complete": True, "reasons": []}
    assert asked.data == {
        "pipelines": {"totalCount": 0, "completeness": {**whole, "sources": []}},
        "models": {"completeness": {**whole, "sources": [{"source": "personalization-mlflow"}]}},
    }


async def test_what_its_own_row_keeps_back_dangles_like_what_is_not_there(graph: Graph) -> None:
    """A studio run named another domain's experiment: the reference alone does not tell, and the row is not told of."""
    query = "query($id: ID!) { node(id: $id) { ... on PipelineRun { id } } }"
    kept_back = hidden("studio", "pipeline-run")[0]
    assert (await graph.ask(query, caller("studio"), id=kept_back.id)).answer == {"data": {"node": None}}


async def test_without_rules_everybody_sees_everything() -> None:
    async with callers_of(COMPANY) as open_to_all:
        query = "{ models(first: 100) { totalCount } experiments(first: 100) { totalCount } sources { name } }"
        asked = await open_to_all.ask(query, caller("stranger"))
        assert asked.data["models"]["totalCount"] == sum(len(one.models) for one in COMPANY.registries)
        assert len(asked.data["sources"]) == 4


async def test_a_role_that_may_see_everything_is_answered_as_if_there_were_no_rules(graph: Graph) -> None:
    asked = await graph.ask("{ models(first: 100) { totalCount nodes { description } } }", caller("admin"))
    assert asked.data["models"]["totalCount"] == sum(len(one.models) for one in COMPANY.registries)
    assert canary("studio-mlflow", "fraud-screen") in asked.text
