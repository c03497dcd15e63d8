"""The GrowthBook adapter against the demo's GrowthBook: its answers, and the calls it makes for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from gateway.demo.company import Experiment as Row
from gateway.demo.company import Phase, Platform, ResultRow, Variation
from gateway.demo.growthbook import app
from gateway.demo.server import ServedApp, serve
from resolvers.conventions import Conventions
from resolvers.errors import (
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceRateLimited,
)
from resolvers.http import ANONYMOUS, SourceClient, StaticCredential
from resolvers.sources import NOTHING, Found, ListArgs, ListFilter, Need, Page, PageAsk, SourceProfile
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.sources.experimentation.growthbook import GrowthBook
from schema.connection import IncompleteReason
from schema.experiment import Experiment, ExperimentResults, ExperimentStatus, MetricRole, UsageWindow
from schema.identity import EntityKind
from schema.node import OwnerName
from schema.source import SourceRole

START = 1_790_000_000_000
CURRENT, EVER, DRAFT = UsageWindow.CURRENT, UsageWindow.EVER, UsageWindow.DRAFT
VALUES = frozenset({Need.VALUES})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def row(number: int, status: str = "running", **changes: Any) -> Row:
    made = Row(
        id=f"exp_{number:04}",
        key=f"test-{number}",
        name=f"Test {number:04}",
        status=status,
        created=START + number * 1000,
        updated=START + number * 1000 + 1,
        hypothesis="It gets better.",
        owner="ana@example.com",
        project="prj_home",
        tags=("ranking",),
        variations=(
            Variation("0", "Control", 0.4, f'{{"model": "ranker-{number}", "version": 1}}'),
            Variation("1", "Treatment", 0.6, f'{{"model": "ranker-{number}", "version": 2}}'),
        ),
        phases=(Phase("Ramp", START, START + 1000, 0.1, "No harm"), Phase("Main", START + 1000, None, 0.5)),
    )
    return replace(made, **changes)


def platform(*experiments: Row) -> Platform:
    return Platform("growthbook", {"prj_home": "home"}, {"fact__clicks": "Clicks", "met_rev": "Revenue"}, experiments)


def many(count: int, status: str = "running") -> list[Row]:
    return [row(number, status) for number in range(count)]


@dataclass
class Rig:
    adapter: GrowthBook
    served: ServedApp

    @property
    def calls(self) -> list[str]:
        """Paths below /api with their queries, without what every page has; sorted, as some are sent together."""
        return sorted(
            unquote(call.target)
            .removeprefix("/api")
            .replace("limit=100&offset=0", "page=1")
            .replace("sortBy=dateCreated&sortOrder=desc", "newest")
            for call in self.served.calls
        )


@asynccontextmanager
async def rig(
    fake: Platform | ASGIApp,
    *,
    client_key: str | None = "sdk-1",
    key: str = "secret_x",
    calls_per_minute: int = 60,
    clock: Clock | None = None,
    profile: SourceProfile | None = None,
) -> AsyncIterator[Rig]:
    clock = clock or Clock()
    served_app = (
        app(fake, secret="secret_x", client_key="sdk-1", calls_per_minute=calls_per_minute, clock=clock)
        if isinstance(fake, Platform)
        else fake
    )
    async with serve(served_app) as served:
        credentials = {"": StaticCredential({"Authorization": f"Bearer {key}"}), "sdk": ANONYMOUS}
        client = SourceClient("growthbook", served.url, credentials)
        adapter = GrowthBook(profile or SourceProfile("growthbook", "https://gb.example"), client, client_key, clock)
        try:
            yield Rig(adapter, served)
        finally:
            await adapter.aclose()


def one(items: Sequence[Experiment | SourceError | None]) -> Experiment:
    (item,) = items
    assert isinstance(item, Experiment)
    return item


def values(experiment: Experiment) -> list[object]:
    return [variation.value for variation in experiment.variations]


def ids(found: Found[Experiment] | SourceError) -> set[str]:
    assert isinstance(found, Found)
    return {item.reference.key for item in found.items}


# ---------------------------------------------------------------- the experiment


async def test_an_experiment_has_everything_the_platform_tells_of_it() -> None:
    told = row(
        7,
        tags=("model:ranker-7", "nightly"),
        description="Compares two rankers",
        goals=("fact__clicks",),
        secondary=("met_rev",),
        guardrails=("mg_group",),
    )
    async with rig(platform(told)) as gb:
        found = one(await gb.adapter.experiments_by_id(["exp_0007"], None, frozenset({Need.METRICS, Need.DOMAIN})))

    assert found.id == "mlg://experiment/growthbook/exp_0007"
    assert found.ref().url == "https://gb.example/experiment/exp_0007"
    assert (found.key, found.name, found.description) == ("test-7", "Test 0007", "Compares two rankers")
    assert (found.status, found.source_status) == (ExperimentStatus.RUNNING, "running")
    assert (found.created_at, found.updated_at) == ("2026-09-21T14:13:27.000Z", "2026-09-21T14:13:27.001Z")
    assert found.labels == [("model", "ranker-7"), ("nightly", None)]
    assert found.owned_by == [OwnerName("ana", "ana@example.com")]
    assert found.domain_name == "home"
    assert [(v.number, v.key, v.name, v.is_control, v.weight, v.text) for v in found.variations] == [
        (1, "0", "Control", True, 0.4, None),
        (2, "1", "Treatment", False, 0.6, None),
    ]
    assert [(p.name, p.started_at, p.ended_at, p.coverage, p.reason_for_stopping) for p in found.phases] == [
        ("Ramp", "2026-09-21T14:13:20.000Z", "2026-09-21T14:13:21.000Z", 0.1, "No harm"),
        ("Main", "2026-09-21T14:13:21.000Z", None, 0.5, None),
    ]
    assert [(m.key, m.name, m.role) for m in found.metrics] == [
        ("fact__clicks", "Clicks", MetricRole.GOAL),
        ("met_rev", "Revenue", MetricRole.SECONDARY),
        ("mg_group", "mg_group", MetricRole.GUARDRAIL),
    ]
    assert gb.calls == [
        "/v1/experiments/exp_0007",
        "/v1/fact-metrics?page=1",
        "/v1/metrics?page=1",
        "/v1/projects?page=1",
    ]


async def test_what_is_not_needed_is_not_asked_for() -> None:
    async with rig(platform(row(7, goals=("fact__clicks",)))) as gb:
        found = one(await gb.adapter.experiments_by_id(["exp_0007"], None, NOTHING))

    assert gb.calls == ["/v1/experiments/exp_0007"]
    assert found.metrics[0].name == "fact__clicks"
    assert found.domain_name is None


async def test_an_archived_experiment_is_archived_whatever_its_status() -> None:
    async with rig(platform(row(1, archived=True))) as gb:
        found = one(await gb.adapter.experiments_by_id(["exp_0001"], None, NOTHING))

    assert (found.status, found.source_status) == (ExperimentStatus.ARCHIVED, "running")


async def test_it_says_what_it_is_and_its_servers_version() -> None:
    async with rig(platform()) as gb:
        kept: ExperimentPlatform = gb.adapter
        assert (kept.role, kept.product) == (SourceRole.EXPERIMENT_PLATFORM, "growthbook")
        assert await gb.adapter.version() == "5.0.1"
        assert {item.name for item in gb.adapter.capabilities if "." not in item.name} == {
            "experiments_by_id",
            "experiments_by_key",
            "experiments_by_model",
            "results_by_id",
            "experiments",
            "search",
        }
        assert gb.adapter.url(EntityKind.MODEL, "x") is None


# ---------------------------------------------------------------- by id


async def test_two_ids_are_read_one_by_one_and_unknown_ones_are_absent() -> None:
    async with rig(platform(*many(5))) as gb:
        items = await gb.adapter.experiments_by_id(["nope", "exp_0003", "nope"], None, NOTHING)

    assert [item and item.key for item in items if not isinstance(item, SourceError)] == [None, "test-3", None]
    assert gb.calls == ["/v1/experiments/exp_0003", "/v1/experiments/nope"]


async def test_many_ids_are_one_walk_of_pages_in_the_order_asked() -> None:
    async with rig(platform(*many(250))) as gb:
        asked = [f"exp_{number:04}" for number in range(0, 250, 5)] + ["exp_9999"]
        items = await gb.adapter.experiments_by_id(asked, None, NOTHING)

    assert [item.reference.key for item in items if isinstance(item, Experiment)] == asked[:-1]
    assert items[-1] is None
    assert gb.calls == [
        "/v1/experiments?newest&limit=100&offset=100",
        "/v1/experiments?newest&limit=100&offset=200",
        "/v1/experiments?newest&page=1",
    ]


async def test_ids_missing_on_the_first_page_are_read_one_by_one_where_that_is_fewer() -> None:
    async with rig(platform(*many(350))) as gb:
        items = await gb.adapter.experiments_by_id(["exp_0349", "exp_0348", "exp_0001"], None, NOTHING)

    assert all(isinstance(item, Experiment) for item in items)
    assert gb.calls == ["/v1/experiments/exp_0001", "/v1/experiments?newest&page=1"]


@pytest.mark.parametrize("key", ["", ".", "..", "a\nb", "a/b", "a?x=1", "\ud800"])
async def test_an_id_that_could_name_another_resource_never_does(key: str) -> None:
    async with rig(platform(*many(3))) as gb:
        assert await gb.adapter.experiments_by_id([key], None, NOTHING) == [None]
        assert await gb.adapter.results_by_id([key], None, NOTHING) == [None]

    assert gb.calls in ([], [f"/v1/experiments/{key}", f"/v1/experiments/{key}/results"])


# ---------------------------------------------------------------- by key


async def test_a_key_is_asked_for_as_a_tracking_key_and_then_as_an_id() -> None:
    async with rig(platform(*many(3))) as gb:
        items = await gb.adapter.experiments_by_key(["test-1", "exp_0002"], None, NOTHING)

    assert [item.reference.key for item in items if isinstance(item, Experiment)] == ["exp_0001", "exp_0002"]
    assert gb.calls == [
        "/v1/experiments/exp_0002",
        "/v1/experiments?trackingKey=exp_0002&newest&page=1",
        "/v1/experiments?trackingKey=test-1&newest&page=1",
    ]


async def test_of_two_experiments_with_one_key_the_newest_in_the_window_counts() -> None:
    twins = [row(1, key="same"), row(2, "stopped", key="same"), row(3, "draft", key="same")]
    async with rig(platform(*twins, *many(50)[10:])) as gb:
        found = {
            window: one(await gb.adapter.experiments_by_key(["same"], window, NOTHING)).reference.key
            for window in (None, CURRENT, EVER, DRAFT)
        }
        walked = await gb.adapter.experiments_by_key(["same", "test-11", "test-12"], EVER, NOTHING)

    assert found == {None: "exp_0003", CURRENT: "exp_0001", EVER: "exp_0002", DRAFT: "exp_0003"}
    assert isinstance(walked[0], Experiment)
    assert walked[0].reference.key == "exp_0002"


async def test_running_experiments_are_looked_for_among_running_ones_only() -> None:
    async with rig(platform(*many(120), *(row(number, "stopped") for number in range(120, 400)))) as gb:
        items = await gb.adapter.experiments_by_key(
            ["test-0", "exp_0001", "test-2", "test-300", "exp_0301"], CURRENT, NOTHING
        )

    assert [bool(item) for item in items] == [True, True, True, False, False]
    assert gb.calls == [
        "/v1/experiments?status=running&archived=false&newest&limit=100&offset=100",
        "/v1/experiments?status=running&archived=false&newest&page=1",
    ]


async def test_an_empty_key_is_absent_and_not_asked_for() -> None:
    async with rig(platform(*many(3))) as gb:
        assert await gb.adapter.experiments_by_key([""], None, NOTHING) == [None]

    assert gb.calls == []


# ---------------------------------------------------------------- values


async def test_values_of_running_experiments_come_from_the_one_public_payload() -> None:
    async with rig(platform(*many(30))) as gb:
        items = await gb.adapter.experiments_by_key([f"test-{number}" for number in range(30)], CURRENT, VALUES)

    third = [item for item in items if isinstance(item, Experiment)][3]
    assert values(third) == [
        {"model": "ranker-3", "version": 1},
        {"model": "ranker-3", "version": 2},
    ]
    assert gb.calls == ["/features/sdk-1", "/v1/experiments?status=running&archived=false&newest&page=1"]


async def test_values_of_others_come_from_their_features() -> None:
    string = (Variation("0", "A", 0.5, "models:/ranker/3"), Variation("1", "B", 0.5))
    async with rig(platform(row(1, "stopped"), row(2, "draft", variations=string))) as gb:
        items = await gb.adapter.experiments_by_id(["exp_0001", "exp_0002"], None, VALUES)

    stopped, draft = (item for item in items if isinstance(item, Experiment))
    assert stopped.variations[1].text == '{"model": "ranker-1", "version": 2}'
    assert values(stopped)[1] == {"model": "ranker-1", "version": 2}
    assert [variation.text for variation in draft.variations] == values(draft) == ["models:/ranker/3", ""]
    assert gb.calls == [
        "/v1/experiments/exp_0001",
        "/v1/experiments/exp_0002",
        "/v2/features/flag-0001",
        "/v2/features/flag-0002",
    ]


async def test_many_features_are_read_in_pages() -> None:
    async with rig(platform(*many(130, "stopped"))) as gb:
        asked = [f"exp_{number:04}" for number in range(130)]
        items = await gb.adapter.experiments_by_id(asked, None, VALUES)

    assert all(isinstance(item, Experiment) and item.variations[0].text for item in items)
    assert gb.calls == [
        "/v1/experiments?newest&limit=100&offset=100",
        "/v1/experiments?newest&page=1",
        "/v2/features?archived=true&limit=100&offset=100",
        "/v2/features?archived=true&page=1",
    ]


@pytest.mark.parametrize("client_key", [None, "sdk-wrong"])
async def test_without_a_usable_payload_running_experiments_are_read_from_features(client_key: str | None) -> None:
    async with rig(platform(*many(3)), client_key=client_key) as gb:
        found = one(await gb.adapter.experiments_by_id(["exp_0001"], None, VALUES))

    assert values(found)[0] == {"model": "ranker-1", "version": 1}
    assert "/v2/features/flag-0001" in gb.calls


async def test_an_experiment_without_features_has_no_values_and_costs_no_call_for_them() -> None:
    async with rig(platform(row(1, variations=(Variation("0", "A", 1.0),)))) as gb:
        found = one(await gb.adapter.experiments_by_id(["exp_0001"], None, VALUES))

    assert (found.variations[0].text, found.variations[0].value) == (None, None)
    assert gb.calls == ["/v1/experiments/exp_0001"]


# ---------------------------------------------------------------- by model


async def test_one_models_running_experiments_cost_at_most_three_calls() -> None:
    tagged = row(500, tags=("model:ranker-1",), variations=(Variation("0", "A", 1.0),))
    async with rig(platform(*many(120), *(row(n, "stopped") for n in range(120, 200)), tagged)) as gb:
        (found,) = await gb.adapter.experiments_by_model(["ranker-1"], CURRENT, NOTHING)

    assert ids(found) == {"exp_0001", "exp_0500"}
    assert isinstance(found, Found)
    assert not found.reasons
    by_value = next(item for item in found.items if item.key == "test-1")
    assert values(by_value) == [{"model": "ranker-1", "version": 1}, {"model": "ranker-1", "version": 2}]
    assert gb.calls == [
        "/features/sdk-1",
        "/v1/experiments?tag=model:ranker-1&status=running&archived=false&page=1",
        "/v1/experiments?trackingKey=test-1&status=running&archived=false&page=1",
    ]


async def test_many_models_running_experiments_are_one_payload_and_one_walk_of_the_running() -> None:
    stopped = [row(number, "stopped") for number in range(230, 400)]
    async with rig(platform(*many(230), *stopped)) as gb:
        models = [f"ranker-{number}" for number in range(0, 230, 2)] + ["ranker-300", "nobody"]
        founds = await gb.adapter.experiments_by_model(models, CURRENT, NOTHING)

    assert [ids(found) for found in founds[:3]] == [{"exp_0000"}, {"exp_0002"}, {"exp_0004"}]
    assert [ids(found) for found in founds[-2:]] == [set(), set()]
    assert gb.calls == [
        "/features/sdk-1",
        "/v1/experiments?status=running&archived=false&newest&limit=100&offset=100",
        "/v1/experiments?status=running&archived=false&newest&limit=100&offset=200",
        "/v1/experiments?status=running&archived=false&newest&page=1",
    ]


async def test_experiments_that_ever_tested_a_model_are_found_by_features_and_tags() -> None:
    draft = row(4, "draft", tags=("model:ranker-1",))
    tagged = row(3, "stopped", tags=("model:ranker-1",), variations=(Variation("0", "A", 1.0),), archived=True)
    other_case = row(5, "stopped", tags=("model:RANKER-1",))
    async with rig(platform(*many(2, "stopped"), tagged, draft, other_case)) as gb:
        (found,) = await gb.adapter.experiments_by_model(["ranker-1"], EVER, NOTHING)
        (drafted,) = await gb.adapter.experiments_by_model(["ranker-4"], DRAFT, NOTHING)

    assert ids(found) == {"exp_0001", "exp_0003"}
    assert ids(drafted) == {"exp_0004"}


async def test_what_ever_tested_many_models_costs_pages_of_features_and_of_experiments() -> None:
    async with rig(platform(*many(250, "stopped"))) as gb:
        founds = await gb.adapter.experiments_by_model([f"ranker-{n}" for n in range(250)], EVER, NOTHING)

    assert [ids(found) for found in founds] == [{f"exp_{n:04}"} for n in range(250)]
    assert len(gb.calls) == 6


async def test_a_look_up_past_its_bound_says_so() -> None:
    profile = SourceProfile("growthbook", "", scan_rows=150)
    async with rig(platform(*many(300, "stopped")), profile=profile) as gb:
        (found,) = await gb.adapter.experiments_by_model(["ranker-299"], EVER, NOTHING)

    assert isinstance(found, Found)
    assert found.reasons == {IncompleteReason.SCAN_LIMIT}
    assert found.scanned == 150
    assert "/v2/features?archived=true&limit=50&offset=100" in gb.calls


async def test_a_models_name_that_cannot_stand_in_a_list_of_tags_is_looked_for_in_a_walk() -> None:
    odd = row(1, tags=("model:a, b",), variations=(Variation("0", "A", 1.0),))
    async with rig(platform(odd, *many(20)[2:])) as gb:
        (found,) = await gb.adapter.experiments_by_model(["a, b"], CURRENT, NOTHING)

    assert ids(found) == {"exp_0001"}
    assert gb.calls[1:] == ["/v1/experiments?status=running&archived=false&newest&page=1"]


async def test_without_model_tags_only_values_are_looked_at() -> None:
    profile = SourceProfile("growthbook", "", conventions=Conventions(model_tag=None))
    async with rig(platform(row(1, tags=("model:other",))), profile=profile) as gb:
        founds = await gb.adapter.experiments_by_model(["other"], CURRENT, NOTHING)

    assert [ids(found) for found in founds] == [set()]
    assert gb.calls == ["/features/sdk-1"]


async def test_two_running_experiments_with_one_tracking_key_are_both_found() -> None:
    served = (Variation("0", "A", 1.0, "models:/ranker/1"),)
    twins = [row(1, key="same", variations=served, tags=("model:ranker",)), row(2, key="same", variations=served)]
    async with rig(platform(*twins, *(row(n) for n in range(10, 240)))) as gb:
        (found,) = await gb.adapter.experiments_by_model(["ranker"], CURRENT, NOTHING)

    assert ids(found) == {"exp_0001", "exp_0002"}


async def test_no_models_cost_no_call() -> None:
    async with rig(platform(*many(3))) as gb:
        assert await gb.adapter.experiments_by_model([""], CURRENT, NOTHING) == [Found()]

    assert gb.calls == []


# ---------------------------------------------------------------- results


def measured(number: int, status: str = "running", **changes: Any) -> Row:
    return row(
        number,
        status,
        goals=("fact__clicks",),
        results=(
            ResultRow("fact__clicks", 0, 2000, 0.1, 0, 0, 0, 0, 0),
            ResultRow("fact__clicks", 1, 2010, 0.12, 0.2, 0.1, 0.3, 0.0, 0.99),
        ),
        **changes,
    )


async def test_results_are_read_by_experiment_and_none_are_absent() -> None:
    won = measured(1, "stopped", result_status="won", winner=1, conclusions="Ship it")
    open_ended = measured(2, "stopped", result_status="inconclusive")
    async with rig(platform(won, open_ended, row(3))) as gb:
        first, second, third, unknown = await gb.adapter.results_by_id(
            ["exp_0001", "exp_0002", "exp_0003", "nope"], None, NOTHING
        )

    assert isinstance(first, ExperimentResults)
    assert (first.source_status, first.conclusions) == ("won", "Ship it")
    assert first.winner is not None
    assert first.winner.key == "1"
    control, treatment = first.rows
    assert (control.metric, control.variation, control.users, control.mean) == ("fact__clicks", "0", 2000, 0.1)
    assert (control.relative_uplift, control.ci_low, control.chance_to_beat_control) == (None, None, None)
    assert (treatment.relative_uplift, treatment.ci_low, treatment.ci_high) == (0.2, 0.1, 0.3)
    assert (treatment.p_value, treatment.chance_to_beat_control) == (None, 0.99)
    assert isinstance(second, ExperimentResults)
    assert (second.source_status, second.winner) == ("inconclusive", None)
    assert (third, unknown) == (None, None)
    assert gb.calls == [f"/v1/experiments/{key}/results" for key in ("exp_0001", "exp_0002", "exp_0003", "nope")]


async def test_many_results_are_pages_of_results_and_of_experiments() -> None:
    drafts = [row(number, "draft") for number in range(130, 150)]
    async with rig(platform(*(measured(number) for number in range(130)), *drafts)) as gb:
        asked = [f"exp_{number:04}" for number in range(100)]
        items = await gb.adapter.results_by_id(asked, None, NOTHING)

    assert all(isinstance(item, ExperimentResults) and len(item.rows) == 2 for item in items)
    assert gb.calls == [
        "/v1/experiments/results?datasourceId=ds_warehouse&page=1",
        "/v1/experiments?newest&limit=100&offset=100",
        "/v1/experiments?newest&page=1",
    ]


# ---------------------------------------------------------------- lists


async def test_a_page_is_the_stretch_asked_for_by_name() -> None:
    async with rig(platform(*many(30))) as gb:
        (page,) = await gb.adapter.experiments([PageAsk(5, 3)], ListArgs(), NOTHING)

    assert isinstance(page, Page)
    assert [item.name for item in page.rows if isinstance(item, Experiment)] == ["Test 0005", "Test 0006", "Test 0007"]
    assert (page.more, page.total) == (True, 30)
    assert gb.calls == ["/v1/experiments?sortBy=name&sortOrder=asc&limit=3&offset=5"]


async def test_more_than_a_hundred_rows_are_two_calls_and_the_end_is_said() -> None:
    async with rig(platform(*many(110))) as gb:
        (page,) = await gb.adapter.experiments([PageAsk(0, 120)], ListArgs(), NOTHING)

    assert isinstance(page, Page)
    assert len(page.rows) == 110
    assert not page.more
    assert len(gb.calls) == 2


@pytest.mark.parametrize(
    ("statuses", "query", "expected"),
    [
        ({ExperimentStatus.RUNNING}, "status=running&archived=false&", ["running"]),
        ({ExperimentStatus.ARCHIVED}, "archived=true&", ["archived"]),
        (
            {ExperimentStatus.RUNNING, ExperimentStatus.STOPPED},
            "q=status:running,stopped&archived=false&",
            ["running", "stopped"],
        ),
        (
            {ExperimentStatus.RUNNING, ExperimentStatus.STOPPED, ExperimentStatus.DRAFT},
            "archived=false&",
            ["draft", "running", "stopped"],
        ),
        (set(ExperimentStatus), "", ["archived", "draft", "running", "stopped"]),
        (set(), None, []),
    ],
)
async def test_statuses_are_asked_of_the_platform_where_it_can_be_asked(
    statuses: set[ExperimentStatus], query: str | None, expected: list[str]
) -> None:
    rows = [
        row(1, "draft", name="draft"),
        row(2, name="running"),
        row(3, "stopped", name="stopped"),
        row(4, "stopped", name="archived", archived=True),
    ]
    async with rig(platform(*rows)) as gb:
        (page,) = await gb.adapter.experiments(
            [PageAsk(0, 10)], ListArgs(ListFilter(statuses=frozenset(statuses))), NOTHING
        )

    assert isinstance(page, Page)
    assert [item.name for item in page.rows if isinstance(item, Experiment)] == expected
    assert (page.more, page.exact) == (False, True)
    asked = [f"/v1/experiments?{query}sortBy=name&sortOrder=asc&limit=10&offset=0"] if query is not None else []
    assert gb.calls == asked


@pytest.mark.parametrize("other", [ExperimentStatus.ARCHIVED, ExperimentStatus.UNKNOWN])
async def test_statuses_that_cannot_be_asked_for_together_are_left_to_the_check_of_the_rows(
    other: ExperimentStatus,
) -> None:
    args = ListArgs(ListFilter(statuses=frozenset({ExperimentStatus.RUNNING, other})))
    async with rig(platform(*many(3), *many(6, "draft")[3:])) as gb:
        (page,) = await gb.adapter.experiments([PageAsk(0, 10)], args, NOTHING)

    assert isinstance(page, Page)
    assert (len(page.rows), page.exact) == (6, False)
    assert gb.calls == ["/v1/experiments?sortBy=name&sortOrder=asc&limit=10&offset=0"]


# ---------------------------------------------------------------- the budget


async def test_no_call_is_sent_into_a_window_that_is_known_to_be_used_up() -> None:
    clock = Clock()
    async with rig(platform(*many(3)), calls_per_minute=2, clock=clock) as gb:
        await gb.adapter.experiments_by_id(["exp_0000", "exp_0001"], None, NOTHING)
        clock.now += 20
        (refused,) = await gb.adapter.experiments_by_id(["exp_0002"], None, NOTHING)
        sent = len(gb.served.calls)
        clock.now += 40
        (again,) = await gb.adapter.experiments_by_id(["exp_0002"], None, NOTHING)

    assert isinstance(refused, SourceRateLimited)
    assert refused.retry_after_ms == 40_000
    assert sent == 2
    assert isinstance(again, Experiment)


async def test_a_walk_that_the_window_has_no_room_for_is_not_begun() -> None:
    async with rig(platform(*many(400)), calls_per_minute=3) as gb:
        items = await gb.adapter.experiments_by_id([f"exp_{n:04}" for n in range(200, 310)], None, NOTHING)

    assert len(gb.calls) == 1
    assert isinstance(items[-1], Experiment)  # on the page that told the length
    assert isinstance(items[0], SourceRateLimited)
    assert items[0] is not items[1]


async def test_a_refusal_by_somebody_elses_calls_waits_for_the_reset_and_not_for_retry_after() -> None:
    clock = Clock()
    fake = app(platform(*many(3)), secret="secret_x", client_key="sdk-1", calls_per_minute=1, clock=clock)
    async with rig(fake, clock=clock) as other, rig(fake, clock=clock) as gb:
        await other.adapter.version()
        clock.now += 37
        (refused,) = await gb.adapter.experiments_by_id(["exp_0002"], None, NOTHING)

    assert isinstance(refused, SourceRateLimited)
    assert refused.retry_after_ms == 23_000


async def test_the_public_payload_is_outside_the_budget() -> None:
    async with rig(platform(*many(3)), calls_per_minute=1) as gb:
        (found,) = await gb.adapter.experiments_by_model(["nobody"], CURRENT, NOTHING)

    assert ids(found) == set()
    assert len(gb.calls) == 2


# ---------------------------------------------------------------- answers that are not as they should be


def changed(fake: Starlette, path: str, change: Callable[[Any], Any]) -> Starlette:
    """The fake with one endpoint's answers changed on their way."""

    async def answer(request: Request) -> Response:
        route = next(route for route in fake.routes if isinstance(route, Route) and route.path == path)
        response = await route.endpoint(request)
        body = change(msgspec.json.decode(response.body))
        return Response(msgspec.json.encode(body), response.status_code, media_type="application/json")

    return Starlette(routes=[Route(path, answer), *fake.routes])


