"""Who owns what, and what belongs where, over all sources: found by what is theirs, and never invented."""

from __future__ import annotations

from pathlib import Path

from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from tests.graph.client import Graph, graph_over
from tests.graph.derived import asked, calls

OWNS = """owns { totalCount nodes { kind name } pageInfo { hasNextPage }
  completeness { complete reasons sources { source ok } } }"""
OWNER = f"query($handle: String!) {{ owner(handle: $handle) {{ id handle email team {OWNS} }} }}"
DIRECTORY = """
[people."maya.ortiz"]
email = "maya.ortiz@example.com"
also = ["M. Ortiz"]

[people."noor.haddad"]
also = ["lena.fischer"]     # she married

[teams.content-understanding]
email = "content-understanding@example.com"
members = ["maya.ortiz", "tomas.lindqvist"]
also = ["cu"]
"""


async def names(graph: Graph, handle: str) -> list[tuple[str, str]] | None:
    owner = (await graph.data(OWNER, handle=handle))["owner"]
    return owner and [(item["kind"], item["name"]) for item in owner["owns"]["nodes"]]


async def test_an_owner_is_found_by_handle_with_all_that_is_theirs_in_every_source() -> None:
    async with asked() as graph:
        owner = (await graph.data(OWNER, handle="maya.ortiz"))["owner"]
        assert owner == {
            "id": "mlg://owner/-/maya.ortiz",
            "handle": "maya.ortiz",
            "email": "maya.ortiz@example.com",
            "team": "content-understanding",
            "owns": {
                "totalCount": 4,
                "nodes": [
                    {"kind": "EXPERIMENT", "name": "Search inside titles"},
                    {"kind": "MODEL", "name": "content-embedding"},
                    {"kind": "PIPELINE", "name": "studio_content_embedding_nightly"},
                    {"kind": "MODEL", "name": "trailer-cutter"},
                ],
                "pageInfo": {"hasNextPage": False},
                "completeness": {
                    "complete": True,
                    "reasons": [],
                    "sources": [
                        {"source": "airflow", "ok": True},
                        {"source": "growthbook", "ok": True},
                        {"source": "personalization-mlflow", "ok": True},
                        {"source": "studio-mlflow", "ok": True},
                    ],
                },
            },
        }
        # MLflow: by the owner's tag and by the team's. Airflow: by owners, and the tags that name one.
        # GrowthBook compares whole addresses only: its pages are read.
        assert calls(graph)["studio-mlflow"] == 2
        assert calls(graph)["personalization-mlflow"] == 2
        assert calls(graph)["airflow"] == 2
        assert calls(graph)["growthbook"] == 1


async def test_an_owner_is_found_by_e_mail_address_and_a_team_by_its_name() -> None:
    async with asked() as graph:
        by_mail = (await graph.data(OWNER, handle="idris.bello@example.com"))["owner"]
        assert (by_mail["handle"], by_mail["email"], by_mail["team"]) == (
            "idris.bello",
            "idris.bello@example.com",
            "risk",
        )
        team = (await graph.data(OWNER, handle="content-understanding"))["owner"]
        assert (team["handle"], team["team"]) == ("content-understanding", "content-understanding")
        assert [item["name"] for item in team["owns"]["nodes"]] == [
            "content-embedding",
            "shot-boundary-detector",
            "trailer-cutter",
        ]


async def test_whom_nobody_names_is_null_by_handle_and_by_id() -> None:
    async with asked() as graph:
        assert await names(graph, "nobody.at.all") is None
        assert await names(graph, " ") is None
        assert await graph.data('{ node(id: "mlg://owner/-/nobody.at.all") { id } }') == {"node": None}
        # An id has one spelling: the address of somebody is another.
        assert await graph.data('{ node(id: "mlg://owner/-/maya.ortiz%40example.com") { id } }') == {"node": None}
        by_id = await graph.data('{ node(id: "mlg://owner/-/maya.ortiz") { ... on Owner { handle team } } }')
        assert by_id == {"node": {"handle": "maya.ortiz", "team": "content-understanding"}}


async def test_whom_a_source_that_is_down_could_name_is_an_error_with_its_code() -> None:
    async with asked(down="studio-mlflow") as graph:
        found = await graph.ask('{ owner(handle: "nobody.at.all") { handle } }')
        assert found["data"] == {"owner": None}
        assert found["errors"][0]["path"] == ["owner"]
        assert found["errors"][0]["extensions"]["code"] == "SOURCE_UNAVAILABLE"


async def test_with_a_source_down_the_rest_of_what_somebody_owns_is_there_and_it_is_said() -> None:
    async with asked(down="growthbook") as graph:
        owner = (await graph.data(OWNER, handle="maya.ortiz"))["owner"]
        assert [item["name"] for item in owner["owns"]["nodes"]] == [
            "content-embedding",
            "studio_content_embedding_nightly",
            "trailer-cutter",
        ]
        assert owner["owns"]["totalCount"] is None
        assert owner["owns"]["pageInfo"]["hasNextPage"] is True
        assert owner["owns"]["completeness"]["reasons"] == ["SOURCE_UNAVAILABLE"]


