"""Every product's narrowing of a list held to one promise: no wanted row is lost, and `exact` means no other is there.

The rows and the filters are odd on purpose: quotes, wildcards, commas, colons, letters that databases fold differently.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from itertools import combinations

import pytest

from gateway.demo import mlflow
from gateway.demo.company import Dag, Experiment, Model, Registry
from resolvers.errors import GraphError
from resolvers.rules.filters import matches
from resolvers.sources import EVERYTHING, Found, ListArgs, ListFilter, Need, Needs, Page, PageAsk, SourceProfile
from resolvers.sources.labels import LabelRules
from resolvers.sources.orchestration.airflow_rows import RUN_STATES
from schema import experiment, model, pipeline
from schema.connection import IncompleteReason
from schema.experiment import ExperimentStatus
from schema.filter import EntityOrder
from schema.pipeline import RunState
from tests.resolvers.sources import test_airflow, test_growthbook, test_mlflow, test_unleash

Row = model.Model | experiment.Experiment | pipeline.Pipeline
NEEDS: Needs = frozenset({Need.TAGS, Need.DOMAIN, Need.DATES})
RULES = LabelRules(owner_tags=("owner", "contact"), domain="house")
EXACT_NAMES = ("ranker", "a-b", "Ran")
NAMES = (
    *("ranker", "Ranker_2", "RANKER-3", "ranker%4", "it's", 'say "hi"', "zoë", "ZOË b", "a-b", "a.b", "a,b", "a b"),
    *("back\\slash", "`tick`", "straße", "status:x", "a|b"),
)
OWNERS = ("ann", "ann@corp.example", "ann, bob@corp.example", "annie", "o'hara", "team-a", "", "d_ve", "dave")


@dataclass(frozen=True)
class Thing:
    """What every product is given one of: a name, and labels as `key:value` words."""

    name: str
    words: tuple[str, ...]


def things() -> list[Thing]:
    made = []
    for number, name in enumerate(NAMES * 3):
        words = [f"owner:{OWNERS[number % len(OWNERS)]}"] if OWNERS[number % len(OWNERS)] else []
        words += [f"contact:{OWNERS[number % 4]}"] if number % 7 == 0 else []
        words += [("team:team-a", "team:ann", "team:t,u")[number % 3]] if number % 4 < 2 else []
        words += [("domain:studio", "domain:house", "domain:o'd")[number % 3]] if number % 5 < 3 else []
        words += [("kind:x", "kind:X", "kind:x,y", 'kind:"q"', "kind:a:b")[number % 5]] if number % 2 else []
        words += ["nightly"] if number % 6 == 0 else []
        made.append(Thing(f"{name}{number // len(NAMES)}", tuple(words)))
    return made


TEXTS = (*NAMES, "r", "_", "%", "R2", "0", "\\", "|", "OË", "SS", ".", "~", "é", "  ", "a  b", "hi\"'")
PARTS: tuple[ListFilter, ...] = (
    *(ListFilter(name_contains=text) for text in TEXTS),
    *(ListFilter(owner=owner) for owner in (*OWNERS[:6], "bob", "dave", "d_ve", "t,u", "nobody", "%", "o'", "a|b")),
    *(ListFilter(unowned=unowned) for unowned in (True, False)),
    *(ListFilter(domain=domain) for domain in ("studio", "house", "o'd", "home", "a,b", "nowhere")),
    *(
        ListFilter(tags=tags)
        for tags in (
            (("kind", None),),
            (("kind", "x"),),
            (("kind", "x,y"),),
            (("kind", '"q"'),),
            (("kind", "a:b"),),
            (("kind", ""),),
            (("nightly", None),),
            (("team", "ann"), ("domain", "studio")),
            (("owner", "ann"), ("kind", None)),
            (("a/b", "c"),),
            ((" ", " "),),
        )
    ),
)


def filters() -> Iterator[ListFilter]:
    yield from PARTS
    for one, other in list(combinations(PARTS, 2))[::29]:
        yield replace(
            one,
            owner=one.owner or other.owner,
            unowned=one.unowned if one.unowned is not None else other.unowned,
            domain=one.domain or other.domain,
            tags=one.tags or other.tags,
            name_contains=one.name_contains or other.name_contains,
        )


STATES = ("success", "failed", "running", "queued")


@dataclass(frozen=True)
class Product:
    """The two methods of an adapter over the things."""

    listed: Callable[[Sequence[PageAsk], ListArgs, Needs], Awaitable[Sequence[object]]]
    search: Callable[[Sequence[str], None, Needs], Awaitable[Sequence[object]]]


@asynccontextmanager
async def on_mlflow() -> AsyncIterator[Product]:
    models = []
    for number, thing in enumerate(things()):
        tags: dict[str, str] = {}
        for word in thing.words:
            key, _, value = word.partition(":")
            tags[key] = value
        models.append(Model(thing.name, 1_763_000_000_000, 1_763_000_000_000 + number % 11 * 1000, tags=tags))
    server = mlflow.app(Registry("studio", {}, tuple(models), ()))
    async with test_mlflow.asking(server, labels=RULES) as asked:
        yield Product(asked.mlflow.models, asked.mlflow.search)


@asynccontextmanager
async def on_airflow() -> AsyncIterator[Product]:
    dags: list[Dag] = []
    for thing in things():
        name = "".join(char if char.isalnum() or char in "_-." else "-" for char in thing.name)
        dags.append(Dag(f"{name}-{len(dags)}", test_airflow.START_MS, owners=thing.words[:1], tags=thing.words))
    runs = [
        test_airflow.run(dag.dag_id, "r", 0, STATES[number % 4]) for number, dag in enumerate(dags) if number % 5 < 4
    ]
    profile = SourceProfile("prod", "", labels=RULES)
    async with test_airflow.bench(test_airflow.company(dags, runs), profile=profile) as at:
        yield Product(at.airflow.pipelines, at.airflow.search)


def _experiment(number: int, thing: Thing, key: str) -> Experiment:
    return test_growthbook.row(
        number,
        ("running", "draft", "stopped")[number % 3],
        key=key,
        name=thing.name,
        tags=thing.words,
        owner=OWNERS[number % 7],
        project=("prj_home", "", "prj_studio")[number % 3],
        archived=number % 8 == 0,
        updated=test_growthbook.START + number % 11 * 1000,
        description=TEXTS[number % len(TEXTS)],
    )


@asynccontextmanager
async def on_growthbook() -> AsyncIterator[Product]:
    rows = tuple(_experiment(number, thing, f"Key-{number}") for number, thing in enumerate(things()))
    platform = replace(test_growthbook.platform(*rows), projects={"prj_home": "home", "prj_studio": "studio"})
    profile = SourceProfile("growthbook", "", labels=RULES)
    async with test_growthbook.rig(platform, profile=profile, calls_per_minute=10_000) as gb:
        yield Product(gb.adapter.experiments, gb.adapter.search)


@asynccontextmanager
async def on_unleash() -> AsyncIterator[Product]:
    rows = []
    for number, thing in enumerate(things()):
        fit = (char.isascii() and (char.isalnum() or char in "-_.!~*'()") for char in thing.name)
        name = "".join(char if good else "-" for char, good in zip(thing.name, fit, strict=True))
        # Of the demo's tags only those of models have a type: these are what `model:x` is asked for by.
        words = (*thing.words, *(("model:x",) if number % 3 == 0 else ()))
        rows.append(_experiment(number, replace(thing, words=words), f"{name}-{number}"))
    async with test_unleash.running(*rows, labels=RULES) as asked:
        yield Product(asked.unleash.experiments, asked.unleash.search)


PRODUCTS: dict[str, Callable[[], AbstractAsyncContextManager[Product]]] = {
    "mlflow": on_mlflow,
    "airflow": on_airflow,
    "growthbook": on_growthbook,
    "unleash": on_unleash,
}
on_each_product = pytest.mark.parametrize("product", PRODUCTS)


async def unfiltered(product: Product) -> list[Row]:
    return (await whole(product, ListArgs()))[0]


async def whole(product: Product, args: ListArgs) -> tuple[list[Row], Page[Row]]:
    (page,) = await product.listed([PageAsk(0, 200)], args, NEEDS)
    assert isinstance(page, Page), page
    assert not page.more
    rows = [row for row in page.rows if isinstance(row, Row)]
    assert len(rows) == len(page.rows)
    return rows, page


def keys(rows: Sequence[Row]) -> list[str]:
    return [row.reference.key for row in rows]


@on_each_product
async def test_no_wanted_row_is_lost_and_exact_pages_have_no_other(product: str) -> None:
    async with PRODUCTS[product]() as made:
        everything = await unfiltered(made)
        exact = 0
        for wanted in filters():
            rows, page = await whole(made, ListArgs(wanted))
            expected = [row for row in everything if matches(row, wanted)]
            kept = [row for row in rows if matches(row, wanted)]
            assert sorted(keys(kept)) == sorted(keys(expected)), wanted
            assert len(rows) == len(set(keys(rows))), wanted
            assert page.reasons == frozenset(), wanted
            if page.exact:
                exact += 1
                assert kept == rows, wanted
                assert page.total in (None, len(rows)), wanted
        assert exact or product == "growthbook"  # whose free text finds descriptions, and whose tags fold case


@on_each_product
async def test_a_narrowed_list_is_in_order_too(product: str) -> None:
    ordered = (ListFilter(tags=(("kind", "x"),)), ListFilter(owner="ann"), ListFilter(domain="studio"))
    async with PRODUCTS[product]() as made:
        for wanted in ordered:
            rows, page = await whole(made, ListArgs(wanted, EntityOrder.UPDATED_AT))
            times = [row.updated_at or "" for row in rows]
            assert times == sorted(times, reverse=True)
            known = product in ("mlflow", "growthbook")
            assert page.reasons == (frozenset() if known else {IncompleteReason.NOT_SUPPORTED_BY_SOURCE})
            if product != "unleash":  # where archived flags follow all others
                named, _ = await whole(made, ListArgs(wanted))
                assert keys(named) == [key for key in keys(await unfiltered(made)) if key in set(keys(named))]


@on_each_product
async def test_a_filter_narrows(product: str) -> None:
    """That the fewest rows are read where the product can be asked for them, if not exactly those wanted."""
    async with PRODUCTS[product]() as made:
        everything = await unfiltered(made)
        for wanted in (ListFilter(name_contains="it's" if product == "mlflow" else "slash"), ListFilter(domain="o'd")):
            rows, _ = await whole(made, ListArgs(wanted))
            assert 0 < len(rows) < len(everything) / 3, wanted


@on_each_product
async def test_pages_of_a_narrowed_list_are_stretches_of_it(product: str) -> None:
    async with PRODUCTS[product]() as made:
        for wanted in (ListFilter(owner="ann"), ListFilter(domain="studio"), ListFilter(name_contains="ank")):
            rows, _ = await whole(made, ListArgs(wanted))
            asks = [PageAsk(0, 2), PageAsk(2, 3), PageAsk(len(rows) - 1, 5), PageAsk(len(rows) + 3, 5)]
            for ask, page in zip(asks, await made.listed(asks, ListArgs(wanted), NEEDS), strict=True):
                assert isinstance(page, Page)
                stretch = rows[ask.position : ask.position + ask.limit]
                assert keys([row for row in page.rows if isinstance(row, Row)]) == keys(stretch)
                assert page.more is (ask.position + ask.limit < len(rows))


@pytest.mark.parametrize("product", ["growthbook", "unleash"])
async def test_statuses_go_with_every_other_part(product: str) -> None:
    async with PRODUCTS[product]() as made:
        everything = await unfiltered(made)
        for statuses in ({ExperimentStatus.RUNNING}, {ExperimentStatus.STOPPED, ExperimentStatus.ARCHIVED}):
            for part in PARTS[::3]:
                wanted = replace(part, statuses=frozenset(statuses))
                rows, page = await whole(made, ListArgs(wanted))
                kept = [row for row in rows if matches(row, wanted)]
                assert sorted(keys(kept)) == sorted(keys([row for row in everything if matches(row, wanted)])), wanted
                assert kept == rows or not page.exact
            alone, page = await whole(made, ListArgs(ListFilter(statuses=frozenset(statuses))))
            askable = product == "unleash" or len(statuses) == 1
            assert page.exact is askable
            assert page.total == len(alone)


async def test_states_of_last_runs_go_with_every_other_part() -> None:
    async with PRODUCTS["airflow"]() as made:
        everything = await unfiltered(made)
        for states in ({RunState.FAILED}, {RunState.FAILED, RunState.QUEUED}, set(RunState)):
            for part in (EVERYTHING, *PARTS[::4]):
                wanted = replace(part, last_run_states=frozenset(states))
                rows, page = await whole(made, ListArgs(wanted))
                kept = [row for row in rows if matches(row, wanted)]
                expected = [row for row in everything if matches(row, wanted) and last_state(row) in states]
                assert sorted(keys(kept)) == sorted(keys(expected)), wanted
                if part == EVERYTHING:
                    assert (page.exact, page.total) == (True, len(expected))


def last_state(row: Row) -> RunState | None:
    """By the number at the end of its name, as `on_airflow` gave it; every fifth has no run."""
    number = int(row.name.rpartition("-")[2])
    return RUN_STATES[STATES[number % 4]] if number % 5 < 4 else None


# ---------------------------------------------------------------- search


@on_each_product
async def test_a_search_finds_what_holds_any_of_its_words_in_its_name(product: str) -> None:
    async with PRODUCTS[product]() as made:
        everything = await unfiltered(made)
        for text in ("ranker slash", "RANKER", "a.b", "ticks & tick", "status:x", "it's%", "zoë ranker"):
            (found,) = await made.search([text], None, NEEDS)
            assert isinstance(found, Found), found
            names = {row.reference.key for row in found.items if isinstance(row, Row)}
            words = {"ranker slash": ("ranker", "slash"), "RANKER": ("ranker",), "a.b": ("a.b",)}.get(text, ())
            wanted = {row.reference.key for row in everything if any(word in row.name.lower() for word in words)}
            assert wanted <= names, text
            assert found.scanned >= len(names)
            assert found.reasons == frozenset(), text


@on_each_product
async def test_a_search_for_no_word_asks_nothing(product: str) -> None:
    async with PRODUCTS[product]() as made:
        for text in ("", "  ", "%_", "検索", "!?"):
            (found,) = await made.search([text], None, NEEDS)
            assert isinstance(found, Found)
            assert (list(found.items), found.scanned, found.reasons) == ([], 0, frozenset())


@on_each_product
async def test_a_search_for_many_words_says_which_bound_it_met(product: str) -> None:
    async with PRODUCTS[product]() as made:
        (found,) = await made.search([" ".join(f"word{number}" for number in range(12))], None, NEEDS)
        assert not isinstance(found, GraphError)
        assert isinstance(found, Found)
        assert found.reasons == {IncompleteReason.CALL_BUDGET}
