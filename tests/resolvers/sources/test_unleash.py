"""The Unleash adapter against the demo's Unleash: what it answers, and which calls it makes for that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.demo.company import Experiment as Row
from gateway.demo.company import Phase, Platform, Variation
from gateway.demo.server import ServedApp, ServedCall, serve
from gateway.demo.unleash import app
from resolvers.conventions import Conventions
from resolvers.errors import (
    PageLimit,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceForbidden,
    SourceTooLarge,
    SourceUnavailable,
)
from resolvers.http import HttpLimits, SourceClient, StaticCredential
from resolvers.sources import NOTHING, ListArgs, ListFilter, Need, PageAsk, SourceProfile
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.sources.experimentation.unleash import Unleash
from schema.connection import IncompleteReason
from schema.experiment import Experiment, ExperimentStatus, UsageWindow
from schema.identity import EntityKind

FEATURES = "/api/client/features"
SEARCH = "/api/admin/search/features"
EXPORT = "/api/admin/features-batch/export"
TAGS = frozenset({Need.TAGS})
CREATED = 1_763_900_000_000


def row(key: str, status: str = "running", **more: Any) -> Row:
    fields: dict[str, Any] = {
        "id": f"id-{key}",
        "key": key,
        "name": key,
        "status": status,
        "created": CREATED,
        "updated": CREATED + 1,
        "hypothesis": "It gets better.",
        "description": f"About {key}",
        "project": "home",
        "variations": (
            Variation("control", "Control", 0.25, '{"model": "ranker", "version": 1}'),
            Variation("new", "New", 0.75, "models:/mixer/2"),
        ),
        "phases": (Phase("main", CREATED),),
    }
    return Row(**{**fields, **more})


ROWS = (
    row("home-ranking", tags=("model:ranker", "team:search"), owner="kim"),
    row("home-rows", "draft", tags=("domain:studio", "owner:lee@example.com"), owner="kim"),
    row("old-art", "stopped", project="", variations=(), tags=("model:artist",)),
    row("put-away", "stopped", archived=True, tags=("model:artist", "nightly")),
    row("put-away-untagged", archived=True),
)


@dataclass
class Asked:
    """The adapter, and the requests that reached its Unleash."""

    unleash: Unleash
    served: ServedApp

    @property
    def paths(self) -> list[str]:
        return [call.target.partition("?")[0] for call in self.served.calls]

    def query(self, call: ServedCall) -> dict[str, list[str]]:
        return parse_qs(urlsplit(call.target).query)

    def searched(self, name: str) -> list[list[str]]:
        """What each search was asked for in this parameter, one list a call."""
        return [self.query(call).get(name, []) for call in self.served.calls if call.target.startswith(SEARCH)]


@asynccontextmanager
async def running(
    *rows: Row,
    wrap: Callable[[ASGIApp], ASGIApp] = lambda application: application,
    sdk: str = "sdk",
    limits: HttpLimits | None = None,
    **more: Any,
) -> AsyncIterator[Asked]:
    platform = Platform("unleash", {}, {}, rows)
    application = wrap(app(platform, client_token="sdk", admin_token="viewer"))
    async with serve(application) as served:
        credentials = {
            "": StaticCredential({"Authorization": "viewer"}),
            "client": StaticCredential({"Authorization": sdk}),
        }
        profile = SourceProfile("growth", "https://unleash.example", **more)
        unleash = Unleash(profile, SourceClient("growth", served.url, credentials, limits))
        yield Asked(unleash, served)
        await unleash.aclose()


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with running(*ROWS) as made:
        yield made


def changed(path: str, change: Callable[[Any], None]) -> Callable[[ASGIApp], ASGIApp]:
    """Wraps an application so that its JSON answers under this path are changed on their way out."""

    def wrap(application: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(path):
                await application(scope, receive, send)
                return
            sent: list[Message] = []

            async def keep(message: Message) -> None:
                sent.append(message)

            await application(scope, receive, keep)
            body = msgspec.json.decode(b"".join(message.get("body", b"") for message in sent))
            change(body)
            kept = [header for header in sent[0]["headers"] if header[0] != b"content-length"]
            await send({**sent[0], "headers": kept})
            await send({"type": "http.response.body", "body": msgspec.json.encode(body)})

        return wrapped

    return wrap


def failing(path: str, status: int) -> Callable[[ASGIApp], ASGIApp]:
    """Wraps an application so that it answers with this status under this path."""

    def wrap(application: ASGIApp) -> ASGIApp:
        async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not scope["path"].startswith(path):
                await application(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": b"{}"})

        return wrapped

    return wrap


def names(rows: Sequence[object]) -> list[object]:
    return [row.name if isinstance(row, Experiment) else row for row in rows]


def of(item: object) -> Experiment:
    assert isinstance(item, Experiment), item
    return item


def test_it_is_an_experiment_platform() -> None:
    platform: ExperimentPlatform = Unleash(SourceProfile("growth", "https://unleash.example"), SourceClient("g", ""))
    assert {item.name for item in platform.capabilities if "." not in item.name} == {
        "experiments_by_id",
        "experiments_by_key",
        "experiments_by_model",
        "results_by_id",
        "experiments",
        "search",
    }


# ---------------------------------------------------------------- by name


async def test_a_running_experiment_takes_one_call_and_what_unleash_does_not_know_is_null(asked: Asked) -> None:
    [found] = await asked.unleash.experiments_by_id(["home-ranking"], None, NOTHING)
    experiment = of(found)
    assert asked.paths == [FEATURES]
    assert asked.query(asked.served.calls[0]) == {"environment": ["development"], "namePrefix": ["home-ranking"]}
    assert (experiment.id, experiment.key, experiment.reference.key) == (
        "mlg://experiment/growth/home-ranking",
        "home-ranking",
        "home-ranking",
    )
    assert (experiment.status, experiment.source_status) == (ExperimentStatus.RUNNING, "enabled")
    assert (experiment.description, experiment.domain_name) == ("About home-ranking", "home")
    assert (experiment.hypothesis, experiment.created_at, experiment.updated_at) == (None, None, None)
    assert (experiment.phases, experiment.metrics) == ([], [])
    assert experiment.reference.url == "https://unleash.example/projects/home/features/home-ranking"


async def test_variations_are_the_variants_with_their_shares_and_what_they_serve(asked: Asked) -> None:
    [found] = await asked.unleash.experiments_by_id(["home-ranking"], None, frozenset({Need.VALUES}))
    shown: list[object] = [
        (one.key, one.number, one.weight, one.is_control, one.value, one.text, one.source)
        for one in of(found).variations
    ]
    assert shown == [
        ("control", 1, 0.25, None, {"model": "ranker", "version": 1}, '{"model": "ranker", "version": 1}', "growth"),
        ("new", 2, 0.75, None, "models:/mixer/2", "models:/mixer/2", "growth"),
    ]


async def test_many_running_experiments_take_one_call_and_come_in_the_order_asked() -> None:
    async with running(*(row(f"ab-{number}") for number in range(300))) as asked:
        keys = [f"ab-{number}" for number in reversed(range(250))]
        assert names(await asked.unleash.experiments_by_id(keys, None, NOTHING)) == keys
        assert asked.paths == [FEATURES]
        assert asked.query(asked.served.calls[0])["namePrefix"] == ["ab-"]


async def test_an_experiment_that_is_off_takes_a_search_for_its_lifecycle(asked: Asked) -> None:
    found = await asked.unleash.experiments_by_id(["old-art", "home-rows", "home-ranking"], None, NOTHING)
    assert [(of(one).status, of(one).source_status) for one in found] == [
        (ExperimentStatus.STOPPED, "completed"),
        (ExperimentStatus.DRAFT, "initial"),
        (ExperimentStatus.RUNNING, "enabled"),
    ]
    assert asked.paths == [FEATURES, SEARCH]
    assert [set(query[0].split(",")) for query in asked.searched("query")] == [{"old-art", "home-rows"}]
    assert of(found[0]).domain_name is None, "the project `default` is no domain"


async def test_tags_dates_and_owner_take_a_search(asked: Asked) -> None:
    [ranking, rows] = await asked.unleash.experiments_by_id(["home-ranking", "home-rows"], None, TAGS)
    assert asked.paths == [FEATURES, SEARCH]
    assert of(ranking).labels == [("model", "ranker"), ("team", "search")]
    assert [owner.handle for owner in of(ranking).owned_by] == ["search"]
    assert of(ranking).created_at == "2025-11-23T12:13:20.000Z"
    assert ([owner.handle for owner in of(rows).owned_by], of(rows).domain_name) == (["lee"], "studio")


async def test_who_made_a_flag_owns_it_where_no_tag_says_otherwise_but_a_token_owns_nothing() -> None:
    async with running(row("mine", owner="kim"), row("made-by-token")) as asked:
        found = await asked.unleash.experiments_by_id(["mine", "made-by-token"], None, TAGS)
        assert [[owner.handle for owner in of(one).owned_by] for one in found] == [["kim"], []]


async def test_an_archived_experiment_is_found_by_a_search_and_then_exported(asked: Asked) -> None:
    [found] = await asked.unleash.experiments_by_id(["put-away"], None, NOTHING)
    experiment = of(found)
    assert asked.paths == [FEATURES, SEARCH, EXPORT]
    assert msgspec.json.decode(asked.served.calls[2].body) == {"environment": "development", "features": ["put-away"]}
    assert (experiment.status, experiment.source_status) == (ExperimentStatus.ARCHIVED, "archived")
    assert [one.key for one in experiment.variations] == ["control", "new"]
    assert experiment.labels == [("model", "artist"), ("nightly", None)]


async def test_an_unknown_name_is_none_and_leaves_no_event_in_unleashs_log(asked: Asked) -> None:
    assert await asked.unleash.experiments_by_id(["unknown", "home-ranking"], None, NOTHING) != [None, None]
    assert EXPORT not in asked.paths


@pytest.mark.parametrize("key", ["", "..", "a/b", "a b", "a,b", "ä", "a\x00", "x" * 101, "a%"])
async def test_what_can_be_no_flags_name_is_never_asked(asked: Asked, key: str) -> None:
    assert await asked.unleash.experiments_by_id([key], None, NOTHING) == [None]
    assert asked.paths == []


async def test_names_that_look_alike_are_told_apart() -> None:
    rows = (row("ab_1"), row("ab-1"), row("AB_1"), row("xab_1x", "draft"))
    async with running(*rows) as asked:
        found = await asked.unleash.experiments_by_id(["ab_1", "ab.1"], None, TAGS)
        assert names(found) == ["ab_1", None]


async def test_a_name_inside_many_others_is_found_page_by_page() -> None:
    rows = [row(f"{number:03d}-a", "draft") for number in range(230)]
    async with running(*rows, row("a", "draft"), row("zz")) as asked:
        [found, other] = await asked.unleash.experiments_by_id(["a", "zz"], None, TAGS)
        assert (of(found).name, of(other).name) == ("a", "zz")
        assert sorted(offset for [offset] in asked.searched("offset")) == ["0", "100", "200"]


async def test_a_name_that_too_much_matches_is_a_page_limit_and_not_an_absence() -> None:
    rows = [row(f"{number:03d}-a", "draft") for number in range(230)]
    async with running(*rows, row("a", "draft"), row("zz"), scan_rows=100) as asked:
        [found, other] = await asked.unleash.experiments_by_id(["a", "zz"], None, NOTHING)
        assert isinstance(found, PageLimit)
        assert of(other).name == "zz"


async def test_many_names_are_searched_a_hundred_a_call() -> None:
    keys = [f"ab-{number:03d}" for number in range(150)]
    async with running(*(row(key, "draft") for key in keys)) as asked:
        assert names(await asked.unleash.experiments_by_id(keys, None, NOTHING)) == keys
        assert [len(query[0].split(",")) for query in asked.searched("query")] == [100, 50]


async def test_only_what_is_on_is_current_and_the_rest_costs_no_further_call(asked: Asked) -> None:
    keys = ["home-ranking", "home-rows", "put-away", "unknown"]
    found = await asked.unleash.experiments_by_key(keys, UsageWindow.CURRENT, NOTHING)
    assert names(found) == ["home-ranking", None, None, None]
    assert asked.paths == [FEATURES]


async def test_drafts_are_off_and_not_archived(asked: Asked) -> None:
    keys = ["home-ranking", "home-rows", "put-away"]
    assert names(await asked.unleash.experiments_by_key(keys, UsageWindow.DRAFT, NOTHING)) == [None, "home-rows", None]
    assert asked.paths == [FEATURES, SEARCH]


async def test_what_has_not_begun_was_never_used(asked: Asked) -> None:
    keys = ["home-ranking", "home-rows", "old-art", "put-away"]
    found = await asked.unleash.experiments_by_key(keys, UsageWindow.EVER, NOTHING)
    assert names(found) == ["home-ranking", None, "old-art", "put-away"]


async def test_where_all_flags_are_too_large_an_answer_each_name_is_asked_for_alone() -> None:
    async with running(*(row(f"{letter}b") for letter in "abcdefgh"), limits=HttpLimits(response_bytes=1500)) as asked:
        assert names(await asked.unleash.experiments_by_id(["ab", "xb", "hb"], None, NOTHING)) == ["ab", None, "hb"]
        prefixes = [asked.query(call).get("namePrefix") for call in asked.served.calls if FEATURES in call.target]
        assert sorted(filter(None, prefixes)) == [["ab"], ["hb"], ["xb"]]
        with pytest.raises(SourceTooLarge):
            await asked.unleash.experiments_by_model(["ranker"], UsageWindow.CURRENT, NOTHING)


async def test_a_flag_of_another_type_is_no_experiment() -> None:
    def release(body: Any) -> None:
        for feature in body["features"]:
            feature["type"] = "release"

    async with running(row("ab"), wrap=changed(FEATURES, release)) as asked:
        assert await asked.unleash.experiments_by_id(["ab"], None, NOTHING) == [None]


async def test_there_are_no_results_and_no_call_for_them(asked: Asked) -> None:
    assert await asked.unleash.results_by_id(["home-ranking"], None, NOTHING) == [None]
    assert asked.paths == []


# ---------------------------------------------------------------- answers that cannot be trusted


async def test_a_bad_row_is_the_error_of_its_name_only() -> None:
    def spoil(body: Any) -> None:
        body["features"][0]["strategies"][0]["variants"][0]["weight"] = "half"

    async with running(row("ab-1"), row("ab-2"), wrap=changed(FEATURES, spoil)) as asked:
        [bad, good] = await asked.unleash.experiments_by_id(["ab-1", "ab-2"], None, NOTHING)
        assert isinstance(bad, SourceBadResponse)
        assert of(good).name == "ab-2"


async def test_beside_a_row_without_a_name_nothing_is_called_absent() -> None:
    def spoil(body: Any) -> None:
        del body["features"][0]["name"]

    async with running(row("ab-1"), row("ab-2"), wrap=changed(FEATURES, spoil)) as asked:
        [lost, good] = await asked.unleash.experiments_by_id(["ab-1", "ab-2"], None, NOTHING)
        assert isinstance(lost, SourceBadResponse)
        assert of(good).name == "ab-2"


async def test_rows_in_another_order_or_more_than_asked_change_nothing() -> None:
    def shuffle(body: Any) -> None:
        body["features"].reverse()
        body["features"].append({**body["features"][0], "name": "extra"})

    async with running(row("ab-1"), row("ab-2"), wrap=changed(FEATURES, shuffle)) as asked:
        assert names(await asked.unleash.experiments_by_id(["ab-1", "ab-2"], None, NOTHING)) == ["ab-1", "ab-2"]


async def test_a_row_that_comes_twice_and_differs_is_an_error() -> None:
    def repeat(body: Any) -> None:
        body["features"] += [body["features"][0], {**body["features"][1], "enabled": False}]

    async with running(row("ab-1"), row("ab-2"), wrap=changed(FEATURES, repeat)) as asked:
        [good, bad] = await asked.unleash.experiments_by_id(["ab-1", "ab-2"], None, NOTHING)
        assert of(good).name == "ab-1"
        assert isinstance(bad, SourceBadResponse)


async def test_an_answer_for_another_environment_is_refused() -> None:
    def elsewhere(body: Any) -> None:
        body["query"]["environment"] = "production"

    async with running(row("ab-1"), wrap=changed(FEATURES, elsewhere)) as asked:
        with pytest.raises(SourceBadResponse, match="'production'"):
            await asked.unleash.experiments_by_id(["ab-1"], None, NOTHING)


@pytest.mark.parametrize("text", ['{"model": NaN', '{"model": 9007199254740993}'])
async def test_a_payload_that_is_not_the_json_it_says_or_would_be_rounded_is_text(text: str) -> None:
    rows = row("ab", variations=(Variation("a", "a", 1.0, '{"model": "m"}'),))

    def spoil(body: Any) -> None:
        body["features"][0]["strategies"][0]["variants"][0]["payload"]["value"] = text

    async with running(rows, wrap=changed(FEATURES, spoil)) as asked:
        [found] = await asked.unleash.experiments_by_id(["ab"], None, NOTHING)
        value: object = of(found).variations[0].value
        assert value == text


async def test_a_wrong_token_is_an_error_for_all() -> None:
    async with running(*ROWS, sdk="wrong") as asked:
        with pytest.raises(SourceAuthFailed):
            await asked.unleash.experiments_by_id(["home-ranking"], None, NOTHING)


async def test_a_failing_search_fails_only_the_names_that_needed_it() -> None:
    async with running(*ROWS, wrap=failing(SEARCH, 503)) as asked:
        [on, off, absent] = await asked.unleash.experiments_by_id(
            ["home-ranking", "home-rows", "put-away"], None, NOTHING
        )
        assert of(on).name == "home-ranking"
        assert isinstance(off, SourceUnavailable)
        assert isinstance(absent, SourceUnavailable)
        assert off is not absent


async def test_a_failing_export_is_the_error_of_the_archived_name() -> None:
    async with running(*ROWS, wrap=failing(EXPORT, 500)) as asked:
        [archived, on] = await asked.unleash.experiments_by_id(["put-away", "home-ranking"], None, NOTHING)
        assert isinstance(archived, SourceFault)
        assert of(on).name == "home-ranking"


async def test_what_one_token_sees_and_the_other_does_not_is_forbidden() -> None:
    async with running(
        row("ab", "draft"), wrap=changed(SEARCH, lambda body: body.update(features=[], total=0))
    ) as asked:
        [found] = await asked.unleash.experiments_by_id(["ab"], None, NOTHING)
        assert isinstance(found, SourceForbidden)


# ---------------------------------------------------------------- by model


async def test_current_experiments_of_models_are_found_by_value_and_by_tag() -> None:
    rows = (
        row("by-value"),
        row("by-tag", variations=(), tags=("model:ranker", "nightly")),
        row("by-both", tags=("model:mixer",)),
        row("off", "stopped", tags=("model:ranker",)),
        row("neither", variations=()),
    )
    async with running(*rows) as asked:
        ranker, mixer, none = [
            found
            for found in await asked.unleash.experiments_by_model(
                ["ranker", "mixer", "unknown"], UsageWindow.CURRENT, NOTHING
            )
            if not isinstance(found, SourceError)
        ]
        assert names(ranker.items) == ["by-both", "by-tag", "by-value"]
        assert names(mixer.items) == ["by-both", "by-value"]
        assert (list(none.items), none.reasons, none.scanned) == ([], frozenset(), 4)
        assert of(ranker.items[1]).labels == [("model", "ranker"), ("nightly", None)], "all tags, not the matched ones"
        assert of(ranker.items[2]).variations[0].text == '{"model": "ranker", "version": 1}'
        assert sorted(asked.paths) == [SEARCH, SEARCH, FEATURES]
        assert ["development:enabled"] in asked.searched("status[]")


async def test_without_a_model_tag_in_the_conventions_current_experiments_take_one_call() -> None:
    conventions = Conventions(model_tag=None)
    async with running(*ROWS, conventions=conventions) as asked:
        [found] = await asked.unleash.experiments_by_model(["ranker"], UsageWindow.CURRENT, NOTHING)
        assert not isinstance(found, SourceError)
        assert names(found.items) == ["home-ranking"]
        assert asked.paths == [FEATURES]


async def test_drafts_and_ended_experiments_are_found_in_their_windows(asked: Asked) -> None:
    [drafts] = await asked.unleash.experiments_by_model(["ranker"], UsageWindow.DRAFT, NOTHING)
    [ever] = await asked.unleash.experiments_by_model(["artist"], UsageWindow.EVER, NOTHING)
    assert not isinstance(drafts, SourceError)
    assert not isinstance(ever, SourceError)
    assert names(drafts.items) == ["home-rows"]
    assert [(one.name, one.status) for one in ever.items] == [
        ("old-art", ExperimentStatus.STOPPED),
        ("put-away", ExperimentStatus.ARCHIVED),
    ]


async def test_archived_experiments_without_a_tag_are_said_to_be_missing_and_never_exported(asked: Asked) -> None:
    [found] = await asked.unleash.experiments_by_model(["artist"], UsageWindow.EVER, NOTHING)
    assert not isinstance(found, SourceError)
    assert found.reasons == {IncompleteReason.NOT_SUPPORTED_BY_SOURCE}
    exports = [call for call in asked.served.calls if call.target == EXPORT]
    assert [msgspec.json.decode(call.body)["features"] for call in exports] == [["put-away"]]


async def test_a_plain_word_that_names_a_model_is_found_too() -> None:
    async with running(row("ab", variations=(), tags=("model:",))) as asked:
        await asked.unleash.experiments_by_model(["ranker"], UsageWindow.CURRENT, NOTHING)
        assert asked.searched("tag")[0] == ["INCLUDE_ANY_OF:model:ranker,simple:model:ranker"]


async def test_a_model_whose_name_the_search_cannot_say_is_found_by_value_and_said_to_be_incomplete() -> None:
    rows = row("ab", variations=(Variation("a", "a", 1.0, '{"model": "a,b"}'),))
    async with running(rows) as asked:
        [found] = await asked.unleash.experiments_by_model(["a,b"], UsageWindow.CURRENT, NOTHING)
        assert not isinstance(found, SourceError)
        assert names(found.items) == ["ab"]
        assert found.reasons == {IncompleteReason.NOT_SUPPORTED_BY_SOURCE}


async def test_a_hundred_models_take_a_handful_of_calls() -> None:
    rows = [
        row(f"ab-{number:03d}", variations=(), tags=(f"model:family/model-number-{number:03d}",))
        for number in range(100)
    ]
    async with running(*rows) as asked:
        models = [f"family/model-number-{number:03d}" for number in range(100)]
        found = await asked.unleash.experiments_by_model(models, UsageWindow.CURRENT, NOTHING)
        assert [names(one.items) for one in found if not isinstance(one, SourceError)] == [[one.key] for one in rows]
        assert len(asked.paths) <= 6
        assert all(len(call.target) < 7000 for call in asked.served.calls)


async def test_more_tagged_experiments_than_may_be_read_are_said_to_be_cut() -> None:
    rows = [row(f"ab-{number:03d}", variations=(), tags=("model:ranker",)) for number in range(130)]
    async with running(*rows, scan_rows=100) as asked:
        [found] = await asked.unleash.experiments_by_model(["ranker"], UsageWindow.CURRENT, NOTHING)
        assert not isinstance(found, SourceError)
        assert len(found.items) == 100
        assert found.reasons == {IncompleteReason.SCAN_LIMIT}


async def test_a_bad_row_among_all_flags_is_said() -> None:
    def spoil(body: Any) -> None:
        body["features"][0]["enabled"] = "yes"

    async with running(row("ab-1"), row("ab-2"), wrap=changed(FEATURES, spoil)) as asked:
        [found] = await asked.unleash.experiments_by_model(["ranker"], UsageWindow.CURRENT, NOTHING)
        assert not isinstance(found, SourceError)
        assert names(found.items) == ["ab-2"]
        assert found.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}


# ---------------------------------------------------------------- lists


async def test_a_list_is_paged_by_name_and_archived_flags_follow(asked: Asked) -> None:
    pages = await asked.unleash.experiments([PageAsk(0, 2), PageAsk(2, 2), PageAsk(4, 2)], ListArgs(), NOTHING)
    shown = [(names(page.rows), page.more, page.total) for page in pages if not isinstance(page, SourceError)]
    assert shown == [
        (["home-ranking", "home-rows"], True, 5),
        (["old-art", "put-away"], True, 5),
        (["put-away-untagged"], False, 5),
    ]
    assert asked.paths.count(FEATURES) == 1
    assert asked.paths.count(EXPORT) == 1


async def test_a_page_of_live_flags_takes_three_calls() -> None:
    async with running(*(row(f"ab-{number:03d}") for number in range(30))) as asked:
        [page] = await asked.unleash.experiments([PageAsk(0, 20)], ListArgs(), NOTHING)
        assert not isinstance(page, SourceError)
        assert (len(page.rows), page.more, page.total) == (20, True, 30)
        assert asked.paths == [SEARCH, SEARCH, FEATURES]
        assert of(page.rows[0]).created_at == "2025-11-23T12:13:20.000Z"


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ({ExperimentStatus.RUNNING}, ["home-ranking"]),
        ({ExperimentStatus.DRAFT}, ["home-rows"]),
        ({ExperimentStatus.STOPPED}, ["old-art"]),
        ({ExperimentStatus.ARCHIVED}, ["put-away", "put-away-untagged"]),
        ({ExperimentStatus.RUNNING, ExperimentStatus.STOPPED}, ["home-ranking", "old-art"]),
        (
            {ExperimentStatus.RUNNING, ExperimentStatus.STOPPED, ExperimentStatus.DRAFT},
            ["home-ranking", "home-rows", "old-art"],
        ),
        ({ExperimentStatus.UNKNOWN}, []),
    ],
)
async def test_a_list_of_some_statuses_is_searched_for_them(
    asked: Asked, statuses: set[ExperimentStatus], expected: list[str]
) -> None:
    [page] = await asked.unleash.experiments(
        [PageAsk(0, 10)], ListArgs(ListFilter(statuses=frozenset(statuses))), NOTHING
    )
    assert not isinstance(page, SourceError)
    assert names(page.rows) == expected
    assert {of(one).status for one in page.rows} <= statuses
    assert (page.more, page.total) == (False, len(expected))


async def test_a_page_past_the_end_is_empty_and_still_knows_the_total(asked: Asked) -> None:
    [page] = await asked.unleash.experiments([PageAsk(50, 10)], ListArgs(), NOTHING)
    assert not isinstance(page, SourceError)
    assert (list(page.rows), page.more, page.total) == ([], False, 5)


async def test_more_than_a_hundred_rows_are_asked_a_hundred_a_call() -> None:
    async with running(*(row(f"ab-{number:03d}") for number in range(150))) as asked:
        [page] = await asked.unleash.experiments([PageAsk(5, 120)], ListArgs(), NOTHING)
        assert not isinstance(page, SourceError)
        assert names(page.rows) == [f"ab-{number:03d}" for number in range(5, 125)]
        assert max(int(limit) for [limit] in asked.searched("limit")) == 100


async def test_a_bad_row_of_a_list_keeps_its_place() -> None:
    def spoil(body: Any) -> None:
        if len(body["features"]) > 1:
            body["features"][1]["createdAt"] = "yesterday"

    rows = [row(f"ab-{number}") for number in range(3)]
    async with running(*rows, wrap=changed(SEARCH, spoil)) as asked:
        [page] = await asked.unleash.experiments([PageAsk(0, 10)], ListArgs(), NOTHING)
        assert not isinstance(page, SourceError)
        assert [isinstance(one, SourceBadResponse) for one in page.rows] == [False, True, False]


async def test_a_page_that_unleash_cuts_short_is_an_error_and_not_the_end() -> None:
    rows = [row(f"ab-{number}") for number in range(10)]
    async with running(*rows, wrap=changed(SEARCH, lambda body: body["features"].clear())) as asked:
        [page] = await asked.unleash.experiments([PageAsk(0, 5)], ListArgs(), NOTHING)
        assert isinstance(page, SourceBadResponse)


async def test_a_filter_that_unleash_ignores_is_an_error_of_its_rows() -> None:
    def switch_off(body: Any) -> None:
        for feature in body["features"]:
            feature["environments"][0]["enabled"] = False

    async with running(row("ab"), wrap=changed(SEARCH, switch_off)) as asked:
        [page] = await asked.unleash.experiments(
            [PageAsk(0, 5)], ListArgs(ListFilter(statuses=frozenset({ExperimentStatus.RUNNING}))), NOTHING
        )
        assert not isinstance(page, SourceError)
        assert [type(one) for one in page.rows] == [SourceBadResponse]


# ---------------------------------------------------------------- the source itself


async def test_the_version_is_asked_for_once(asked: Asked) -> None:
    assert await asked.unleash.version() == "7.5.1"
    assert asked.paths == ["/api/admin/ui-config"]


def test_a_link_to_a_flag_that_was_not_read_leads_to_the_search() -> None:
    unleash = Unleash(SourceProfile("growth", "https://unleash.example"), SourceClient("growth", ""))
    assert unleash.url(EntityKind.EXPERIMENT, "a b") == "https://unleash.example/search?query=a%20b"
    assert unleash.url(EntityKind.MODEL, "a") is None
