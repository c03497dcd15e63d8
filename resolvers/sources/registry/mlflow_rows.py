"""MLflow's rows as its REST API writes them, and the graph's objects made of them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import msgspec
import strawberry

from resolvers.datasets import dataset_from, feature_from, uri_in_source
from resolvers.sources import SourceProfile
from resolvers.sources.labels import domain_of, owners_of
from resolvers.times import from_epoch_ms
from schema.derived import Dataset, Feature
from schema.identity import EntityKind, Reference, UrlMaker, pair_key
from schema.model import (
    EvaluationMetric,
    Model,
    ModelAlias,
    ModelVersion,
    ModelVersionStatus,
    TrainingRun,
)
from schema.scalars import Timestamp

R = TypeVar("R")

HISTORY = "mlflow.log-model.history"
"""The tag that log_model leaves on a run, with the model's signature."""


@dataclass(frozen=True, slots=True)
class Read(Generic[R]):
    """A row, when it was read, and the source it came from."""

    row: R
    at: Timestamp
    source: str


class PairRow(msgspec.Struct, frozen=True):
    key: str
    value: str = ""


class AliasRow(msgspec.Struct, frozen=True):
    alias: str
    version: str


class VersionRow(msgspec.Struct, frozen=True):
    """A model version. Only single reads tell its aliases; elsewhere they are joined from the model's row."""

    name: str
    version: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    run_id: str | None = None
    status: str | None = None
    tags: tuple[PairRow, ...] = ()
    aliases: tuple[str, ...] = ()


class ModelRow(msgspec.Struct, frozen=True):
    """A registered model; `latest_versions` has one version per stage, the highest of all among them."""

    name: str
    creation_timestamp: int | None = None
    last_updated_timestamp: int | None = None
    description: str | None = None
    latest_versions: tuple[VersionRow, ...] = ()
    tags: tuple[PairRow, ...] = ()
    aliases: tuple[AliasRow, ...] = ()

    def newest(self) -> VersionRow | None:
        """The highest version, with the aliases that point to it."""
        numbered = [row for row in self.latest_versions if row.version.isascii() and row.version.isdigit()]
        row = max(numbered, key=lambda row: int(row.version), default=None)
        return self.named(row) if row else None

    def named(self, row: VersionRow) -> VersionRow:
        """One of its versions together with the aliases that point to it."""
        aliases = tuple(alias.alias for alias in self.aliases if alias.version == row.version)
        return msgspec.structs.replace(row, aliases=aliases)

    def version_of(self, alias: str) -> str | None:
        """Where an alias points; MLflow reserves `latest`, in any case, for the highest version."""
        if alias.lower() == "latest":
            newest = self.newest()
            return newest.version if newest else None
        return next((row.version for row in self.aliases if row.alias == alias), None)


class MetricRow(msgspec.Struct, frozen=True):
    """A metric's last value; what is not a number comes as text."""

    key: str
    value: float | Literal["NaN", "Infinity", "-Infinity"]
    timestamp: int | None = None
    step: int | None = None


class RunInfo(msgspec.Struct, frozen=True):
    run_id: str
    status: str | None = None
    start_time: int | None = None
    end_time: int | None = None


class RunData(msgspec.Struct, frozen=True):
    params: tuple[PairRow, ...] = ()
    metrics: tuple[MetricRow, ...] = ()
    tags: tuple[PairRow, ...] = ()


class DatasetRow(msgspec.Struct, frozen=True):
    name: str
    digest: str | None = None
    source: str | None = None
    schema: str | None = None


class InputRow(msgspec.Struct, frozen=True):
    dataset: DatasetRow


class RunInputs(msgspec.Struct, frozen=True):
    dataset_inputs: tuple[InputRow, ...] = ()


class RunRow(msgspec.Struct, frozen=True):
    info: RunInfo
    data: RunData = RunData()
    inputs: RunInputs = RunInputs()


def is_prompt(row: ModelRow | VersionRow) -> bool:
    """Prompts live beside the models: searches leave them out, single reads do not."""
    return any(tag.key == "mlflow.prompt.is_prompt" and tag.value == "true" for tag in row.tags)


