"""Who asks: one protocol, one module per way of knowing. A caller is known, anyone, or refused; never guessed."""

from __future__ import annotations

import logging
from typing import Protocol

from starlette.types import Scope

from gateway.codes import RequestCode
from gateway.request import Refused
from resolvers.caller import ANYONE, Caller

log = logging.getLogger(__name__)

MAX_TOKEN_BYTES = 8 * 1024
MAX_SUBJECT = 256
MAX_ROLES = 256


class Identity(Protocol):
    """One way of knowing who asks, from the head of a request alone."""

    async def caller(self, scope: Scope) -> Caller:
        """Raises Refused where a caller cannot be believed, or must be known and is not."""

    async def aclose(self) -> None: ...


class Anyone:
    """Asks nobody who they are, and believes nobody who says it."""

    async def caller(self, scope: Scope) -> Caller:  # noqa: ARG002 - the protocol's
        return ANYONE

    async def aclose(self) -> None:
        pass


def unknown(why: str) -> Refused:
    """The refusal of a caller. Why is for the log only, and is no text that was sent."""
    log.warning("a caller is not known: %s", why)
    return Refused(
        401,
        "Say who asks.",
        {"WWW-Authenticate": 'Bearer realm="graph"'},
        code=RequestCode.UNAUTHENTICATED,
    )


def usable_subject(text: object) -> str:
    """A name that may go into logs and keys; raises Refused."""
    if not isinstance(text, str) or not text or len(text) > MAX_SUBJECT or not text.isprintable() or "\ufffd" in text:
        raise unknown("the subject is missing, too long or not printable")
    return text
