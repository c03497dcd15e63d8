"""Airflow's simple auth manager: passwords in, HS512 JSON web tokens out, and what a bad one is answered."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from itertools import count

import msgspec

from gateway.demo.airflow_query import Refusal

HEADER = {"alg": "HS512", "kid": "not-used", "typ": "JWT"}
KEY = b"a demo's key, worth nothing"


class Claims(msgspec.Struct):
    sub: str
    exp: int


class Login(msgspec.Struct):
    username: str
    password: str


class Tokens:
    """Makes and checks tokens; `users` maps name to password, and None is `simple_auth_manager_all_admins`."""

    def __init__(self, users: Mapping[str, str] | None, lifetime_s: int, clock: Callable[[], float]) -> None:
        self._users = users
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._numbers = count(1)

    def log_in(self, content_type: str, body: bytes) -> str:
        if content_type.partition(";")[0].strip() != "application/json":
            raise Refusal(415, "Only application/json or application/x-www-form-urlencoded is supported")
        try:
            login = msgspec.json.decode(body, type=Login)
        except msgspec.DecodeError as error:
            raise Refusal(422, f"1 validation error for LoginBody\n{error}") from None
        if self._users is None:
            return self._token("Anonymous")
        if not login.username or not login.password:
            raise Refusal(400, "Username and password must be provided")
        if self._users.get(login.username) != login.password:
            raise Refusal(401, "Invalid credentials")
        return self._token(login.username)

    def without_credentials(self) -> str:
        if self._users is not None:
            message = "This method is only allowed if ``[core] simple_auth_manager_all_admins`` is True"
            raise Refusal(403, message)
        return self._token("Anonymous")

    def check(self, authorization: str | None) -> None:
        """Missing or expired is 401, unreadable is 403; with all admins nothing is looked at."""
        if self._users is None:
            return
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, "Not authenticated")
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(_signature(signed), signature):
            raise Refusal(403, "Invalid JWT token")
        try:
            claims = msgspec.json.decode(_bytes(signed.partition(".")[2]), type=Claims)
        except (msgspec.DecodeError, binascii.Error):
            raise Refusal(403, "Invalid JWT token") from None
        if claims.exp <= self._clock():
            raise Refusal(401, "Token Expired")

    def _token(self, user: str) -> str:
        now = int(self._clock())
        claims: dict[str, object] = {"sub": user, "role": "admin", "teams": [], "jti": f"{next(self._numbers):032x}"}
        claims.update(aud="apache-airflow", nbf=now, exp=now + self._lifetime_s, iat=now)
        signed = f"{_text(msgspec.json.encode(HEADER))}.{_text(msgspec.json.encode(claims))}"
        return f"{signed}.{_signature(signed)}"


def _signature(signed: str) -> str:
    return _text(hmac.digest(KEY, signed.encode(), "sha512"))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
