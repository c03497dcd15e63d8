"""An orchestrator as one caller sees it: runs and tasks with their pipeline, assets with who writes or reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from resolvers.errors import GraphError
from resolvers.screens.judge import Judge, Load, Verdict, both, shown, shown_of, shown_on
from resolvers.sources import Found, ListArgs, Needs, Page, PageAsk
from resolvers.sources.orchestration import (
    DownstreamRun,
    Orchestrator,
    PipelineAssets,
    RunKey,
    RunsAsk,
    TasksAsk,
    UpstreamRun,
)
from schema.identity import EntityKind
from schema.pipeline import AssetMention, Pipeline, PipelineRun, TaskRun


class ScreenedOrchestrator:
    """Answers as the orchestrator, without what is of other domains."""

    def __init__(self, orchestrator: Orchestrator, domains: frozenset[str], load: Load) -> None:
        self.profile, self.role, self.product = orchestrator.profile, orchestrator.role, orchestrator.product
        self.capabilities = orchestrator.capabilities
        self._orchestrator, self._judge = orchestrator, Judge(orchestrator, domains, load)

    def url(self, kind: EntityKind, key: str) -> str | None:
        return self._orchestrator.url(kind, key)

    async def version(self) -> str | None:
        return await self._orchestrator.version()

    async def aclose(self) -> None:
        """The orchestrator is closed by who opened it."""

    # ------------------------------------------------------------ pipelines

    async def pipelines_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Pipeline | GraphError | None]:
        rows = await self._judge.asked(self._orchestrator.pipelines_by_name, keys, args, needs)
        return [shown(row, self._judge.of_row(row)) for row in rows]

    async def pipelines_by_tag(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[Pipeline] | GraphError]:
        listed = await self._orchestrator.pipelines_by_tag(keys, args, needs)
        return [shown_of(found, self._judge.of_row) for found in listed]

    async def pipelines(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Pipeline] | GraphError]:
        pages = await self._orchestrator.pipelines(keys, args, needs)
        return [shown_on(page, self._judge.of_row) for page in pages]

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Pipeline] | GraphError]:
        listed = await self._orchestrator.search(keys, args, needs)
        return [shown_of(found, self._judge.of_row) for found in listed]

    # ------------------------------------------------------------ runs and tasks

    async def runs_by_key(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[PipelineRun | GraphError | None]:
        verdicts, rows = await self._beside(
            (key.pipeline for key in keys), self._orchestrator.runs_by_key(keys, args, needs)
        )
        return [shown(row, verdicts[key.pipeline]) for key, row in zip(keys, rows, strict=True)]

    async def latest_runs(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineRun | GraphError | None]:
        verdicts, rows = await self._beside(keys, self._orchestrator.latest_runs(keys, args, needs))
        return [shown(row, verdicts[key]) for key, row in zip(keys, rows, strict=True)]

    async def runs(self, keys: Sequence[str], args: RunsAsk, needs: Needs) -> Sequence[Page[PipelineRun] | GraphError]:
        verdicts, pages = await self._beside(keys, self._orchestrator.runs(keys, args, needs))
        return [_part(page, verdicts[key]) for key, page in zip(keys, pages, strict=True)]

    async def tasks(self, keys: Sequence[RunKey], args: TasksAsk, needs: Needs) -> Sequence[Page[TaskRun] | GraphError]:
        verdicts, pages = await self._beside(
            (key.pipeline for key in keys), self._orchestrator.tasks(keys, args, needs)
        )
        return [_part(page, verdicts[key.pipeline]) for key, page in zip(keys, pages, strict=True)]

    async def upstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[UpstreamRun] | GraphError]:
        return await self._runs_beside(keys, await self._orchestrator.upstream_runs(keys, args, needs))

    async def downstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[DownstreamRun] | GraphError]:
        return await self._runs_beside(keys, await self._orchestrator.downstream_runs(keys, args, needs))

    # ------------------------------------------------------------ assets

    async def assets_by_pipeline(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineAssets | GraphError]:
        verdicts, rows = await self._beside(keys, self._orchestrator.assets_by_pipeline(keys, args, needs))
        listed = [asset for row in rows if isinstance(row, PipelineAssets) for asset in (*row.consumes, *row.produces)]
        seen = await self._seen(listed)

        def some(assets: Sequence[AssetMention]) -> list[AssetMention]:
            return [kept for asset in assets if isinstance(kept := seen(asset), AssetMention)]

        answers: list[PipelineAssets | GraphError] = []
        for key, row in zip(keys, rows, strict=True):
            verdict = verdicts[key]
            failed = row if isinstance(row, GraphError) else verdict if isinstance(verdict, GraphError) else None
            if failed is None and verdict is True:
                # An asset of which it cannot be said who else has it fails the answer: it would lack that one.
                mine = (seen(asset) for asset in (*row.consumes, *row.produces))
                failed = next((item for item in mine if isinstance(item, GraphError)), None)
            if failed is not None:
                answers.append(failed.again())
            else:
                answers.append(PipelineAssets(some(row.consumes), some(row.produces)) if verdict else PipelineAssets())
        return answers

    async def assets_by_uri(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[AssetMention | GraphError | None]:
        rows = await self._orchestrator.assets_by_uri(keys, args, needs)
        seen = await self._seen(row for row in rows if isinstance(row, AssetMention))
        return [seen(row) if isinstance(row, AssetMention) else row for row in rows]

    async def assets_by_place(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | GraphError]:
        return await self._found(await self._orchestrator.assets_by_place(keys, args, needs))

    async def assets_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | GraphError]:
        return await self._found(await self._orchestrator.assets_by_name(keys, args, needs))

    async def assets(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[AssetMention] | GraphError]:
        return await self._found(await self._orchestrator.assets(keys, args, needs))

    async def every_asset(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[AssetMention] | GraphError]:
        pages = await self._orchestrator.every_asset(keys, args, needs)
        listed = [row for page in pages if isinstance(page, Page) for row in page.rows]
        seen = await self._seen(row for row in listed if isinstance(row, AssetMention))
        return [
            page if isinstance(page, GraphError) else shown_on(_trimmed(page, seen), lambda row: _verdict(seen(row)))
            for page in pages
        ]

    # ------------------------------------------------------------ verdicts

    async def _beside(self, pipelines: Iterable[str], asking: Any) -> tuple[dict[str, Verdict], Any]:
        """Whether the pipelines may be seen, asked for at once with what is theirs."""
        return await both(self._judge.verdicts(self._orchestrator.pipelines_by_name, pipelines), asking)

    async def _runs_beside(self, keys: Sequence[RunKey], listed: Sequence[Any]) -> list[Any]:
        others = (item.run.pipeline for found in listed if isinstance(found, Found) for item in found.items)
        verdicts = await self._judge.verdicts(
            self._orchestrator.pipelines_by_name, [*(key.pipeline for key in keys), *others]
        )
        answers: list[Any] = []
        for key, found in zip(keys, listed, strict=True):
            own = verdicts[key.pipeline]
            if isinstance(own, GraphError) or not own:
                answers.append(own.again() if isinstance(own, GraphError) else Found())
            else:
                answers.append(shown_of(found, lambda item: verdicts[item.run.pipeline]))
        return answers

    async def _found(self, listed: Sequence[Any]) -> list[Any]:
        seen = await self._seen(row for found in listed if isinstance(found, Found) for row in found.items)
        answers: list[Any] = []
        for found in listed:
            kept = shown_of(found, lambda row: _verdict(seen(row)))
            if isinstance(kept, Found):
                kept = Found([seen(row) for row in kept.items], kept.scanned, kept.reasons)
            answers.append(kept)
        return answers

    async def _seen(self, assets: Iterable[AssetMention]) -> Callable[[AssetMention], AssetMention | GraphError | None]:
        """Assets with those of their pipelines that may be seen; None where none of them may.

        One that no pipeline has is of the source's own domain.
        """
        names = (name for asset in assets for name in (*asset.producers, *asset.consumers))
        verdicts = await self._judge.verdicts(self._orchestrator.pipelines_by_name, names)

        def seen(asset: AssetMention) -> AssetMention | GraphError | None:
            ends = [*asset.producers, *asset.consumers]
            if not ends:
                return asset if self._judge.by_default else None
            failed = next((verdicts[name] for name in ends if isinstance(verdicts[name], GraphError)), None)
            if isinstance(failed, GraphError):
                return failed.again()
            producers = [name for name in asset.producers if verdicts[name]]
            consumers = [name for name in asset.consumers if verdicts[name]]
            return replace(asset, producers=producers, consumers=consumers) if producers or consumers else None

        return seen


def _part(page: Page[Any] | GraphError, verdict: Verdict) -> Page[Any] | GraphError:
    """The runs or tasks of a pipeline: all of them, or none."""
    if isinstance(page, GraphError):
        return page
    if isinstance(verdict, GraphError):
        return verdict.again()
    return page if verdict else Page((), more=False, total=0)


def _verdict(seen: AssetMention | GraphError | None) -> Verdict:
    return seen if isinstance(seen, GraphError) else seen is not None


def _trimmed(page: Page[Any], seen: Callable[[AssetMention], Any]) -> Page[Any]:
    """Each asset that may be seen without the pipelines that may not; the others are marked by who judges the page."""
    rows = [kept if isinstance(row, AssetMention) and isinstance(kept := seen(row), AssetMention) else row
            for row in page.rows]  # fmt: skip
    return replace(page, rows=rows)
