"""The manifest of trusted documents: every text that the generated clients ask, by its SHA-256, as they send it.

`make documents` writes it anew; otherwise a client that asks what is not in it fails its test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from gateway.demo.server import ServedCall

MANIFEST = Path(__file__).parent / "documents.json"
FORMAT = "model-lifecycle-graph/trusted-documents/1"
WRITES = "WRITE_DOCUMENTS"


def read() -> dict[str, str]:
    """The documents by hash."""
    manifest: dict[str, dict[str, str]] = json.loads(MANIFEST.read_text("utf-8"))
    return manifest["documents"]


def trust(asked: Iterable[ServedCall], generated: Iterable[str] = ()) -> None:
    """Hold what a client asked, and what was generated for it, to the manifest; or write it there."""
    texts = {str(json.loads(call.body)["query"]) for call in asked if call.method == "POST"} | set(generated)
    found = {sha256(text.encode()).hexdigest(): text for text in texts}
    assert found, "the client asked nothing"
    if not os.environ.get(WRITES):
        assert {digest: text for digest, text in found.items() if digest not in read()} == {}, "run: make documents"
        return
    known = read() if MANIFEST.exists() else {}
    documents = dict(sorted({**known, **found}.items()))
    MANIFEST.write_text(json.dumps({"format": FORMAT, "documents": documents}, indent=2) + "\n", "utf-8")
