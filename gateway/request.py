"""What a client sends, read with bounds: whatever it is, it becomes a request or a plain refusal."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from gateway.codes import RequestCode
from gateway.json_values import BadJson, read_json

MAX_BODY_BYTES = 256 * 1024
# Read on past the limit, so that a client still sending hears the refusal; what is past this is cut off.
_READ_ON_BYTES = 4 * 1024 * 1024
BODY_S = 10.0
"""In which a body must have come whole."""
MAX_VARIABLES_BYTES = 64 * 1024
MAX_HEADERS_BYTES = 32 * 1024
MAX_HEADER_BYTES = 8 * 1024
"""Of one header, so of a token."""


class Refused(Exception):
    """A request that is not let in: the HTTP status, what is wrong, and its code. `more` is shown beside the code."""

    def __init__(
        self,
        status: int,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        code: str = RequestCode.BAD_REQUEST,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, dict(headers or {})
        self.extensions = {"code": str(code), **(more or {})}


class ClientLeft(Exception):
    """Nobody waits for an answer any more."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of GraphQL over HTTP. `safe` came by GET, and may be nothing but a query.

    Where `query` is empty, `document_hash` says which text is meant.
    """

    query: str
    variables: dict[str, object] = field(default_factory=dict)
    operation_name: str | None = None
    extensions: dict[str, object] = field(default_factory=dict)
    safe: bool = False
    document_hash: str = ""


def check_headers(scope: Scope) -> None:
    """Raises Refused where there is more of them than anybody needs, before anything of them is believed."""
    sizes = [len(name) + len(value) for name, value in scope["headers"]]
    if sum(sizes) > MAX_HEADERS_BYTES or max(sizes, default=0) > MAX_HEADER_BYTES:
        said = f"Send at most {MAX_HEADERS_BYTES} bytes of headers, and {MAX_HEADER_BYTES} in each."
        raise Refused(431, said, code=RequestCode.MAX_HEADERS_LIMIT)


async def read_post(scope: Scope, receive: Receive) -> GraphQLRequest:
    """A POST of JSON; raises Refused or ClientLeft."""
    headers = Headers(scope=scope)
    _check_content(headers)
    body = await _body(headers, receive)
    return _request(_json(body, "The body"), safe=False)


def read_get(scope: Scope) -> GraphQLRequest | None:
    """The query in a GET's address, None where there is none; raises Refused."""
    try:
        text = bytes(scope["query_string"]).decode("ascii")
        pairs = dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError:
        raise Refused(400, "The address is not well formed.") from None
    if pairs.keys().isdisjoint(("query", "documentId", "extensions")):
        return None
    given: dict[str, object] = {name: pairs.get(name) for name in ("query", "documentId", "operationName")}
    for name in ("variables", "extensions"):
        if pairs.get(name):
            given[name] = _json(pairs[name].encode(), f"`{name}`")
    return _request(given, safe=True)


def _check_content(headers: Headers) -> None:
    media_type, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charsets = [part.partition("=")[2].strip('" ') for part in parameters if part.startswith("charset")]
    if media_type != "application/json" or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise Refused(415, "Send application/json in UTF-8.", {"Accept-Post": "application/json"})
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "Send the body without a content encoding.", {"Accept-Encoding": "identity"})


async def _body(headers: Headers, receive: Receive) -> bytes:
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:15]) > _READ_ON_BYTES:
        raise _too_large(close=True)
    body, size, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(BODY_S):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeft
                chunk = message.get("body", b"")
                size += len(chunk)
                if size <= MAX_BODY_BYTES:
                    body += chunk
                elif size > _READ_ON_BYTES:
                    raise _too_large(close=True)
                more = message.get("more_body", False)
    except TimeoutError:
        raise Refused(408, f"The body did not arrive within {BODY_S:g} s.", {"Connection": "close"}) from None
    if size > MAX_BODY_BYTES:
        raise _too_large(close=False)
    return bytes(body)


def _too_large(*, close: bool) -> Refused:
    headers = {"Connection": "close"} if close else None
    said = f"The body has more than {MAX_BODY_BYTES} bytes."
    return Refused(413, said, headers, code=RequestCode.MAX_BODY_LIMIT)


def _json(text: bytes, what: str) -> object:
    try:
        return read_json(text, what)
    except BadJson as bad:
        raise Refused(400, bad.message, code=bad.code) from None


def _request(given: object, *, safe: bool) -> GraphQLRequest:
    if isinstance(given, list):
        raise Refused(400, "Send one operation a request: batches are not taken.")
    if not isinstance(given, dict):
        raise Refused(400, "The body must be a JSON object with `query`.")
    query, name = given.get("query"), given.get("operationName")
    document_hash = _hash(given.get("documentId"), given.get("extensions"))
    if query is None and document_hash:
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise Refused(400, "`query` must be a GraphQL document.")
    if name is not None and not isinstance(name, str):
        raise Refused(400, "`operationName` must be a text.")
    variables = _object(given, "variables")
    if len(msgspec.json.encode(variables)) > MAX_VARIABLES_BYTES:
        said = f"`variables` has more than {MAX_VARIABLES_BYTES} bytes."
        raise Refused(413, said, code=RequestCode.MAX_VARIABLES_LIMIT)
    return GraphQLRequest(query, variables, name or None, _object(given, "extensions"), safe, document_hash)


def _hash(document_id: object, extensions: object) -> str:
    """The SHA-256 that stands for a document, as `documentId` or as Apollo's clients send it; empty without either.

    Raises Refused where it is no such hash, or two differ.
    """
    said = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    listed = [document_id, said.get("sha256Hash") if isinstance(said, dict) else said]
    hashes = set()
    for each in listed:
        if each is None:
            continue
        text = each.removeprefix("sha256:").lower() if isinstance(each, str) else ""
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise Refused(400, "The hash of a document must be its SHA-256, in hexadecimal digits.")
        hashes.add(text)
    if len(hashes) > 1:
        raise Refused(400, "`documentId` and `persistedQuery` name two documents.")
    return hashes.pop() if hashes else ""


def _object(given: Mapping[str, object], name: str) -> dict[str, object]:
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(400, f"`{name}` must be an object.")
    return value
