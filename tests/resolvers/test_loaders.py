"""Each gap of aiodataloader's loader that ours closes, seen from outside."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    graphql,
)

from resolvers.errors import GraphError, Internal, SourceUnavailable
from resolvers.loaders import BatchLoader
from resolvers.operation import Call, record
from resolvers.sources import NOTHING, Need, Needs

Asked = list[tuple[list[str], object, Needs]]


class Recorder:
    """A batch method that answers each key in capitals, remembers what it was asked, and can be held up."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: Asked = []
        self.failure = failure
        self.gate = asyncio.Event()
        self.gate.set()
        self.cancelled = 0

    async def __call__(self, keys: Sequence[str], args: object, needs: Needs) -> list[str | GraphError]:
        self.asked.append((list(keys), args, needs))
        record(Call("source", "GET", "/"))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.failure is not None:
            raise self.failure
        return [key.upper() for key in keys]


class Owner:
    """Owns batch tasks as a request does."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self, batch: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.ensure_future(batch))

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


def loader(method: Recorder, owner: Owner | None = None) -> BatchLoader[str, object, str]:
    return BatchLoader(method, owner or Owner())


async def test_keys_of_one_tick_are_asked_once_in_order() -> None:
    method = Recorder()
    rows = loader(method)
    loaded = await asyncio.gather(rows.load("a", None), rows.load("b", None), rows.load("a", None))
    assert [item.get() for item in loaded] == ["A", "B", "A"]
    assert method.asked == [(["a", "b"], None, NOTHING)]


async def test_arguments_are_part_of_the_key_and_make_their_own_batch() -> None:
    method = Recorder()
    rows = loader(method)
    await asyncio.gather(rows.load("a", 1), rows.load("a", 2))
    assert method.asked == [(["a"], 1, NOTHING), (["a"], 2, NOTHING)]


async def test_cancelling_one_waiter_cancels_no_other() -> None:
    method = Recorder()
    method.gate.clear()
    rows = loader(method)
    one, other = asyncio.ensure_future(rows.load("a", None)), asyncio.ensure_future(rows.load("a", None))
    await asyncio.sleep(0)
    one.cancel()
    method.gate.set()
    assert (await other).get() == "A"


async def test_a_failing_non_null_sibling_does_not_lose_a_request_that_shares_its_rows() -> None:
    """graphql-core 3.3 cancels siblings of a failed non-null field; a shared future would end the whole request."""
    method = Recorder()
    rows = loader(method)

    async def value(_parent: object, _info: object) -> int:
        return len((await rows.load("shared", None)).get())

    async def fails(_parent: object, _info: object) -> int:
        await asyncio.sleep(0)
        raise ValueError("boom")

    node = GraphQLObjectType(
        "N",
        {
            "value": GraphQLField(GraphQLInt, resolve=value),
            "fails": GraphQLField(GraphQLNonNull(GraphQLInt), resolve=fails),
        },
    )
    fields = {name: GraphQLField(node, resolve=lambda *_: {}) for name in ("a", "b")}
    schema = GraphQLSchema(GraphQLObjectType("Query", fields))
    result = await graphql(schema, "{ a { value fails } b { value } }")
    assert result.data == {"a": None, "b": {"value": 6}}


async def test_a_failed_batch_is_remembered_and_not_asked_again() -> None:
    method = Recorder(SourceUnavailable("source", "down"))
    rows = loader(method)
    for _ in range(3):
        with pytest.raises(SourceUnavailable):
            (await rows.load("a", None)).get()
    assert len(method.asked) == 1


async def test_each_asker_gets_a_fresh_exception() -> None:
    rows = loader(Recorder(SourceUnavailable("source", "down", retry_after_ms=5)))
    raised = []
    for _ in range(2):
        try:
            (await rows.load("a", None)).get()
        except SourceUnavailable as error:
            raised.append(error)
    assert raised[0] is not raised[1]
    assert raised[0].extensions == raised[1].extensions
    assert all(error.__cause__ is None and error.__suppress_context__ for error in raised)


async def test_a_fault_of_our_own_is_logged_once_and_masked(caplog: pytest.LogCaptureFixture) -> None:
    rows = loader(Recorder(RuntimeError("secret detail")))
    with caplog.at_level(logging.ERROR):
        loaded = await rows.many(["a", "b"], None)
    assert all(isinstance(item.value, Internal) for item in loaded)
    assert "secret detail" not in str(loaded[0].value)
    assert len(caplog.records) == 1


async def test_ending_the_request_ends_its_batches_and_leaves_no_noise(caplog: pytest.LogCaptureFixture) -> None:
    method, owner = Recorder(), Owner()
    method.gate.clear()
    rows = loader(method, owner)
    waiters = [asyncio.ensure_future(rows.load(key, None)) for key in "abc"]
    while not method.asked:
        await asyncio.sleep(0)
    rows.end()
    await owner.end()
    await asyncio.wait(waiters)
    assert method.cancelled == 1
    assert all(waiter.cancelled() for waiter in waiters)
    with caplog.at_level(logging.DEBUG):
        del waiters, rows, owner
        gc.collect()
        await asyncio.sleep(0)
    assert caplog.records == []


async def test_a_row_is_asked_again_only_for_what_it_lacks() -> None:
    method = Recorder()
    rows = loader(method)
    await rows.load("a", None, frozenset({Need.TAGS}))
    await rows.load("a", None)
    await rows.load("a", None, frozenset({Need.TAGS}))
    assert len(method.asked) == 1
    await rows.load("a", None, frozenset({Need.VALUES}))
    assert method.asked[1] == (["a"], None, frozenset({Need.TAGS, Need.VALUES}))
    await rows.load("a", None, frozenset({Need.VALUES, Need.TAGS}))
    assert len(method.asked) == 2


async def test_needs_of_one_tick_are_united() -> None:
    method = Recorder()
    rows = loader(method)
    await asyncio.gather(
        rows.load("a", None, frozenset({Need.TAGS})),
        rows.load("a", None),
        rows.load("b", None, frozenset({Need.DATES})),
    )
    assert method.asked == [(["a", "b"], None, frozenset({Need.TAGS, Need.DATES}))]


async def test_a_primed_row_answers_only_the_needs_it_has() -> None:
    method = Recorder()
    rows = loader(method)
    rows.prime_row("a", None, "primed", frozenset({Need.TAGS}), ())
    assert (await rows.load("a", None, frozenset({Need.TAGS}))).get() == "primed"
    assert (await rows.load("a", None, frozenset({Need.VALUES}))).get() == "A"
    rows.prime_row("a", None, "late", NOTHING, ())
    assert (await rows.load("a", None)).get() == "A"


async def test_many_keys_take_one_call_and_share_rows_with_single_loads() -> None:
    method = Recorder()
    rows = loader(method)
    single = rows.load("b", None)
    loaded = await rows.many(["a", "b", "c"], None)
    assert [item.get() for item in loaded] == ["A", "B", "C"]
    assert (await single).get() == "B"
    assert method.asked == [(["b", "a", "c"], None, NOTHING)]


async def test_an_answer_knows_the_calls_it_took() -> None:
    rows = loader(Recorder())
    one, other = await rows.many(["a", "b"], None)
    assert len(one.calls) == 1
    assert one.calls[0] is other.calls[0]


async def test_a_batch_of_the_wrong_length_is_a_fault_for_all_its_keys() -> None:
    async def short(keys: Sequence[str], args: object, needs: Needs) -> list[str | GraphError]:
        return ["only one"]

    rows: BatchLoader[str, None, str] = BatchLoader(short, Owner())
    loaded = await rows.many(["a", "b"], None)
    assert all(isinstance(item.value, Internal) for item in loaded)
