"""Paths and queries of upstream calls: encoded here, once, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from yarl import URL

from resolvers.errors import SourceBadResponse

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `segments` are raw path segments after the base URL; a body of bytes is a form, any other JSON."""

    method: str
    segments: Sequence[str]
    query: Query = ()
    body: object = None


class Targets:
    """Where the requests of one source go: nothing but addresses below its base URL."""

    def __init__(self, source: str, base_url: str) -> None:
        self._source = source
        self._base = base_url.rstrip("/")
        self._path = URL(self._base, encoded=True).raw_path.rstrip("/")

    def path(self, request: Request) -> str:
        """Path and query as they are sent; raises SourceBadResponse for a key that can be no path segment."""
        text = self._path + "".join(f"/{_segment(self._source, segment)}" for segment in request.segments) or "/"
        if request.query:
            text += "?" + "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in request.query)
        return text

    def url(self, path: str) -> URL:
        """The address of a path made here, held to be sent as it is."""
        url = URL(self._base + path[len(self._path) :], encoded=True)
        if url.raw_path_qs != path:
            raise SourceBadResponse(self._source, f"{self._source} cannot be asked for a key of this form.")
        return url


def query_bytes(query: Query) -> int:
    """How long a query is once encoded, for adapters that keep their URLs short."""
    return sum(len(_encoded(key)) + len(_encoded(value)) + 2 for key, value in query)


def unusable_as_segment(text: str) -> bool:
    """Whether a text can be no single path segment: it would name another resource, or be changed on the way."""
    return (
        text in ("", ".", "..")
        or any(ord(character) < 32 or ord(character) == 127 for character in text)
        or (not text.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in text))
    )  # fmt: skip


def _segment(source: str, text: str) -> str:
    if unusable_as_segment(text):
        raise SourceBadResponse(source, f"{source} cannot be asked for a key of this form.")
    return quote(text, safe="")


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="replace")
