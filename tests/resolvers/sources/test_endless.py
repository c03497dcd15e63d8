"""Lists without an end: pages that go in a circle, pages of one row, answers of more rows than anybody asked for."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from resolvers.errors import PageLimit, SourceBadResponse
from resolvers.http import SourceClient
from resolvers.sources.orchestration.airflow_lists import stretch
from resolvers.sources.orchestration.airflow_pipelines import DAGS
from resolvers.sources.registry.mlflow_api import MlflowApi
from resolvers.sources.registry.mlflow_scan import walk
from resolvers.upstream.answers import MOST_ROWS, Answer
from schema.connection import IncompleteReason
from schema.scalars import Timestamp
from tests.resolvers.wire import Received, Wire, answer, wire


@asynccontextmanager
async def answering(page: Callable[[dict[str, str]], object]) -> AsyncIterator[tuple[SourceClient, Wire]]:
    """A source that makes each page of its query's parameters."""

    async def reply(received: Received) -> bytes | None:
        asked = {key: values[0] for key, values in parse_qs(urlsplit(received.target).query).items()}
        return answer(msgspec.json.encode(page(asked)))

    async with wire() as source:
        source.reply = reply
        client = SourceClient("source", source.url)
        yield client, source
        await client.aclose()


def model(number: int) -> dict[str, Any]:
    return {"name": f"model-{number}"}


async def test_a_search_of_mlflow_whose_pages_have_one_row_each_is_cut_after_a_hundred() -> None:
    def page(asked: dict[str, str]) -> object:
        token = msgspec.json.decode(base64.b64decode(asked.get("page_token", "e30=")), type=dict[str, int])
        return {"registered_models": [model(token.get("offset", 0))], "next_page_token": "more"}

    async with answering(page) as (client, source):
        api = MlflowApi(client)
        found = await walk(lambda limit, offset: api.models("", limit, offset), 100, 100_000)
        assert not isinstance(found, Exception)
        assert found.reasons == {IncompleteReason.SCAN_LIMIT}
        assert len(found.items) == len(source.received) == 100


async def test_a_search_of_mlflow_that_goes_in_a_circle_is_left_at_the_first_repeat() -> None:
    async with answering(lambda asked: {"registered_models": [model(1)], "next_page_token": "more"}) as (
        client,
        source,
    ):
        api = MlflowApi(client)
        found = await walk(lambda limit, offset: api.models("", limit, offset), 100, 100_000)
        assert not isinstance(found, Exception)
        assert found.reasons == {IncompleteReason.SOURCE_UNAVAILABLE}
        assert len(source.received) == 2


async def test_mlflows_experiments_are_left_where_a_token_comes_again() -> None:
    async with answering(lambda asked: {"experiments": [], "next_page_token": "same"}) as (client, source):
        with pytest.raises(SourceBadResponse, match="in a circle"):
            await MlflowApi(client).groups()
        assert len(source.received) == 2


async def test_a_list_of_airflow_whose_pages_have_one_row_each_is_cut_after_a_hundred() -> None:
    def page(asked: dict[str, str]) -> object:
        dag = {"dag_id": f"dag-{asked['offset']}", "tags": [], "is_paused": False}
        return {"dags": [dag], "total_entries": 100_000}

    async with answering(page) as (client, source):
        found = await stretch(client, DAGS, (), 0, 1000)
        assert len(found.reads) == len(source.received) == 100
        assert not found.whole


def test_an_answer_with_more_rows_than_any_page_has_is_refused() -> None:
    got = Answer("source", 200, b"", {}, Timestamp("2026-11-23T06:00:00.000Z"))
    raw = [msgspec.Raw(b"1")] * MOST_ROWS
    assert got.rows(raw, int) == [1] * MOST_ROWS
    with pytest.raises(PageLimit):
        got.rows([*raw, msgspec.Raw(b"1")], int)
