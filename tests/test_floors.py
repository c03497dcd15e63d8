"""The oldest versions that may be installed: below them are faults that anybody can use, listed beside each.

An audit of the index knows no faults, so the list is kept by hand.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = {
    "aiohttp": "3.14.3",  # decompression without bound, credentials and cookies kept over redirects, its parsers
    "starlette": "1.3.1",  # Host put into request.url (CVE-2026-48710), limits of forms (CVE-2026-54283)
    "strawberry-graphql": "0.315.7",  # aliases and cycles past its limiters (CVE-2026-47706, -47707)
    "joserfc": "1.8",  # what the tests of tokens hold was held with these two
    "cryptography": "50.0",
    "httptools": "0.8",
}


@pytest.mark.parametrize("name", FLOORS)
def test_nothing_older_than_its_floor_is_asked_for_or_installed(name: str) -> None:
    asked = (ROOT / "requirements" / "runtime.in").read_text("utf-8")
    locked = (ROOT / "requirements" / "runtime.txt").read_text("utf-8")
    found = [re.search(rf"^{name}[>=]=([0-9.]+)", text, re.MULTILINE) for text in (asked, locked)]
    for known in (*(each[1] if each else "0" for each in found), version(name)):
        assert _parts(known) >= _parts(FLOORS[name])


def _parts(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]
