"""Nothing but the one door speaks HTTP to anybody: everything it promises holds for all calls, or for none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOOR = "resolvers/upstream/exchange.py"
CLIENTS = ("aiohttp", "httpx", "requests", "urllib3", "urllib.request", "http.client", "socket")
SERVES = {
    "gateway/server.py": {"socket"},  # it listens
}


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_the_door_imports_a_client() -> None:
    """The demo is the sources' side, and no part of the gateway."""
    found = set()
    for file in [path for package in ("gateway", "resolvers", "schema") for path in (ROOT / package).rglob("*.py")]:
        name = file.relative_to(ROOT).as_posix()
        modules = set(imported(file)) - SERVES.get(name, set())
        clients = [one for one in modules if any(one == client or one.startswith(f"{client}.") for client in CLIENTS)]
        if clients and not name.startswith("gateway/demo/"):
            found.add(name)
    assert found == {DOOR}
