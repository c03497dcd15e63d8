"""Headers of proxies: whose are believed, and whose address a request counts as."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from starlette.types import Scope

from gateway.peer import Proxies
from gateway.proxy_identity import ProxyIdentity
from gateway.request import Refused
from resolvers.caller import ANYONE, Caller

LISTED = Proxies([ip_network("10.1.0.0/16"), ip_network("192.0.2.7"), ip_network("2001:db8::/64")])


def scope(peer: str | None = "10.1.2.3", /, **headers: str | list[str]) -> Scope:
    sent = [
        (name.replace("_", "-").encode(), each.encode())
        for name, values in headers.items()
        for each in ([values] if isinstance(values, str) else values)
    ]
    return {"client": (peer, 4000) if peer else None, "headers": sent}


def identity(*, anonymous: bool = False, token_header: str | None = None) -> ProxyIdentity:
    return ProxyIdentity(LISTED, "X-User-Id", "X-User-Roles", token_header, anonymous)


async def test_a_listed_proxy_says_who_asks() -> None:
    sent = scope(x_user_id="maya", x_user_roles="studio, on call ,,", x_token="Bearer a.b.c", authorization="Bearer z")
    assert await identity().caller(sent) == Caller("maya", frozenset({"studio", "on call"}))
    assert await identity(token_header="X-Token").caller(sent) == Caller(
        "maya", frozenset({"studio", "on call"}), "a.b.c"
    )


@pytest.mark.parametrize("peer", ["10.1.255.255", "::ffff:10.1.0.1", "192.0.2.7", "2001:db8::9"])
async def test_proxies_are_listed_by_address_or_network(peer: str) -> None:
    assert (await identity().caller(scope(peer, x_user_id="maya"))).subject == "maya"


@pytest.mark.parametrize("anonymous", [True, False])
@pytest.mark.parametrize("peer", ["10.2.0.1", "127.0.0.1", "192.0.2.8", "2001:db8:0:1::9", "", None])
@pytest.mark.parametrize(
    "headers",
    [
        {"x_user_id": "maya"},
        {"x_user_roles": "admin"},
        {"x_user_id": "maya", "x_forwarded_for": "10.1.2.3", "x_real_ip": "10.1.2.3", "forwarded": "for=10.1.2.3"},
    ],
)
async def test_from_anybody_else_the_headers_are_refused(
    peer: str | None, headers: dict[str, str], anonymous: bool
) -> None:
    with pytest.raises(Refused) as refused:
        await identity(anonymous=anonymous).caller(scope(peer, **headers))
    assert (refused.value.status, refused.value.message) == (401, "Say who asks.")
    assert refused.value.extensions == {"code": "UNAUTHENTICATED"}
    assert "WWW-Authenticate" in refused.value.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"x_user_id": ["maya", "root"]},
        {"x_user_id": ["maya", "maya"]},
        {"x_user_id": "maya", "x_user_roles": ["a", "admin"]},
        {"x_user_id": "m" * 257},
        {"x_user_id": "may\u0001a"},
        {"x_user_id": "maya\u2028admin"},
        {"x_user_roles": "admin"},
        {"x_user_id": "maya", "x_user_roles": ",".join(f"r{n}" for n in range(300))},
        {"x_user_id": "maya", "x_token": "a b c"},
        {"x_user_id": "maya", "x_token": "a" * 9000},
        {"x_user_id": "maya", "x_token": ["a", "b"]},
    ],
)
async def test_headers_that_could_mean_two_things_are_refused(headers: dict[str, str | list[str]]) -> None:
    with pytest.raises(Refused):
        await identity(anonymous=True, token_header="X-Token").caller(scope(**headers))


async def test_a_subject_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(Refused):
        await identity().caller({"client": ("10.1.2.3", 1), "headers": [(b"x-user-id", b"maya\xff")]})


@pytest.mark.parametrize("peer", ["10.1.2.3", "198.51.100.1"])
async def test_who_is_not_said_is_anyone_only_where_that_is_allowed(peer: str) -> None:
    assert await identity(anonymous=True).caller(scope(peer)) is ANYONE
    with pytest.raises(Refused):
        await identity().caller(scope(peer))


async def test_a_token_of_an_unlisted_peer_is_not_passed_on() -> None:
    sent = scope("198.51.100.1", x_token="stolen")
    assert (await identity(anonymous=True, token_header="X-Token").caller(sent)).token == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["203.0.113.9"], "198.51.100.1"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["1.2.3.4, 203.0.113.9, 10.1.9.9"], "203.0.113.9"),
        ("10.1.2.3", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("10.1.2.3", ["203.0.113.9:5000"], "203.0.113.9"),
        ("10.1.2.3", ["[2001:db8:5::1]:5000"], "2001:db8:5::/64"),
        ("10.1.2.3", ["2001:db8:5::1"], "2001:db8:5::/64"),
        ("10.1.2.3", ["203.0.113.9, unknown"], "10.1.2.3"),
        ("10.1.2.3", ["10.1.7.7"], "10.1.7.7"),
        ("2001:db8:7::1", [], "2001:db8:7::/64"),
        (None, ["203.0.113.9"], ""),
    ],
)
def test_a_client_is_the_last_address_no_proxy_has(peer: str | None, forwarded: list[str], address: str) -> None:
    assert LISTED.client(scope(peer, x_forwarded_for=forwarded)) == address
