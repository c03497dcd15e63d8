"""The role of a model registry: models, versions, training runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from resolvers.errors import GraphError
from resolvers.sources import Found, ListArgs, Needs, Page, PageAsk, SourceAdapter
from schema.model import Model, ModelVersion, TrainingRun


class VersionKey(NamedTuple):
    name: str
    version: str


class AliasKey(NamedTuple):
    name: str
    alias: str


class TagKey(NamedTuple):
    """Things with this tag; `contains` asks for values that hold `value` anywhere."""

    tag: str
    value: str
    contains: bool = False


class ModelRegistry(SourceAdapter, Protocol):
    """Each method takes many keys and returns one item per key, in order; a key's own failure is its item.

    None (or an empty Found) means the registry said that there is no such thing. A method raises a SourceError only
    where no key at all could be answered. `args` is frozen and the same for all keys of a call.
    """

    async def models_by_name(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Model | GraphError | None]:
        """Models with tags, aliases and their newest version (`Model.newest`)."""

    async def versions_by_key(
        self, keys: Sequence[VersionKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | GraphError | None]:
        """Versions with tags; with aliases where Need.ALIASES is asked."""

    async def versions_by_alias(
        self, keys: Sequence[AliasKey], args: None, needs: Needs
    ) -> Sequence[ModelVersion | GraphError | None]:
        """The version each alias points to now."""

    async def versions_by_training_run(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | GraphError]:
        """Versions registered from each training run (run id)."""

    async def versions_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[ModelVersion] | GraphError]:
        """Versions whose own tag has the value, bounded by the profile's scan_rows."""

    async def training_runs_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[TrainingRun | GraphError | None]:
        """Training runs with parameters, last metrics, tags, dataset inputs and the features these mention."""

    async def training_runs_by_tag(
        self, keys: Sequence[TagKey], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        """Training runs whose tag has the value, newest first, bounded by the profile's scan_rows."""

    async def training_runs_by_dataset(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        """Training runs that logged an input of each name, newest first, bounded by the profile's scan_rows."""

    async def training_runs_by_feature(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        """Training runs that may mention each feature (by name), or more: in a tag, a signature, or as a column.

        Candidates, bounded by scan_rows: the link table reads the names itself.
        """

    async def training_runs_with_datasets(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        """Training runs that logged an input whose name holds each text, letter case aside; any input for "".

        Bounded: SCAN_LIMIT where not all such runs were read, and CALL_BUDGET where not every name was met either.
        """

    async def training_runs_with_features(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Found[TrainingRun] | GraphError]:
        """Training runs that may mention a feature whose name holds each text; any feature for "". Bounded."""

    async def models(self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs) -> Sequence[Page[Model] | GraphError]:
        """Pages of the models the filter wants, or more: in the registry's own order by name, or last changed first."""

    async def every_version(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[ModelVersion] | GraphError]:
        """Pages of the versions of all models, last changed first, each by as few calls as it can be."""

    async def every_training_run(
        self, keys: Sequence[PageAsk], args: None, needs: Needs
    ) -> Sequence[Page[TrainingRun] | GraphError]:
        """Pages of all training runs, newest first."""

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Model] | GraphError]:
        """Candidates for each text by the registry's own search: about a hundred that hold any of its words."""

    async def versions(
        self, keys: Sequence[str], args: PageAsk, needs: Needs
    ) -> Sequence[Page[ModelVersion] | GraphError]:
        """A page of the versions of each model (by name), highest first."""
