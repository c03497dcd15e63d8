"""How references are written in tags, values, parameters and URIs: which names count, and how to read them.

Only names are settings. Text that does not parse is no reference, never an error; names compare exactly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

import msgspec

# What MLflow 3's log_model() returns, `models:/m-…`, is a logged model's id and no registered model's name.
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Conventions:
    """The names that carry references; the defaults are what people already have."""

    pipeline_tags: tuple[tuple[str, str], ...] = (
        ("lifecycle.pipeline", "lifecycle.pipeline_run"),
        ("airflow.dag_id", "airflow.dag_run_id"),
        ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID"),
    )
    """Pairs of tag keys on a training run or a version: the pipeline, and its run."""
    model_keys: tuple[str, ...] = ("model", "model_name", "modelName")
    version_keys: tuple[str, ...] = ("version", "model_version", "modelVersion")
    alias_keys: tuple[str, ...] = ("alias", "model_alias", "modelAlias")
    model_tag: str | None = "model"
    """Key of a tag `model:NAME` on experiments and pipelines; None where the source has no such tags."""
    cells: str = "ab_test_cells"
    """The parameter of a pipeline run, and the tag of a version, that lists A/B cells."""
    feature_tags: tuple[str, ...] = ("feast.feature_refs",)
    """Tags of a training run or version that hold feature names: a JSON list, or text split at commas."""
    registry: str | None = None
    """The registry whose models this source means where a reference names none; any registry when None."""
    model_uri_scheme: str = "mlflow"
    """Assets `<scheme>://<registry>/models/<name>` are models."""


class ModelMention(NamedTuple):
    """A model as a value or a tag names it; `source` only where it says the registry."""

    name: str
    version: str | None = None
    alias: str | None = None
    source: str | None = None


class PipelineMention(NamedTuple):
    """A pipeline and, where it is said, its run; `tag` is the key that said so."""

    pipeline: str
    run_id: str | None
    source: str | None
    tag: str


class CellMention(NamedTuple):
    """A cell of an A/B test as Netflix writes it: the number counts from 1."""

    test_id: str
    number: int | None
    name: str | None


def models_in_value(conventions: Conventions, text: str | None) -> list[ModelMention]:
    """The models a variation's value names: JSON objects (one nested level, lists too) or `models:/` texts."""
    if not text:
        return []
    value = _json(text)
    found = list(_mentions(conventions, text if value is None else value, depth=0))
    return list(dict.fromkeys(found))


def models_in_labels(conventions: Conventions, labels: Iterable[tuple[str, str | None]]) -> list[ModelMention]:
    """The models that tags like `model:NAME` name."""
    if conventions.model_tag is None:
        return []
    return [ModelMention(value) for key, value in labels if key == conventions.model_tag and value]


def model_in_uri(conventions: Conventions, uri: str) -> ModelMention | None:
    """The model an asset's URI names: `mlflow://studio-mlflow/models/ranker`, maybe with `/VERSION` behind."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme != conventions.model_uri_scheme:
        return None
    parts = rest.split("/")
    if len(parts) not in (3, 4) or parts[1] != "models" or not all(parts):
        return None
    return ModelMention(unquote(parts[2]), unquote(parts[3]) if len(parts) == 4 else None, None, parts[0])


def pipeline_in_tags(conventions: Conventions, tags: Mapping[str, str]) -> PipelineMention | None:
    """The pipeline and run the tags of a training run or version name; the first pair of keys that is there."""
    for pipeline_key, run_key in conventions.pipeline_tags:
        written = tags.get(pipeline_key)
        if written:
            source, name = _pipeline(written)
            if name:
                return PipelineMention(name, tags.get(run_key) or None, source, pipeline_key)
    return None


def cells_in(value: object) -> list[CellMention]:
    """The A/B cells of a run's parameter or a version's tag: a list of objects, or JSON text of one."""
    listed = _json(value) if isinstance(value, str) else value
    cells = []
    for item in listed if isinstance(listed, list) else [listed]:
        if isinstance(item, dict):
            test_id = _word(item.get("test_id"))
            number = item.get("cell_number")
            if test_id:
                whole = number if isinstance(number, int) and not isinstance(number, bool) else None
                cells.append(CellMention(test_id, whole, _word(item.get("cell_name"))))
    return list(dict.fromkeys(cells))


def features_in_tags(conventions: Conventions, tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """Feature names with the tag that names them, in order."""
    found: dict[str, str] = {}
    for tag in conventions.feature_tags:
        text = tags.get(tag)
        if not text:
            continue
        listed = _json(text)
        names = listed if isinstance(listed, list) else text.split(",") if listed is None else []
        for name in names:
            if isinstance(name, str) and name.strip():
                found.setdefault(name.strip(), tag)
    return list(found.items())


def _mentions(conventions: Conventions, value: object, depth: int) -> Iterator[ModelMention]:
    if isinstance(value, str):
        mention = _model_uri(value)
        if mention:
            yield mention
    elif isinstance(value, list) and depth <= 1:
        for item in value:
            yield from _mentions(conventions, item, depth + 1)
    elif isinstance(value, dict):
        name = _first(value, conventions.model_keys)
        if name and name.startswith("models:/"):
            whole = _model_uri(name)
            if whole:
                yield whole
        elif name:
            yield ModelMention(name, _first(value, conventions.version_keys), _first(value, conventions.alias_keys))
        if depth == 0:
            own = {*conventions.model_keys, *conventions.version_keys, *conventions.alias_keys}
            for key, item in value.items():
                if key not in own or isinstance(item, dict | list):
                    yield from _mentions(conventions, item, depth + 1)


def _model_uri(text: str) -> ModelMention | None:
    """`models:/NAME/VERSION` and `models:/NAME@ALIAS`, as MLflow writes them."""
    if not text.startswith("models:/") or text.startswith("models://"):
        return None
    rest = text[len("models:/") :]
    name, slash, version = rest.rpartition("/")
    if slash:
        return ModelMention(name, version) if name and version and "/" not in name else None
    name, at, alias = rest.rpartition("@")
    if at:
        return ModelMention(name, None, alias) if name and alias else None
    return ModelMention(rest) if rest and not _LOGGED_MODEL.fullmatch(rest) else None


def _pipeline(written: str) -> tuple[str | None, str]:
    """`airflow://prod/train` names the source too; a bare text is the pipeline's name."""
    _, separator, rest = written.partition("://")
    if not separator:
        return None, written
    source, slash, name = rest.partition("/")
    return (source, unquote(name)) if slash and source else (None, "")


def _first(value: Mapping[str, object], keys: tuple[str, ...]) -> str | None:
    return next((word for key in keys if (word := _word(value.get(key)))), None)


def _word(value: object) -> str | None:
    """A name or number as text: 3, 3.0 and "3" are the same version."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) and value.is_integer() else None
    return str(value)


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
