"""The whole application over sources that are down, or that hang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import create_app
from gateway.demo.server import serve
from gateway.health import Health
from gateway.settings import read
from schema.build import build_schema, client_sdl
from tests.gateway.asgi import get

DOWN = """
[[sources]]
name = "studio"
product = "mlflow"
url = "http://127.0.0.1:1"
[[sources]]
name = "flows"
product = "airflow"
url = "http://127.0.0.1:1"
auth = "none"
[[sources]]
name = "trials"
product = "growthbook"
url = "http://127.0.0.1:1"
token_env = "TOKEN"
client_key = "sdk-1"
"""


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def app(health: Health) -> AsyncIterator[ASGIApp]:
    made = create_app(read(DOWN, {"TOKEN": "secret"}), health)
    async with made.router.lifespan_context(made):
        yield made


async def test_starts_with_all_sources_down_and_says_so(app: ASGIApp) -> None:
    asked = "query=%7Bsources%7Bname%20status%7D%20model(name:%22ranker%22)%7Bid%7D%7D"
    answered = await get(app, f"/graphql?{asked}")
    assert answered.status == 200
    assert answered.json["data"] == {
        "sources": [{"name": name, "status": "DOWN"} for name in ("flows", "studio", "trials")],
        "model": None,
    }
    [error] = answered.json["errors"]
    assert error["path"] == ["model"]
    assert error["extensions"]["code"] == "SOURCE_UNAVAILABLE"
    assert "127.0.0.1" not in answered.body.decode()
    assert (await get(app, "/readyz")).status == 200


async def test_readiness_is_false_before_the_start_and_while_draining(health: Health) -> None:
    app = create_app(read(DOWN, {"TOKEN": "secret"}), health)
    assert ((await get(app, "/readyz")).status, (await get(app, "/livez")).status) == (503, 200)
    async with app.router.lifespan_context(app):
        assert (await get(app, "/readyz")).status == 200
        health.drain()
        assert ((await get(app, "/readyz")).status, (await get(app, "/livez")).status) == (503, 200)
        assert (await get(app, "/graphql?query=%7B__typename%7D")).status == 200


async def test_shows_its_schema(app: ASGIApp) -> None:
    answered = await get(app, "/schema.graphql")
    assert answered.body.decode() == build_schema().as_str() + "\n"
    assert answered.headers["content-type"].startswith("text/plain")


async def test_shows_clients_a_schema_without_what_routers_need(app: ASGIApp) -> None:
    answered = await get(app, "/schema.client.graphql")
    assert answered.body.decode() == client_sdl(build_schema()) + "\n"
    assert answered.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("path", ["/", "/graphql/", "/graphql/x"])
async def test_redirects_nobody(app: ASGIApp, path: str) -> None:
    assert (await get(app, path)).status == 404


async def test_no_websocket_is_mounted() -> None:
    routes = create_app(read(DOWN, {"TOKEN": "secret"})).routes
    assert [route for route in routes if not isinstance(route, Route)] == []


async def test_a_leaving_client_ends_the_calls_to_sources(health: Health) -> None:
    """A batch runs in a task of its own: ending the operation has to reach it, and the connection below."""
    asked, gone = asyncio.Event(), asyncio.Event()

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        while (await receive())["type"] != "http.disconnect":
            asked.set()
        gone.set()

    async with serve(hanging, remember=False) as source:
        settings = read(f'[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "{source.url}"\n', {})
        gateway = create_app(settings, health)

        async def http_only(scope: Scope, receive: Receive, send: Send) -> None:
            assert scope["type"] == "http"
            await gateway(scope, receive, send)

        async with (
            gateway.router.lifespan_context(gateway),
            serve(http_only, remember=False) as served,
            aiohttp.ClientSession() as session,
        ):
            body = msgspec.json.encode({"query": '{ model(name: "ranker") { id versions { totalCount } } }'})
            headers = {"content-type": "application/json"}
            asking = asyncio.create_task(_posted(session, f"{served.url}/graphql", body, headers))
            async with asyncio.timeout(5):
                await asked.wait()
            assert not gone.is_set()
            asking.cancel()
            async with asyncio.timeout(0.25):
                await gone.wait()


async def _posted(session: aiohttp.ClientSession, url: str, body: bytes, headers: dict[str, str]) -> None:
    async with session.post(url, data=body, headers=headers):
        pass
