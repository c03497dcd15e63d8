"""MLflow's REST calls, one method each: the request, its answer as typed rows, and which statuses mean absent."""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from resolvers.errors import SourceBadResponse, SourceError, SourceFault
from resolvers.http import Answer, Query, SourceClient
from resolvers.sources.registry import VersionKey
from resolvers.sources.registry.mlflow_rows import ModelRow, Read, RunRow, VersionRow, is_prompt

K = TypeVar("K", bound=Hashable)
R = TypeVar("R", bound=msgspec.Struct)
Item = TypeVar("Item", bound=msgspec.Struct)

GROUPS_A_PAGE = 5000
_MOST_GROUP_PAGES = 4


class FilterRefused(SourceFault):
    """A search answered 400: one name in it that the server cannot read spoils it for all."""


class ListsRefused(FilterRefused):
    """The server takes no list of names: it is older than 3.17.0."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[K, R]):
    """One page of a search, in its order, with keys. A bad row is its error; its key is None if even that is bad."""

    rows: Sequence[tuple[K | None, Read[R] | SourceError]]
    more: bool

    def by_key(self) -> dict[K, Read[R] | SourceError]:
        """Rows by key; where one key comes with different rows none is believed."""
        found: dict[K, Read[R] | SourceError] = {}
        for key, row in self.rows:
            if key is None:
                continue
            if isinstance(row, Read) and found.setdefault(key, row) != row:
                found[key] = SourceBadResponse(row.source, f"{row.source} answered two different rows for one key.")
            elif isinstance(row, SourceError):
                found[key] = row
        return found

    def unknown(self) -> SourceError | None:
        """The error of a row whose key cannot be read: it may be of any key that seems missing."""
        return next((row for key, row in self.rows if key is None and isinstance(row, SourceError)), None)


class MlflowApi:
    """Checked against 3.17.2 and 3.16.0. Pages are asked for by offset: MLflow's token is base64 of {"offset": n}."""

    def __init__(self, client: SourceClient) -> None:
        self._client = client

    async def version(self) -> str | None:
        """GET /version: plain text. None where that address is not there, as on a hosted MLflow."""
        answer = await self._client.get(["version"], also=(404,))
        if answer.status == 404:
            return None
        text = answer.body[:40].decode("latin-1").strip()
        if not text[:1].isdigit() or "." not in text:
            raise SourceBadResponse(answer.source, f"{answer.source} answered no version: is its url right?")
        return text

    async def model(self, name: str) -> Read[ModelRow] | None:
        """GET registered-models/get: with tags, aliases and the highest version of each stage."""
        answer = await self._one("registered-models", "get", [("name", name)])
        if answer is None:
            return None
        row = answer.read(_OneModel).registered_model
        if not _same(answer, row.name, name) or is_prompt(row):
            return None
        return Read(row, answer.fetched_at, answer.source)

    async def model_version(self, key: VersionKey) -> Read[VersionRow] | None:
        """GET model-versions/get: with its aliases, which no search of versions tells."""
        answer = await self._one("model-versions", "get", [("name", key.name), ("version", key.version)])
        return _version(answer, key.name, key.version)

    async def version_by_alias(self, name: str, alias: str) -> Read[VersionRow] | None:
        """GET registered-models/alias: an absent alias is 400, an absent model 404."""
        answer = await self._one("registered-models", "alias", [("name", name), ("alias", alias)])
        return _version(answer, name, None)

    async def models(
        self, wanted: str, limit: int, offset: int = 0, orders: Sequence[str] = ("name ASC",)
    ) -> Listed[str, ModelRow]:
        """GET registered-models/search, in the order of names unless told; 1000 rows a page at most."""
        ordered = [("order_by", order) for order in orders]
        query = [("max_results", str(limit)), *ordered, *_filter(wanted), *_token(offset)]
        answer = self._page(await self._get("registered-models", "search", query))
        page = answer.read(_Models)
        return Listed(_rows(answer, page.registered_models, ModelRow, _ModelId, _model_key), bool(page.next_page_token))

    async def versions(
        self, wanted: str, limit: int, offset: int = 0, order: str = ""
    ) -> Listed[VersionKey, VersionRow]:
        """GET model-versions/search, without aliases; last changed first unless told; 200,000 rows a page at most."""
        ordered = [("order_by", order)] if order else []
        query = [("max_results", str(limit)), *ordered, *_filter(wanted), *_token(offset)]
        answer = self._page(await self._get("model-versions", "search", query))
        page = answer.read(_Versions)
        rows = _rows(answer, page.model_versions, VersionRow, _VersionId, _version_key)
        return Listed(rows, bool(page.next_page_token))

    async def run(self, run_id: str) -> Read[RunRow] | None:
        """GET runs/get: with parameters, last metrics, tags and inputs, whatever experiment it lies in."""
        answer = await self._one("runs", "get", [("run_id", run_id)])
        if answer is None:
            return None
        row = answer.read(_OneRun).run
        return Read(row, answer.fetched_at, answer.source) if _same(answer, row.info.run_id, run_id) else None

    async def runs(self, groups: Sequence[str], wanted: str, limit: int, offset: int = 0) -> Listed[str, RunRow]:
        """POST runs/search, newest first, deleted ones too: without experiment ids it would find nothing, silently."""
        body: dict[str, object] = {
            "experiment_ids": groups,
            "filter": wanted,
            "run_view_type": "ALL",
            "max_results": limit,
            **dict(_token(offset)),
        }
        answer = self._page(await self._client.post([*_BASE, "runs", "search"], body, also=(400,)))
        page = answer.read(_Runs)
        return Listed(_rows(answer, page.runs, RunRow, _RunId, _run_key), bool(page.next_page_token))

    async def groups(self) -> list[str]:
        """GET experiments/search: the ids every search of runs must name, deleted groups too; 20,000 at most."""
        ids: list[str] = []
        token: list[tuple[str, str]] = []
        tokens: set[str] = set()
        for _ in range(_MOST_GROUP_PAGES):
            query = [("max_results", str(GROUPS_A_PAGE)), ("view_type", "ALL"), *token]
            answer = self._page(await self._get("experiments", "search", query))
            page = answer.read(_Groups)
            rows = answer.rows(page.experiments, _Group)
            ids += [row.experiment_id for row in rows if not isinstance(row, SourceError)]
            if not page.next_page_token:
                break
            if page.next_page_token in tokens:
                raise SourceBadResponse(answer.source, f"{answer.source} answered pages that go in a circle.")
            tokens.add(page.next_page_token)
            token = [("page_token", page.next_page_token)]
        return ids

    async def _get(self, resource: str, action: str, query: Query) -> Answer:
        return await self._client.get([*_BASE, resource, action], query, also=(400, 404))

    async def _one(self, resource: str, action: str, query: Query) -> Answer | None:
        answer = await self._get(resource, action, query)
        if answer.status == 200:
            return answer
        code, message = _error(answer)
        if code == "RESOURCE_DOES_NOT_EXIST" or (action == "alias" and "alias" in message and "not found" in message):
            return None
        raise _refusal(answer)

    def _page(self, answer: Answer) -> Answer:
        if answer.status == 200:
            return answer
        message = _error(answer)[1]
        if answer.status == 400 and "supports comparison with a list" in message:
            raise ListsRefused(answer.source, f"{answer.source} takes no list of names.")
        if answer.status == 400 and message:
            raise FilterRefused(answer.source, f"{answer.source} refused a search.")
        raise _refusal(answer)


