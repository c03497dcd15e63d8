"""Credentials of the caller's own, at the wire: what a source and a token exchange are sent, and for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs

import msgspec
import pytest

from resolvers.caller import ANYONE, Caller, asked_by, caller
from resolvers.errors import CallerUnauthenticated, SourceAuthFailed, SourceBadResponse, SourceError, SourceUnavailable
from resolvers.forwarding import ExchangedToken, ForwardedToken, TokenExchange
from resolvers.http import SourceClient, StaticCredential
from resolvers.operation import until
from tests.resolvers.wire import Received, Reply, Wire, always, answer, wire

JSON = "application/json"
MAYA, TOMAS = Caller("maya", token="maya-token"), Caller("tomas", token="tomas-token")
PROOF = "Basic Z2F0ZXdheTpzM2NyM3Q="


def bearer(request: Received) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass(slots=True)
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Site:
    """A source that is asked with exchanged tokens, and the exchange; `asked` makes one call as somebody."""

    source: Wire
    exchange: Wire
    client: SourceClient
    clock: Clock

    async def asked(self, by: Caller) -> None:
        with asked_by(by), until(asyncio.get_running_loop().time() + 5):
            await self.client.get(["things"])

    def tokens(self) -> list[str]:
        """Those the source was sent."""
        return [bearer(request) for request in self.source.received]

    def exchanged(self) -> list[str]:
        """Those that were exchanged."""
        return [parse_qs(request.body.decode())["subject_token"][0] for request in self.exchange.received]


def gives(lifetime_s: float | None = 300, prefix: str = "for-") -> Reply:
    """For each token another, that tells what it was given for, and a number that grows."""
    given = 0

    async def reply(request: Received) -> bytes:
        nonlocal given
        given += 1
        subject = parse_qs(request.body.decode())["subject_token"][0]
        body: dict[str, object] = {"access_token": f"{prefix}{subject}-{given}", "token_type": "Bearer"}
        if lifetime_s is not None:
            body["expires_in"] = lifetime_s
        return answer(msgspec.json.encode(body), Content_Type=JSON)

    return reply


@asynccontextmanager
async def site(most: int = 1000) -> AsyncIterator[Site]:
    async with wire() as source, wire() as exchange:
        source.reply, exchange.reply = always(answer(b"{}", Content_Type=JSON)), gives()
        clock = Clock()
        proof = SourceClient("registry", f"{exchange.url}/token", {"": StaticCredential({"Authorization": PROOF})})
        own = ExchangedToken("registry", TokenExchange("models", "read"), proof, clock, most)
        client = SourceClient("registry", source.url, {"": own})
        try:
            yield Site(source, exchange, client, clock)
        finally:
            await client.aclose()


# ---------------------------------------------------------------- forwarding


async def test_a_source_is_sent_the_token_of_who_asks_and_nobody_elses() -> None:
    async with wire() as source:
        source.reply = always(answer(b"{}", Content_Type=JSON))
        client = SourceClient("registry", source.url, {"": ForwardedToken("registry")})

        async def ask(by: Caller) -> None:
            with asked_by(by):
                await client.get([by.subject])

        await asyncio.gather(*(ask(by) for by in (MAYA, TOMAS) * 5))
        await client.aclose()
        assert {(request.target, bearer(request)) for request in source.received} == {
            ("/maya", "maya-token"),
            ("/tomas", "tomas-token"),
        }


async def test_equal_questions_of_two_callers_are_two_calls() -> None:
    async with wire() as source:
        source.reply = always(answer(b"{}", Content_Type=JSON))
        client = SourceClient("registry", source.url, {"": ForwardedToken("registry")})

        async def ask(by: Caller) -> None:
            with asked_by(by):
                await client.get(["things"])

        await asyncio.gather(*(ask(by) for by in (MAYA, TOMAS, MAYA, TOMAS)))
        await client.aclose()
        assert sorted(bearer(request) for request in source.received) == ["maya-token", "tomas-token"]


async def test_who_sent_no_token_is_told_so_without_a_call() -> None:
    async with wire() as source:
        client = SourceClient("registry", source.url, {"": ForwardedToken("registry")})
        with asked_by(ANYONE), pytest.raises(CallerUnauthenticated, match="none was sent") as raised:
            await client.get(["things"])
        await client.aclose()
        assert raised.value.extensions == {"code": "UNAUTHENTICATED", "source": "registry", "retryable": False}
        assert source.received == []


async def test_a_token_that_is_refused_is_sent_once_and_troubles_nobody_else() -> None:
    async with wire() as source:

        async def reply(request: Received) -> bytes:
            return answer(b"{}", 401 if bearer(request) == "maya-token" else 200, Content_Type=JSON)

        source.reply = reply
        client = SourceClient("registry", source.url, {"": ForwardedToken("registry")})
        for number in range(30):
            with asked_by(MAYA), pytest.raises(CallerUnauthenticated, match="refused the token of the caller"):
                await client.get([f"things-{number}"])
            with asked_by(TOMAS):
                await client.get([f"things-{number}"])
        await client.aclose()
        sent = [bearer(request) for request in source.received]
        assert (sent.count("maya-token"), sent.count("tomas-token")) == (30, 30)


async def test_a_source_that_fails_for_one_caller_is_still_asked_for_another() -> None:
    async with wire() as source:

        async def reply(request: Received) -> bytes:
            return answer(b"{}", 500 if bearer(request) == "maya-token" else 200, Content_Type=JSON)

        source.reply = reply
        client = SourceClient("registry", source.url, {"": ForwardedToken("registry")})
        for number in range(20):
            with asked_by(MAYA), pytest.raises(SourceError):
                await client.get([f"things-{number}"])
        assert len(source.received) < 20  # it is not asked for her any more
        with asked_by(TOMAS):
            await client.get(["things"])
        await client.aclose()


# ---------------------------------------------------------------- exchanging


async def test_a_token_is_exchanged_as_rfc_8693_has_it() -> None:
    async with site() as running:
        await running.asked(MAYA)
        (request,) = running.exchange.received
        assert (request.method, request.target) == ("POST", "/token")
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.headers["authorization"] == PROOF
        assert parse_qs(request.body.decode()) == {
            "grant_type": ["urn:ietf:params:oauth:grant-type:token-exchange"],
            "subject_token": ["maya-token"],
            "subject_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
            "requested_token_type": ["urn:ietf:params:oauth:token-type:access_token"],
            "audience": ["models"],
            "scope": ["read"],
        }
        assert running.tokens() == ["for-maya-token-1"]


async def test_all_who_ask_with_one_token_wait_for_one_exchange_and_each_token_has_its_own() -> None:
    async with site() as running:
        await asyncio.gather(*(running.asked(by) for by in (MAYA, TOMAS) * 20))
        assert sorted(running.exchanged()) == ["maya-token", "tomas-token"]
        for number in range(3):
            with asked_by(MAYA):
                await running.client.get([f"more-{number}"])
        assert len(running.exchange.received) == 2
        assert {token.rpartition("-")[0] for token in running.tokens()} == {"for-maya-token", "for-tomas-token"}


async def test_a_token_is_used_until_shortly_before_it_ends() -> None:
    async with site() as running:
        await running.asked(MAYA)
        running.clock.now += 269
        await running.asked(MAYA)
        assert running.tokens() == ["for-maya-token-1"] * 2
        running.clock.now += 2
        await running.asked(MAYA)
        assert running.tokens()[-1] == "for-maya-token-2"


async def test_a_token_that_does_not_say_how_long_it_lives_is_used_for_a_minute() -> None:
    async with site() as running:
        running.exchange.reply = gives(None)
        await running.asked(MAYA)
        running.clock.now += 50
        await running.asked(MAYA)
        running.clock.now += 5
        await running.asked(MAYA)
        assert running.tokens() == ["for-maya-token-1", "for-maya-token-1", "for-maya-token-2"]


async def test_a_token_that_ended_early_is_exchanged_once_more() -> None:
    async with site() as running:
        await running.asked(MAYA)

        async def reply(request: Received) -> bytes:
            return answer(b"{}", 401 if bearer(request).endswith("-1") else 200, Content_Type=JSON)

        running.source.reply = reply
        await running.asked(MAYA)
        assert running.tokens() == ["for-maya-token-1", "for-maya-token-1", "for-maya-token-2"]


async def test_a_source_that_refuses_every_token_is_asked_twice_and_the_caller_is_told() -> None:
    async with site() as running:
        running.source.reply = always(answer(b"{}", 401, Content_Type=JSON))
        with pytest.raises(CallerUnauthenticated, match="refused the token of the caller"):
            await running.asked(MAYA)
        assert running.tokens() == ["for-maya-token-1", "for-maya-token-2"]


async def test_a_token_that_was_refused_is_not_sent_again() -> None:
    async with site() as running:
        same = msgspec.json.encode({"access_token": "the-same", "token_type": "Bearer", "expires_in": 300})
        running.exchange.reply = always(answer(same, Content_Type=JSON))
        running.source.reply = always(answer(b"{}", 401, Content_Type=JSON))
        with pytest.raises(CallerUnauthenticated):
            await running.asked(MAYA)
        assert running.tokens() == ["the-same"]


@pytest.mark.parametrize(("reply", "error", "says"), [
    (answer(b'{"error": "invalid_grant"}', 400, Content_Type=JSON), CallerUnauthenticated, "is not exchanged"),
    (answer(b'{"error": "invalid_client"}', 401, Content_Type=JSON), SourceAuthFailed, "client id or secret"),
    (answer(b"{}", 503, Content_Type=JSON), SourceUnavailable, "no token at the moment"),
    (answer(b"{}", Content_Type=JSON), SourceBadResponse, "cannot be read"),
    (answer(b'{"access_token": "a b", "token_type": "Bearer"}', Content_Type=JSON), SourceBadResponse, "no bearer"),
    (answer(b'{"access_token": "a", "token_type": "mac"}', Content_Type=JSON), SourceBadResponse, "no bearer token"),
    (answer(b"", 302, Location="http://127.0.0.1:9/"), SourceError, "status 302"),
])  # fmt: skip
async def test_what_the_exchange_refuses_is_told_and_no_token_reaches_the_source(
    reply: bytes, error: type[SourceError], says: str
) -> None:
    async with site() as running:
        running.exchange.reply = always(reply)
        with pytest.raises(error, match=says) as raised:
            await running.asked(MAYA)
        assert running.source.received == []
        assert "maya-token" not in raised.value.message
        running.exchange.reply = gives()
        running.clock.now += 60
        await running.asked(TOMAS)
        assert running.tokens() == ["for-tomas-token-1"]


async def test_as_many_tokens_are_kept_as_were_used_last() -> None:
    async with site(most=3) as running:
        people = [Caller(f"p{number}", token=f"token-{number}") for number in range(5)]
        for person in people:
            await running.asked(person)
        for person in reversed(people):
            await running.asked(person)
        assert running.exchanged() == [*(person.token for person in people), "token-1", "token-0"]


async def test_who_leaves_takes_the_exchange_from_nobody_else() -> None:
    async with site() as running:
        began, goes_on = asyncio.Event(), asyncio.Event()
        given = gives()

        async def reply(request: Received) -> bytes | None:
            began.set()
            await goes_on.wait()
            return await given(request)

        running.exchange.reply = reply
        first = asyncio.create_task(running.asked(MAYA))
        await began.wait()
        second = asyncio.create_task(running.asked(MAYA))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        goes_on.set()
        await second
        assert len(running.source.received) == 1


def test_no_text_of_these_credentials_holds_a_token() -> None:
    with asked_by(MAYA):
        credential = ForwardedToken("registry")
        assert "maya-token" not in repr(credential) + credential.scope() + repr(caller())
