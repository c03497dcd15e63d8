"""The fake GrowthBook keeps the real one's rules: paging, filters, refusals, keys and the limit of calls."""

from __future__ import annotations

import base64
from dataclasses import replace
from time import perf_counter
from typing import Any
from urllib.parse import quote

import pytest

from gateway.demo.company import Experiment, Phase, Platform, ResultRow, Variation
from gateway.demo.growthbook import app
from tests.gateway.asgi import Answer, get

BEARER = {"Authorization": "Bearer secret_x"}
START = 1_790_000_000_000


def experiment(number: int, **changes: Any) -> Experiment:
    values = [f'{{"model": "ranker-{number}", "version": {version}}}' for version in (1, 2)]
    made = Experiment(
        id=f"exp_{number:04}",
        key=f"ranker-{number}-test",
        name=f"Ranker {number}",
        status="running",
        created=START + number,
        updated=START + 1000 - number,
        hypothesis=f"Version 2 of ranker {number} wins",
        owner="ana@example.com",
        project="prj_home",
        tags=(f"model:ranker-{number}", "ranking"),
        variations=tuple(Variation(str(i), n, 0.5, v) for i, (n, v) in enumerate(zip("AB", values, strict=True))),
        phases=(Phase("Main", START),),
        goals=("fact__clicks",),
    )
    return replace(made, **changes)


PLATFORM = Platform(
    name="growthbook",
    projects={"prj_home": "Home", "prj_kids": "Kids"},
    metrics={"fact__clicks": "Clicks", "met_revenue": "Revenue"},
    experiments=(
        *(experiment(number) for number in range(20)),
        experiment(20, status="draft", owner="", project="prj_kids", goals=()),
        experiment(21, archived=True),
        experiment(
            22,
            status="stopped",
            result_status="inconclusive",
            conclusions="No effect",
            results=(ResultRow("fact__clicks", 0, 10, 0.1, 0, 0, 0, 0, 0),),
        ),
        experiment(23, variations=(Variation("0", "A", 1.0, "models:/ranker/3"),)),
        experiment(24, variations=(Variation("0", "A", 1.0),)),
    ),
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def ask(path: str, headers: dict[str, str] | None = None) -> Answer:
    return await get(app(PLATFORM, secret="secret_x", client_key="sdk-1"), path, BEARER if headers is None else headers)


async def listed(query: str) -> list[str]:
    answer = await ask(f"/api/v1/experiments?limit=100&{query}")
    assert answer.status == 200
    return [row["id"] for row in answer.json["experiments"]]


async def test_a_page_has_ten_experiments_unless_more_are_asked_for() -> None:
    answer = await ask("/api/v1/experiments")

    assert answer.json["count"] == len(answer.json["experiments"]) == 10
    assert (answer.json["total"], answer.json["hasMore"], answer.json["nextOffset"]) == (25, True, 10)


async def test_the_last_page_says_so_and_a_page_past_the_end_is_empty() -> None:
    last = (await ask("/api/v1/experiments?limit=10&offset=20")).json
    past = (await ask("/api/v1/experiments?limit=10&offset=90")).json

    assert (last["count"], last["hasMore"], last["nextOffset"]) == (5, False, None)
    assert (past["count"], past["total"], past["hasMore"]) == (0, 25, False)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=101", "[limit] Too big: expected number to be <=100"),
        ("limit=0", "[limit] Too small: expected number to be >=1"),
        ("limit=x", "[limit] Invalid input: expected number, received NaN"),
        ("offset=-1", "[offset] Too small: expected number to be >=0"),
        ("ids=a,b", '[] Unrecognized key: "ids"'),
        ("status=archived", '[status] Invalid option: expected one of "draft"|"running"|"stopped"'),
    ],
)
async def test_what_a_query_may_not_say_is_a_400_that_names_it(query: str, message: str) -> None:
    answer = await ask(f"/api/v1/experiments?{query}")

    assert (answer.status, answer.json) == (400, {"message": f"Querystring: {message}"})


