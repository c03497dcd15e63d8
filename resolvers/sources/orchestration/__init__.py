"""The role of an orchestrator: pipelines, their runs and tasks, and the assets between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from resolvers.errors import GraphError
from resolvers.sources import Found, ListArgs, Needs, Page, PageAsk, SourceAdapter
from schema.pipeline import AssetMention, Pipeline, PipelineRun, RunState, TaskRun
from schema.scalars import Timestamp


class RunKey(NamedTuple):
    pipeline: str
    run_id: str


class UpstreamRun(NamedTuple):
    """A run that fed another, and the asset it fed it through."""

    run: RunKey
    asset_uri: str


class DownstreamRun(NamedTuple):
    """A run that another fed, and the asset it was fed through."""

    run: RunKey
    asset_uri: str


@dataclass(frozen=True, slots=True)
class PipelineAssets:
    """What one pipeline reads and writes; each asset knows all its writers and readers."""

    consumes: Sequence[AssetMention] = ()
    produces: Sequence[AssetMention] = ()


@dataclass(frozen=True, slots=True)
class RunsAsk:
    """A page of runs: all states where `states` is None; `since` bounds the logical or start time from below."""

    page: PageAsk
    states: frozenset[RunState] | None = None
    since: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class TasksAsk:
    page: PageAsk
    states: frozenset[RunState] | None = None


class Orchestrator(SourceAdapter, Protocol):
    """Each method takes many keys and returns one item per key, in order; a key's own failure is its item.

    None (or an empty Found) means the orchestrator said that there is no such thing. A method raises a SourceError
    only where no key at all could be answered.
    """

    async def pipelines_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Pipeline | GraphError | None]: ...

    async def pipelines_by_tag(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[Pipeline] | GraphError]:
        """Pipelines that carry exactly this tag (the whole word, e.g. `model:ranker`)."""

    async def runs_by_key(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[PipelineRun | GraphError | None]:
        """Runs with their parameters."""

    async def latest_runs(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineRun | GraphError | None]:
        """The newest run of each pipeline (by name); None where it has none."""

    async def runs(self, keys: Sequence[str], args: RunsAsk, needs: Needs) -> Sequence[Page[PipelineRun] | GraphError]:
        """A page of each pipeline's runs, newest first."""

    async def tasks(self, keys: Sequence[RunKey], args: TasksAsk, needs: Needs) -> Sequence[Page[TaskRun] | GraphError]:
        """A page of each run's tasks, in the orchestrator's order by start."""

    async def assets_by_pipeline(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[PipelineAssets | GraphError]: ...

    async def assets_by_uri(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[AssetMention | GraphError | None]:
        """The asset with exactly this URI."""

    async def assets_by_place(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | GraphError]:
        """The assets whose URI, normalised (resolvers/datasets.py), is the key."""

    async def assets_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[AssetMention] | GraphError]:
        """The assets with exactly this name."""

    async def assets(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[AssetMention] | GraphError]:
        """The assets whose name holds each text, letter case aside; all for an empty one. Up to scan_rows."""

    async def upstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[UpstreamRun] | GraphError]:
        """The runs whose asset events triggered or fed each run."""

    async def downstream_runs(
        self, keys: Sequence[RunKey], args: None, needs: Needs
    ) -> Sequence[Found[DownstreamRun] | GraphError]:
        """The runs that each run's asset events triggered or fed."""

    async def every_asset(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[AssetMention] | GraphError]:
        """Pages of all assets, in the orchestrator's own order."""

    async def pipelines(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Pipeline] | GraphError]:
        """Pages of the pipelines the filter wants, or more: in the orchestrator's own order by name, or last changed
        first. `last_run_states` are applied whole, or the page is empty and says NOT_SUPPORTED_BY_SOURCE.
        """

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Pipeline] | GraphError]:
        """Candidates for each text by the orchestrator's own search: about a hundred that hold any of its words."""
