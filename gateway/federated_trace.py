"""Apollo's federated tracing (ftv1): how long each field of one operation took, in the form routers collect.

The message is `Trace` of Apollo's reports.proto; its few fields are written here, as a library for protocol buffers
would be one dependency for one message.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable

from graphql import GraphQLResolveInfo

HEADER = "apollo-federation-include-trace"
_BILLION = 1_000_000_000

Key = str | int


@dataclass(slots=True)
class _Node:
    """A field by its response name, or an item by its index; times count from the start, in nanoseconds."""

    name: str = ""
    type: str = ""
    parent: str = ""
    start: int = 0
    end: int = 0
    errors: list[str] = field(default_factory=list)
    children: dict[Key, _Node] = field(default_factory=dict)

    def at(self, path: Iterable[Key]) -> _Node:
        node = self
        for key in path:
            node = node.children.setdefault(key, _Node())
        return node

    def encoded(self, key: Key | None = None) -> bytes:
        named = b"" if key is None else _number(2, key) if isinstance(key, int) else _text(1, key)
        own = named + _text(3, self.type) + _some(8, self.start) + _some(9, self.end)
        own += b"".join(_bytes(11, _text(1, message)) for message in self.errors)
        own += b"".join(_bytes(12, child.encoded(name)) for name, child in self.children.items())
        return own + _text(13, self.parent) + (_text(14, self.name) if self.name != key else b"")


class Trace:
    """One operation's; `resolve` is a middleware of the executor's."""

    def __init__(self) -> None:
        self._began, self._start = time.time_ns(), time.perf_counter_ns()
        self._root = _Node()

    def resolve(
        self, following: Callable[..., object], source: object, info: GraphQLResolveInfo[object], **given: object
    ) -> object:
        node = self._root.at(info.path.as_list())
        node.name, node.type, node.parent = info.field_name, str(info.return_type), info.parent_type.name
        node.start = self._elapsed()
        try:
            found = following(source, info, **given)
        finally:
            node.end = self._elapsed()
        return self._awaited(node, found) if isawaitable(found) else found

    def encoded(self, errors: Iterable[Mapping[str, object]]) -> str:
        """The trace, with the errors as the answer shows them."""
        for error in errors:
            path = error.get("path")
            node = self._root.at(path) if isinstance(path, list) else self._root
            node.errors.append(str(error["message"]))
        duration = self._elapsed()
        message = _bytes(4, _moment(self._began)) + _bytes(3, _moment(self._began + duration))
        return b64encode(message + _number(11, duration) + _bytes(14, self._root.encoded())).decode("ascii")

    async def _awaited(self, node: _Node, found: Awaitable[object]) -> object:
        try:
            return await found
        finally:
            node.end = self._elapsed()

    def _elapsed(self) -> int:
        return time.perf_counter_ns() - self._start


def _moment(at: int) -> bytes:
    return _some(1, at // _BILLION) + _some(2, at % _BILLION)


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _number(place: int, value: int) -> bytes:
    return _varint(place << 3) + _varint(value)


def _some(place: int, value: int) -> bytes:
    """A number, left out where it is zero, as readers take it to be then."""
    return _number(place, value) if value else b""


def _bytes(place: int, value: bytes) -> bytes:
    return _varint(place << 3 | 2) + _varint(len(value)) + value


def _text(place: int, value: str) -> bytes:
    return _bytes(place, value.encode()) if value else b""