async def test_kinds_are_chosen_and_only_their_sources_are_asked() -> None:
    query = '{ owner(handle: "maya.ortiz") { owns(kinds: [PIPELINE]) { nodes { name } } } }'
    async with asked() as graph:
        found = await graph.data(query)
        assert found["owner"]["owns"]["nodes"] == [{"name": "studio_content_embedding_nightly"}]
        refused = await graph.ask('{ owner(handle: "maya.ortiz") { owns(kinds: [DATASET]) { nodes { name } } } }')
        assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_what_somebody_owns_pages_over_all_sources_in_one_order() -> None:
    query = """query($after: String) { owner(handle: "noor.haddad") { owns(first: 2, after: $after) {
      nodes { name } pageInfo { hasNextPage endCursor } } } }"""
    async with asked() as graph:
        found, after = [], None
        for _ in range(10):
            page = (await graph.data(query, after=after))["owner"]["owns"]
            found += [item["name"] for item in page["nodes"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert found == [
            "A moving hero image from the scene the viewer would like",
            "Suggest cafés near the set",
            'café-ranker "v2"',
            "poster.art.picker",
            "studio_ingest_masters",
            "title-ranker",
        ]


async def test_what_nobody_owns_can_be_found() -> None:
    async with asked() as graph:
        query = "{ models(filter: { unowned: true }) { nodes { name owners { handle } } } }"
        assert (await graph.data(query))["models"]["nodes"] == [{"name": "legacy-subtitle-aligner", "owners": []}]


# ---------------------------------------------------------------- the owners file


async def test_the_owners_file_joins_spellings_and_gives_teams_their_members(tmp_path: Path) -> None:
    file = tmp_path / "owners.toml"
    file.write_text(DIRECTORY)
    async with (
        serve_company(story(), remember=True) as running,
        graph_over(f'{running.settings}\n[owners]\nfile = "{file}"\n', ENVIRONMENT, running.served) as graph,
    ):
        maya = (await graph.data(OWNER, handle="m. ortiz"))["owner"]
        assert (maya["id"], maya["handle"], maya["team"]) == (
            "mlg://owner/-/maya.ortiz",
            "maya.ortiz",
            "content-understanding",
        )
        assert len(maya["owns"]["nodes"]) == 4
        # What is written on the things themselves is another spelling of hers.
        assert {name for _, name in await names(graph, "noor.haddad") or ()} >= {"it's-a-ranker", "poster.art.picker"}
        team = (await graph.data(OWNER, handle="CU"))["owner"]
        assert (team["handle"], team["email"]) == ("content-understanding", "content-understanding@example.com")
        assert {item["name"] for item in team["owns"]["nodes"]} >= {
            "content-embedding",
            "studio_shot_boundaries",
            "Search inside titles",
        }
        # Whom the file knows needs no source.
        graph.forget_calls()
        await graph.data('{ owner(handle: "tomas.lindqvist") { handle team } }')
        assert sum(calls(graph).values()) == 0


# ---------------------------------------------------------------- domains


async def test_domains_are_gathered_from_settings_labels_and_projects() -> None:
    query = "{ domains { nodes { id name } totalCount completeness { complete reasons } } }"
    async with asked() as graph:
        found = (await graph.data(query))["domains"]
        assert [item["name"] for item in found["nodes"]] == ["ads", "payments", "personalization", "studio"]
        assert found["nodes"][0]["id"] == "mlg://domain/-/ads"
        assert (found["totalCount"], found["completeness"]) == (4, {"complete": True, "reasons": []})
        assert calls(graph) == {"studio-mlflow": 1, "personalization-mlflow": 1, "airflow": 1, "growthbook": 2}


async def test_domains_say_when_a_source_was_not_read_to_its_end() -> None:
    query = "{ domains { nodes { name } totalCount completeness { complete reasons } } }"
    async with asked(more="scan_rows = 2") as graph:
        found = (await graph.data(query))["domains"]
        assert found["totalCount"] is None
        assert found["completeness"] == {"complete": False, "reasons": ["SCAN_LIMIT"]}


async def test_what_belongs_to_a_domain_is_found_in_every_source() -> None:
    query = """{ node(id: "mlg://domain/-/payments") { ... on Domain { name entities {
      nodes { kind name } completeness { complete } } } } }"""
    async with asked() as graph:
        found = (await graph.data(query))["node"]["entities"]
        assert [(item["kind"], item["name"]) for item in found["nodes"]] == [
            ("EXPERIMENT", "A stricter fraud screen at sign-up"),
            ("MODEL", "fraud-screen"),
            ("PIPELINE", "payments_fraud_screen"),
        ]
        assert found["completeness"]["complete"] is True


async def test_a_domain_that_nothing_belongs_to_is_null_unless_the_settings_name_it() -> None:
    async with asked() as graph:
        assert await graph.data('{ node(id: "mlg://domain/-/legal") { id } }') == {"node": None}
    async with asked(down="airflow") as graph:
        found = await graph.ask('{ node(id: "mlg://domain/-/legal") { id } }')
        assert found["errors"][0]["extensions"]["code"] == "SOURCE_UNAVAILABLE"
        graph.forget_calls()
        assert await graph.data('{ node(id: "mlg://domain/-/studio") { id } }') == {
            "node": {"id": "mlg://domain/-/studio"}
        }
        assert sum(calls(graph).values()) == 0
