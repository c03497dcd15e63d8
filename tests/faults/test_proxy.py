"""Each fault does on the wire what its name says; a fault that does something else would prove nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.demo.server import ServedApp, serve
from tests.faults.proxy import FAULTS, OF_CONNECTIONS, FaultProxy, canary, proxy_before
from tests.faults.wires import CANARY

ROWS = [{"name": f"row-{number}", "size": number, "note": {"text": "né"}} for number in range(1, 5)]
HEAD = b"HTTP/1.1 200"


async def _listed(request: Request) -> JSONResponse:
    offset = int(request.query_params.get("offset", "0"))
    rows = ROWS[offset : offset + 2] if "offset" in request.query_params else ROWS
    return JSONResponse({"rows": rows, "total_entries": len(ROWS)})


async def _one(request: Request) -> JSONResponse:
    body = (await request.body()).decode()
    return JSONResponse({"row": {"name": "row-1", "size": 1, "told": body}})


APP = Starlette(routes=[Route("/rows", _listed), Route("/one", _one, methods=["GET", "POST"])])


@asynccontextmanager
async def proxied() -> AsyncIterator[tuple[FaultProxy, ServedApp]]:
    async with serve(APP) as served, proxy_before(served.url) as proxy:
        yield proxy, served


class Client:
    """One connection, on which bytes are sent and read as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def ask(self, target: str = "/rows", *headers: str, body: bytes = b"", method: str = "GET") -> None:
        lines = [f"{method} {target} HTTP/1.1", "Host: here", *headers]
        lines += [f"Content-Length: {len(body)}"] if body else []
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def to_the_end(self) -> bytes:
        return await asyncio.wait_for(self.reader.read(), 5)

    async def whole(self) -> tuple[bytes, bytes]:
        """Head and body of one well framed answer."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)
        return head, await self.reader.readexactly(_length(head))


@asynccontextmanager
async def connected(proxy: FaultProxy) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def asked(proxy: FaultProxy, target: str = "/rows", *headers: str) -> tuple[bytes, bytes]:
    async with connected(proxy) as client:
        client.ask(target, *headers)
        return await client.whole()


async def cut_off(proxy: FaultProxy) -> tuple[bytes, bool]:
    """What came before the connection ended, and whether it was broken off."""
    async with connected(proxy) as client:
        client.ask()
        got = bytearray()
        try:
            while chunk := await asyncio.wait_for(client.reader.read(1000), 5):
                got += chunk
        except ConnectionResetError:
            return bytes(got), True
        return bytes(got), False


async def document(proxy: FaultProxy, target: str = "/rows") -> Any:
    return json.loads((await asked(proxy, target))[1])


def _length(head: bytes) -> int:
    return int(_header(head, "content-length"))


def _header(head: bytes, name: str) -> str:
    lines = (line.partition(b":") for line in head.split(b"\r\n"))
    return next((value.strip().decode() for key, _, value in lines if key.lower() == name.encode()), "")


async def test_lets_everything_pass_as_it_is_and_counts_it() -> None:
    async with proxied() as (proxy, served):
        async with connected(proxy) as client:
            client.ask("/one?a=%2F&b", "Authorization: Bearer secret", body=b'{"x": 1}', method="POST")
            head, body = await client.whole()
            client.ask("/rows")
            await client.whole()
        assert head.startswith(HEAD)
        assert json.loads(body)["row"]["told"] == '{"x": 1}'
        assert [call.target for call in served.calls] == ["/one?a=%2F&b", "/rows"]
        assert [seen.target for seen in proxy.log] == ["/one?a=%2F&b", "/rows"]
        assert len(proxy.log[0].auth) == 12
        assert "secret" not in repr(proxy.log)
        assert proxy.log[1].auth == ""
        assert (proxy.counts.requests, proxy.counts.in_flight, proxy.counts.peer_gone) == (2, 0, 0)
        assert (proxy.counts.connections, proxy.counts.max_in_flight) == (1, 1)
        assert proxy.counts.sent > len(body)


async def test_breaks_what_its_rules_say_by_target_number_and_chance() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("status", path="^/one", status=503, first=2)
        statuses = [(await asked(proxy, target))[0][9:12] for target in ("/rows", "/one", "/one", "/one")]
        assert statuses == [b"200", b"503", b"503", b"200"]
        await proxy.disarm()
        await proxy.arm("status", status=503, p=0.5, seed=7)
        by_chance = [(await asked(proxy))[0][9:12] for _ in range(40)]
        assert 10 < by_chance.count(b"503") < 30
        assert proxy.counts.faulted == 2 + by_chance.count(b"503")
        await proxy.disarm()
        await proxy.arm("status", status=503, for_s=0.0)
        assert (await asked(proxy))[0].startswith(HEAD)
        with pytest.raises(ValueError, match="no fault"):
            await proxy.arm("nonsense")


async def test_a_client_that_leaves_is_counted_and_its_upstream_call_ended() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("blackhole")
        async with connected(proxy) as client:
            client.ask()
            while not proxy.counts.in_flight:
                await asyncio.sleep(0.005)
        while proxy.counts.in_flight:
            await asyncio.sleep(0.005)
        assert proxy.counts.peer_gone == 1


async def test_refuses_connections_on_the_same_port_and_takes_them_again() -> None:
    async with proxied() as (proxy, _):
        async with connected(proxy) as client:
            client.ask()
            await client.whole()
            await proxy.arm("refuse")
            with pytest.raises(ConnectionRefusedError):
                await asked(proxy)
            with pytest.raises(ConnectionResetError):
                await client.reader.read()
        await proxy.disarm()
        assert (await asked(proxy))[0].startswith(HEAD)
        await proxy.arm("refuse", for_s=0.01)
        await _until_answers(proxy)


async def test_flaps_between_refusing_and_answering() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("flap", up_s=0.05, down_s=0.05)
        for _ in range(2):
            await _until_answers(proxy)
            while True:
                try:
                    await asked(proxy)
                except (ConnectionError, asyncio.IncompleteReadError):
                    break
                await asyncio.sleep(0.005)


async def _until_answers(proxy: FaultProxy) -> None:
    while True:
        try:
            await asked(proxy)
        except (ConnectionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.005)
        else:
            return


async def test_breaks_connections_off_where_they_are_accepted() -> None:
    async with proxied() as (proxy, served):
        await proxy.arm("rst_on_accept")
        with pytest.raises(ConnectionError):
            await asked(proxy)
        assert served.calls == []


@pytest.mark.parametrize(
    ("name", "options", "broken_off", "begins", "asks_the_source"),
    [
        ("rst", {}, True, b"", False),
        ("garbage", {}, False, b"\x16\x03", False),
        ("close_no_reply", {}, False, b"", False),
        ("rst_mid_body", {}, True, HEAD, True),
        ("close_mid_body", {}, False, HEAD, True),
        ("chunked_truncated", {}, False, HEAD, True),
        ("bad_content_length", {}, False, HEAD, True),
        ("close_delimited_cut", {}, False, HEAD, True),
    ],
)
async def test_ends_a_connection_before_its_answer_is_whole(
    name: str, options: dict[str, object], broken_off: bool, begins: bytes, asks_the_source: bool
) -> None:
    async with proxied() as (proxy, served):
        await proxy.arm(name, options)
        got, reset = await cut_off(proxy)
        assert reset is broken_off
        assert got.startswith(begins)
        assert bool(served.calls) is asks_the_source
        head, _, body = got.partition(b"\r\n\r\n")
        healthy = json.dumps({"rows": ROWS, "total_entries": 4}, ensure_ascii=False, separators=(",", ":")).encode()
        if name in ("rst_mid_body", "close_mid_body"):
            assert (len(body), _length(head)) == (len(healthy) // 2, len(healthy))
        elif name == "chunked_truncated":
            assert _header(head, "transfer-encoding") == "chunked"
            assert not body.endswith(b"0\r\n\r\n")
        elif name == "bad_content_length":
            assert (body, _length(head)) == (healthy, len(healthy) + 10)
        elif name == "close_delimited_cut":
            assert (body, _header(head, "content-length")) == (healthy[: len(healthy) // 2], "")


async def test_closes_a_warm_connection_when_its_next_request_comes() -> None:
    async with proxied() as (proxy, served):
        await proxy.arm("stale_keepalive")
        async with connected(proxy) as client:
            client.ask()
            await client.whole()
            client.ask()
            assert await client.to_the_end() == b""
        assert len(served.calls) == 1


@pytest.mark.parametrize("name", ["slow_headers", "slow_body"])
async def test_answers_byte_by_byte(name: str) -> None:
    async with proxied() as (proxy, _):
        await proxy.arm(name, ms=1)
        began = time.monotonic()
        head, body = await asked(proxy, "/one")
        slow = len(head if name == "slow_headers" else body)
        assert time.monotonic() - began > slow / 1000
        assert json.loads(body)["row"]["name"] == "row-1"


async def test_says_nothing_or_only_that_it_works_on_it() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("blackhole")
        async with connected(proxy) as client:
            client.ask()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.05)
        await proxy.disarm()
        await proxy.arm("endless_1xx", ms=1)
        async with connected(proxy) as client:
            client.ask()
            for _ in range(3):
                assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 102 Processing\r\n\r\n"


async def test_answers_late() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("latency", ms=30)
        began = time.monotonic()
        assert (await document(proxy))["rows"] == ROWS
        assert time.monotonic() - began >= 0.03


async def test_sends_a_stray_answer_behind_the_right_one() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("extra_response")
        async with connected(proxy) as client:
            client.ask()
            assert json.loads((await client.whole())[1])["rows"] == ROWS
            assert CANARY.encode() in (await client.whole())[1]


async def test_frames_a_body_in_two_ways_at_once() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("cl_and_te")
        async with connected(proxy) as client:
            client.ask()
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert _header(head, "content-length")
            assert _header(head, "transfer-encoding") == "chunked"
        await proxy.disarm()
        await proxy.arm("bad_content_length", by=-10)
        async with connected(proxy) as client:
            client.ask()
            _, body = await client.whole()
            assert len(await client.reader.readexactly(10)) == 10
            with pytest.raises(json.JSONDecodeError):
                json.loads(body)


async def test_sends_bombs_and_bodies_without_measure() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("gzip_bomb", mb=4)
        async with connected(proxy) as client:
            client.ask()
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert _header(head, "content-encoding") == "gzip"
            packed = bytearray()
            while size := int(await client.reader.readline(), 16):
                packed += (await client.reader.readexactly(size + 2))[:-2]
        assert len(packed) < 20_000
        assert gzip.decompress(bytes(packed)) == bytes(4 * 1024 * 1024)
        for how in ("declared", "chunked"):
            await proxy.disarm()
            await proxy.arm("huge_body", mb=2, how=how)
            async with connected(proxy) as client:
                client.ask()
                head = await client.reader.readuntil(b"\r\n\r\n")
                assert (_header(head, "content-length") != "") is (how == "declared")
                await client.reader.readexactly(2 * 1024 * 1024)


async def test_sends_many_headers_and_broken_compression() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("many_headers", n=500)
        assert (await asked(proxy))[0].count(b"X-More-") == 500
        for how in ("", "cut"):
            await proxy.disarm()
            await proxy.arm("bad_gzip", how=how)
            head, body = await asked(proxy)
            assert _header(head, "content-encoding") == "gzip"
            with pytest.raises((OSError, EOFError)):
                gzip.decompress(body)


async def test_answers_with_a_status_and_when_to_come_back() -> None:
    async with proxied() as (proxy, served):
        await proxy.arm("status", status=429, retry_after="2")
        head, body = await asked(proxy)
        assert head.startswith(b"HTTP/1.1 429")
        assert _header(head, "retry-after") == "2"
        assert CANARY.encode() in body
        assert served.calls == []
        await proxy.disarm()
        await proxy.arm("status", status=503, retry_after="date:2")
        moment = parsedate_to_datetime(_header((await asked(proxy))[0], "retry-after")).timestamp()
        assert 0 <= moment - time.time() <= 2


async def test_takes_so_many_requests_a_second_and_of_a_token() -> None:
    async with proxied() as (proxy, _):
        rule = await proxy.arm("rate_limit", rate=3)
        statuses = [(await asked(proxy))[0][9:12] for _ in range(6)]
        assert statuses[:3] == [b"200"] * 3
        assert b"429" in statuses
        assert rule.state["refused"] == statuses.count(b"429")
        await proxy.disarm()
        await proxy.arm("expire_token", ok=2)
        of_one = [(await asked(proxy, "/rows", "Authorization: one"))[0][9:12] for _ in range(3)]
        other = await asked(proxy, "/rows", "Authorization: other")
        nobody = await asked(proxy)
        assert of_one == [b"200", b"200", b"401"]
        assert (other[0][9:12], nobody[0][9:12]) == (b"200", b"200")


async def test_answers_pages_for_people_other_types_and_nothing() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("html_login")
        head, body = await asked(proxy)
        assert _header(head, "content-type").startswith("text/html")
        assert b"password" in body
        await proxy.disarm()
        await proxy.arm("wrong_content_type")
        head, body = await asked(proxy)
        assert (_header(head, "content-type"), json.loads(body)["total_entries"]) == ("text/html", 4)
        await proxy.disarm()
        await proxy.arm("empty_200")
        assert (await asked(proxy))[1] == b""


async def test_redirects_elsewhere_and_to_itself() -> None:
    heard: list[None] = []
    async with proxied() as (proxy, _), canary(lambda: heard.append(None)) as port:
        await proxy.arm("redirect", port=port)
        head, _ = await asked(proxy, "/rows?a=1")
        assert _header(head, "location") == f"http://127.0.0.1:{port}/rows?a=1"
        await proxy.disarm()
        await proxy.arm("redirect_loop")
        assert _header((await asked(proxy))[0], "location") == "http://here/rows"
        assert heard == []
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        while not heard:
            await asyncio.sleep(0.005)


async def test_adds_headers_and_turns_clocks_back_and_forth() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("add_header")
        assert CANARY in _header((await asked(proxy))[0], "set-cookie")
        await proxy.disarm()
        await proxy.arm("clock_skew", s=-86400)
        told = parsedate_to_datetime(_header((await asked(proxy))[0], "date")).timestamp()
        assert -86402 < told - time.time() < -86398


async def test_answers_what_it_answered_first() -> None:
    async with proxied() as (proxy, served):
        await proxy.arm("stale", age=60)
        first, again = await asked(proxy), await asked(proxy)
        assert first[1] == again[1]
        assert _header(again[0], "age") == "60"
        assert len(served.calls) == 1


async def test_spoils_json() -> None:
    async with proxied() as (proxy, _):

        async def spoiled(name: str, **options: object) -> bytes:
            await proxy.disarm()
            await proxy.arm(name, options)
            head, body = await asked(proxy)
            assert head.startswith(HEAD)
            return body

        whole = (await asked(proxy))[1]
        assert await spoiled("truncated_json") == whole[: len(whole) // 2]
        assert await spoiled("replace_json", text="[]") == b"[]"
        with pytest.raises(UnicodeDecodeError):
            (await spoiled("invalid_utf8")).decode()
        assert json.loads((await spoiled("bom", encoding="utf-8-sig")).decode("utf-8-sig"))["rows"] == ROWS
        assert json.loads((await spoiled("bom")).decode("utf-16"))["rows"] == ROWS
        deep = await spoiled("deep_json", depth=50)
        assert json.loads(deep)["rows"] == ROWS
        assert b"[" * 50 in deep
        big = json.loads(await spoiled("big_int", digits=400))
        assert [len(str(row["size"])) for row in big["rows"]] == [400] * 4
        doubled = await spoiled("dup_json_keys")
        assert doubled.count(b'"name"') == 8
        assert json.loads(doubled) == {"rows": None, "total_entries": None}


async def test_changes_rows() -> None:
    async with proxied() as (proxy, _):

        async def rows(name: str, target: str = "/rows", **options: object) -> Any:
            await proxy.disarm()
            await proxy.arm(name, options)
            changed = await document(proxy, target)
            return changed["rows"] if "rows" in changed else changed["row"]

        assert [row["size"] for row in await rows("set_field", field="size", value="x")] == ["x", 2, 3, 4]
        assert [row["size"] for row in await rows("set_field", field="size", value=None, item=None)] == [None] * 4
        nan = (await rows("set_field", field="note.text", value=float("nan"), item=1))[1]["note"]["text"]
        assert nan != nan
        assert (await rows("set_field", "/one", field="size", value=[]))["size"] == []
        assert "size" not in (await rows("drop_field", field="size"))[0]
        assert [row["size"] for row in await rows("shuffle_items")] == [4, 3, 1, 2]
        assert [row["size"] for row in await rows("drop_items", item=2)] == [1, 2, 4]
        assert await rows("drop_items", item=None) == []
        doubled = await rows("dup_items", field="size", value=9)
        assert [(row["name"], row["size"]) for row in doubled][:2] == [("row-1", 1), ("row-1", 9)]
        assert [row["name"] for row in await rows("extra_item", field="name")] == [
            CANARY,
            *(row["name"] for row in ROWS),
        ]
        await proxy.disarm()
        await proxy.arm("total", value=99)
        assert (await document(proxy))["total_entries"] == 99


async def test_never_ends_its_pages() -> None:
    async with proxied() as (proxy, _):
        await proxy.arm("cursor", how="loop")
        assert (await document(proxy, "/rows?offset=2"))["rows"] == ROWS
        await proxy.disarm()
        await proxy.arm("cursor", how="endless")
        behind = await document(proxy, "/rows?offset=8")
        assert (behind["rows"], behind["total_entries"]) == (ROWS, 10**9)


def test_every_fault_of_the_campaign_is_there_by_its_name() -> None:
    names = """refuse rst_on_accept rst garbage close_no_reply stale_keepalive rst_mid_body close_mid_body
    chunked_truncated bad_content_length close_delimited_cut truncated_json slow_headers slow_body blackhole
    endless_1xx latency status rate_limit flap expire_token html_login wrong_content_type empty_200 replace_json
    invalid_utf8 bom deep_json big_int dup_json_keys set_field drop_field shuffle_items drop_items dup_items extra_item
    extra_response cl_and_te gzip_bomb huge_body many_headers bad_gzip cursor total redirect redirect_loop add_header
    clock_skew stale"""
    assert set(names.split()) == {*FAULTS, *OF_CONNECTIONS}
