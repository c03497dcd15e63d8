"""Pages of the versions of many MLflow models: one search for many where their versions fit in an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from resolvers.errors import SourceError, SourceTooLarge
from resolvers.sources import Page, PageAsk
from resolvers.sources.registry.mlflow_api import FilterRefused, MlflowApi
from resolvers.sources.registry.mlflow_filter import chunks, equals, one_of, quoted
from resolvers.sources.registry.mlflow_lookup import ROWS_A_PAGE, Lookup
from resolvers.sources.registry.mlflow_rows import Read, VersionRow

Versions = Page[Read[VersionRow]] | SourceError
_HIGHEST_FIRST = "version_number DESC"


async def version_pages(api: MlflowApi, lookup: Lookup, names: Sequence[str], ask: PageAsk) -> dict[str, Versions]:
    found: dict[str, Versions] = {}
    for part in await asyncio.gather(*(_of_many(api, lookup, chunk, ask) for chunk in chunks(lookup.listable(names)))):
        found |= part
    alone = [name for name in names if name not in found]
    pages = await asyncio.gather(*(_of_one(api, name, ask) for name in alone))
    return found | dict(zip(alone, pages, strict=True))


async def _of_many(api: MlflowApi, lookup: Lookup, names: list[str], ask: PageAsk) -> dict[str, Versions]:
    """The pages one answer is enough for; the models that are missing here need a call of their own."""
    try:
        listed = await api.versions(one_of("name", names), ROWS_A_PAGE, 0, _HIGHEST_FIRST)
    except FilterRefused as error:
        lookup.refused(error)
        return {}
    except SourceTooLarge:
        return {}
    except SourceError as error:
        return dict.fromkeys(names, error)
    if listed.unknown():
        return {}
    # Highest numbers come first over all models, so what is cut off is the lowest ones of each.
    rows: dict[str, list[Read[VersionRow] | SourceError]] = {name: [] for name in names}
    for key, row in listed.rows:
        if key is not None and key.name in rows:
            rows[key.name].append(row)
    enough = ask.position + ask.limit
    return {name: _cut(own, listed.more, ask) for name, own in rows.items() if not listed.more or len(own) >= enough}


async def _of_one(api: MlflowApi, name: str, ask: PageAsk) -> Versions:
    exact = quoted(name) is not None
    try:
        if not exact:
            # A pattern may find other models too, so positions are counted here, from the first.
            listed = await api.versions(equals("name", name), ROWS_A_PAGE, 0, _HIGHEST_FIRST)
        else:
            limit = min(ask.limit, ROWS_A_PAGE)
            listed = await api.versions(equals("name", name), limit, ask.position, _HIGHEST_FIRST)
    except SourceError as error:
        return error
    own = [row for key, row in listed.rows if key is None or key.name == name]
    if not exact:
        return _cut(own, listed.more, ask)
    known = not listed.more and (own or not ask.position)
    return Page(own, listed.more, ask.position + len(own) if known else None)


def _cut(own: Sequence[Read[VersionRow] | SourceError], more: bool, ask: PageAsk) -> Page[Read[VersionRow]]:
    end = ask.position + ask.limit
    return Page(own[ask.position : end], more or len(own) > end, None if more else len(own))
