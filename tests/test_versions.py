"""The floors below which a dependency is known to be unsafe: no index here says so, hence a test."""

from __future__ import annotations

from importlib.metadata import version

import pytest

FLOORS = {
    "aiohttp": (3, 14, 3),  # decompression, cookies over origins, the parser: nothing older is without an advisory
    "starlette": (1, 3, 1),  # the Host header poisoned request.url
    "strawberry-graphql": (0, 315, 7),  # its limiters and websockets
    "httptools": (0, 8),
}


@pytest.mark.parametrize("name", FLOORS)
def test_what_is_installed_is_new_enough(name: str) -> None:
    assert tuple(int(part) for part in version(name).split(".")[:3]) >= FLOORS[name]
