"""Tokens: which are believed, and that the others are refused all alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from joserfc.jwk import RSAKey

from gateway.jwt_identity import JwtIdentity, TokenRules
from gateway.key_set import FetchedKeys, Keys, KeySet, read_key_set
from gateway.request import Refused
from resolvers.caller import ANYONE, Caller
from tests.gateway.issuer import AUDIENCE, ISSUER, Issuer, claims, hashed, key, key_set, token, unsigned
from tests.gateway.served_keys import Clock, fetched

RULES = TokenRules(ISSUER, ("another", AUDIENCE), ("RS256", "ES256", "EdDSA"))
ALL_KEYS = KeySet(key_set(key("first"), key("ec", "ES256"), key("ed", "EdDSA")))
CANARY = "canary-7d20"


def identity(keys: Keys = ALL_KEYS, rules: TokenRules = RULES, *, anonymous: bool = False) -> JwtIdentity:
    return JwtIdentity(keys, rules, anonymous=anonymous)


async def asked(who: JwtIdentity, *values: str) -> Caller:
    return await who.caller({"headers": [(b"authorization", value.encode()) for value in values]})


async def bearer(who: JwtIdentity, text: str) -> Caller:
    return await asked(who, f"Bearer {text}")


@pytest.mark.parametrize(
    ("kid", "algorithm", "written"),
    [("first", "RS256", "RS256"), ("ec", "ES256", "ES256"), ("ed", "EdDSA", "EdDSA"), ("ed", "EdDSA", "Ed25519")],
)
async def test_a_token_of_each_algorithm_says_who_asks(kid: str, algorithm: str, written: str) -> None:
    sent = token(signer=key(kid, algorithm), algorithm=written)
    caller = await bearer(identity(), sent)
    assert caller == Caller("maya", frozenset({"studio"}), sent)
    assert sent not in repr(caller)


async def test_an_algorithm_that_is_not_allowed_is_refused() -> None:
    who = identity(rules=TokenRules(ISSUER, (AUDIENCE,), ("ES256",)))
    with pytest.raises(Refused):
        await bearer(who, token())
    assert (await bearer(who, token(signer=key("ec", "ES256"), algorithm="ES256"))).subject == "maya"


def _public_pem() -> bytes:
    return key("first").as_pem(private=False)  # type: ignore[union-attr] # an RSA key


NOW = claims()
BROKEN: Mapping[str, str] = {
    "alg none": unsigned({"alg": "none", "kid": "first"}),
    "HS256 with the public key": hashed(_public_pem(), "first"),
    "wrong audience": token(claims(aud="somebody-else")),
    "wrong issuer": token(claims(iss=f"{ISSUER}/")),
    "expired": token(claims(exp=1_700_000_000)),
    "not valid yet": token(claims(nbf=4_000_000_000)),
    "crit": token(crit=["exp"]),
    "crit of an extension that the library knows": token(b64=True, crit=["b64"]),
    "kid is a path": token(kid="../../../../dev/null"),
    "kid is a query": token(kid="' OR 1=1 --"),
    "kid is no text": token(kid=["first"]),
    "unknown kid": token(kid="nobody's"),
    "signed by another key of the same kid": token(signer=RSAKey.generate_key(2048, {"kid": "first"})),
    "another key's kid": token(kid="ec"),
    "its own key in its header": token(
        signer=(own := RSAKey.generate_key(2048, {"kid": "own"})), jwk=own.as_dict(private=False)
    ),
    "its own key set's address": token(signer=own, jku="http://127.0.0.1:1/keys", x5u="http://127.0.0.1:1/x5u"),
    "signature cut": token()[:-8],
    "no signature": token().rpartition(".")[0] + ".",
    "payload changed": ".".join([(parts := token().split("."))[0], unsigned({}).split(".")[1] + "AA", parts[2]]),
    "huge": "a" * 9000 + ".b.c",
    "malformed": "a.b.c",
    "not three parts": "abc",
    "five parts": "a.b.c.d.e",
    "header is no object": ".".join(["W10", *token().split(".")[1:]]),
    "header is deep": unsigned({}).replace("e30", "W1tb" * 500, 1),
    "claims are a list": unsigned({"alg": "RS256", "kid": "first"}, [], b"x"),  # type: ignore[arg-type] # wrong on purpose
    "no exp": token(claims(exp=None)),
    "exp is a text": token(claims(exp="4000000000")),
    "exp is true": token(claims(exp=True)),
    "no aud": token(claims(aud=None)),
    "aud is an object": token(claims(aud={AUDIENCE: 1})),
    "no iss": token(claims(iss=None)),
    "iss is a list": token(claims(iss=[ISSUER])),
    "no sub": token(claims(sub=None)),
    "sub is empty": token(claims(sub="")),
    "sub breaks the line": token(claims(sub="maya\nadmin")),
    "sub is a number": token(claims(sub=7)),
    "sub is long": token(claims(sub="m" * 257)),
    "issued in the future": token(claims(iat=4_000_000_000)),
    "not for access": token(typ="logout+jwt"),
    "empty": "",
    "not ASCII": "é.é.é",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_token_is_refused_like_every_other(name: str) -> None:
    with pytest.raises(Refused) as refused:
        await bearer(identity(anonymous=True), BROKEN[name])
    assert refused.value.status == 401
    assert refused.value.message == "Say who asks."
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer realm="graph"'
    assert refused.value.extensions == {"code": "UNAUTHENTICATED"}


@pytest.mark.parametrize(
    "values",
    [
        (),
        ("",),
        ("Bearer",),
        ("Basic bWF5YTptYXlh",),
        (f"Bearer {token()}", f"Bearer {token()}"),
        (f"Bearer {token()}", "Basic bWF5YTptYXlh"),
        (f"Bearer {token()}, Bearer {token()}",),
        (token(),),
    ],
)
async def test_anything_but_one_bearer_token_is_refused(values: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as refused:
        await asked(identity(), *values)
    assert refused.value.status == 401


async def test_who_sends_no_token_is_anyone_where_that_is_allowed() -> None:
    assert await asked(identity(anonymous=True)) is ANYONE
    with pytest.raises(Refused):
        await asked(identity(anonymous=True), "Bearer x")


async def test_the_log_says_why_and_nothing_of_the_token(caplog: pytest.LogCaptureFixture) -> None:
    sent = [token(claims(sub=f"{CANARY}\n")), token(claims(aud=CANARY)), token(kid=CANARY), f"{CANARY}.{CANARY}.x"]
    for text in sent:
        with pytest.raises(Refused):
            await bearer(identity(), text)
    assert len(caplog.records) == len(sent)
    assert "InvalidClaimError" in caplog.text
    assert CANARY not in caplog.text
    assert not any(part in caplog.text for text in sent for part in text.split(".") if len(part) > 8)


@pytest.mark.parametrize(("off_s", "believed"), [(-29, True), (-31, False)])
async def test_clocks_may_differ_by_half_a_minute(off_s: int, believed: bool) -> None:
    """By the gateway's own clock: what a source's or an issuer's answers say of the time is not asked."""
    now = 2_000_000_000.0
    who = JwtIdentity(ALL_KEYS, RULES, now=lambda: now)
    for said in (claims(now, exp=int(now) + off_s), claims(now, nbf=int(now) - off_s)):
        if believed:
            assert (await bearer(who, token(said))).subject == "maya"
        else:
            with pytest.raises(Refused):
                await bearer(who, token(said))


