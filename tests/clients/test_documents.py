"""The committed manifest: each document under its own hash, and still valid."""

from __future__ import annotations

import json
from hashlib import sha256

from graphql import build_schema, parse, validate

from tests.clients.documents import FORMAT, MANIFEST, read
from tests.clients.node import CLIENT_SDL


def test_every_trusted_document_stands_under_its_hash_and_is_valid() -> None:
    assert json.loads(MANIFEST.read_text("utf-8"))["format"] == FORMAT
    schema = build_schema(CLIENT_SDL.read_text("utf-8"))
    documents = read()
    assert len(documents) >= 8
    for digest, text in documents.items():
        assert sha256(text.encode()).hexdigest() == digest
        assert validate(schema, parse(text)) == []