@asynccontextmanager
async def rig_with(path: str, change: Callable[[Any], Any], *experiments: Row) -> AsyncIterator[Rig]:
    fake = app(platform(*experiments), secret="secret_x", client_key="sdk-1")
    async with rig(changed(fake, path, change)) as made:
        yield made


def drop_name(body: Any) -> Any:
    for listed in body["experiments"]:
        if listed["id"] == "exp_0001":
            del listed["name"]
    return body


async def test_a_row_that_cannot_be_read_is_the_error_of_its_own_key() -> None:
    async with rig_with("/api/v1/experiments", drop_name, *many(5)) as gb:
        items = await gb.adapter.experiments_by_id(["exp_0000", "exp_0001", "exp_0002", "gone"], None, NOTHING)
        (page,) = await gb.adapter.experiments([PageAsk(0, 3)], ListArgs(), NOTHING)
        found, _ = await gb.adapter.experiments_by_model(["ranker-1", "ranker-2"], CURRENT, NOTHING)

    assert [type(item) for item in items] == [Experiment, SourceBadResponse, Experiment, type(None)]
    assert isinstance(page, Page)
    assert [type(item) for item in page.rows] == [Experiment, SourceBadResponse, Experiment]
    assert isinstance(found, Found)
    assert found.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}


async def test_a_time_that_is_none_is_the_error_of_its_own_row() -> None:
    def spoil(body: Any) -> Any:
        body["experiment"]["dateCreated"] = "yesterday"
        return body

    async with rig_with("/api/v1/experiments/{id}", spoil, *many(2)) as gb:
        (item,) = await gb.adapter.experiments_by_id(["exp_0001"], None, NOTHING)

    assert isinstance(item, SourceBadResponse)


