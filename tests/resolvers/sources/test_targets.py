"""Whatever a key holds, a source is asked for it at the address of such keys, as one segment, or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, unquote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from gateway.demo.server import ServedApp, serve
from resolvers.http import SourceClient
from resolvers.sources import NOTHING, SourceProfile
from resolvers.sources.experimentation.growthbook import GrowthBook
from resolvers.sources.orchestration import RunKey
from resolvers.sources.orchestration.airflow import Airflow
from resolvers.sources.registry.mlflow import Mlflow

PIECES = st.sampled_from([*"/\\.?#;&=~'\" +aé🙂", "..", "%2F", "%2e%2e", "%00", "\u202e"])
KEYS = st.lists(st.one_of(PIECES, st.text(max_size=3)), min_size=1, max_size=6).map("".join)
SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOBODY = b'{"detail": "The Dag was not found", "message": "Could not find it", "error_code": "RESOURCE_DOES_NOT_EXIST"}'


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    status = 400 if scope["path"].startswith("/api/v1/") else 404
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(NOBODY)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": NOBODY})


@asynccontextmanager
async def asked() -> AsyncIterator[tuple[SourceClient, ServedApp]]:
    async with serve(_nobody) as served:
        client = SourceClient("source", served.url)
        try:
            yield client, served
        finally:
            await client.aclose()


def _segments(target: str, prefix: str) -> list[str]:
    assert target.startswith(prefix), target
    assert "?" not in target
    assert "#" not in target
    return [unquote(segment) for segment in target.removeprefix(prefix).split("/")]


@SOME
@given(keys=st.lists(KEYS, min_size=1, max_size=20, unique=True))
async def test_airflow_is_asked_for_a_dag_by_its_own_segment(keys: list[str]) -> None:
    async with asked() as (client, served):
        airflow = Airflow(SourceProfile("source", ""), client)
        for key in keys:
            await airflow.pipelines_by_name([key], None, NOTHING)
        sent = [_segments(call.target, "/api/v2/dags/") for call in served.calls]
    assert all(len(segments) == 1 for segments in sent)
    assert {segments[0] for segments in sent} <= set(keys) - {".", "..", "~"}


@SOME
@given(keys=st.lists(KEYS, min_size=1, max_size=20, unique=True))
async def test_airflow_is_asked_for_a_run_by_two_segments_or_by_a_pattern(keys: list[str]) -> None:
    async with asked() as (client, served):
        airflow = Airflow(SourceProfile("source", ""), client)
        for key in keys:
            await airflow.runs_by_key([RunKey("train", key)], None, NOTHING)
    for call in served.calls:
        path, _, query = call.target.partition("?")
        if query:
            assert path == "/api/v2/dags/train/dagRuns"
            assert dict(parse_qsl(query, keep_blank_values=True, errors="strict"))["run_id_prefix_pattern"] in keys
        else:
            dag, word, run = _segments(path, "/api/v2/dags/")
            assert (dag, word) == ("train", "dagRuns")
            assert run in keys
            assert "/" not in run


@SOME
@given(keys=st.lists(KEYS, min_size=1, max_size=20, unique=True))
async def test_growthbook_is_asked_for_an_experiment_by_its_own_segment(keys: list[str]) -> None:
    async with asked() as (client, served):
        growthbook = GrowthBook(SourceProfile("source", ""), client)
        for key in keys:
            await growthbook.experiments_by_id([key], None, NOTHING)
        sent = [_segments(call.target, "/api/v1/experiments/") for call in served.calls]
    assert all(len(segments) == 1 for segments in sent)
    assert {segments[0] for segments in sent} <= set(keys) - {".", ".."}


@SOME
@given(keys=st.lists(KEYS, min_size=1, max_size=20, unique=True))
async def test_mlflow_is_asked_for_a_model_by_the_very_name(keys: list[str]) -> None:
    async with asked() as (client, served):
        mlflow = Mlflow(SourceProfile("source", ""), client)
        for key in keys:
            await mlflow.models_by_name([key], None, NOTHING)
    for call in served.calls:
        path, _, query = call.target.partition("?")
        assert path == "/api/2.0/mlflow/registered-models/get"
        ((name, value),) = parse_qsl(query, keep_blank_values=True, errors="strict")
        assert name == "name"
        assert value in keys
