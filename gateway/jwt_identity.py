"""Who asks, as a signed token says: checked against an issuer's keys, its issuer, its audience and its times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwa import JWSAlgModel
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.jwt import JWTClaimsRegistry
from starlette.types import Scope

from gateway.codes import RequestCode
from gateway.identity import MAX_ROLES, MAX_TOKEN_BYTES, log, unknown, usable_subject
from gateway.key_set import SPELLINGS, Keys, KeysUnavailable
from gateway.peer import header_values
from gateway.request import Refused
from resolvers.caller import ANYONE, Caller

LEEWAY_S = 30
_TYPES = ("jwt", "at+jwt", "application/jwt", "application/at+jwt")
_RETRY_S = 5


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say, and where in it to read."""

    issuer: str
    audiences: Sequence[str]
    algorithms: Sequence[str]
    subject_claim: str = "sub"
    roles_claim: str = "roles"
    """A claim of this name, or a path of names with dots between: `realm_access.roles`."""


class JwtIdentity:
    """Believes bearer tokens of one issuer. A refusal never says what was wrong with a token."""

    def __init__(
        self, keys: Keys, rules: TokenRules, *, anonymous: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        self._keys, self._rules, self._anonymous = keys, rules, anonymous
        self._registry = _Registry(rules.algorithms)
        self._claims = JWTClaimsRegistry(
            now=lambda: int(now()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": rules.issuer},
            aud={"essential": True, "values": list(rules.audiences)},
            exp={"essential": True},
        )

    async def caller(self, scope: Scope) -> Caller:
        sent = header_values(scope, "authorization")
        if not sent and self._anonymous:
            return ANYONE
        token = _bearer(sent)
        try:
            claims = await self._checked(token)
        except KeysUnavailable:
            log.warning("no caller can be known: there are no keys to check tokens with")
            raise Refused(
                503,
                "Who asks cannot be checked now; ask again later.",
                {"Retry-After": str(_RETRY_S)},
                code=RequestCode.SOURCE_UNAVAILABLE,
                more={"retryable": True, "retryAfterMs": _RETRY_S * 1000},
            ) from None
        except (JoseError, msgspec.MsgspecError, ValueError, TypeError, RecursionError) as error:
            # Texts of these errors may repeat what was sent; their kind says enough.
            raise unknown(f"the token was refused ({type(error).__name__})") from None
        return Caller(usable_subject(claims.get(self._rules.subject_claim)), self._roles(claims), token)

    async def aclose(self) -> None:
        await self._keys.aclose()

    async def _checked(self, token: str) -> Mapping[str, object]:
        signed = extract_compact(token.encode("ascii"), registry=self._registry)
        kid, algorithm = self._head(signed)
        key = await self._keys.find(kid, algorithm)
        if key is None:
            raise unknown("no key of the issuer is the token's")
        if not validate_compact(signed, key, registry=self._registry):
            raise unknown("the token's signature is not the issuer's")
        claims = msgspec.json.decode(signed.payload, type=dict[str, object])
        self._claims.validate(claims)
        return claims

    def _head(self, signed: CompactSignature) -> tuple[str | None, str]:
        """Which key and algorithm a token names. Neither its header's keys nor its addresses are ever looked at."""
        head = signed.headers()
        algorithm, kid, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
        if not isinstance(algorithm, str) or not self._registry.takes(algorithm):
            raise unknown("the token's algorithm is not allowed")
        if "crit" in head or "b64" in head:
            raise unknown("the token wants extensions to be understood")
        if not isinstance(kind, str) or kind.lower() not in _TYPES or not isinstance(kid, str | None):
            raise unknown("the token's header is not that of a signed token for access")
        return kid, SPELLINGS.get(algorithm, algorithm)

    def _roles(self, claims: Mapping[str, object]) -> frozenset[str]:
        """None where the claim is missing or of another form: fewer roles show less."""
        value = claims.get(self._rules.roles_claim)
        if value is None:
            value = claims
            for name in self._rules.roles_claim.split("."):
                value = value.get(name) if isinstance(value, dict) else None
        named = value.split() if isinstance(value, str) else value if isinstance(value, list) else []
        roles = frozenset(role for role in named if isinstance(role, str) and role)
        if len(roles) > MAX_ROLES:
            raise unknown("the roles are too many")
        return roles


class _Registry(JWSRegistry):
    """The algorithms of the settings, no others; headers of issuers' own are ignored, as RFC 7515 says."""

    max_header_length = 2048

    def __init__(self, algorithms: Sequence[str]) -> None:
        allowed = [name for name in (*algorithms, *SPELLINGS) if SPELLINGS.get(name, name) in algorithms]
        super().__init__(algorithms=allowed, strict_check_header=False)
        self._allowed = frozenset(allowed)

    def takes(self, name: str) -> bool:
        return name in self._allowed

    def get_alg(self, name: str) -> JWSAlgModel:
        # The library's own warns of EdDSA at each token, because RFC 9864 gave it another name.
        if name not in self._allowed:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _bearer(sent: Sequence[str]) -> str:
    """The token of an Authorization header, nothing of it decoded yet; raises Refused."""
    if len(sent) != 1:
        raise unknown("there is no token" if not sent else "there are several Authorization headers")
    scheme, _, token = sent[0].partition(" ")
    token = token.strip()
    if len(sent[0]) > MAX_TOKEN_BYTES:
        raise unknown(f"the token has more than {MAX_TOKEN_BYTES} bytes")
    if scheme.lower() != "bearer" or not token.isascii() or token.count(".") != 2:
        raise unknown("the Authorization header holds no bearer token of this kind")
    return token