async def test_another_experiment_than_the_one_asked_for_is_never_taken_for_it() -> None:
    def swap(body: Any) -> Any:
        body["experiment"]["id"] = "exp_0000"
        return body

    async with rig_with("/api/v1/experiments/{id}", swap, *many(2)) as gb:
        (item,) = await gb.adapter.experiments_by_id(["exp_0001"], None, NOTHING)

    assert isinstance(item, SourceBadResponse)


async def test_a_filter_that_was_ignored_finds_nothing() -> None:
    everything = {
        "experiments": [],
        "total": 0,
        "offset": 0,
        "hasMore": False,
    }

    def unfiltered(body: Any) -> Any:
        return everything | {"experiments": body["experiments"]}

    # The same rows for every question: none of them has the key asked for.
    async with rig_with("/api/v1/experiments", unfiltered, row(1, key="other")) as gb:
        assert await gb.adapter.experiments_by_key(["test-1"], None, NOTHING) == [None]


async def test_a_list_that_changes_while_it_is_walked_is_an_error_and_no_absence() -> None:
    totals = iter((250, 250, 249))

    def shrink(body: Any) -> Any:
        return body | {"total": next(totals)}

    async with rig_with("/api/v1/experiments", shrink, *many(250)) as gb:
        items = await gb.adapter.experiments_by_id([f"exp_{n:04}" for n in range(10)], None, NOTHING)

    assert all(isinstance(item, SourceFault) for item in items)