async def test_a_token_may_be_for_several_audiences_and_leave_its_key_unsaid_where_one_is_meant() -> None:
    only = KeySet(key_set(key("first"), key("ec", "ES256")))
    assert (await bearer(identity(only), token(claims(aud=["x", AUDIENCE]), kid=None))).subject == "maya"
    two = KeySet(key_set(key("first"), key("second")))
    with pytest.raises(Refused):
        await bearer(identity(two), token(kid=None))


@pytest.mark.parametrize(
    ("path", "value", "roles"),
    [
        ("roles", {"roles": ["a", "b", 7, None, ""]}, {"a", "b"}),
        ("roles", {"roles": "a  b"}, {"a", "b"}),
        ("roles", {"roles": 7}, set()),
        ("roles", {"roles": None}, set()),
        ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, {"a"}),
        ("realm_access.roles", {"realm_access": ["roles"]}, set()),
        ("https://example.org/roles", {"https://example.org/roles": ["a"]}, {"a"}),
    ],
)
async def test_roles_are_where_the_settings_say(path: str, value: dict[str, object], roles: set[str]) -> None:
    rules = TokenRules(ISSUER, (AUDIENCE,), ("RS256",), "email", path)
    said = claims(roles=None, email="maya@example.org")
    caller = await bearer(identity(rules=rules), token({**said, **value}))
    assert (caller.subject, set(caller.roles)) == ("maya@example.org", roles)


async def test_keys_are_asked_for_once_however_many_wait() -> None:
    async with fetched(issuer := Issuer()) as keys:
        who = identity(keys)
        assert {(await each).subject for each in [bearer(who, token()) for _ in range(3)]} == {"maya"}
        assert issuer.asked == 1
    async with fetched(issuer := Issuer()) as keys:
        who = identity(keys)
        await asyncio.gather(*(bearer(who, token()) for _ in range(50)))
        assert issuer.asked == 1


