"""The `[identity]` table: how callers are known, and what each way needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, ValidationInfo

from gateway.identity import Anyone, Identity
from gateway.jwt_identity import JwtIdentity, TokenRules
from gateway.key_set import ALGORITHMS, Algorithm, FetchedKeys, KeySet, read_key_set
from gateway.peer import Network, Proxies
from gateway.proxy_identity import ProxyIdentity
from gateway.setting_files import named_file
from gateway.source_checks import Place
from gateway.source_settings import Frozen, Url, Word, Words
from resolvers.http import HttpLimits, SourceClient


def _network(text: object) -> Network:
    try:
        return ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise ValueError("must be an address or a network like 10.0.0.0/8") from None


def _header(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise ValueError("must be the name of a header")
    return text


def _keys(name: object, info: ValidationInfo) -> KeySet:
    content = named_file(name, info)
    try:
        return read_key_set(content)
    except ValueError as error:
        raise ValueError(f"the file {error}") from None


TrustedProxies = Annotated[tuple[Annotated[Network, BeforeValidator(_network)], ...], Field(strict=False)]
Header = Annotated[str, AfterValidator(_header)]

_KEYS_OF: dict[str, tuple[str, ...]] = {
    "none": (),
    "proxy": ("anonymous", "subject_header", "roles_header", "token_header"),
    "jwt": (
        "anonymous", "issuer", "audiences", "algorithms", "jwks_url", "jwks_file", "subject_claim", "roles_claim",
    ),
}  # fmt: skip


class IdentitySettings(Frozen):
    """Who asks: nobody is asked, a proxy says it, or a signed token does."""

    kind: Literal["none", "proxy", "jwt"] = "none"
    anonymous: bool = False
    """Whether those who do not say who they are may ask, as anyone."""
    subject_header: Header = "X-User-Id"
    roles_header: Header = "X-User-Roles"
    token_header: Header | None = None
    issuer: Word | None = None
    audiences: Words = ()
    algorithms: Annotated[tuple[Algorithm, ...], Field(strict=False, min_length=1)] = ALGORITHMS
    jwks_url: Url | None = None
    keys: Annotated[InstanceOf[KeySet], BeforeValidator(_keys)] | None = Field(default=None, alias="jwks_file")
    subject_claim: Word = "sub"
    roles_claim: Word = "roles"

    def opened(self, proxies: Proxies) -> Identity:
        """The way of knowing; no call is made."""
        if self.kind == "proxy":
            return ProxyIdentity(proxies, self.subject_header, self.roles_header, self.token_header, self.anonymous)
        if self.kind == "jwt" and self.issuer:
            rules = TokenRules(self.issuer, self.audiences, self.algorithms, self.subject_claim, self.roles_claim)
            keys = self.keys or FetchedKeys(_client(self.jwks_url or ""))
            return JwtIdentity(keys, rules, anonymous=self.anonymous)
        return Anyone()


def identity_mistakes(written: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    """What the fields of the whole file's table cannot say alone; anything without the right form is left to them."""
    table, server = written.get("identity"), written.get("server")
    if not isinstance(table, dict):
        return
    kind = table.get("kind", "none")
    if not isinstance(kind, str) or kind not in _KEYS_OF:
        return
    for key in (key for keys in _KEYS_OF.values() for key in keys):
        if key in table and key not in _KEYS_OF[kind]:
            yield ("identity", key), f'has no use with kind = "{kind}"'
    if kind == "proxy" and not (isinstance(server, dict) and server.get("trusted_proxies")):
        yield ("server", "trusted_proxies"), 'is missing: identity.kind = "proxy" needs it'
    if kind == "jwt":
        for key in ("issuer", "audiences"):
            if not table.get(key):
                yield ("identity", key), 'is missing: kind = "jwt" needs it'
        if ("jwks_url" in table) == ("jwks_file" in table):
            yield ("identity", "jwks_url"), "name either an address or, as jwks_file, a file of keys"
        if isinstance(table.get("jwks_url"), str) and _in_the_open(table["jwks_url"]):
            yield ("identity", "jwks_url"), "must be https: whoever can change the keys on their way can be anyone"


def _in_the_open(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme == "http" and host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


def _client(url: str) -> SourceClient:
    return SourceClient("the tokens' issuer", url, limits=HttpLimits(response_bytes=256 * 1024, concurrency=1))
