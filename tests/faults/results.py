"""Writes RESULTS.md: the campaign's table, with its date and the versions it was run with."""

from __future__ import annotations

import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.faults.result import Result
from tests.faults.site import Pace

FILE = Path(__file__).parent / "RESULTS.md"
PACKAGES = ("aiohttp", "graphql-core", "msgspec", "starlette", "strawberry-graphql", "uvicorn")
_HEAD = """# The fault campaign: results

Written by `make campaign`. A proxy of our own stands before each source and breaks what the first column says; the
gateway is asked for fields of all sources. An answer is *right* where the fields of the other sources are what they
were, nothing is shown that was not there before, and whatever is missing is said once, with its code. *Slowest* is the
slowest answer and its bound in seconds, *calls* what the source got and the most it may get, *back* how many seconds
after the fault the answer was what it had been.
"""


def write_table(results: Sequence[Result], pace: Pace) -> None:
    holding = sum(result.holds for result in results)
    lines = [
        f"{holding} of {len(results)} rows hold. {_stamp()}; {pace.requests} answers a row, deadline "
        f"{pace.deadline_s:g} s, an attempt {pace.attempt_s:g} s, a probe each {pace.probe_s:g} s.",
        "",
        "| fault | source | right | slowest | calls | back | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *map(_line, results),
    ]
    _replace("table", "\n".join(lines))


def write_soak(text: str) -> None:
    _replace("soak", f"## Soak\n\n{_stamp()}.\n\n{text}")


def _line(result: Result) -> str:
    back = "" if result.back_s is None else f"{result.back_s:.1f}"
    return (
        f"| {result.row} | {result.source} | {result.right} of {result.answers} | {result.slowest_s:.2f} of "
        f"{result.bound_s:g} | {result.calls} of {result.most_calls} | {back} | "
        f"{'holds' if result.holds else '**fails**: ' + result.faults[0][:120].replace('|', '/')} |"
    )


def _stamp() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; Python {platform.python_version()}, {packages}"


def _replace(part: str, text: str) -> None:
    """Write one part of the file and keep the other."""
    parts = {"table": "", "soak": ""}
    if FILE.exists():
        for name in parts:
            found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", FILE.read_text(), re.DOTALL)
            parts[name] = found[1] if found else ""
    parts[part] = text
    body = "\n\n".join(f"<!-- {name} -->\n{text}\n<!-- end of {name} -->" for name, text in parts.items())
    FILE.write_text(f"{_HEAD}\n{body}\n")
