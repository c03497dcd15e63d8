"""What a client's Accept headers ask for: names, each with its weight."""

from __future__ import annotations

from collections.abc import Iterable


def weights(headers: Iterable[str]) -> dict[str, float]:
    """By lower-case name, from `a, b;q=0.5`; of a name said twice the first counts, an unreadable weight drops it."""
    found: dict[str, float] = {}
    for item in ",".join(headers).split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((part[2:] for part in parameters if part.startswith("q=")), "1")
        try:
            found.setdefault(name, float(weight))
        except ValueError:
            continue
    return found