# ---------------------------------------------------------------- answers

_BASE = ("api", "2.0", "mlflow")


class _OneModel(msgspec.Struct):
    registered_model: ModelRow


class _OneVersion(msgspec.Struct):
    model_version: VersionRow


class _OneRun(msgspec.Struct):
    run: RunRow


class _Models(msgspec.Struct):
    """A page of models; as with all of them, an empty one has no key at all."""

    registered_models: list[msgspec.Raw] = []
    next_page_token: str = ""


class _Versions(msgspec.Struct):
    model_versions: list[msgspec.Raw] = []
    next_page_token: str = ""


class _Runs(msgspec.Struct):
    runs: list[msgspec.Raw] = []
    next_page_token: str = ""


class _Group(msgspec.Struct):
    experiment_id: str


class _Groups(msgspec.Struct):
    experiments: list[msgspec.Raw] = []
    next_page_token: str = ""


class _ModelId(msgspec.Struct):
    name: str


class _VersionId(msgspec.Struct):
    name: str
    version: str


class _RunName(msgspec.Struct):
    run_id: str


class _RunId(msgspec.Struct):
    info: _RunName


class _Error(msgspec.Struct):
    error_code: str = ""
    message: str = ""


def _model_key(row: ModelRow | _ModelId) -> str:
    return row.name


def _version_key(row: VersionRow | _VersionId) -> VersionKey:
    return VersionKey(row.name, row.version)


def _run_key(row: RunRow | _RunId) -> str:
    return row.info.run_id


def _rows(
    answer: Answer, raw: Sequence[msgspec.Raw], shape: type[R], identity: type[Item], key: Callable[[R | Item], K]
) -> list[tuple[K | None, Read[R] | SourceError]]:
    """Rows with their keys; of a bad row at least the key, so that the error is that key's own."""
    rows: list[tuple[K | None, Read[R] | SourceError]] = []
    for item, row in zip(raw, answer.rows(raw, shape), strict=True):
        if not isinstance(row, SourceError):
            rows.append((key(row), Read(row, answer.fetched_at, answer.source)))
            continue
        name = answer.rows([item], identity)[0]
        rows.append((None if isinstance(name, SourceError) else key(name), row))
    return rows


def _version(answer: Answer | None, name: str, version: str | None) -> Read[VersionRow] | None:
    if answer is None:
        return None
    row = answer.read(_OneVersion).model_version
    if not _same(answer, row.name, name) or is_prompt(row):
        return None
    if version is not None and row.version != version:
        raise SourceBadResponse(answer.source, f"{answer.source} answered another version than it was asked for.")
    return Read(row, answer.fetched_at, answer.source)


def _same(answer: Answer, answered: str, asked: str) -> bool:
    """Whether it is the row asked for: databases that fold case find a neighbour where there is no such name."""
    if answered != asked and answered.casefold() != asked.casefold():
        raise SourceBadResponse(answer.source, f"{answer.source} answered another row than it was asked for.")
    return answered == asked


def _error(answer: Answer) -> tuple[str, str]:
    """Code and message of MLflow's own refusal; empty where the answer is somebody else's, such as a proxy's page."""
    try:
        error = answer.read(_Error)
    except SourceBadResponse:
        return "", ""
    return error.error_code, error.message


def _refusal(answer: Answer) -> SourceError:
    if answer.status == 404:
        return SourceBadResponse(answer.source, f"{answer.source} has no such address: is its url right?")
    return SourceFault(answer.source, f"{answer.source} answered with status {answer.status}.")


def _filter(wanted: str) -> Query:
    return [("filter", wanted)] if wanted else []


def _token(offset: int) -> Query:
    return [("page_token", base64.b64encode(b'{"offset": %d}' % offset).decode())] if offset else []
