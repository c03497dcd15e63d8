"""What is sent as path and query is what was meant, whatever keys are made of: told by the server that received it."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import SourceBadResponse
from resolvers.http import SourceClient
from resolvers.upstream.target import Request, Targets, unusable_as_segment
from tests.resolvers.upstream.sockets import Peer, sockets, whole

TEXTS = st.text(alphabet=st.characters() | st.sampled_from("./%?#;\\&=+ \r\n\0'\"<>é\ud800"), max_size=12)
KEYS = [
    *("..", "../x", "..%2f", "%2e%2e", "%252e", ".%00", "%5c", "..;", "...", ". .", "\u2025", "．．", "%c0%ae"),
    *("a/b", "a\\b", "a;b", "a?b", "a#b", "a&b=c", "a+b", "a b", "%", "%zz", "'", '"', "[::1]", "{}", "|", "^", "`"),
    *("http://elsewhere.example/x", "//elsewhere.example", "@elsewhere", ":80", "~", "*", "!", "(", "$", ","),
    *("é", "e\u0301", "\u202e", "ﷺ", "x" * 2000, "\r\nHost: elsewhere", "\0", "\ud800", ".", ""),
]


@pytest.mark.parametrize("base", ["http://h.example", "http://h.example:81/a/b/", "https://h.example/%7Ex/y%20z"])
def test_a_target_lies_below_its_base_with_as_many_segments_as_were_asked(base: str) -> None:
    targets = Targets("registry", base)
    for key in KEYS:
        if unusable_as_segment(key):
            continue
        path = targets.path(Request("GET", ("api", key, "x"), (("q", key), (key, "v"))))
        url = targets.url(path)
        assert (url.scheme, url.raw_authority) == (urlsplit(base).scheme, urlsplit(base).netloc)
        assert url.raw_path_qs == path
        *above, api, segment, last = url.raw_path.split("/")
        assert "/".join(above) == urlsplit(base).path.rstrip("/")
        assert (api, unquote(segment), last) == ("api", key, "x")


@given(TEXTS)
def test_a_key_arrives_as_it_was_or_is_refused(key: str) -> None:
    targets = Targets("registry", "http://h.example/base")
    if unusable_as_segment(key):
        with pytest.raises(SourceBadResponse):
            targets.path(Request("GET", (key,)))
        return
    path = targets.path(Request("GET", (key,), ((key, key),)))
    assert path.isascii()
    assert targets.url(path).raw_path_qs == path
    _, base, segment = urlsplit(f"http://h.example{path}").path.split("/")
    assert (base, unquote(segment, errors="strict")) == ("base", key)


async def test_a_server_receives_the_target_that_was_meant() -> None:
    received: list[str] = []

    async def play(peer: Peer) -> None:
        while True:
            received.append((await peer.request()).split(b" ")[1].decode("ascii"))
            await peer.send(whole(b"{}"))

    async with sockets(play) as served:
        client = SourceClient("registry", f"{served.url}/base")
        usable = [key for key in KEYS if not unusable_as_segment(key)]
        for key in usable:
            await client.get([key, "x"], [("q", key)])
        await client.aclose()
    targets = Targets("registry", "http://h.example/base")
    assert received == [targets.path(Request("GET", (key, "x"), (("q", key),))) for key in usable]


def test_a_base_can_be_asked_itself() -> None:
    assert Targets("registry", "http://h.example").path(Request("POST", ())) == "/"
    assert Targets("registry", "http://h.example/token/").path(Request("POST", ())) == "/token"
