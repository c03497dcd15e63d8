"""What the screens share: asking a source for what a verdict takes, and leaving out what may not be seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from resolvers.errors import GraphError, Unseen
from resolvers.loaders import Loaded
from resolvers.operation import record
from resolvers.sources import NOTHING, Found, Needs, Page, SourceAdapter
from schema.connection import IncompleteReason

T = TypeVar("T")

Verdict = bool | GraphError
"""Whether something may be seen, or why that cannot be said."""

Judged = Callable[[T], Verdict]


class Load(Protocol):
    """The request's loaders, so that what a verdict takes is read once."""

    async def __call__(
        self, method: Any, keys: Iterable[Any], args: Any, needs: Needs = NOTHING
    ) -> Sequence[Loaded[Any]]: ...


class Judge:
    """The domains one caller sees of one source."""

    def __init__(self, adapter: SourceAdapter, domains: frozenset[str], load: Load) -> None:
        self._adapter, self._domains, self._load = adapter, domains, load

    @property
    def by_default(self) -> bool:
        """Whether what says no domain may be seen: it is of the source's own."""
        return self.sees(self._adapter.profile.labels.domain)

    def sees(self, domain: str | None) -> bool:
        return domain in self._domains

    def allows(self, labels: Iterable[tuple[str, str | None]]) -> bool:
        """What a thing's own labels say; those that name no domain leave it to what the thing is a part of."""
        said = self.said(labels)
        return said is None or self.sees(said)

    def said(self, labels: Iterable[tuple[str, str | None]]) -> str | None:
        """The domain that labels name."""
        tag = self._adapter.profile.labels.domain_tag
        return next((value for key, value in labels if key == tag and value), None)

    async def asked(self, method: Any, keys: Iterable[Any], args: Any = None, needs: Needs = NOTHING) -> list[Any]:
        """Rows of the source itself, in order; the calls count as this look-up's."""
        keys = list(keys)
        loaded = await self._load(method, keys, args, needs) if keys else []
        for call in dict.fromkeys(call for one in loaded for call in one.calls):
            record(call)
        return [one.value for one in loaded]

    async def verdicts(self, method: Any, keys: Iterable[Any], needs: Needs = NOTHING) -> dict[Any, Verdict]:
        """Of entities by key: what is not there is not seen either."""
        asked = list(dict.fromkeys(keys))
        rows = await self.asked(method, asked, None, needs)
        return {key: self.of_row(row) for key, row in zip(asked, rows, strict=True)}

    def of_row(self, row: Any) -> Verdict:
        """Of an entity by the domain it says itself."""
        if row is None or isinstance(row, GraphError):
            return row if isinstance(row, GraphError) else False
        return self.sees(row.domain_name)


async def both(first: Any, second: Any) -> tuple[Any, Any]:
    """Two questions at once."""
    one, other = await asyncio.gather(first, second)
    return one, other


def shown(row: T | GraphError | None, verdict: Verdict) -> T | GraphError | None:
    """A row by its key: what may not be seen is not there."""
    if row is None or isinstance(row, GraphError):
        return row
    return verdict.again() if isinstance(verdict, GraphError) else row if verdict else None


def shown_of(found: Found[T] | GraphError, judged: Judged[T]) -> Found[T] | GraphError:
    """The rows of a reverse look-up that may be seen; one that cannot be judged is missing, and that is said."""
    if isinstance(found, GraphError):
        return found
    verdicts = [(row, judged(row)) for row in found.items]
    items = [row for row, verdict in verdicts if verdict is True]
    unsure = {IncompleteReason.SOURCE_UNAVAILABLE} if any(isinstance(one, GraphError) for _, one in verdicts) else set()
    kept_back = len(found.items) - len(items)
    return Found(items, max(len(items), found.scanned - kept_back), found.reasons | unsure)


def shown_on(page: Page[T] | GraphError, judged: Judged[T]) -> Page[T] | GraphError:
    """A page of the same length, with what may not be seen marked in its place: positions are the source's own."""
    if isinstance(page, GraphError):
        return page
    rows: list[Any] = []
    for row in page.rows:
        verdict = True if isinstance(row, GraphError) else judged(row)
        if isinstance(verdict, GraphError):
            rows.append(verdict.again())
        else:
            rows.append(row if verdict else Unseen())
    return Page(rows, page.more, None, exact=False, reasons=page.reasons)
