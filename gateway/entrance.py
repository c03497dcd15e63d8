"""Where every request comes in: not another site's, of a known caller, within its share, for a document it may ask."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope

from gateway.codes import RequestCode
from gateway.identity import Anyone, Identity
from gateway.peer import Proxies, header_values
from gateway.rate_limit import Points, charge
from gateway.request import GraphQLRequest, Refused
from gateway.trusted_documents import TrustedDocuments
from resolvers.caller import Caller

_OPERATION = 1
"""Points of any operation, whatever it asks."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A request that came in, who asks it, and to whom its points are counted."""

    request: GraphQLRequest
    caller: Caller
    client: str


class Entrance:
    """Without arguments: everybody comes in as anyone, and nothing is counted."""

    def __init__(
        self,
        identity: Identity | None = None,
        points: Points | None = None,
        documents: TrustedDocuments | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._identity = identity or Anyone()
        self._points = points
        self._documents = documents or TrustedDocuments()
        self._proxies = proxies or Proxies()

    async def enter(self, request: GraphQLRequest, scope: Scope) -> Entered:
        """Let a request in for its first point; raises Refused."""
        if request.safe:
            _check_site(scope)
        caller = await self._identity.caller(scope)
        client = f"subject {caller.subject}" if caller.subject else f"address {self._proxies.client(scope)}"
        await charge(self._points, client, _OPERATION)
        return Entered(self._documents.resolved(request), caller, client)

    async def charge(self, entered: Entered, calls: int) -> None:
        """Count the calls an operation may make, before it makes any; raises Refused."""
        if calls:
            await charge(self._points, entered.client, calls, paid=_OPERATION)

    async def caller(self, scope: Scope) -> Caller:
        """Who asks for something that is no operation; raises Refused."""
        return await self._identity.caller(scope)

    async def aclose(self) -> None:
        await self._identity.aclose()


def _check_site(scope: Scope) -> None:
    """Refuse what a page of another origin makes a browser GET: its answer's size and time would tell that page things.

    Whoever is no browser sends no such header. A POST needs none of this: its content type makes browsers ask first.
    """
    if any(value not in ("same-origin", "none") for value in header_values(scope, "sec-fetch-site")):
        raise Refused(
            403, "Another site's page may not ask by GET: ask by POST.", code=RequestCode.CSRF_PREVENTION_FAILED
        )
