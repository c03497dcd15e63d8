"""A JSON client for the servers' public APIs, as small as seeding needs: one connection, errors with the body."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode, urlsplit

Json = dict[str, Any]


class Refused(Exception):
    """An answer other than 2xx."""

    def __init__(self, method: str, path: str, status: int, body: bytes) -> None:
        super().__init__(f"{method} {path} was answered with {status}: {body[:500].decode(errors='replace')}")
        self.status = status


class Rest:
    """`headers` go with every request; paths are below the path of `url`."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=60)
        self._prefix = parts.path.rstrip("/")
        self._headers = dict(headers or {})  # and the cookie of a sign-in

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str, **query: object) -> Json:
        return self.call("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def post(self, path: str, body: object = None) -> Json:
        return self.call("POST", path, body)

    def call(self, method: str, path: str, body: object = None) -> Json:
        """The decoded answer; an empty one is an empty object, and text that is no JSON is kept as `text`."""
        data = None if body is None else json.dumps(body).encode()
        headers = self._headers if data is None else {**self._headers, "Content-Type": "application/json"}
        self._connection.request(method, self._prefix + path, data, headers)
        response = self._connection.getresponse()
        answer = response.read()
        if cookie := response.getheader("Set-Cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        if not 200 <= response.status < 300:
            raise Refused(method, path, response.status, answer)
        try:
            decoded = json.loads(answer) if answer else {}
        except ValueError:
            decoded = {"text": answer.decode()}
        return decoded if isinstance(decoded, dict) else {"items": decoded}


def segment(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def basic(username: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
