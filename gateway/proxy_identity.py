"""Who asks, as an authenticating proxy in front of the gateway says in headers."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from gateway.identity import MAX_ROLES, MAX_TOKEN_BYTES, unknown, usable_subject
from gateway.peer import Proxies, header_values
from resolvers.caller import ANYONE, Caller


@dataclass(frozen=True, slots=True)
class ProxyIdentity:
    """Believes the headers of listed proxies. From anybody else they are refused, so that a hole is seen."""

    proxies: Proxies
    subject_header: str
    roles_header: str
    token_header: str | None = None
    """The caller's own token, for sources it is forwarded to."""
    anonymous: bool = False

    async def caller(self, scope: Scope) -> Caller:
        subject = self._one(scope, self.subject_header)
        roles = self._one(scope, self.roles_header)
        token = self._one(scope, self.token_header) if self.token_header else ""
        if not self.proxies.sent(scope):
            if subject or roles:
                raise unknown("headers of a proxy came from an address that is not listed")
            token = ""
        if not subject:
            if roles or not self.anonymous:
                raise unknown("no proxy said who asks")
            return ANYONE
        names = frozenset(name for part in roles.split(",") if (name := part.strip()))
        if len(names) > MAX_ROLES or not roles.isprintable():
            raise unknown("the roles are too many or not printable")
        return Caller(usable_subject(subject), names, _bare(token))

    async def aclose(self) -> None:
        pass

    @staticmethod
    def _one(scope: Scope, name: str) -> str:
        values = header_values(scope, name)
        if len(values) > 1:
            raise unknown("a header that says who asks came twice")
        return values[0] if values else ""


def _bare(token: str) -> str:
    scheme, _, rest = token.partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else token
    if len(token) > MAX_TOKEN_BYTES or not (token.isascii() and token.isprintable()) or " " in token:
        raise unknown("the token that was passed on is none")
    return token
