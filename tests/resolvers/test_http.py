"""The door to a source, against sources that answer every way a source can: late, cut, endless, elsewhere, refusing."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from resolvers.errors import (
    DeadlineExceeded,
    SourceAuthFailed,
    SourceBadResponse,
    SourceError,
    SourceFault,
    SourceForbidden,
    SourceRateLimited,
    SourceTimeout,
    SourceTooLarge,
    SourceUnavailable,
)
from resolvers.http import (
    Answer,
    HttpLimits,
    Send,
    SourceClient,
    StaticCredential,
    query_bytes,
    retry_after_ms,
)
from resolvers.operation import recording, until
from schema.scalars import Timestamp
from tests.resolvers.wire import Received, Wire, always, answer, silence, wire

SECRET = "s3cr3t-t0k3n"


@pytest.fixture
async def source() -> AsyncIterator[Wire]:
    async with wire() as running:
        yield running


@pytest.fixture
async def client(source: Wire) -> AsyncIterator[SourceClient]:
    made = SourceClient("registry", source.url, limits=HttpLimits(response_bytes=1000))
    yield made
    await made.aclose()


async def failure(client: SourceClient, *segments: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await client.get(segments or ("things",))
    assert caught.value.source == "registry"
    for hidden in ("127.0.0.1", "http", "Error", SECRET):
        assert hidden not in caught.value.message
    return caught.value


# ---------------------------------------------------------------- what is sent


async def test_path_and_query_are_encoded_once_and_arrive_as_they_were(source: Wire) -> None:
    client = SourceClient("registry", f"{source.url}/base/path/")
    await client.get(
        ["a b", "c/d", "é検", "100%", "%2F", "..x", "it's", "?q#f", "a+b"], [("q", "a&b=c d+e"), ("é", "%")]
    )
    await client.aclose()
    (received,) = source.received
    assert received.method == "GET"
    assert received.target == (
        "/base/path/a%20b/c%2Fd/%C3%A9%E6%A4%9C/100%25/%252F/..x/it%27s/%3Fq%23f/a%2Bb?q=a%26b%3Dc%20d%2Be&%C3%A9=%25"
    )
    assert received.headers["accept"] == "application/json"
    assert received.body == b""


@pytest.mark.parametrize("segment", ["", ".", "..", "a\nb", "a\r\nHost: elsewhere", "\0", "\x7f", "\ud800"])
async def test_a_key_that_is_no_single_segment_is_never_sent(source: Wire, client: SourceClient, segment: str) -> None:
    error = await failure(client, "things", segment)
    assert isinstance(error, SourceBadResponse)
    assert source.received == []


async def test_a_lone_surrogate_in_a_query_is_sent_as_a_question_mark(source: Wire, client: SourceClient) -> None:
    await client.get(["things"], [("name", "\ud800")])
    assert source.received[0].target == "/things?name=%3F"


def test_the_length_of_a_query_is_known_before_it_is_sent() -> None:
    query = [("q", "a&b"), ("é", "")]
    assert query_bytes(query) == len("?q=a%26b&%C3%A9=")


async def test_a_search_is_posted_as_json(source: Wire, client: SourceClient) -> None:
    await client.post(["search"], {"filter": "name = 'é'", "ids": [1, None]})
    (received,) = source.received
    assert (received.method, received.target) == ("POST", "/search")
    assert received.headers["content-type"] == "application/json"
    assert msgspec.json.decode(received.body) == {"filter": "name = 'é'", "ids": [1, None]}


async def test_no_cookie_is_kept(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(Set_Cookie="session=1; Path=/"))
    await client.get(["one"])
    await client.get(["two"])
    assert [received.headers.get("cookie") for received in source.received] == [None, None]


async def test_a_proxy_of_the_environment_is_not_used(
    source: Wire, client: SourceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await client.get(["things"])
    assert len(source.received) == 1


# ---------------------------------------------------------------- what is answered


async def test_an_answer_is_whole(source: Wire, client: SourceClient) -> None:
    date = "Mon, 23 Nov 2026 06:00:30 GMT"
    source.reply = always(answer(b'{"name": "ranker"}', Date=date, Age="30", X_Total="7"))
    got = await client.get(["things"])
    assert (got.source, got.status, got.body) == ("registry", 200, b'{"name": "ranker"}')
    assert got.headers["x-total"] == "7"
    assert got.fetched_at == "2026-11-23T06:00:00.000Z"
    assert got.read(dict[str, str]) == {"name": "ranker"}


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}, {"Date": ""}, {"Age": "-3"}, {"Age": "x"}])
async def test_without_a_readable_date_an_answer_is_of_now(
    source: Wire, client: SourceClient, headers: dict[str, str]
) -> None:
    source.reply = always(answer(b"{}", 200, **headers))
    got = await client.get(["things"])
    moment = datetime.fromisoformat(got.fetched_at)
    assert abs(datetime.now(UTC) - moment) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("status", "expected", "retryable"),
    [
        (300, SourceBadResponse, False),
        (304, SourceBadResponse, False),
        (400, SourceFault, True),
        (401, SourceAuthFailed, False),
        (403, SourceForbidden, False),
        (404, SourceBadResponse, False),
        (409, SourceFault, True),
        (429, SourceRateLimited, True),
        (500, SourceFault, True),
        (502, SourceUnavailable, True),
        (503, SourceUnavailable, True),
        (504, SourceUnavailable, True),
        (599, SourceFault, True),
    ],
)
async def test_every_refusing_status_has_its_code(
    source: Wire, client: SourceClient, status: int, expected: type[SourceError], retryable: bool
) -> None:
    source.reply = always(answer(b"" if status == 304 else SECRET.encode(), status, Retry_After="60"))
    error = await failure(client)
    assert type(error) is expected
    assert error.extensions["retryable"] is retryable
    assert len(source.received) == (2 if status in (500, 502, 504) else 1)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
async def test_every_good_status_is_answered(source: Wire, client: SourceClient, status: int) -> None:
    source.reply = always(answer(b"", status))
    assert (await client.get(["things"])).status == status


async def test_a_status_the_caller_expects_is_answered(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(b'{"error": "none"}', 404))
    assert (await client.get(["things"], also=(404,))).status == 404
    with pytest.raises(SourceBadResponse):
        await client.get(["things"], also=(400, 409))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("2", 2000),
        ("60", 60_000),
        ("86400", 60_000),
        ("9" * 500, 60_000),
        ("Mon, 23 Nov 2020 06:00:00 GMT", 0),
        ("-5", 1000),
        ("1.5", 1000),
        ("soon", 1000),
        ("", 1000),
        ("٣", 1000),
    ],
)
def test_retry_after_is_read_within_bounds(text: str, expected: int) -> None:
    assert retry_after_ms({"retry-after": text}) == expected


def test_retry_after_may_be_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert 17_000 < retry_after_ms({"retry-after": soon}) <= 20_000
    assert retry_after_ms({}) == 1000


async def test_a_rate_limit_says_when_to_come_back(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(status=429, Retry_After="7"))
    assert (await failure(client)).extensions == {
        "code": "SOURCE_RATE_LIMITED",
        "source": "registry",
        "retryable": True,
        "retryAfterMs": 7000,
    }
    again = await failure(client, "others")
    assert isinstance(again, SourceRateLimited)
    assert 6900 < (again.retry_after_ms or 0) <= 7001
    assert len(source.received) == 1


class Row(msgspec.Struct):
    name: str


def whole(body: bytes) -> Answer:
    return Answer("registry", 200, body, {}, Timestamp("2026-11-23T06:00:00.000Z"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"name": 3}',
        b'{"name": NaN}',
        b'{"name": "a"} {"name": "b"}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
    ],
)
def test_a_body_of_another_shape_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(SourceBadResponse, match="registry answered something that cannot be read"):
        whole(body).read(Row)


def test_a_bad_row_is_an_error_in_its_place() -> None:
    raw = whole(b'[{"name": "a"}, {"name": 3}, {"name": "c"}]').read(list[msgspec.Raw])
    first, second, third = whole(b"").rows(raw, Row)
    assert first == Row("a")
    assert isinstance(second, SourceBadResponse)
    assert third == Row("c")


# ---------------------------------------------------------------- answers that fail


async def test_a_source_that_is_late_is_left(source: Wire) -> None:
    source.reply = silence
    client = SourceClient("registry", source.url, limits=HttpLimits(attempt_s=0.1))
    error = await failure(client)
    assert isinstance(error, SourceTimeout)
    assert error.message == "registry did not answer in 0.1 s."
    await asyncio.wait_for(source.left.wait(), 1)
    await client.aclose()


async def test_a_source_that_stops_in_the_middle_is_left_at_the_same_limit(source: Wire) -> None:
    source.reply = always(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n")
    source.hold = True
    client = SourceClient("registry", source.url, limits=HttpLimits(attempt_s=0.1))
    assert isinstance(await failure(client), SourceTimeout)
    await asyncio.wait_for(source.left.wait(), 1)
    await client.aclose()


async def test_no_call_outlives_the_operations_deadline(source: Wire, client: SourceClient) -> None:
    source.reply = silence
    loop = asyncio.get_running_loop()
    started = loop.time()
    with until(started + 0.15):
        error = await failure(client)
    assert isinstance(error, DeadlineExceeded)
    assert 0.1 < loop.time() - started < 1


async def test_no_call_is_sent_when_the_time_is_used_up(source: Wire, client: SourceClient) -> None:
    with until(asyncio.get_running_loop().time() + 0.01), recording() as calls:
        assert isinstance(await failure(client), DeadlineExceeded)
    assert source.received == []
    assert calls == []


async def test_an_answer_past_the_cap_is_not_read_on(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(b"x" * 1000))
    assert len((await client.get(["things"])).body) == 1000
    source.reply = always(answer(b"x" * 1001))
    assert isinstance(await failure(client), SourceTooLarge)
    source.reply = always(b"HTTP/1.1 200 X\r\n\r\n" + b"x" * 100_000)
    assert isinstance(await failure(client), SourceTooLarge)


async def test_the_cap_counts_what_is_unpacked(source: Wire, client: SourceClient) -> None:
    """A few kilobytes that unpack to megabytes must not be in memory before they are refused."""
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    source.reply = always(answer(bomb, Content_Encoding="gzip"))
    await failure(client)  # what the first call sets up is not counted
    tracemalloc.start()
    try:
        error = await failure(client)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(error, SourceTooLarge)
    assert peak < 8 * 1024 * 1024


async def test_a_packed_answer_within_the_cap_is_unpacked(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(gzip.compress(b'{"name": "ranker"}'), Content_Encoding="gzip"))
    assert (await client.get(["things"])).read(Row) == Row("ranker")


@pytest.mark.parametrize(
    "reply",
    [
        b'HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{"name": "ra',
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\nnothing like a length\r\n",
        b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain",
        b"HTTP/1.1 200 X\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}, and more than was said",
        b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 101 X\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\nX-Long: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\n" + b"X-Many: x\r\n" * 200 + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 X\r\n" + (b"X-Wide: " + b"x" * 8000 + b"\r\n") * 5 + b"Content-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_broken_answer_is_a_bad_response(source: Wire, client: SourceClient, reply: bytes) -> None:
    source.reply = always(reply)
    assert isinstance(await failure(client), SourceBadResponse)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"no HTTP at all\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS greeting\r\n\r\n",
    ],
)
async def test_a_source_that_speaks_no_http_is_unavailable_and_asked_once_more(
    source: Wire, client: SourceClient, reply: bytes
) -> None:
    source.reply = always(reply)
    with recording() as calls:
        assert isinstance(await failure(client), SourceUnavailable)
    assert len(source.received) == 2
    assert len(calls) == 2


async def hang_up(_: Received) -> bytes | None:
    return None


async def test_a_refused_connection_is_unavailable() -> None:
    async with wire() as gone:
        url = gone.url
    client = SourceClient("registry", url)
    assert isinstance(await failure(client), SourceUnavailable)
    await client.aclose()


async def test_a_name_that_does_not_resolve_is_unavailable() -> None:
    client = SourceClient("registry", "http://nowhere.invalid")
    assert isinstance(await failure(client), SourceUnavailable)
    await client.aclose()


async def test_a_client_can_be_used_again_after_it_was_closed(source: Wire, client: SourceClient) -> None:
    await client.get(["one"])
    await client.aclose()
    await client.get(["two"])
    assert len(source.received) == 2


# ---------------------------------------------------------------- credentials


class Tokens:
    """Tokens that are good until a source says otherwise; `fresh` says whether a new one is to be had."""

    def __init__(self, *, fresh: bool = True) -> None:
        self.number, self.fresh, self.renewals = 1, fresh, 0

    def scope(self) -> str:
        return ""

    async def headers(self, send: Send) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {SECRET}-{self.number}"}

    async def renew(self, refused: Mapping[str, str], answer: Answer, send: Send) -> bool:
        assert refused == {"Authorization": f"Bearer {SECRET}-{self.number}"}
        self.renewals += 1
        self.number += 1
        return self.fresh


async def test_a_redirect_is_not_followed_and_the_credential_goes_nowhere_else(source: Wire) -> None:
    async with wire() as elsewhere:
        for status in (301, 302, 303, 307, 308):
            source.reply = always(answer(b"", status, Location=f"{elsewhere.url}/things"))
            client = SourceClient("registry", source.url, {"": StaticCredential({"Authorization": SECRET})})
            assert isinstance(await failure(client), SourceBadResponse)
            await client.aclose()
        assert elsewhere.received == []
    assert {received.headers["authorization"] for received in source.received} == {SECRET}


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_credential_is_renewed_once_and_the_call_repeated(source: Wire, status: int) -> None:
    async def first_token_is_old(received: Received) -> bytes | None:
        return answer(status=status if received.headers["authorization"].endswith("-1") else 200)

    source.reply = first_token_is_old
    tokens = Tokens()
    client = SourceClient("registry", source.url, {"": tokens})
    with recording() as calls:
        assert (await client.get(["things"])).status == 200
    assert tokens.renewals == 1
    assert [received.headers["authorization"] for received in source.received] == [
        f"Bearer {SECRET}-1",
        f"Bearer {SECRET}-2",
    ]
    assert len(calls) == 2
    await client.aclose()


async def test_a_credential_refused_twice_is_not_renewed_again(source: Wire) -> None:
    source.reply = always(answer(status=401))
    tokens = Tokens()
    client = SourceClient("registry", source.url, {"": tokens})
    assert isinstance(await failure(client), SourceAuthFailed)
    assert tokens.renewals == 1
    assert len(source.received) == 2
    await client.aclose()


async def test_a_credential_that_cannot_be_renewed_is_tried_once(source: Wire) -> None:
    source.reply = always(answer(status=401))
    for credential in (Tokens(fresh=False), StaticCredential({"Authorization": SECRET})):
        source.received.clear()
        client = SourceClient("registry", source.url, {"": credential})
        assert isinstance(await failure(client), SourceAuthFailed)
        assert len(source.received) == 1
        await client.aclose()


async def test_no_secret_is_in_what_is_printed(source: Wire) -> None:
    credential = StaticCredential({"Authorization": SECRET})
    client = SourceClient("registry", source.url, {"": credential})
    source.reply = always(answer(status=500))
    error = await failure(client)
    for thing in (credential, client, error, error.extensions, error.again()):
        assert SECRET not in repr(thing)
        assert SECRET not in str(thing)
    await client.aclose()


# ---------------------------------------------------------------- how many at once, and how often


async def test_no_more_calls_are_in_flight_than_allowed(source: Wire) -> None:
    inside, peak, gate, full = 0, 0, asyncio.Event(), asyncio.Event()

    async def held(received: Received) -> bytes | None:
        nonlocal inside, peak
        if received.target == "/ping":
            return answer()
        inside += 1
        peak = max(peak, inside)
        if inside == 3:
            full.set()
        await gate.wait()
        inside -= 1
        return answer()

    source.reply = held
    client = SourceClient("registry", source.url, limits=HttpLimits(concurrency=3))
    other = SourceClient("registry", source.url)
    calls = [asyncio.ensure_future(client.get([str(number)])) for number in range(10)]
    await asyncio.wait_for(full.wait(), 2)
    for _ in range(3):  # a fourth call would have arrived by now
        await other.get(["ping"])
    assert inside == 3
    gate.set()
    await asyncio.gather(*calls)
    assert peak == 3
    await client.aclose()
    await other.aclose()


async def test_a_failing_call_gives_its_place_to_the_next(source: Wire) -> None:
    source.reply = always(answer(status=503))
    client = SourceClient("registry", source.url, limits=HttpLimits(concurrency=1))
    answers = await asyncio.gather(*(client.get([str(n)]) for n in range(3)), return_exceptions=True)
    assert [type(item) for item in answers] == [SourceUnavailable] * 3
    await client.aclose()


async def test_a_caller_that_leaves_ends_its_call(source: Wire, client: SourceClient) -> None:
    source.reply = silence
    call = asyncio.ensure_future(client.get(["things"]))
    while not source.received:
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(source.left.wait(), 1)


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def test_one_operation_sends_a_request_once_and_counts_it_for_all(source: Wire, client: SourceClient) -> None:
    async def counted() -> Any:
        with recording() as calls:
            return (await client.get(["things"], [("q", "1")])), calls

    with until(soon()):
        assert not client.remembers(["things"], [("q", "1")])
        (one, one_calls), (two, two_calls) = await asyncio.gather(counted(), counted())
        three, three_calls = await counted()
        assert client.remembers(["things"], [("q", "1")])
        assert not client.remembers(["things"], [("q", "2")])
    assert len(source.received) == 1
    assert one is two is three
    assert one_calls == two_calls == three_calls
    assert len(one_calls) == 1


async def test_what_differs_is_sent_again(source: Wire) -> None:
    client = SourceClient("registry", source.url, {"": StaticCredential(), "other": StaticCredential({"X-Key": "1"})})
    with until(soon()):
        await client.get(["things"])
        await client.get(["things"], [("q", "1")])
        await client.get(["things"], credential="other")
        await client.post(["things"], {"q": 1})
        await client.post(["things"], {"q": 2})
        await client.post(["things"], {"q": 1})
    assert len(source.received) == 5
    await client.aclose()


async def test_two_operations_share_nothing_and_neither_does_what_is_outside_of_one(
    source: Wire, client: SourceClient
) -> None:
    for _ in range(2):
        with until(soon()):
            await client.get(["things"])
    await client.get(["things"])
    await client.get(["things"])
    assert len(source.received) == 4
    assert not client.remembers(["things"])


async def test_a_shared_answer_is_judged_by_what_each_caller_expects(source: Wire, client: SourceClient) -> None:
    source.reply = always(answer(status=404))
    with until(soon()):
        assert (await client.get(["things"], also=(404,))).status == 404
        with pytest.raises(SourceBadResponse):
            await client.get(["things"])
    assert len(source.received) == 1


async def test_all_who_wait_hear_of_a_failure_and_the_next_may_ask_again(source: Wire, client: SourceClient) -> None:
    source.reply = hang_up
    with until(soon()):
        failures = await asyncio.gather(*(client.post(["things"], {}) for _ in range(3)), return_exceptions=True)
        assert [type(item) for item in failures] == [SourceUnavailable] * 3
        assert len(set(map(id, failures))) == 3
        assert len(source.received) == 2
        source.reply = always(answer())
        assert (await client.post(["things"], {})).status == 200


async def test_a_call_is_recorded_with_its_encoded_path_and_no_query(client: SourceClient) -> None:
    with recording() as calls:
        await client.get(["a b"], [("token", SECRET)])
    assert [(call.source, call.method, call.path) for call in calls] == [("registry", "GET", "/a%20b")]
