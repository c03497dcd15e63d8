"""The schema as text, for tools that read no introspection: shown to whom introspection is."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.entrance import Entrance
from gateway.request import Refused
from resolvers.caller import Caller


class SchemaTexts:
    """Makes the routes of schema texts, which all have one rule."""

    def __init__(self, entrance: Entrance, may_read: Callable[[Caller], bool]) -> None:
        self._entrance, self._may_read = entrance, may_read

    def route(self, path: str, text: str) -> Route:
        async def shown(request: Request) -> Response:
            try:
                caller = await self._entrance.caller(request.scope)
            except Refused as refused:
                return _told(refused.status, refused.message + "\n", refused.headers)
            if not self._may_read(caller):
                return _told(403, "The schema is not shown here.\n", {})
            return _told(200, text, {})

        return Route(path, shown)


def _told(status: int, text: str, headers: dict[str, str]) -> Response:
    return PlainTextResponse(text, status, {**headers, "Cache-Control": "no-store"})
