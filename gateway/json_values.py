"""JSON that a client sends, read so that it means one thing to everybody: no key twice, nesting bounded."""

from __future__ import annotations

import json
from typing import cast

import msgspec

from gateway.codes import RequestCode

DEPTH = 64


class BadJson(Exception):
    """A text that is not taken: what is wrong with it, and the code that says so."""

    def __init__(self, message: str, code: RequestCode = RequestCode.BAD_REQUEST) -> None:
        super().__init__(message)
        self.message, self.code = message, code


def read_json(text: bytes, what: str) -> object:
    """The value; raises BadJson, in which `what` says what was read."""
    try:
        value = cast("object", msgspec.json.decode(text))
        # msgspec takes the last of several equal keys, another reader may take the first.
        json.loads(text, object_pairs_hook=_once)
    except (msgspec.MsgspecError, ValueError):
        raise BadJson(f"{what} cannot be read as JSON.") from None
    except RecursionError:
        raise _too_deep(what) from None
    if _depth(value) > DEPTH:
        raise _too_deep(what)
    return value


def _once(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError


def _too_deep(what: str) -> BadJson:
    return BadJson(f"{what} has more than {DEPTH} levels.", RequestCode.MAX_JSON_DEPTH_LIMIT)


def _depth(value: object) -> int:
    depth, level = 0, [value]
    while level and depth <= DEPTH:
        depth += 1
        level = [below for item in level for below in _parts(item)]
    return depth


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