async def test_the_first_to_leave_does_not_take_the_keys_from_the_others() -> None:
    async with fetched(issuer := Issuer()) as keys:
        who = identity(keys)
        leaving, staying = asyncio.create_task(bearer(who, token())), asyncio.create_task(bearer(who, token()))
        await asyncio.sleep(0)
        leaving.cancel()
        assert (await staying).subject == "maya"
        assert issuer.asked == 1


async def test_unknown_kids_make_the_issuer_be_asked_every_half_minute_at_most() -> None:
    clock = Clock()
    async with fetched(issuer := Issuer(), clock) as keys:
        who = identity(keys)
        for _ in range(10):
            with pytest.raises(Refused):
                await bearer(who, token(signer=key("second")))
        assert issuer.asked == 1
        issuer.document = key_set(key("second"))
        clock.now += 30
        assert (await bearer(who, token(signer=key("second")))).subject == "maya"
        with pytest.raises(Refused):
            await bearer(who, token())
        assert issuer.asked == 2


async def test_a_withdrawn_key_is_believed_until_somebody_asks_after_ten_minutes() -> None:
    """Who asks first then does not wait for the new keys, and is judged by the old ones."""
    clock = Clock()
    async with fetched(issuer := Issuer(), clock) as keys:
        who = identity(keys)
        await bearer(who, token())
        issuer.document = key_set(key("second"))
        clock.now += 599
        assert (await bearer(who, token())).subject == "maya"
        assert issuer.asked == 1
        clock.now += 1
        assert (await bearer(who, token())).subject == "maya"
        assert (await bearer(who, token(signer=key("second")))).subject == "maya"
        with pytest.raises(Refused):
            await bearer(who, token())
        assert issuer.asked == 2


async def test_keys_are_kept_for_an_hour_while_their_issuer_is_down(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    async with fetched(issuer := Issuer(), clock) as keys:
        who = identity(keys)
        await bearer(who, token())
        issuer.status = 503
        clock.now += 3599
        assert (await bearer(who, token())).subject == "maya"
        clock.now += 1
        with pytest.raises(Refused) as refused:
            await bearer(who, token())
        assert refused.value.status == 503
        assert refused.value.extensions == {"code": "SOURCE_UNAVAILABLE", "retryable": True, "retryAfterMs": 5000}
        assert refused.value.headers["Retry-After"] == "5"
        issuer.status = 200
        clock.now += 30
        assert (await bearer(who, token())).subject == "maya"
    assert "127.0.0.1" not in caplog.text


@pytest.mark.parametrize(
    "document", [{}, [], {"keys": []}, {"keys": [{"kty": "oct", "k": "AA"}]}, {"keys": [None]}, "x"]
)
async def test_without_any_keys_nobody_is_let_in(document: object) -> None:
    clock = Clock()
    async with fetched(issuer := Issuer(document), clock) as keys:
        who = identity(keys)
        for _ in range(5):
            with pytest.raises(Refused) as refused:
                await bearer(who, token())
            assert refused.value.status == 503
        assert issuer.asked == 1
        clock.now += 5
        issuer.document = key_set(key("first"))
        assert (await bearer(who, token())).subject == "maya"


async def test_an_issuer_that_moved_is_not_followed() -> None:
    async with fetched(issuer := Issuer(status=302)) as keys:
        with pytest.raises(Refused) as refused:
            await bearer(identity(keys), token())
        assert (refused.value.status, issuer.asked) == (503, 1)


@pytest.mark.parametrize(
    "written",
    [
        {"use": "enc"},
        {"key_ops": ["sign"]},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"n": "AQAB"},
        {"n": 7},
        {"n": "!" * 400},
        {"e": None},
    ],
)
def test_keys_that_check_no_signature_are_left_out(written: dict[str, object]) -> None:
    good = key("first").as_dict(private=False)
    with pytest.raises(ValueError, match="holds no public key"):
        KeySet({"keys": [{**good, **written}]})


def test_a_private_key_in_a_file_is_used_as_a_public_one() -> None:
    written = {"keys": [key("first").as_dict(private=True)]}
    kept = read_key_set(msgspec.json.encode(written))._keys[0].key
    assert not kept.is_private


def test_a_file_that_is_no_key_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not JSON"):
        read_key_set(b"-----BEGIN PUBLIC KEY-----")


async def test_closing_ends_what_is_being_asked() -> None:
    async with fetched(Issuer()) as keys:
        assert isinstance(keys, FetchedKeys)
        asking = asyncio.create_task(bearer(identity(keys), token()))
        await asyncio.sleep(0)
    with pytest.raises(Refused) as refused:
        await asking
    assert refused.value.status == 503