async def test_several_tags_are_alternatives_and_letter_case_does_not_matter() -> None:
    assert await listed("tag=MODEL:ranker-3,%20model:ranker-5,model:nobody") == ["exp_0003", "exp_0005"]


async def test_a_tag_is_matched_whole() -> None:
    assert await listed("tag=model:ranker-2") == ["exp_0002"]


async def test_filters_of_different_kinds_all_hold() -> None:
    assert await listed("status=draft") == ["exp_0020"]
    assert await listed("status=draft&tag=model:ranker-1") == []
    assert await listed("projectId=prj_kids") == ["exp_0020"]
    assert await listed("trackingKey=ranker-4-test") == ["exp_0004"]
    assert await listed("trackingKey=RANKER-4-test") == []
    assert await listed("result=inconclusive,won") == ["exp_0022"]
    assert len(await listed("owner=ANA@example.com")) == 24
    assert "exp_0020" not in await listed("datasourceId=ds_warehouse")


async def test_archived_experiments_are_listed_unless_left_out_on_request() -> None:
    assert "exp_0021" in await listed("")
    assert "exp_0021" not in await listed("archived=false")
    assert await listed("archived=true") == ["exp_0021"]


async def test_a_search_takes_terms_with_quoted_values_and_free_text() -> None:
    async def search(text: str) -> list[str]:
        return await listed("q=" + quote(text))

    assert await search('tag:"model:ranker-3","model:ranker-4" status:running') == ["exp_0003", "exp_0004"]
    assert await search("version 2 of ranker 7 wins") == ["exp_0007"]
    assert await search("ranker-7-test tag:ranking") == ["exp_0007"]
    assert await search("exp_0007") == []
    assert (
        (await ask("/api/v1/experiments?q=" + quote("status:!draft tag:^a")))
        .json["message"]
        .startswith("Unsupported search syntax: status:!draft, tag:^a.")
    )


async def test_experiments_come_oldest_first_unless_sorted_otherwise() -> None:
    assert (await listed(""))[:2] == ["exp_0000", "exp_0001"]
    assert (await listed("sortOrder=desc"))[0] == "exp_0024"
    assert (await listed("sortBy=dateUpdated"))[0] == "exp_0024"
    assert (await listed("sortBy=name"))[:3] == ["exp_0000", "exp_0001", "exp_0010"]


async def test_one_experiment_is_read_by_its_id_and_not_by_its_tracking_key() -> None:
    one = await ask("/api/v1/experiments/exp_0003")
    unknown = await ask("/api/v1/experiments/ranker-3-test")

    assert one.json["experiment"]["trackingKey"] == "ranker-3-test"
    assert (unknown.status, unknown.json) == (400, {"message": "Could not find experiment with that id"})


async def test_a_stopped_experiment_without_a_winner_names_its_first_variation_as_one() -> None:
    summary = (await ask("/api/v1/experiments/exp_0022")).json["experiment"]["resultSummary"]

    assert (summary["status"], summary["winner"]) == ("inconclusive", "var_00220")


async def test_names_are_one_unpaged_answer_without_the_archived() -> None:
    names = (await ask("/api/v1/experiment-names")).json["experiments"]

    assert len(names) == 24
    assert names[0] == {"id": "exp_0000", "name": "Ranker 0"}


async def test_no_results_is_a_400_and_pages_of_results_count_experiments() -> None:
    none = await ask("/api/v1/experiments/exp_0001/results")
    one = await ask("/api/v1/experiments/exp_0022/results")
    many = (await ask("/api/v1/experiments/results?limit=10")).json

    assert (none.status, none.json) == (400, {"message": "No results found for that experiment"})
    assert one.json["result"]["experimentId"] == "exp_0022"
    assert (many["experimentResults"], many["count"], many["total"], many["hasMore"]) == ([], 0, 25, True)


