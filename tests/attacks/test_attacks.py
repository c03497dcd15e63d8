"""Every hostile request is refused or answered in its time, with a code, without a leak, and nothing falls over."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from gateway.demo.sources import ENVIRONMENT
from tests.attacks import documents, identifiers, transport
from tests.attacks.attack import Attack, asking
from tests.attacks.gateway import Answered, Gateway, running

LIMIT_S = 0.5
TRIES = 3
"""The machines are shared: an attack that takes long takes long each time."""
SECRET = "canary-5f1c7d"
ALLOWED = (
    re.compile(r"^/api/2\.0/mlflow/[a-z-]+/[a-z-]+(\?[^#]*)?$"),
    re.compile(r"^/api/v2/[A-Za-z0-9~/%._+:@-]+(\?[^#]*)?$"),
    re.compile(r"^/api/v[12]/[A-Za-z0-9/%._~-]+(\?[^#]*)?$"),
    re.compile(r"^/api/features/sdk-demo(\?.*)?$"),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running(tmp_path_factory.mktemp("attacks")) as served:
        await served.send(asking("a first call", "{ sources { name } }").wire(served.address))
        yield served


def _attacks() -> Iterator[Attack]:
    yield from documents.attacks()
    yield from identifiers.attacks()
    yield from transport.attacks()


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in _attacks()])
@pytest.mark.asyncio(loop_scope="module")
async def test_an_attack_is_refused_or_answered(gateway: Gateway, attack: Attack) -> None:
    gateway.forget_calls()
    wire = attack.wire(gateway.address)
    answered = await gateway.send(wire)
    for _ in range(TRIES - 1):
        if answered.seconds <= LIMIT_S:
            break
        answered = await gateway.send(wire)
    assert answered.seconds <= LIMIT_S
    assert answered.status in attack.statuses, answered.body[:300]
    _no_leak(gateway, answered)
    if "application/" in answered.head and answered.body:
        codes = {error["extensions"]["code"] for error in answered.json.get("errors", ())}
        if attack.codes:
            assert codes
            assert codes <= attack.codes
        else:
            assert "INTERNAL" not in codes
            assert not answered.json.get("errors") or codes
    targets = gateway.calls()
    if not attack.asks_sources:
        assert targets == []
    for target in targets:
        assert any(allowed.match(target) for allowed in ALLOWED), target
        assert not re.search(r"(^|/)(\.|%2e){1,2}(/|\?|$)", target, re.IGNORECASE), target
    alive = await gateway.send(asking("a plain question", "{ __typename }").wire(gateway.address))
    assert alive.json == {"data": {"__typename": "Query"}}


@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_client_sends_is_in_no_log(gateway: Gateway) -> None:
    """Neither its token, nor its variables, nor the document."""
    asked = asking("a canary", f'query q($name: String!) {{ model(name: $name) {{ id }} {SECRET.replace("-", "_")} }}',
                   variables={"name": SECRET})  # fmt: skip
    headers = {**asked.headers, "Authorization": f"Bearer {SECRET}", "Cookie": f"session={SECRET}"}
    await gateway.send(Attack("a canary", asked.body, headers=headers).wire(gateway.address))
    fine = asking("a canary", identifiers.NAMED, variables={"name": SECRET})
    answered = await gateway.send(Attack("a canary", fine.body, headers=headers).wire(gateway.address))
    assert answered.json == {"data": {"model": None}}
    written = gateway.log.read_text()
    assert SECRET not in written
    assert SECRET.replace("-", "_") not in written
    assert "Traceback" not in written
    assert not [secret for secret in ENVIRONMENT.values() if len(secret) > 6 and secret in written]


def _no_leak(gateway: Gateway, answered: Answered) -> None:
    """Nothing of how the gateway is built, nor of where its sources are."""
    text = answered.body.decode("utf-8", "replace")
    places = [served.url for served in gateway.served.values()]
    ports = [place.rpartition(":")[2] for place in places]
    words = ["Traceback", ".py", "site-packages", "resolvers.", "strawberry", "graphql-core", "aiohttp", "msgspec",
             "uvicorn", "Did you mean", *places, *ENVIRONMENT.values()]  # fmt: skip
    found = [word for word in words if word != "demo" and word in text]
    found += [port for port in ports if f":{port}" in text]
    assert not found
    assert "\r\nserver:" not in answered.head.lower()
