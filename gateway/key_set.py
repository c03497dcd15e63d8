"""The public keys of an issuer of tokens: from a file, or from its address, asked for seldom and kept for a while."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from resolvers.errors import SourceError
from resolvers.http import SourceClient
from resolvers.operation import until

log = logging.getLogger(__name__)

Key = RSAKey | ECKey | OKPKey

Algorithm = Literal["RS256", "ES256", "EdDSA"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256", "EdDSA")
"""Those that may be allowed; each has one kind of key, so that none can be checked with another's."""
SPELLINGS = {"Ed25519": "EdDSA"}
"""RFC 9864's name for what most issuers still write the old way."""
_ALGORITHM_OF: Mapping[tuple[object, object], str] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
_CLASSES: Mapping[str, type[Key]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
_MEMBERS = {"RS256": ("kty", "n", "e"), "ES256": ("kty", "crv", "x", "y"), "EdDSA": ("kty", "crv", "x")}
_MAX_KEYS = 100
# Characters of base64url: 2048 to 8192 bits. Shorter ones can be broken, longer ones take a second to check.
_RSA_MODULUS = (342, 1366)
_FETCH_S = 3.0


class KeysUnavailable(Exception):
    """No keys are known, and none can be had now."""


class Keys(Protocol):
    """Where keys come from."""

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The key that a token names; raises KeysUnavailable."""

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Named:
    kid: str | None
    algorithm: str
    key: Key


class KeySet:
    """The usable keys of one JWKS document; those for encryption, secret, weak or of unknown kinds are left out."""

    def __init__(self, document: object) -> None:
        """Raises ValueError where the document is no key set, or holds no key to check a signature with."""
        listed = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(listed, list) or len(listed) > _MAX_KEYS:
            raise ValueError(f"is no JSON Web Key Set of at most {_MAX_KEYS} keys")
        self._keys = tuple(named for each in listed if isinstance(each, dict) and (named := _named(each)))
        if not self._keys:
            raise ValueError(f"holds no public key for {', '.join(ALGORITHMS)}")

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        """A token that names no key is checked where only one can be meant."""
        found = [named.key for named in self._keys if named.algorithm == algorithm and kid in (None, named.kid)]
        return found[0] if len(found) == 1 else None

    async def aclose(self) -> None:
        pass


class FetchedKeys:
    """Keys of an address. Held for an hour while their issuer is down; asked for once at a time, and seldom."""

    def __init__(
        self,
        client: SourceClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        refresh_s: float = 600.0,
        keep_s: float = 3600.0,
        between_s: float = 30.0,
        without_s: float = 5.0,
    ) -> None:
        self._client, self._clock = client, clock
        self._refresh_s, self._keep_s = refresh_s, keep_s
        self._between_s, self._without_s = between_s, without_s
        self._keys: KeySet | None = None
        self._fetched_at = self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> Key | None:
        if self._known() is None:
            await self._ask(self._without_s)
        elif self._clock() - self._fetched_at >= self._refresh_s:
            self._start(self._between_s)
        found = await self._found(kid, algorithm)
        if found is None and await self._ask(self._between_s):
            found = await self._found(kid, algorithm)
        return found

    async def aclose(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        await self._client.aclose()

    async def _found(self, kid: str | None, algorithm: str) -> Key | None:
        known = self._known()
        if known is None:
            raise KeysUnavailable
        return await known.find(kid, algorithm)

    def _known(self) -> KeySet | None:
        return self._keys if self._clock() - self._fetched_at < self._keep_s else None

    async def _ask(self, between_s: float) -> bool:
        """Wait for the keys that are being asked for; whether there were any to wait for."""
        asking = self._start(between_s)
        if asking is None:
            return False
        # Whoever leaves ends only the own waiting.
        await asyncio.wait({asking})
        return True

    def _start(self, between_s: float) -> asyncio.Task[None] | None:
        if self._asking is None and self._clock() - self._asked_at >= between_s:
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._fetch())
        return self._asking

    async def _fetch(self) -> None:
        try:
            with until(asyncio.get_running_loop().time() + _FETCH_S):
                answer = await self._client.get(())
            self._keys, self._fetched_at = KeySet(answer.read(dict)), self._clock()
        except SourceError as error:
            log.warning("the keys of tokens cannot be had: %s", error.message)
        except ValueError as error:
            log.warning("the keys of tokens cannot be had: the answer %s", error)
        finally:
            self._asking = None


def read_key_set(text: bytes) -> KeySet:
    """The keys of a file; raises ValueError."""
    try:
        return KeySet(msgspec.json.decode(text))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None


def _named(written: Mapping[str, object]) -> _Named | None:
    """One key, from its public members alone."""
    kind = (written.get("kty"), written.get("crv"))
    algorithm, operations = _ALGORITHM_OF.get(kind), written.get("key_ops")
    said = written.get("alg", algorithm)
    if algorithm is None or (said != algorithm and SPELLINGS.get(str(said)) != algorithm):
        return None
    if written.get("use", "sig") != "sig" or (isinstance(operations, list) and "verify" not in operations):
        return None
    if kind[0] == "RSA" and not _strong(written.get("n")):
        return None
    kid = written.get("kid")
    members: dict[str, str | list[str]] = {
        name: value for name in _MEMBERS[algorithm] if isinstance(value := written.get(name), str)
    }
    try:
        key = _CLASSES[algorithm].import_key(members)
    except (JoseError, ValueError, TypeError):
        return None
    return _Named(kid if isinstance(kid, str) else None, algorithm, key)


def _strong(modulus: object) -> bool:
    least, most = _RSA_MODULUS
    return isinstance(modulus, str) and least <= len(modulus) <= most
