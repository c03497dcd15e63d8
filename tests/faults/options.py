"""What a fault is told: values by name, each read as what it must be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from tests.faults.exchange import Exchange

State = dict[str, object]
"""What a rule remembers from one request to the next."""


class Options:
    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    def number(self, name: str, default: float = 0.0) -> float:
        value = self._values.get(name, default)
        assert isinstance(value, int | float)
        return value

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name, default)
        assert isinstance(value, str)
        return value

    def value(self, name: str, default: object = None) -> object:
        return self._values.get(name, default)


Fault = Callable[[Exchange, Options, State], Awaitable[None]]
