"""What becomes of many operations at once: shared where they are equal, ended where nobody waits, ended in time."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from graphql import parse

from gateway.app import create_app
from gateway.connection import ConnectionLimits
from gateway.demo.server import ServedApp, serve
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story
from gateway.execution import Operation, OperationContext, Outcome
from gateway.operations import Operations
from gateway.settings import read
from resolvers.caller import Caller, caller
from resolvers.context import LinkError
from tests.gateway.gate import Gate, gates
from tests.graph.queries import CONTENT_EMBEDDING_7, ON_CALL

CLIENTS = 200
MODEL = "query($name: String!) { model(name: $name) { name versions(first: 3) { nodes { version } } } }"
SEARCH = "query($name: String!) { search(query: $name, first: 5) { nodes { name } } }"
BREAKERS = "{ sources { name breaker } }"


@dataclass
class Gateway:
    url: str
    session: aiohttp.ClientSession
    gates: Sequence[Gate]
    served: Mapping[str, ServedApp]

    async def ask(self, query: str, headers: Mapping[str, str] | None = None, /, **variables: object) -> Any:
        body = {"query": query, "variables": variables}
        async with self.session.post(self.url, json=body, headers=headers) as response:
            return await response.json()

    def shut(self) -> None:
        for gate in self.gates:
            gate.shut()

    def open(self) -> None:
        for gate in self.gates:
            gate.open()

    @property
    def waiting(self) -> int:
        """Calls to sources under way."""
        return sum(gate.waiting for gate in self.gates)

    def calls(self) -> Counter[str]:
        """What the sources were asked since they were last forgotten."""
        made = Counter(f"{name} {call.target}" for name, served in self.served.items() for call in served.calls)
        for served in self.served.values():
            served.calls.clear()
        return made


@asynccontextmanager
async def serving(more: str = "") -> AsyncIterator[Gateway]:
    """A gateway over the story's company, with a gate before each source."""
    async with serve_company(story(), remember=True) as running:
        urls = [served.url for served in running.served.values()]
        async with gates(urls) as made:
            settings = running.settings
            for url, gate in zip(urls, made, strict=True):
                settings = settings.replace(f'"{url}"', f'"{gate.url}"')
            app = create_app(read(more + settings, ENVIRONMENT))
            async with (
                serve(app, remember=False, limits=ConnectionLimits()) as gateway,
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
            ):
                one = Gateway(f"{gateway.url}/graphql", session, made, running.served)
                await one.ask(BREAKERS)  # Airflow's token and the versions are asked once per process
                one.calls()
                yield one


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.001)


async def test_equal_operations_at_once_make_the_calls_of_one() -> None:
    async with serving() as gateway:
        await gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        gateway.calls()
        alone = await gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        of_one = gateway.calls()
        gateway.shut()
        asking = [asyncio.create_task(gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7)) for _ in range(CLIENTS)]
        await until(lambda: gateway.waiting > 0)
        gateway.open()
        answers = await asyncio.gather(*asking)
        assert gateway.calls() == of_one
        assert answers == [alone] * CLIENTS


async def test_each_who_asked_has_an_answer_with_an_id_of_its_own() -> None:
    async with serving() as gateway:
        gateway.shut()
        headers = {"Lifecycle-Deadline-Ms": "300"}
        answers = await asyncio.gather(*(gateway.ask(MODEL, headers, name="x") for _ in range(20)))
        ids = {error["extensions"]["requestId"] for answer in answers for error in answer["errors"]}
        assert len(ids) == 20


class Stub:
    """An executor that notes what it executes, and its own context."""

    def __init__(self) -> None:
        self.executed: list[tuple[Caller, Operation]] = []
        self.go = asyncio.Event()

    async def execute(self, operation: Operation, context: OperationContext) -> Outcome:
        self.executed.append((caller(), operation))
        await self.go.wait()
        return Outcome({"number": len(self.executed)})

    async def resolve(self, field: str, parent: object, args: object, info: object) -> object:
        raise NotImplementedError  # OperationContext wants it; an executor that only notes resolves no field

    def link_errors(self) -> Sequence[LinkError]:
        return ()

    async def aclose(self) -> None:
        pass


DOCUMENT, EQUAL_DOCUMENT = parse("query A { a } query B { b }"), parse("query A { a } query B { b }")
ANN = Caller("ann", frozenset({"studio"}), "t1")


