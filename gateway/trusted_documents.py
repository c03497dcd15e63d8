"""The documents that an operator trusts, by their hash: clients may send the hash alone, and strangers nothing else."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Literal

import msgspec

from gateway.codes import RequestCode
from gateway.request import GraphQLRequest, Refused

log = logging.getLogger(__name__)

Mode = Literal["off", "warn", "require"]
_MAX_TOLD = 1000


class TrustedDocuments:
    """Finds the text of a hash. `warn` logs the hash of each text that is not trusted, `require` runs none of these."""

    def __init__(self, mode: Mode = "off", texts: Mapping[str, str] | None = None) -> None:
        self._mode, self._texts = mode, texts or {}
        self._told: OrderedDict[str, None] = OrderedDict()

    def resolved(self, request: GraphQLRequest) -> GraphQLRequest:
        """The request with the text that is to be run; raises Refused."""
        digest = sha256(request.query.encode()).hexdigest() if request.query else ""
        if request.document_hash and digest and request.document_hash != digest:
            raise Refused(400, "The hash is not that of `query`.")
        digest = digest or request.document_hash
        known = self._texts.get(digest)
        if known is None and (not request.query or self._mode == "require"):
            raise Refused(
                400,
                "No trusted document has this hash." if request.document_hash else "This document is not trusted.",
                code=RequestCode.PERSISTED_DOCUMENT_NOT_FOUND,
            )
        if known is None and self._mode == "warn":
            self._tell(digest)
        return replace(request, query=known or request.query)

    def _tell(self, digest: str) -> None:
        if digest not in self._told:
            log.warning("a document that is not trusted was asked: sha256 %s", digest)
        self._told[digest] = None
        while len(self._told) > _MAX_TOLD:
            self._told.popitem(last=False)


def read_manifest(written: bytes) -> dict[str, str]:
    """Texts by hash: `{hash: text}` as graphql-codegen writes it, or the same under "documents"; raises ValueError."""
    try:
        given = msgspec.json.decode(written)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("is not JSON") from None
    listed = given.get("documents", given) if isinstance(given, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise ValueError("holds no documents: it must be an object of texts by their hash")
    texts = {}
    for name, text in listed.items():
        digest = name.removeprefix("sha256:").lower()
        if not re.fullmatch(r"[0-9a-f]{64}", digest) or not isinstance(text, str):
            raise ValueError(f"has an entry that is no text by its SHA-256: {name[:80]!r}")
        if sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != digest:
            raise ValueError(f"has a text that is not the one of its hash: {name[:80]!r}")
        texts[digest] = text
    return texts