async def test_a_feature_holds_the_values_of_an_experiments_variations_as_text() -> None:
    page = (await ask("/api/v2/features?limit=100")).json
    one = (await ask("/api/v2/features/flag-0020")).json["feature"]
    unknown = await ask("/api/v2/features/nope")

    assert page["total"] == 24  # not the experiment whose variations have no value
    assert one["rules"][0]["experimentId"] == "exp_0020"
    assert one["rules"][0]["variations"][1] == {
        "variationId": "var_00201",
        "value": '{"model": "ranker-20", "version": 2}',
    }
    assert (unknown.status, unknown.json) == (400, {"message": "Could not find a feature with that key"})


async def test_the_public_payload_needs_no_key_and_holds_rules_of_running_experiments_only() -> None:
    answer = await ask("/api/features/sdk-1", {})
    features = answer.json["features"]

    assert "ratelimit-limit" not in answer.headers
    assert features["flag-0001"]["rules"][0]["key"] == "ranker-1-test"
    assert features["flag-0001"]["rules"][0]["variations"][0] == {"model": "ranker-1", "version": 1}
    assert features["flag-0023"]["rules"][0]["variations"] == ["models:/ranker/3"]
    assert [key for key, feature in features.items() if "rules" not in feature] == [
        "flag-0020",
        "flag-0021",
        "flag-0022",
    ]
    assert (await ask("/api/features/sdk-2", {})).json == {"status": 400, "error": "Invalid API Key"}


async def test_metrics_of_fact_tables_are_listed_apart() -> None:
    assert [row["name"] for row in (await ask("/api/v1/metrics")).json["metrics"]] == ["Revenue"]
    assert [row["name"] for row in (await ask("/api/v1/fact-metrics")).json["factMetrics"]] == ["Clicks"]
    assert [row["name"] for row in (await ask("/api/v1/projects")).json["projects"]] == ["Home", "Kids"]


async def test_the_key_is_taken_as_bearer_or_as_the_user_of_basic() -> None:
    basic = base64.b64encode(b"secret_x:").decode()

    assert (await ask("/api/v1/projects", {"Authorization": f"Basic {basic}"})).status == 200
    assert (await ask("/api/v1/projects", {"Authorization": "Bearer nope"})).status == 401
    assert (await ask("/api/v1/projects", {"Authorization": "Digest nope"})).status == 400
    assert (await ask("/api/v1/projects", {})).json == {"message": "Missing Authorization header"}


async def test_an_unknown_path_is_a_404_in_the_products_own_words() -> None:
    assert (await ask("/api/v1/nothing")).json == {"message": "Unknown API endpoint"}
    fake = app(PLATFORM, secret="secret_x", client_key="sdk-1")
    assert (await get(fake, "/api/v1/experiments", BEARER, method="POST")).status == 404


async def test_past_its_calls_a_minute_a_key_is_refused_until_the_window_ends() -> None:
    clock = Clock()
    fake = app(PLATFORM, secret="secret_x", client_key="sdk-1", calls_per_minute=2, clock=clock)

    first = await get(fake, "/api/v1/projects", BEARER)
    clock.now += 37.5
    second = await get(fake, "/api/v1/nothing", BEARER)
    refused = await get(fake, "/api/v1/projects", BEARER)
    public = await get(fake, "/api/features/sdk-1")
    clock.now += 22.5
    again = await get(fake, "/api/v1/projects", BEARER)

    limits = [(a.headers["ratelimit-remaining"], a.headers["ratelimit-reset"]) for a in (first, second, refused)]
    assert limits == [("1", "60"), ("0", "23"), ("0", "23")]
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert refused.json == {"message": "Too many requests, limit to 2 per minute"}
    assert public.status == again.status == 200


async def test_fifty_thousand_experiments_are_served_without_delay() -> None:
    platform = replace(PLATFORM, experiments=tuple(experiment(number) for number in range(50_000)))

    started = perf_counter()
    fake = app(platform, secret="secret_x", client_key="sdk-1")
    page = await get(fake, "/api/v1/experiments?limit=100&offset=40000&tag=ranking", BEARER)

    assert page.json["count"] == 100
    assert perf_counter() - started < 2
