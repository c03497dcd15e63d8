"""Answers on their way to clients: compressed as these like it, where it is worth it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it says nothing of its types
import pytest
import zstandard
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import create_app
from gateway.compression import MIN_BYTES, Compression, accepted
from gateway.settings import read
from tests.gateway.asgi import Answer, get

LONG = '{"data":' + '"abcdefgh' * 40_000 + '"}'
DECODED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstandard.decompress,
}


async def answered(app: ASGIApp, accept_encoding: str = "gzip, deflate, br, zstd") -> Answer:
    return await get(Compression(app), "/", {"accept-encoding": accept_encoding})


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("size", [MIN_BYTES, len(LONG)])
async def test_an_answer_is_compressed_as_the_client_takes_it(coding: str, size: int) -> None:
    answer = await answered(Response(LONG[:size], media_type="application/graphql-response+json"), coding)
    assert DECODED[coding](answer.body) == LONG[:size].encode()
    assert answer.headers["content-encoding"] == coding
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(answer.body) < size / 2


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("br;q=0.9, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5, br;q=0.4", "gzip"),
        ("zstd;q=0, *", "br"),
        ("*;q=0, gzip", "gzip"),
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("br;q=0", None),
        ("br;q=much", None),
        ("br;q=nan", None),
    ],
)
def test_the_coding_is_the_one_the_client_prefers(header: str, coding: str | None) -> None:
    assert accepted([header]) == coding


async def test_a_small_answer_is_sent_as_it_is() -> None:
    answer = await answered(PlainTextResponse("a" * (MIN_BYTES - 1)))
    assert "content-encoding" not in answer.headers
    assert answer.body == b"a" * (MIN_BYTES - 1)
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "response",
    [
        Response(LONG, media_type="font/ttf"),
        Response(LONG, media_type="text/css", headers={"content-encoding": "br"}),
    ],
    ids=["no text", "encoded already"],
)
async def test_what_would_not_become_smaller_is_sent_as_it_is(response: Response) -> None:
    assert (await answered(response)).body == LONG.encode()


async def test_a_stream_is_not_held_back() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"a" * 5000, "more_body": True})
        await send({"type": "http.response.body", "body": b"b" * 5000})

    answer = await answered(stream)
    assert "content-encoding" not in answer.headers
    assert answer.body == b"a" * 5000 + b"b" * 5000


async def test_other_reasons_to_vary_are_kept() -> None:
    answer = await answered(PlainTextResponse(LONG, headers={"vary": "Accept", "cache-control": "no-store"}))
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.headers["cache-control"] == "no-store"


async def test_the_gateway_compresses_what_it_answers() -> None:
    app = create_app(read('[[sources]]\nname = "studio"\nproduct = "mlflow"\nurl = "http://127.0.0.1:1"\n', {}))
    query = "/graphql?query=%7B__schema%7Btypes%7Bname%20description%7D%7D%7D"
    plain, packed = await get(app, query), await get(app, query, {"accept-encoding": "br"})
    assert brotli.decompress(packed.body) == plain.body
    assert packed.headers["cache-control"] == "no-store"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"
