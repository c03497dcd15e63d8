"""The MLflow adapter, checked against 3.17.2 and 3.16.0; its calls, rows, filters and plans are beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import msgspec

from resolvers.errors import SourceBadResponse, SourceError
from resolvers.http import SourceClient
from resolvers.sources import Capability, Found, ListArgs, Need, Needs, Page, PageAsk, SourceProfile
from resolvers.sources.registry import AliasKey, TagKey, VersionKey
from resolvers.sources.registry.mlflow_api import Listed, MlflowApi
from resolvers.sources.registry.mlflow_data import RUNS_A_PAGE, DataRuns
from resolvers.sources.registry.mlflow_filter import chunks, equals, is_name, one_of
from resolvers.sources.registry.mlflow_lists import CAPABILITIES, model_pages, models_with_words
from resolvers.sources.registry.mlflow_lookup import ROWS_A_PAGE, Lookup, Outcome, is_run_id, with_aliases
from resolvers.sources.registry.mlflow_pages import version_pages
from resolvers.sources.registry.mlflow_plan import mlflow_plan
from resolvers.sources.registry.mlflow_rows import Builder, ModelRow, Read, RunRow, VersionRow
from resolvers.sources.registry.mlflow_scan import Reads, by_tag, those, walk
from schema.connection import IncompleteReason
from schema.identity import EntityKind, split_version_key
from schema.model import Model, ModelVersion, TrainingRun
from schema.source import CapabilityMode, SourceRole

R = TypeVar("R", bound=msgspec.Struct)
T = TypeVar("T")

_NATIVE = CapabilityMode.NATIVE


class Mlflow:
    """One MLflow server."""

    role = SourceRole.MODEL_REGISTRY
    product = "mlflow"
    capabilities: Sequence[Capability] = (
        Capability("models_by_name", _NATIVE, "100 names a call since MLflow 3.17, one before."),
        Capability("versions_by_key", _NATIVE, "100 models a call since MLflow 3.17, one before."),
        Capability("versions_by_alias", _NATIVE, "One call for one; two for 100 models."),
        Capability("versions_by_training_run", _NATIVE, "100 runs a call."),
        Capability("versions_by_tag", _NATIVE, "One call a value; one for several values of one tag if few have it."),
        Capability("training_runs_by_id", _NATIVE, "100 runs a call, and one for the experiment ids."),
        Capability("training_runs_by_tag", _NATIVE, "As versions_by_tag, and one for the experiment ids."),
        Capability("training_runs_by_dataset", _NATIVE, "100 names a call, and one for the experiment ids."),
        Capability("training_runs_by_feature", _NATIVE, "A call a tag that holds features, and a name up to 4."),
        Capability("training_runs_with_datasets", CapabilityMode.SCAN, "Newest runs, then 4 calls for other names."),
        Capability("training_runs_with_features", CapabilityMode.SCAN, "Newest runs."),
        Capability("models", _NATIVE, "By name; any position in one call."),
        Capability("versions", _NATIVE, "One call a model; one for 100 models with few versions since MLflow 3.17."),
        Capability("every_version", _NATIVE, "Last changed first; any position in one call."),
        Capability("every_training_run", _NATIVE, "Newest first; one call a page, and one for the experiment ids."),
        *CAPABILITIES,
    )

    def __init__(self, profile: SourceProfile, client: SourceClient) -> None:
        self.profile = profile
        self.plans = mlflow_plan(profile.scan_rows, len(profile.conventions.feature_tags))
        self._client = client
        self._api = MlflowApi(client)
        self._lookup = Lookup(self._api)
        self._build = Builder(profile, self.url)
        self._data = DataRuns(self._api, profile.scan_rows, profile.conventions.feature_tags)

    def url(self, kind: EntityKind, key: str) -> str | None:
        place = f"{self.profile.ui_url.rstrip('/')}/#"
        if kind is EntityKind.MODEL:
            return f"{place}/models/{quote(key, safe='')}"
        if kind is EntityKind.TRAINING_RUN:
            return f"{place}/runs/{quote(key, safe='')}"
        pair = split_version_key(key) if kind is EntityKind.MODEL_VERSION else None
        return f"{place}/models/{quote(pair[0], safe='')}/versions/{quote(pair[1], safe='')}" if pair else None

    async def version(self) -> str | None:
        return await self._api.version()

    async def aclose(self) -> None:
        await self._client.aclose()

    # ------------------------------------------------------------ by key

    async def models_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Model | SourceError | None]:
        """GET registered-models/get for one name, registered-models/search `name IN` for 2 to 100.

        One get each before 3.17.0, and for names that no quotes can hold. None: no such model, or a prompt.
        """
        rows = await self._lookup.models(keys)
        return [self._made(rows.get(key), self._build.model) for key in keys]

    async def versions_by_key(
        self, keys: Sequence[VersionKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | SourceError | None]:
        """GET model-versions/get for one; for more one model-versions/search over 100 models, between the numbers.

        Where aliases are needed the models' rows come first: they have the highest versions already. Before 3.17.0 one
        search a model, or one get where a single version of it is asked for.
        """
        rows = await self._lookup.versions(keys, aliases=Need.ALIASES in needs)
        return [self._made(rows.get(key), self._build.version) for key in keys]

    async def versions_by_alias(
        self, keys: Sequence[AliasKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | SourceError | None]:
        """GET registered-models/alias for one; for more the models' rows, then the versions these do not have yet.

        Before 3.17.0 one call each. None: no such model or alias; MLflow's own `latest` is the highest version.
        """
        rows = await self._lookup.versions_by_alias(keys)
        return [self._made(rows.get(key), self._build.version) for key in keys]

    async def training_runs_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[TrainingRun | SourceError | None]:
        """GET runs/get for one or two; for more GET experiments/search, then POST runs/search `run_id IN`, 100 a call.

        Deleted runs are answered, as versions still name them.
        """
        rows = await self._lookup.runs(keys)
        return [self._made(rows.get(key), self._build.training_run) for key in keys]

    # ------------------------------------------------------------ reverse

    async def versions_by_training_run(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | SourceError]:
        """GET model-versions/search `run_id IN`, 100 runs a call; the models' rows too where aliases are needed."""

        async def of_runs(ids: list[str]) -> dict[str, Reads[VersionRow]]:
            clause = equals("run_id", ids[0]) if len(ids) == 1 else one_of("run_id", ids)
            walked = await walk(partial(self._api.versions, clause), ROWS_A_PAGE, self.profile.scan_rows)
            return {key: those(walked, partial(_of_run, key)) for key in ids}

        asked = [key for key in dict.fromkeys(keys) if is_run_id(key)]
        # Before 3.17 a list silently loses ids that are not in lower case, or are all digits.
        alone = [[key] for key in asked if not key.islower()]
        found: dict[str, Reads[VersionRow]] = {}
        for part in await asyncio.gather(*map(of_runs, [*chunks([key for key in asked if key.islower()]), *alone])):
            found |= part
        return await self._found_versions([found.get(key, Found()) for key in keys], needs)

    async def versions_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | SourceError]:
        """GET model-versions/search by the tag's value, 1000 rows a page up to the profile's scan_rows."""
        found = await by_tag(keys, self._api.versions, lambda row: row.tags, ROWS_A_PAGE, self.profile.scan_rows)
        return await self._found_versions([found[key] for key in keys], needs)

    async def training_runs_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | SourceError]:
        """GET experiments/search, then POST runs/search by the tag's value, 200 rows a page up to scan_rows."""
        groups = await self._api.groups() if keys else []

        async def search(clause: str, limit: int, offset: int) -> Listed[str, RunRow]:
            return await self._api.runs(groups, clause, limit, offset)

        found = await by_tag(keys, search, lambda row: row.data.tags, RUNS_A_PAGE, self.profile.scan_rows)
        return [self._found(found[key], self._build.training_run) for key in keys]

    async def training_runs_by_dataset(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | SourceError]:
        """GET experiments/search, then POST runs/search `dataset.name IN`, 100 names a call, 200 rows a page."""
        found = await self._data.by_name(keys)
        return [self._found(found.get(key, Found()), self._build.training_run) for key in keys]

    async def training_runs_by_feature(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | SourceError]:
        """GET experiments/search, then POST runs/search by each tag that holds features, one call a name up to 4 and
        one for more, and by the datasets whose columns may be meant; 200 rows a page up to scan_rows.
        """
        found = await self._data.by_feature(keys)
        return [self._found(found.get(key, Found()), self._build.training_run) for key in keys]

    async def training_runs_with_datasets(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | SourceError]:
        """GET experiments/search, then POST runs/search `dataset.name ILIKE`, 200 rows a page up to scan_rows.

        Where that is not all, up to 4 pages more of runs with names that were not met: `dataset.name NOT IN`.
        """
        found = await asyncio.gather(*map(self._data.with_datasets, keys))
        return [self._found(reads, self._build.training_run) for reads in found]

    async def training_runs_with_features(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | SourceError]:
        """GET experiments/search, then POST runs/search, 200 rows a page up to scan_rows; of all runs where no text
        is asked for, else by the tags that hold features, and of runs with datasets, whose columns hold some.
        """
        found = await asyncio.gather(*map(self._data.with_features, keys))
        return [self._found(reads, self._build.training_run) for reads in found]

    # ------------------------------------------------------------ lists

    async def models(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Model] | SourceError]:
        """GET registered-models/search by name or last change, one call a page, 1000 rows at most; no totals.

        Narrowed by `name ILIKE` and tags. For an owner one search a tag that may name one, each up to scan_rows.
        """
        pages = await model_pages(self._api, self.profile.labels, self.profile.scan_rows, keys, args)

        def made(page: Page[Read[ModelRow]]) -> Page[Model]:
            rows = [self._row(row, self._build.model) for row in page.rows]
            return Page(rows, page.more, page.total, page.exact, page.reasons)

        return [page if isinstance(page, SourceError) else made(page) for page in pages]

    async def every_version(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[ModelVersion] | SourceError]:
        """GET model-versions/search, one call a page; no totals, no aliases."""

        async def page(ask: PageAsk) -> Page[ModelVersion] | SourceError:
            try:
                listed = await self._api.versions("", ask.limit, ask.position)
            except SourceError as error:
                return error
            return Page([self._row(row, self._build.version) for _, row in listed.rows], listed.more)

        return list(await asyncio.gather(*map(page, keys)))

    async def every_training_run(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[TrainingRun] | SourceError]:
        """POST runs/search, one call a page, and GET experiments/search once; deleted runs too: versions name them."""

        async def page(ask: PageAsk) -> Page[TrainingRun] | SourceError:
            try:
                listed = await self._api.runs(await self._api.groups(), "", ask.limit, ask.position)
            except SourceError as error:
                return error
            return Page([self._row(row, self._build.training_run) for _, row in listed.rows], listed.more)

        return list(await asyncio.gather(*map(page, keys)))

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Model] | SourceError]:
        """GET registered-models/search `name ILIKE`, one call a word of each text, at most 5, 100 rows each."""
        found = await asyncio.gather(*(models_with_words(self._api, key) for key in keys))
        return [self._found(reads, self._build.model) for reads in found]

    async def versions(
        self, keys: Sequence[str], args: PageAsk, needs: Needs
    ) -> Sequence[Page[ModelVersion] | SourceError]:
        """GET model-versions/search, highest first: one call a model, or one for 100 whose versions fit in it.

        Where aliases are needed the models' rows are read beside it.
        """
        asked = [key for key in dict.fromkeys(keys) if is_name(key)]
        pages, models = await asyncio.gather(
            version_pages(self._api, self._lookup, asked, args),
            self._lookup.models(asked if Need.ALIASES in needs else ()),
        )

        def page(name: str) -> Page[ModelVersion] | SourceError:
            found, model = pages.get(name, Page((), False, 0)), models.get(name)
            if isinstance(found, SourceError):
                return found.again()
            if isinstance(model, SourceError):
                return model.again()
            rows = [self._row(with_aliases(row, model), self._build.version) for row in found.rows]
            return Page(rows, found.more, found.total)

        return [page(name) for name in keys]

    # ------------------------------------------------------------ shared

    async def _found_versions(
        self, reads: Sequence[Reads[VersionRow]], needs: Needs
    ) -> list[Found[ModelVersion] | SourceError]:
        names = dict.fromkeys(read.row.name for found in reads if isinstance(found, Found) for read in found.items)
        models = await self._lookup.models(names) if Need.ALIASES in needs else {}

        def named(found: Reads[VersionRow]) -> Reads[VersionRow]:
            """A version whose model could not be read has no aliases that could be told: the error is the key's."""
            if isinstance(found, SourceError):
                return found
            rows = [with_aliases(read, models.get(read.row.name)) for read in found.items]
            errors = [row for row in rows if isinstance(row, SourceError)]
            reads = [row for row in rows if isinstance(row, Read)]
            return errors[0] if errors else Found(reads, found.scanned, found.reasons)

        return [self._found(named(found), self._build.version) for found in reads]

    def _found(self, reads: Reads[R], build: Callable[[Read[R]], T]) -> Found[T] | SourceError:
        if isinstance(reads, SourceError):
            return reads.again()
        made = [self._row(read, build) for read in reads.items]
        items = [item for item in made if not isinstance(item, SourceError)]
        spoiled = {IncompleteReason.SOURCE_UNAVAILABLE} if len(items) < len(made) else set()
        return Found(items, reads.scanned, reads.reasons | spoiled)

    def _made(self, outcome: Outcome[R], build: Callable[[Read[R]], T]) -> T | SourceError | None:
        return None if outcome is None else self._row(outcome, build)

    def _row(self, row: Read[R] | SourceError, build: Callable[[Read[R]], T]) -> T | SourceError:
        """Each key gets an error object of its own: one that is raised in many places grows a traceback in each."""
        if isinstance(row, SourceError):
            return row.again()
        try:
            return build(row)
        except ValueError:  # a time outside of the calendar
            return SourceBadResponse(self.profile.name, f"{self.profile.name} answered a row that cannot be read.")


def _of_run(run_id: str, row: VersionRow) -> bool:
    return row.run_id == run_id
