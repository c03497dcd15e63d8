"""An issuer of tokens: keys of its own, tokens as asked, and its key set at an address."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import msgspec
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, serialize_compact
from starlette.types import Receive, Scope, Send

ISSUER = "https://login.example.org"
AUDIENCE = "lifecycle-graph"
Key = RSAKey | ECKey | OKPKey | OctKey


def key(kid: str, algorithm: str = "RS256") -> Key:
    """The same for each test that asks for it, as making one takes a while."""
    return _made(kid, algorithm)


@cache
def _made(kid: str, algorithm: str) -> Key:
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": algorithm})
    if algorithm == "ES256":
        return ECKey.generate_key("P-256", {"kid": kid})
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def key_set(*keys: Key) -> dict[str, object]:
    return {"keys": [each.as_dict(private=False) for each in keys]}


def claims(now: float | None = None, **more: object) -> dict[str, object]:
    moment = time.time() if now is None else now
    said = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(moment) + 300, "sub": "maya", "roles": ["studio"], **more}
    return {name: value for name, value in said.items() if value is not None}


def token(
    said: Mapping[str, object] | None = None,
    signer: Key | None = None,
    *,
    algorithm: str = "RS256",
    **head: object,
) -> str:
    """Signed by the key "first" unless another is given; the header names the signer's kid unless it says another."""
    signer = signer or key("first")
    written = {"alg": algorithm, "typ": "JWT", "kid": signer.kid, **head}
    kept = {name: value for name, value in written.items() if value is not None}
    registry = _Anything(algorithms=[algorithm], strict_check_header=False)
    return serialize_compact(kept, msgspec.json.encode(claims() if said is None else said), signer, registry=registry)


def unsigned(head: Mapping[str, object], said: Mapping[str, object] | None = None, signature: bytes = b"") -> str:
    parts = (msgspec.json.encode(head), msgspec.json.encode(claims() if said is None else said), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def hashed(secret: bytes, kid: str) -> str:
    """Signed by HS256 with a secret that anybody has: the library refuses to make such a token."""
    text = unsigned({"alg": "HS256", "typ": "JWT", "kid": kid}).rstrip(".")
    signature = hmac.digest(secret, text.encode(), "sha256")
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


class _Anything(JWSRegistry):
    """Signs what the gateway must refuse, too."""

    def check_header(self, header: dict[str, object]) -> None:
        pass

    def get_alg(self, name: str):  # type: ignore[no-untyped-def] # the library's own type is not exported with it
        return self.algorithms[name]


@dataclass
class Issuer:
    """Serves a key set, or fails as told; counts how often it is asked."""

    document: object = field(default_factory=lambda: key_set(key("first")))
    status: int = 200
    asked: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        assert not any(name == b"authorization" for name, _ in scope["headers"])
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": msgspec.json.encode(self.document)})