async def test_a_wrong_key_is_an_error_and_not_nothing() -> None:
    async with rig(platform(*many(2)), key="secret_wrong") as gb:
        (item,) = await gb.adapter.experiments_by_id(["exp_0001"], None, NOTHING)
        with pytest.raises(SourceAuthFailed):
            await gb.adapter.experiments_by_model(["ranker-1"], EVER, NOTHING)

    assert isinstance(item, SourceAuthFailed)


async def test_an_experiment_that_a_value_names_and_that_cannot_be_read_is_its_models_error() -> None:
    async with rig(platform(*many(230)), calls_per_minute=1) as gb:
        named, other = await gb.adapter.experiments_by_model(["ranker-1", "nobody"], CURRENT, NOTHING)

    assert isinstance(named, SourceRateLimited)
    assert ids(other) == set()


async def test_an_encrypted_payload_is_passed_over_for_features() -> None:
    async def payload(_: Request) -> Response:
        return JSONResponse({"status": 200, "features": {}, "encryptedFeatures": "n0t.readable"})

    fake = app(platform(*many(3)), secret="secret_x", client_key="sdk-1")
    async with rig(Starlette(routes=[Route("/api/features/{key}", payload), Mount("/", fake)])) as gb:
        (found,) = await gb.adapter.experiments_by_model(["ranker-1"], CURRENT, NOTHING)

    assert ids(found) == {"exp_0001"}
    assert "/v2/features?page=1" in gb.calls
