"""Reads the little of YAML that docker/compose.yaml uses, and refuses the rest rather than guess at it.

Nested mappings, lists of scalars, anchors with merge keys; flow lists as JSON writes them. No YAML library is locked.
"""

from __future__ import annotations

import json
import re
from typing import Any

Node = dict[str, Any]
Line = tuple[int, str]

_PLAIN = re.compile(r"[^&!|>{%@`\-\s#'\"\[*](?:(?!: | #).)*")


class NotRead(Exception):
    """A line that is YAML of another kind, or none."""


def read(text: str) -> Node:
    lines = [
        (len(line) - len(line.lstrip()), line.strip())
        for line in text.splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    node, left = _block(lines, 0, {})
    if left or not isinstance(node, dict):
        raise NotRead(left[:1])
    return node


def _block(lines: list[Line], indent: int, anchors: Node) -> tuple[Any, list[Line]]:
    """The mapping or list whose lines are indented like this, and the lines after it."""
    if lines[0][1].startswith("- "):
        items = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
            items.append(_scalar(lines[0][1][2:], anchors))
            lines = lines[1:]
        return items, lines
    own: Node = {}
    merged: Node = {}
    while lines and lines[0][0] == indent:
        found = re.fullmatch(r"([\w.-]+|<<):(?: +(?:&([\w-]+)$)?(.*))?", lines[0][1])
        if not found or found[1] in own:
            raise NotRead(lines[0])
        key, anchor, rest = found.groups(default="")
        lines = lines[1:]
        value: Any = None
        if rest:
            value = _scalar(rest, anchors)
        elif lines and lines[0][0] > indent:
            value, lines = _block(lines, lines[0][0], anchors)
        if anchor:
            anchors[anchor] = value
        if key == "<<":
            merged = value
        else:
            own[key] = value
    return merged | own, lines


def _scalar(text: str, anchors: Node) -> Any:
    if text.startswith("*"):
        return anchors[text[1:]]
    if text.startswith(('"', "[")):
        return json.loads(text)
    if re.fullmatch(r"'[^']*'", text):
        return text[1:-1]
    if not _PLAIN.fullmatch(text):
        raise NotRead(text)
    return int(text) if text.isdecimal() else {"true": True, "false": False}.get(text, text)
