"""The demo's Unleash answers as 7.5.1 does; what is asserted here was seen on a real one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from starlette.applications import Starlette

from gateway.demo.company import Experiment, Phase, Platform, Variation
from gateway.demo.server import serve
from gateway.demo.unleash import app
from resolvers.errors import SourceFault
from resolvers.http import SourceClient, StaticCredential
from tests.gateway.asgi import Answer, get

SEARCH = "/api/admin/search/features"
FEATURES = "/api/client/features"


def experiment(number: int, status: str = "running", **more: object) -> Experiment:
    row = {
        "id": f"exp_{number}",
        "key": f"ab-{number:03d}",
        "name": f"Test {number}",
        "status": status,
        "created": 1_763_900_000_000 + number * 1000,
        "updated": 1_763_900_009_000,
        "hypothesis": "It gets better.",
        "description": f"Test {number} of ranking",
        "project": "home",
        "tags": ("model:ranker", "team-a"),
        "variations": (
            Variation("control", "Control", 1 / 3, '{"model": "ranker", "version": 1}'),
            Variation("new", "New", 1 / 3, "models:/ranker/2"),
            Variation("none", "None", 1 / 3),
        ),
        "phases": (Phase("main", 1_763_900_001_000, coverage=0.5),),
    }
    return Experiment(**{**row, **more})  # type: ignore[arg-type] # the keywords are the dataclass's own


def platform(*experiments: Experiment) -> Platform:
    return Platform("unleash", {"home": "Home"}, {}, experiments)


@pytest.fixture
def unleash() -> Starlette:
    rows = (
        experiment(1),
        experiment(2, "draft", tags=("model:mixer",), owner="kim"),
        experiment(3, "stopped", winner=1, tags=()),
        experiment(4, "stopped", archived=True),
    )
    return app(platform(*rows), client_token="sdk", admin_token="viewer")


async def ask(unleash: Starlette, target: str, who: str | None = "viewer") -> Answer:
    return await get(unleash, target, {"authorization": who} if who else {})


async def test_an_sdk_reads_live_flags_with_variants_and_without_tags_or_dates(unleash: Starlette) -> None:
    answer = await ask(unleash, FEATURES, "sdk")
    rows = {row["name"]: row for row in answer.json["features"]}
    assert list(rows) == ["ab-001", "ab-002", "ab-003"]
    assert [row["enabled"] for row in rows.values()] == [True, False, False]
    assert not {"tags", "createdAt", "lifecycle"} & rows["ab-001"].keys()
    assert rows["ab-001"]["strategies"][0]["parameters"]["rollout"] == "50"


async def test_weights_are_thousandths_that_add_up_and_payloads_are_typed(unleash: Starlette) -> None:
    answer = await ask(unleash, f"{FEATURES}/ab-001", "sdk")
    variants = answer.json["strategies"][0]["variants"]
    assert [variant["weight"] for variant in variants] == [334, 333, 333]
    assert [variant.get("payload", {}).get("type") for variant in variants] == ["json", "string", None]


async def test_a_feature_list_is_cut_by_tags_or_by_a_prefix_with_wildcards(unleash: Starlette) -> None:
    async def names(query: str) -> list[str]:
        return [row["name"] for row in (await ask(unleash, f"{FEATURES}?{query}", "sdk")).json["features"]]

    assert await names("tag=model:ranker&tag=model:mixer") == ["ab-001", "ab-002"]
    assert await names("namePrefix=ab-00") == ["ab-001", "ab-002", "ab-003"]
    assert await names("namePrefix=ab_00") == ["ab-001", "ab-002", "ab-003"]
    assert await names("namePrefix=AB") == []
    assert await names("project=elsewhere&environment=production") == ["ab-001", "ab-002", "ab-003"]


async def test_a_tag_with_a_second_colon_breaks_the_feature_list(unleash: Starlette) -> None:
    assert (await ask(unleash, f"{FEATURES}?tag=model:a:b", "sdk")).status == 500
    assert (await ask(unleash, f"{FEATURES}?tag=model", "sdk")).status == 400


async def test_the_feature_list_is_not_sent_again_for_its_own_etag(unleash: Starlette) -> None:
    etag = (await ask(unleash, FEATURES, "sdk")).headers["etag"]
    again = await get(unleash, FEATURES, {"authorization": "sdk", "if-none-match": etag})
    assert (again.status, again.body) == (304, b"")


async def test_the_search_shows_tags_dates_and_lifecycle_but_no_variants(unleash: Starlette) -> None:
    answer = await ask(unleash, f"{SEARCH}?type=IS:experiment")
    rows = answer.json["features"]
    assert answer.json["total"] == 3
    assert [row["lifecycle"]["stage"] for row in rows] == ["pre-live", "initial", "completed"]
    assert rows[0]["tags"] == [
        {"value": "ranker", "type": "model", "color": None},
        {"value": "team-a", "type": "simple", "color": None},
    ]
    assert "tags" not in rows[2]
    assert rows[1]["createdBy"]["name"] == "kim"
    assert "strategies" not in rows[0]


async def test_a_search_by_any_of_some_tags_hides_the_other_tags(unleash: Starlette) -> None:
    any_of = (await ask(unleash, f"{SEARCH}?tag={quote('INCLUDE_ANY_OF:model:ranker, model:mixer')}")).json
    all_of = (await ask(unleash, f"{SEARCH}?tag={quote('INCLUDE_ALL_OF:model:ranker')}")).json
    assert [[tag["value"] for tag in row["tags"]] for row in any_of["features"]] == [["ranker"], ["mixer"]]
    assert [[tag["value"] for tag in row["tags"]] for row in all_of["features"]] == [["ranker", "team-a"]]


async def test_a_search_by_words_looks_at_names_and_descriptions_only(unleash: Starlette) -> None:
    async def names(query: str) -> list[str]:
        return [row["name"] for row in (await ask(unleash, f"{SEARCH}?query={quote(query)}")).json["features"]]

    assert await names("AB-001, ab-003") == ["ab-001", "ab-003"]
    assert await names("ranking") == ["ab-001", "ab-002", "ab-003"]
    assert await names("team-a") == []
    assert await names("ab_001") == ["ab-001"]


async def test_archived_flags_are_found_by_a_search_that_asks_for_them(unleash: Starlette) -> None:
    answer = await ask(unleash, f"{SEARCH}?archived=IS:true")
    assert [(row["name"], row["archivedAt"]) for row in answer.json["features"]] == [
        ("ab-004", "2025-11-23T12:13:29.000Z")
    ]


async def test_limits_that_do_not_fit_become_50_and_an_offset_past_the_end_has_no_total() -> None:
    unleash = app(platform(*(experiment(number) for number in range(120))), client_token="sdk", admin_token="viewer")
    for limit, count in (("100", 100), ("101", 50), ("0", 50), ("none", 50), ("7", 7)):
        answer = await ask(unleash, f"{SEARCH}?limit={limit}")
        assert (len(answer.json["features"]), answer.json["total"]) == (count, 120), limit
    assert (await ask(unleash, f"{SEARCH}?offset=120")).json == {"features": [], "total": 0}
    assert (await ask(unleash, f"{SEARCH}?limit=2.5")).status == 500


@pytest.mark.parametrize(
    "query", ["type=experiment", "tag=model:ranker", "archived=true", "status=x", "query=a&query=b"]
)
async def test_a_filter_without_its_operator_is_refused(unleash: Starlette, query: str) -> None:
    answer = await ask(unleash, f"{SEARCH}?{query}")
    assert (answer.status, answer.json["name"]) == (400, "BadDataError")


async def exported(unleash: Starlette, body: object) -> dict[str, list[dict[str, object]]]:
    async with serve(unleash) as served:
        client = SourceClient("unleash", served.url, {"": StaticCredential({"Authorization": "viewer"})})
        try:
            answer = await client.post(("api", "admin", "features-batch", "export"), body)
            return answer.read(dict[str, list[dict[str, object]]])
        finally:
            await client.aclose()


async def test_an_export_shows_archived_flags_leaves_out_unknown_ones_and_is_an_event(unleash: Starlette) -> None:
    answer = await exported(unleash, {"environment": "development", "features": ["ab-004", "none", "ab-001"]})
    assert [(row["name"], row["archived"]) for row in answer["features"]] == [("ab-001", False), ("ab-004", True)]
    assert [row["featureName"] for row in answer["featureStrategies"]] == ["ab-001", "ab-004"]
    assert {"featureName": "ab-004", "tagType": "model", "tagValue": "ranker"} in answer["featureTags"]
    assert unleash.state.exports == 1


async def test_an_export_without_names_is_of_all_live_flags_and_needs_an_environment(unleash: Starlette) -> None:
    answer = await exported(unleash, {"environment": "production", "features": []})
    assert [row["name"] for row in answer["features"]] == ["ab-001", "ab-002", "ab-003"]
    assert answer["featureStrategies"] == []
    with pytest.raises(SourceFault, match="400"):
        await exported(unleash, {"features": ["ab-001"]})


async def test_one_flag_is_found_in_its_project_only_and_never_archived(unleash: Starlette) -> None:
    one = (await ask(unleash, "/api/admin/projects/home/features/ab-001")).json
    assert [len(environment["strategies"]) for environment in one["environments"]] == [1, 0]
    assert "tags" not in one
    for target in ("home/features/ab-004", "home/features/none", "other/features/ab-001"):
        answer = await ask(unleash, f"/api/admin/projects/{target}")
        assert (answer.status, answer.json["name"]) == (404, "NotFoundError")


@pytest.mark.parametrize(
    ("target", "token", "status"),
    [
        (FEATURES, None, 401),
        (FEATURES, "wrong", 401),
        (FEATURES, "viewer", 200),
        (SEARCH, None, 401),
        (SEARCH, "wrong", 401),
        (SEARCH, "sdk", 403),
        ("/health", None, 200),
        ("/health", "sdk", 403),
        ("/api/admin/unknown", "viewer", 404),
        ("/api/unknown", None, 401),
    ],
)
async def test_who_may_ask_what(unleash: Starlette, target: str, token: str | None, status: int) -> None:
    assert (await ask(unleash, target, token)).status == status


async def test_outside_the_api_every_path_is_the_web_page(unleash: Starlette) -> None:
    answer = await ask(unleash, "/unknown", None)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_the_version_is_in_the_configuration_of_the_web_page(unleash: Starlette) -> None:
    assert (await ask(unleash, "/api/admin/ui-config")).json["version"] == "7.5.1"
