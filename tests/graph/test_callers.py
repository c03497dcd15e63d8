"""Callers whose own tokens are sent on: nobody reads what another was told, and no token goes where it does not belong.

The sources here answer by who asks them: an answer that holds another's name was somebody else's.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random
from urllib.parse import parse_qs

import msgspec
import pytest

from gateway.admission import Admission
from gateway.answer import Answers
from gateway.demo import growthbook
from gateway.demo.server import serve
from gateway.demo.sources import CLIENT_KEY
from gateway.demo.story import story
from gateway.execution import Operation
from gateway.operations import Operations
from gateway.settings import read
from resolvers.caller import ANYONE, Caller
from resolvers.context import Context
from tests.graph.callers import Graph, document, graph_with
from tests.graph.ids import id_of, version_id
from tests.graph.persons import MODELS, PersonalRegistry
from tests.graph.refusing import refusing
from tests.resolvers.wire import Received, Wire, answer, wire

MAYA, TOMAS = Caller("maya", token="token-of-maya"), Caller("tomas", token="token-of-tomas")
EACH = 5000
AT_ONCE = 50
SERVICE = "Bearer token-of-the-gateway"


@dataclass(slots=True)
class Systems:
    """Three registries: one is sent the caller's token, one what an exchange gives for it, one the gateway's own."""

    graph: Graph
    forwarded: PersonalRegistry
    exchanged: PersonalRegistry
    shared: PersonalRegistry
    exchange: Wire


def _settings(urls: Sequence[str], exchange: str, more: str) -> str:
    forwarded, exchanged, shared = urls
    return f"""
    {more}
    [[sources]]
    name = "forwarded"
    product = "mlflow"
    url = "{forwarded}"
    auth = "forward"
    limits.concurrency = 32

    [[sources]]
    name = "exchanged"
    product = "mlflow"
    url = "{exchanged}"
    auth = "exchange"
    exchange.url = "{exchange}/token"
    exchange.client_id = "graph"
    exchange.client_secret_env = "EXCHANGE_SECRET"
    limits.concurrency = 32

    [[sources]]
    name = "shared"
    product = "mlflow"
    url = "{shared}"
    auth = "bearer"
    token_env = "SHARED_TOKEN"
    limits.concurrency = 32
    """


async def _gives(request: Received) -> bytes:
    subject = parse_qs(request.body.decode())["subject_token"][0]
    given = {"access_token": f"exchanged-{subject}", "token_type": "Bearer", "expires_in": 600}
    return answer(msgspec.json.encode(given), Content_Type="application/json")


@asynccontextmanager
async def systems(*, late_s: float = 0.0, fails: float = 0.0, more: str = "") -> AsyncIterator[Systems]:
    persons = {f"Bearer {by.token}": by.subject for by in (MAYA, TOMAS)}
    given = {f"Bearer exchanged-{by.token}": by.subject for by in (MAYA, TOMAS)}
    random = Random(11)
    registries = [
        PersonalRegistry(known, random, late_s=late_s, fails=fails)
        for known in (persons, given, {SERVICE: "everybody"})
    ]
    async with AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(wire()) for _ in registries]
        for registry, here in zip(registries, wires, strict=True):
            here.reply = registry.reply
        exchange = await stack.enter_async_context(wire())
        exchange.reply = _gives
        environment = {"EXCHANGE_SECRET": "secret-of-the-gateway", "SHARED_TOKEN": SERVICE.removeprefix("Bearer ")}
        settings = read(_settings([here.url for here in wires], exchange.url, more), environment)
        graph = await stack.enter_async_context(graph_with(settings))
        yield Systems(graph, registries[0], registries[1], registries[2], exchange)


MODEL = """query($name: String!, $source: String) { model(name: $name, source: $source) {
  name description tags { value } latestVersion { description } } }"""
VERSION = "query($id: ID!) { node(id: $id) { ... on ModelVersion { description trainingRun { params { value } } } } }"
SEVERAL = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Model { description } } }"
SEARCH = "query($q: String!) { search(query: $q, first: 3) { totalCount nodes { ... on Entity { description } } } }"


def _question(number: int, random: Random) -> tuple[str, dict[str, object]]:
    """One of several shapes: about what both ask for, or about what only this question is about."""
    source = random.choice(("forwarded", "exchanged", "shared"))
    own = random.random() < 0.4
    name = f"only-{number}" if own else f"shared-{random.randrange(MODELS)}"
    shape = random.random()
    if shape < 0.5:
        return MODEL, {"name": name, "source": source}
    if shape < 0.8:
        return VERSION, {"id": version_id(f"{name}/1", source)}
    if shape < 0.98:
        others = [f"shared-{random.randrange(MODELS)}" for _ in range(2)]
        return SEVERAL, {"ids": [id_of("model", source, each) for each in {name, *others}]}
    return SEARCH, {"q": "shared sees"}


async def test_of_ten_thousand_interleaved_questions_of_two_callers_none_is_answered_with_what_the_other_was_told() -> (
    None
):
    """Fifty at a time, the same things and their own, with late answers, broken connections and failing calls; equal
    questions of one caller that meet are asked once, as the gateway does.
    """
    random = Random(7)
    questions = [(by, number, *_question(number, random)) for number, by in enumerate([MAYA, TOMAS] * EACH)]
    other = {MAYA: TOMAS.subject, TOMAS: MAYA.subject}
    asker = {number: by for by, number, *_ in questions}
    counted: Counter[str] = Counter()
    async with systems(late_s=0.004, fails=0.03) as running:
        graph = running.graph
        operations = Operations(
            graph.executor,
            lambda by: Context(graph.sources, graph.table, graph.sweeps, by, graph.access),
            Admission(line=AT_ONCE, wait_s=60.0),  # the sources share our event loop: it may be late
        )
        waiting = iter(questions)

        async def ask() -> None:
            for by, _, query, variables in waiting:
                ran = await operations.run(Operation(document(graph.schema, query), None, variables), by, 30.0)
                text = Answers("application/json", "the-request").executed(ran.outcome, ran.link_errors).body.decode()
                assert other[by] not in text, text
                counted["told" if by.subject in text else "everybody" if "everybody" in text else "neither"] += 1
                counted.update(error["extensions"]["code"] for error in json.loads(text).get("errors", ()))

        await asyncio.gather(*(ask() for _ in range(AT_ONCE)))

        for registry, wanted in (
            (running.forwarded, {by: f"Bearer {by.token}" for by in other}),
            (running.exchanged, {by: f"Bearer exchanged-{by.token}" for by in other}),
            (running.shared, dict.fromkeys(other, SERVICE)),
        ):
            assert registry.strangers == 0
            owned = [(sent, target.partition("only-")[2]) for sent, target in registry.sent if "only-" in target]
            assert len(owned) > 500
            for sent, rest in owned:
                number = int(rest[: next((at for at, char in enumerate(rest) if not char.isdigit()), len(rest))])
                assert sent == wanted[asker[number]]
        tokens = Counter(parse_qs(one.body.decode())["subject_token"][0] for one in running.exchange.received)
        assert tokens == {MAYA.token: 1, TOMAS.token: 1}
    assert sum(counted[kind] for kind in ("told", "everybody", "neither")) == 2 * EACH
    assert counted["told"] + counted["everybody"] > 0.98 * 2 * EACH
    assert counted["INTERNAL"] == 0


@pytest.mark.parametrize("query", [MODEL, SEARCH])
async def test_who_sent_no_token_is_told_by_the_sources_that_need_one_and_answered_by_the_others(query: str) -> None:
    async with systems() as running:
        asked = await running.graph.ask(query, ANYONE, name="shared-1", source="shared", q="shared sees")
        assert "everybody" in asked.text
        assert running.forwarded.sent == running.exchanged.sent == []
        assert running.exchange.received == []
        refused = await running.graph.ask(MODEL, ANYONE, name="shared-1", source="forwarded")
        (error,) = refused.errors
        assert refused.data == {"model": None}
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        assert error["message"] == "forwarded is asked with the caller's own token, and none was sent."
        assert running.forwarded.sent == []


async def test_a_caller_whose_token_is_refused_is_told_and_another_is_answered_as_ever() -> None:
    stranger = Caller("stranger", token="token-of-nobody")
    async with systems() as running:
        for number in range(12):
            asked = await running.graph.ask(MODEL, stranger, name=f"model-{number}", source="forwarded")
            (error,) = asked.errors
            assert error["extensions"]["code"] == "UNAUTHENTICATED"
            answered = await running.graph.ask(MODEL, MAYA, name=f"model-{number}", source="forwarded")
            assert answered.errors == []
            assert "maya" in answered.text
        sent = Counter(authorization for authorization, _ in running.forwarded.sent)
        assert sent == {"Bearer token-of-nobody": 12, "Bearer token-of-maya": 12}


async def test_no_source_is_sent_what_belongs_to_another() -> None:
    async with systems() as running:
        for by in (MAYA, TOMAS):
            await running.graph.ask('{ models { nodes { description } } search(query: "sees") { totalCount } }', by)
        assert {sent for sent, _ in running.forwarded.sent} == {f"Bearer {by.token}" for by in (MAYA, TOMAS)}
        assert {sent for sent, _ in running.exchanged.sent} == {f"Bearer exchanged-{by.token}" for by in (MAYA, TOMAS)}
        assert {sent for sent, _ in running.shared.sent} == {SERVICE}
        assert {one.headers["authorization"][:6] for one in running.exchange.received} == {"Basic "}


async def test_what_a_search_read_for_one_caller_serves_no_other_however_long_it_is_kept() -> None:
    async with systems(more="[search]\nmax_age = 600\n") as running:
        query = """query($q: String!) { search(query: $q) { totalCount facets { values { value } }
          completeness { sources { ageMs } } } }"""
        assert (await running.graph.ask(query, MAYA, q="maya")).data["search"]["totalCount"] == 2 * (2 * MODELS)
        asked = await running.graph.ask(query, TOMAS, q="maya")
        assert asked.data["search"]["totalCount"] == 0
        again = await running.graph.ask(query, MAYA, q="maya")
        assert all(one["ageMs"] is not None for one in again.data["search"]["completeness"]["sources"])


# ---------------------------------------------------------------- products that are asked with the caller's token


@asynccontextmanager
async def forwarding_growthbook(auth: str, *, features: bool = True) -> AsyncIterator[Graph]:
    """The story's GrowthBook, that knows Maya's token only; where `features` is off, she may not read these."""
    (platform,) = story().platforms
    application = growthbook.app(platform, secret=MAYA.token, client_key=CLIENT_KEY, calls_per_minute=6000)
    asked = application if features else refusing(application, b"/api/v2/features")
    async with serve(asked) as here:
        table = f'[[sources]]\nname = "growthbook"\nproduct = "growthbook"\nurl = "{here.url}"\n'
        table += f'client_key = "{CLIENT_KEY}"\nauth = "{auth}"\n'
        table += 'token_env = "KEY"\n' if auth == "bearer" else ""
        async with graph_with(read(table, {"KEY": MAYA.token}), {"growthbook": here}) as graph:
            yield graph


RUNNING = "{ experiments(first: 100, filter: {status: [RUNNING]}) { nodes { key variations { value } } } }"


async def test_what_everybody_is_served_tells_a_caller_nothing_where_experiments_are_read_with_the_callers_token() -> (
    None
):
    """An SDK's payload is public: its values are shown only where the gateway's own key reads for everybody."""
    async with forwarding_growthbook("bearer", features=False) as graph:
        shared = await graph.ask(RUNNING, MAYA)
        values = [item["value"] for node in shared.data["experiments"]["nodes"] for item in node["variations"]]
        assert any(value is not None for value in values)
    async with forwarding_growthbook("forward", features=False) as graph:
        own = await graph.ask(RUNNING, MAYA)
        values = [item["value"] for node in own.data["experiments"]["nodes"] for item in node["variations"]]
        assert all(value is None for value in values)
    async with forwarding_growthbook("forward") as graph:
        whole = await graph.ask(RUNNING, MAYA)
        assert whole.data == (await graph.ask(RUNNING, MAYA)).data
        assert whole.data["experiments"]["nodes"]
        assert any(call.target.startswith("/api/v2/features") for call in graph.served["growthbook"].calls)
        assert not any("/api/features/" in call.target for call in graph.served["growthbook"].calls)


async def test_a_caller_that_growthbook_does_not_know_is_shown_nothing_of_it() -> None:
    async with forwarding_growthbook("forward") as graph:
        for by in (TOMAS, ANYONE):
            asked = await graph.ask("{ experiments { nodes { key } completeness { sources { code } } } }", by)
            assert asked.data["experiments"]["nodes"] == []
            assert asked.data["experiments"]["completeness"]["sources"] == [{"code": "UNAUTHENTICATED"}]
        status = await graph.ask("{ sources { name status } }", ANYONE)
        assert status.data == {"sources": [{"name": "growthbook", "status": "UNKNOWN"}]}


async def test_airflow_is_sent_the_callers_token_and_asked_for_none_of_its_own() -> None:
    async with wire() as here:

        async def reply(request: Received) -> bytes:
            body = b'{"dags": [], "total_entries": 0}' if "/dags" in request.target else b'{"version": "3.3.2"}'
            return answer(body, Content_Type="application/json")

        here.reply = reply
        table = f'[[sources]]\nname = "airflow"\nproduct = "airflow"\nurl = "{here.url}"\nauth = "forward"\n'
        async with graph_with(read(table, {})) as graph:
            await graph.ask("{ pipelines { totalCount } }", MAYA)
            await graph.ask("{ pipelines { totalCount } }", TOMAS)
        assert {one.headers["authorization"] for one in here.received} == {f"Bearer {by.token}" for by in (MAYA, TOMAS)}
        assert not any("/auth/token" in one.target for one in here.received)
