"""Which media type a client is answered in."""

from __future__ import annotations

import pytest

from gateway.answer import JSON, RESPONSE, negotiated


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        (RESPONSE, RESPONSE),
        (f"{RESPONSE}, application/json;q=0.9", RESPONSE),
        (f"{RESPONSE};q=0.5, application/json", JSON),
        (f"{RESPONSE};q=0", JSON),
        (f"{RESPONSE};q=x", JSON),
        ("text/event-stream, " + RESPONSE.upper() + "; charset=utf-8", RESPONSE),
        (",;=,,", JSON),
    ],
)
def test_negotiates_as_clients_write_it(accept: str, media_type: str) -> None:
    assert negotiated(accept) == media_type
