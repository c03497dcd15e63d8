"""A source that answers all but some requests as ever."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


def refusing(app: ASGIApp, text: bytes, status: int = 403) -> ASGIApp:
    """The application, but requests with the text in their address get this status."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and text in scope["raw_path"] + b"?" + scope["query_string"]:
            body = b'{"detail": "No"}'
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await app(scope, receive, send)

    return answer