@pytest.mark.parametrize(
    ("other", "who", "seconds"),
    [
        (Operation(EQUAL_DOCUMENT, "A", {"x": 1, "y": [2]}), ANN, 5.0),
        (Operation(DOCUMENT, "B", {"x": 1, "y": [2]}), ANN, 5.0),
        (Operation(DOCUMENT, "A", {"x": True, "y": [2]}), ANN, 5.0),
        (Operation(DOCUMENT, "A", {"x": 1.0, "y": [2]}), ANN, 5.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2], "z": None}), ANN, 5.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2]}), ANN, 4.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2]}), Caller("bob", frozenset({"studio"}), "t1"), 5.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2]}), Caller("ann", frozenset({"studio", "ops"}), "t1"), 5.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2]}), Caller("ann", frozenset({"studio"}), "t2"), 5.0),
        (Operation(DOCUMENT, "A", {"x": 1, "y": [2]}), Caller(), 5.0),
    ],
    ids=["document", "name", "true", "1.0", "null", "time", "subject", "roles", "token", "anyone"],
)
async def test_only_equal_operations_of_one_caller_are_one(other: Operation, who: Caller, seconds: float) -> None:
    stub = Stub()
    operations = Operations(stub, lambda _: stub)
    asked = [(Operation(DOCUMENT, "A", {"y": [2], "x": 1}), ANN, 5.0), (other, who, seconds)]
    asking = [asyncio.create_task(operations.run(*each)) for each in asked * 3]
    while len(stub.executed) < 2:
        await asyncio.sleep(0)
    stub.go.set()
    await asyncio.gather(*asking)
    assert [(by, each) for by, each in stub.executed] == [(ANN, asked[0][0]), (who, other)]


@pytest.mark.parametrize("clients", ["each another question", "all the same"])
async def test_when_clients_leave_nothing_is_asked_for_them_any_more(
    clients: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Loaders' batches, sweeps of a search, calls that wait for a place: gone within 250 ms, three times over."""
    caplog.set_level(logging.INFO)
    same = clients == "all the same"
    async with serving() as gateway:
        for _ in range(3):
            gateway.shut()
            asking = [
                asyncio.create_task(gateway.ask((MODEL, SEARCH)[number % 2], name="all" if same else f"n{number}"))
                for number in range(CLIENTS)
            ]
            await until(lambda: gateway.waiting > 0)
            await asyncio.wait(asking, timeout=0.1)
            for task in asking:
                task.cancel()
            await until(lambda: gateway.waiting == 0, 0.25)
            await asyncio.wait(asking)
            gateway.open()
        answer = await gateway.ask(BREAKERS)
        assert {source["breaker"] for source in answer["data"]["sources"]} == {"CLOSED"}
    gc.collect()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_one_who_leaves_ends_nothing_for_the_others() -> None:
    async with serving() as gateway:
        alone = await gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        gateway.shut()
        leaving = asyncio.create_task(gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7))
        await until(lambda: gateway.waiting > 0)
        staying = asyncio.create_task(gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7))
        await asyncio.wait([staying], timeout=0.05)
        leaving.cancel()
        await asyncio.wait([staying], timeout=0.05)
        gateway.open()
        assert await staying == alone


@pytest.mark.parametrize(("given", "most_s"), [({"Lifecycle-Deadline-Ms": "200"}, 0.45), ({}, 0.75)])
async def test_the_answer_comes_by_the_deadline_whatever_sources_do(given: dict[str, str], most_s: float) -> None:
    """The server's here is 500 ms; a client may have less, and no more."""
    async with serving("[server]\ndeadline_s = 0.5\n") as gateway:
        await gateway.ask(ON_CALL, v=CONTENT_EMBEDDING_7)
        gateway.shut()
        for _ in range(3):
            began = asyncio.get_running_loop().time()
            answer = await gateway.ask(ON_CALL, given, v=CONTENT_EMBEDDING_7)
            assert asyncio.get_running_loop().time() - began < most_s
            assert {error["extensions"]["code"] for error in answer["errors"]} == {"DEADLINE_EXCEEDED"}


@pytest.mark.parametrize("said", ["", "soon", "-1", "1.5", "49", "0x40", "²", "9" * 30, "100, 200"])
async def test_a_deadline_that_is_none_is_refused(said: str) -> None:
    async with serving() as gateway:
        answer = await gateway.ask("{ __typename }", {"Lifecycle-Deadline-Ms": said})
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_REQUEST"]
        assert list(answer) == ["errors"]


async def test_past_the_places_and_the_line_operations_are_refused_and_probes_are_answered() -> None:
    async with serving("[server]\nmax_operations = 1\nmax_waiting = 0\n") as gateway:
        gateway.shut()
        first = asyncio.create_task(gateway.ask(MODEL, name="a"))
        await until(lambda: gateway.waiting > 0)
        base = gateway.url.removesuffix("/graphql")
        for number in range(100):
            body = {"query": MODEL, "variables": {"name": f"b{number}"}}
            async with gateway.session.post(gateway.url, json=body) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "1")
                [error] = (await response.json())["errors"]
                assert error["extensions"]["code"] == "OVERLOADED"
        for probe, status in (("livez", 200), ("readyz", 503)):
            async with gateway.session.get(f"{base}/{probe}") as response:
                assert response.status == status
        assert gateway.calls() == Counter()
        gateway.open()
        await first
        assert "errors" not in await gateway.ask(MODEL, name="b1")
