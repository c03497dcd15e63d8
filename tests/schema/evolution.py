"""Holds the schema to its last release: `python -m tests.schema.evolution` fails on a break the CHANGELOG does not own.

`schema/released.graphql` is the clients' schema of the last release. It is compared by graphql-core alone, so that
`make check` needs neither Node nor a network; `make clients` has graphql-inspector look at the same two files.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from graphql import build_schema as build_from_text
from graphql import find_breaking_changes

from schema.build import build_schema, client_sdl

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "schema" / "released.graphql"


def breaks(released: str, current: str) -> list[str]:
    """What no longer works for a client of the released schema, a sentence each."""
    found = find_breaking_changes(build_from_text(released), build_from_text(current))
    return sorted(change.description for change in found)


def unreleased(changelog: str) -> str:
    """The section of what is not released yet."""
    found = re.search(r"^## Unreleased$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def unowned(released: str, current: str, changelog: str) -> list[str]:
    """The breaks that the CHANGELOG's unreleased section does not tell in these very words."""
    told = " ".join(unreleased(changelog).replace("`", "").split())
    return [text for text in breaks(released, current) if text not in told]


def main() -> int:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    left = unowned(RELEASED.read_text("utf-8"), client_sdl(build_schema()), changelog)
    if left:
        print("These changes break clients of the last release. Deprecate first; or own them in CHANGELOG.md:")
    for text in left:
        print(f"  - {text}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