# ---------------------------------------------------------------- the graph's objects


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes the graph's objects of one source."""

    profile: SourceProfile
    url: UrlMaker

    def model(self, read: Read[ModelRow]) -> Model:
        row = read.row
        reference = Reference(EntityKind.MODEL, self.profile.name, row.name, self.url)
        newest = row.newest()
        tags = _pairs(row.tags)
        return Model(
            id=strawberry.ID(reference.id),
            reference=reference,
            fetched_at=read.at,
            owned_by=owners_of(self.profile.labels, tags),
            domain_name=domain_of(self.profile.labels, tags),
            labels=_shown(tags),
            name=row.name,
            description=row.description or None,
            created_at=_time(row.creation_timestamp),
            updated_at=_time(row.last_updated_timestamp),
            version_aliases=[ModelAlias(alias=alias.alias, version=alias.version) for alias in row.aliases],
            newest=None if newest is None else self.version(Read(newest, read.at, read.source)),
        )

    def version(self, read: Read[VersionRow]) -> ModelVersion:
        row = read.row
        reference = Reference(EntityKind.MODEL_VERSION, self.profile.name, pair_key(row.name, row.version), self.url)
        tags = _pairs(row.tags)
        return ModelVersion(
            id=strawberry.ID(reference.id),
            reference=reference,
            fetched_at=read.at,
            owned_by=owners_of(self.profile.labels, tags),
            domain_name=domain_of(self.profile.labels, tags),
            labels=_shown(tags),
            name=row.name,
            description=row.description or None,
            created_at=_time(row.creation_timestamp),
            updated_at=_time(row.last_updated_timestamp),
            model_name=row.name,
            run_id=row.run_id or None,
            version=row.version,
            aliases=list(row.aliases),
            registration_status=_STATUSES.get(row.status or "", ModelVersionStatus.UNKNOWN),
            source_status=row.status,
        )

    def training_run(self, read: Read[RunRow]) -> TrainingRun:
        info, data = read.row.info, read.row.data
        labels = {tag.key: tag.value for tag in data.tags}
        inputs = [item.dataset for item in read.row.inputs.dataset_inputs]
        return TrainingRun(
            reference=Reference(EntityKind.TRAINING_RUN, self.profile.name, info.run_id, self.url),
            fetched_at=read.at,
            all_params=[(pair.key, pair.value) for pair in data.params],
            all_metrics=[_metric(row) for row in data.metrics],
            labels=labels,
            datasets=_datasets(inputs, read.at),
            features=_features(inputs, labels.get(HISTORY), read.at),
            started_at=_time(info.start_time),
            ended_at=_time(info.end_time),
            source_status=info.status,
        )


_STATUSES = {
    "PENDING_REGISTRATION": ModelVersionStatus.PENDING,
    "READY": ModelVersionStatus.READY,
    "FAILED_REGISTRATION": ModelVersionStatus.FAILED,
}


def _pairs(tags: Iterable[PairRow]) -> list[tuple[str, str | None]]:
    return [(tag.key, tag.value) for tag in tags]


def _shown(tags: Sequence[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    return [(key, value) for key, value in tags if not key.startswith("mlflow.")]


def _time(milliseconds: int | None) -> Timestamp | None:
    return None if milliseconds is None else from_epoch_ms(milliseconds)


def _metric(row: MetricRow) -> EvaluationMetric:
    """MLflow writes an infinity as the largest number there is."""
    finite = isinstance(row.value, int | float) and math.isfinite(row.value) and abs(row.value) < sys.float_info.max
    return EvaluationMetric(
        key=row.key,
        value=float(row.value) if finite else None,
        step=row.step,
        at=_time(row.timestamp),
    )


# ---------------------------------------------------------------- inputs of a run


class _Column(msgspec.Struct):
    """A column of a schema or a signature; a tensor may have no name."""

    name: str | None = None
    type: object = None


class _Schema(msgspec.Struct):
    """A dataset's schema: of columns, or of tensors, which name no features."""

    mlflow_colspec: list[_Column] = []


class _Signature(msgspec.Struct):
    """Its inputs are JSON once more."""

    inputs: str | None = None


class _LoggedModel(msgspec.Struct):
    signature: _Signature | None = None


def _datasets(inputs: Iterable[DatasetRow], at: Timestamp) -> list[Dataset]:
    found: dict[str, Dataset] = {}
    for row in inputs:
        dataset = dataset_from(row.name, uri_in_source(row.source), at, row.digest)
        found.setdefault(dataset.reference.key, dataset)
    return list(found.values())


def _features(inputs: Iterable[DatasetRow], history: str | None, at: Timestamp) -> list[tuple[Feature, str]]:
    """Columns as `dataset:column`, then the signature's inputs by their bare names; each with what mentions it."""
    found: dict[str, tuple[Feature, str]] = {}
    for row in inputs:
        schema = _parsed(row.schema, _Schema)
        for name, kind in _named(schema.mlflow_colspec if schema else ()):
            key = f"{row.name}:{name}"
            found.setdefault(key, (feature_from(key, at, kind), f"dataset {row.name}"))
    for logged in _parsed(history, list[_LoggedModel]) or ():
        columns = _parsed(logged.signature.inputs, list[_Column]) if logged.signature else None
        for name, kind in _named(columns or ()):
            found.setdefault(name, (feature_from(name, at, kind), "signature"))
    return list(found.values())


def _named(columns: Iterable[_Column]) -> list[tuple[str, str | None]]:
    return [(row.name, row.type if isinstance(row.type, str) else None) for row in columns if row.name]


def _parsed(text: str | None, shape: type[R]) -> R | None:
    """JSON inside a text that people may write too: what cannot be read mentions nothing."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=shape)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
