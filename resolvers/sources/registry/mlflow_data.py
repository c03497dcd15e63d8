"""Which MLflow runs mention which data: asked by the names of their dataset inputs, else by a walk within bounds.

Of a dataset MLflow 3.17.2 can be asked for `name`, `digest` and `context`, with IN, NOT IN, LIKE and ILIKE; not for
`source`, where its URI is. Its own list of datasets is a call of the user interface's only, and has no source either.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from resolvers.errors import SourceError
from resolvers.sources import Found
from resolvers.sources.registry.mlflow_api import Listed, MlflowApi
from resolvers.sources.registry.mlflow_filter import (
    chunks,
    contains,
    equals,
    folded,
    is_tag_key,
    is_value,
    one_of,
    present,
    quoted,
    tag,
)
from resolvers.sources.registry.mlflow_rows import HISTORY, Read, RunRow
from resolvers.sources.registry.mlflow_scan import Reads, those, walk
from schema.connection import IncompleteReason

RUNS_A_PAGE = 200  # about 1 MB, more where datasets have wide schemas
SWEEPS = 4
"""Calls for names that the newest runs did not have: each leaves out all names met before."""

NAME = "dataset.name"
_FEW = 4
_PLAIN = re.compile(r"[A-Za-z0-9_.:/ -]+")

Search = Callable[[str, int, int], Awaitable[Listed[str, RunRow]]]


class DataRuns:
    """Runs of one MLflow by what they mention; no walk reads more than `scan_rows` of them."""

    def __init__(self, api: MlflowApi, scan_rows: int, feature_tags: Sequence[str]) -> None:
        self._api, self._scan_rows = api, scan_rows
        self._feature_tags = [key for key in feature_tags if is_tag_key(key)]

    async def by_name(self, names: Iterable[str]) -> dict[str, Reads[RunRow]]:
        """Names that stand in a list go together; runs are shared out by the inputs they have."""
        asked = [name for name in dict.fromkeys(names) if name and is_value(name)]
        together = [name for name in asked if quoted(name)]
        clauses = [(chunk, one_of(NAME, chunk)) for chunk in chunks(together)]
        clauses += [([name], equals(NAME, name)) for name in asked if not quoted(name)]
        if not clauses:
            return {}
        search = await self._search()
        walks = await asyncio.gather(*(walk(partial(search, clause), *self._bounds) for _, clause in clauses))
        return {
            name: those(reads, partial(_has_input, name))
            for (chunk, _), reads in zip(clauses, walks, strict=True)
            for name in chunk
        }

    async def by_feature(self, names: Iterable[str]) -> dict[str, Reads[RunRow]]:
        """Runs that may mention each feature: in a tag, in the logged signature, as a column `dataset:column`.

        Past a few names one walk over all runs that have such a tag is fewer calls than one for each name.
        """
        asked = [name for name in dict.fromkeys(names) if name and is_value(name)]
        if not asked:
            return {}
        few = len(asked) <= _FEW
        clauses: dict[str, list[str]] = {}
        for name in asked:
            plain = _plain_part(name) if few else ""
            tags = [tag(key) for key in (*self._feature_tags, HISTORY)]
            clauses[name] = [contains(key, plain) if plain else present(key) for key in tags]
        datasets = {name: [name[:at] for at, char in enumerate(name) if char == ":" and at] for name in asked}
        search = await self._search()
        every = list(dict.fromkeys(clause for listed in clauses.values() for clause in listed))
        of_datasets, walks = await asyncio.gather(
            self.by_name(name for listed in datasets.values() for name in listed),
            asyncio.gather(*(walk(partial(search, clause), *self._bounds) for clause in every)),
        )
        by_clause = dict(zip(every, walks, strict=True))
        return {
            name: _united(
                [
                    *(by_clause[clause] for clause in clauses[name]),
                    *(of_datasets[dataset] for dataset in datasets[name] if dataset in of_datasets),
                ]
            )
            for name in asked
        }

    async def with_datasets(self, text: str) -> Reads[RunRow]:
        """The newest runs with such inputs; where these are too many, then runs with names that were not met yet.

        So every name is met in the end, but a name's other places may stay unread: SCAN_LIMIT stands.
        """
        if not is_value(text):
            return Found()
        search = await self._search()
        clause = folded(NAME, text) if text else present(NAME)
        found = await walk(partial(search, clause), *self._bounds)
        if isinstance(found, SourceError) or IncompleteReason.SCAN_LIMIT not in found.reasons:
            return found
        return await self._swept(search, clause, found)

    async def with_features(self, text: str) -> Reads[RunRow]:
        """Runs whose tags hold the text, and runs with columns, which cannot be asked for; all runs without a text."""
        if not is_value(text):
            return Found()
        search = await self._search()
        clauses = [""]
        if text:
            # What MLflow logs is JSON twice over: letters that are not ASCII are not written as themselves.
            logged = folded(tag(HISTORY), text) if text.isascii() and text.isalnum() else present(tag(HISTORY))
            clauses = [*(folded(tag(key), text) for key in self._feature_tags), logged, present(NAME)]
        walks = await asyncio.gather(*(walk(partial(search, clause), *self._bounds) for clause in clauses))
        return _united(walks)

    @property
    def _bounds(self) -> tuple[int, int]:
        return RUNS_A_PAGE, self._scan_rows

    async def _search(self) -> Search:
        groups = await self._api.groups()

        async def search(clause: str, limit: int, offset: int) -> Listed[str, RunRow]:
            return await self._api.runs(groups, clause, limit, offset)

        return search

    async def _swept(self, search: Search, clause: str, found: Found[Read[RunRow]]) -> Found[Read[RunRow]]:
        runs = {read.row.info.run_id: read for read in found.items}
        scanned, reasons = found.scanned, set(found.reasons)
        names = _names(found.items)
        for _ in range(SWEEPS):
            met = ",".join(text for name in names if (text := quoted(name)))
            without = f"{clause} AND {NAME} NOT IN ({met})" if met else clause
            page = await walk(partial(search, without), RUNS_A_PAGE, RUNS_A_PAGE)
            if isinstance(page, SourceError):
                reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                break
            scanned += page.scanned
            runs |= {read.row.info.run_id: read for read in page.items}
            new = _names(page.items).keys() - names.keys()
            names |= dict.fromkeys(new)
            if IncompleteReason.SCAN_LIMIT not in page.reasons:
                break
            if not new:  # names that no list can hold cannot be left out
                reasons.add(IncompleteReason.CALL_BUDGET)
                break
        else:
            reasons.add(IncompleteReason.CALL_BUDGET)
        return Found(list(runs.values()), scanned, frozenset(reasons))


def _plain_part(name: str) -> str:
    """The longest part of a name that JSON writes as it is, however often it is quoted."""
    return max(_PLAIN.findall(name), key=len, default="")


def _has_input(name: str, row: RunRow) -> bool:
    return any(item.dataset.name == name for item in row.inputs.dataset_inputs)


def _names(reads: Iterable[Read[RunRow]]) -> dict[str, None]:
    return dict.fromkeys(item.dataset.name for read in reads for item in read.row.inputs.dataset_inputs)


def _united(walks: Sequence[Reads[RunRow]]) -> Reads[RunRow]:
    """What all walks found; one that failed is the failure of the whole, as nobody could tell what it would have."""
    runs: dict[str, Read[RunRow]] = {}
    scanned, reasons = 0, frozenset[IncompleteReason]()
    for reads in walks:
        if isinstance(reads, SourceError):
            return reads
        runs |= {read.row.info.run_id: read for read in reads.items}
        scanned, reasons = scanned + reads.scanned, reasons | reads.reasons
    return Found(list(runs.values()), scanned, reasons)
