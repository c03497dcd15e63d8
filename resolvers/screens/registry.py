"""A model registry as one caller sees it: a version is seen with its model, a training run with its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from resolvers.errors import GraphError
from resolvers.screens.judge import Judge, Load, Verdict, shown, shown_of, shown_on
from resolvers.sources import Found, ListArgs, Needs, Page, PageAsk
from resolvers.sources.registry import AliasKey, ModelRegistry, TagKey, VersionKey
from schema.identity import EntityKind
from schema.model import Model, ModelVersion, TrainingRun


class ScreenedRegistry:
    """Answers as the registry, without what is of other domains."""

    def __init__(self, registry: ModelRegistry, domains: frozenset[str], load: Load) -> None:
        self.profile, self.role, self.product = registry.profile, registry.role, registry.product
        self.capabilities = registry.capabilities
        self._registry, self._judge = registry, Judge(registry, domains, load)

    def url(self, kind: EntityKind, key: str) -> str | None:
        return self._registry.url(kind, key)

    async def version(self) -> str | None:
        return await self._registry.version()

    async def aclose(self) -> None:
        """The registry is closed by who opened it."""

    # ------------------------------------------------------------ models

    async def models_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Model | GraphError | None]:
        rows = await self._judge.asked(self._registry.models_by_name, keys, args, needs)
        return [shown(row, self._model(row)) for row in rows]

    async def models(self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs) -> Sequence[Page[Model] | GraphError]:
        return [shown_on(page, self._model) for page in await self._registry.models(keys, args, needs)]

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Model] | GraphError]:
        return [shown_of(found, self._model) for found in await self._registry.search(keys, args, needs)]

    # ------------------------------------------------------------ versions

    async def versions_by_key(
        self, keys: Sequence[VersionKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | GraphError | None]:
        return await self._named(await self._registry.versions_by_key(keys, args, needs))

    async def versions_by_alias(
        self, keys: Sequence[AliasKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | GraphError | None]:
        return await self._named(await self._registry.versions_by_alias(keys, args, needs))

    async def versions_by_training_run(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | GraphError]:
        return await self._versions(await self._registry.versions_by_training_run(keys, args, needs))

    async def versions_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | GraphError]:
        return await self._versions(await self._registry.versions_by_tag(keys, args, needs))

    async def versions(
        self, keys: Sequence[str], args: PageAsk, needs: Needs
    ) -> Sequence[Page[ModelVersion] | GraphError]:
        return await self._version_pages(await self._registry.versions(keys, args, needs))

    async def every_version(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[ModelVersion] | GraphError]:
        return await self._version_pages(await self._registry.every_version(keys, args, needs))

    # ------------------------------------------------------------ training runs

    async def training_runs_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[TrainingRun | GraphError | None]:
        rows = await self._registry.training_runs_by_id(keys, args, needs)
        judged = await self._runs_judged(row for row in rows if isinstance(row, TrainingRun))
        return [shown(row, judged(row) if isinstance(row, TrainingRun) else False) for row in rows]

    async def training_runs_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        return await self._runs(await self._registry.training_runs_by_tag(keys, args, needs))

    async def training_runs_by_dataset(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        return await self._runs(await self._registry.training_runs_by_dataset(keys, args, needs))

    async def training_runs_by_feature(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        return await self._runs(await self._registry.training_runs_by_feature(keys, args, needs))

    async def training_runs_with_datasets(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        return await self._runs(await self._registry.training_runs_with_datasets(keys, args, needs))

    async def training_runs_with_features(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        return await self._runs(await self._registry.training_runs_with_features(keys, args, needs))

    async def every_training_run(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[TrainingRun] | GraphError]:
        pages = await self._registry.every_training_run(keys, args, needs)
        judged = await self._runs_judged(_rows(pages, TrainingRun))
        return [shown_on(page, judged) for page in pages]

    # ------------------------------------------------------------ verdicts

    def _model(self, row: Model | GraphError | None) -> Verdict:
        """Its newest version comes with it, and may say another domain."""
        verdict = self._judge.of_row(row)
        if isinstance(row, Model) and row.newest is not None and not self._judge.allows(row.newest.labels):
            row.newest = None
        return verdict

    async def _versions_judged(self, versions: Iterable[ModelVersion]) -> Callable[[ModelVersion], Verdict]:
        of_model = await self._judge.verdicts(self._registry.models_by_name, (row.model_name for row in versions))

        def judged(version: ModelVersion) -> Verdict:
            verdict = of_model[version.model_name]
            return verdict if verdict is not True else self._judge.allows(version.labels)

        return judged

    async def _runs_judged(self, runs: Iterable[TrainingRun]) -> Callable[[TrainingRun], Verdict]:
        """A run that made no version is of the domain it says, or the source's; one of several must be seen with all.

        One whose versions could not all be read is not shown.
        """
        ids = list(dict.fromkeys(run.reference.key for run in runs))
        registered = dict(zip(ids, await self._judge.asked(self._registry.versions_by_training_run, ids), strict=True))
        versions = [row for found in registered.values() if isinstance(found, Found) for row in found.items]
        of_version = await self._versions_judged(versions)

        def judged(run: TrainingRun) -> Verdict:
            found = registered[run.reference.key]
            if isinstance(found, GraphError):
                return found
            labels = list(run.labels.items())
            if not self._judge.allows(labels) or found.reasons:
                return False
            if not found.items:
                return self._judge.said(labels) is not None or self._judge.by_default
            return next((verdict for row in found.items if (verdict := of_version(row)) is not True), True)

        return judged

    async def _named(self, rows: Sequence[Any]) -> list[Any]:
        judged = await self._versions_judged(row for row in rows if isinstance(row, ModelVersion))
        return [shown(row, judged(row) if isinstance(row, ModelVersion) else False) for row in rows]

    async def _versions(self, listed: Sequence[Found[ModelVersion] | GraphError]) -> list[Any]:
        judged = await self._versions_judged(_items(listed))
        return [shown_of(found, judged) for found in listed]

    async def _version_pages(self, pages: Sequence[Page[ModelVersion] | GraphError]) -> list[Any]:
        judged = await self._versions_judged(_rows(pages, ModelVersion))
        return [shown_on(page, judged) for page in pages]

    async def _runs(self, listed: Sequence[Found[TrainingRun] | GraphError]) -> list[Any]:
        judged = await self._runs_judged(_items(listed))
        return [shown_of(found, judged) for found in listed]


def _items(listed: Sequence[Any]) -> list[Any]:
    return [row for found in listed if isinstance(found, Found) for row in found.items]


def _rows(pages: Sequence[Any], kind: type) -> list[Any]:
    return [row for page in pages if isinstance(page, Page) for row in page.rows if isinstance(row, kind)]
