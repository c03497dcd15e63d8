"""Versions side by side, of any registries: what their training runs logged, aligned, and where they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from resolvers.errors import BadUserInput, GraphError, SourceForbidden
from resolvers.rules.origin import load_training_runs
from resolvers.sources import Needs
from resolvers.targets import entities
from schema.fields import NoArgs
from schema.identity import EntityKind, parse_id
from schema.lineage import CompareArgs, ComparisonRow, ModelComparison
from schema.model import ModelVersion, TrainingRun
from schema.query import Query

if TYPE_CHECKING:
    from resolvers.context import Context

FEWEST, MOST = 2, 10

Column = Mapping[str, str]
"""What one version has, by key."""


async def compare_model_versions(
    ctx: Context, roots: Sequence[Query], args: CompareArgs, needs: Needs
) -> list[ModelComparison | GraphError]:
    """Query.compareModelVersions"""
    if not FEWEST <= len(args.ids) <= MOST:
        return [BadUserInput(f"Give {FEWEST} to {MOST} ids.") for _ in roots]
    references = [parse_id(text) for text in args.ids]
    known = [item for item in references if item is not None and item.kind is EntityKind.MODEL_VERSION]
    if len(known) < len(references):
        return [BadUserInput("Give ids of model versions, such as mlg://model-version/SOURCE/NAME%2F1.") for _ in roots]
    read = [cast("ModelVersion | GraphError | None", item.value) for item in await entities(ctx, known, needs)]
    # As for any id, what may not be seen is not there.
    found = [None if isinstance(item, SourceForbidden) else item for item in read]
    # An item that is an error is null in the answer, with the error at its own path.
    comparison = ModelComparison(asked=found, versions=cast("list[ModelVersion | None]", found))
    return [comparison for _ in roots]


async def params(
    ctx: Context, comparisons: Sequence[ModelComparison], args: NoArgs, needs: Needs
) -> list[list[ComparisonRow] | GraphError]:
    """ModelComparison.params"""
    return [await _rows(ctx, item, lambda run: dict(run.all_params)) for item in comparisons]


async def evaluation_metrics(
    ctx: Context, comparisons: Sequence[ModelComparison], args: NoArgs, needs: Needs
) -> list[list[ComparisonRow] | GraphError]:
    """ModelComparison.evaluationMetrics"""

    def scores(run: TrainingRun) -> Column:
        return {metric.key: str(metric.value) for metric in run.all_metrics if metric.value is not None}

    return [await _rows(ctx, item, scores) for item in comparisons]


async def datasets(
    ctx: Context, comparisons: Sequence[ModelComparison], args: NoArgs, needs: Needs
) -> list[list[ComparisonRow] | GraphError]:
    """ModelComparison.datasets"""

    def inputs(run: TrainingRun) -> Column:
        states: dict[str, dict[str, None]] = {}
        for dataset in run.datasets:
            states.setdefault(dataset.reference.key, {})[dataset.digest or dataset.name] = None
        return {key: ", ".join(listed) for key, listed in states.items()}

    return [await _rows(ctx, item, inputs) for item in comparisons]


async def _rows(
    ctx: Context, comparison: ModelComparison, read: Callable[[TrainingRun], Column]
) -> list[ComparisonRow] | GraphError:
    """One row a key. A version whose training run cannot be read has the error in each row, and does not compare."""
    versions = [item for item in comparison.asked if isinstance(item, ModelVersion)]
    runs = iter(await load_training_runs(ctx, versions))
    columns: list[Column | GraphError | None] = []
    for item in comparison.asked:
        loaded = next(runs) if isinstance(item, ModelVersion) else None
        run = loaded.value if loaded is not None else None
        if isinstance(run, GraphError):
            columns.append(run)
        elif isinstance(item, ModelVersion):
            columns.append(read(run) if run is not None else {})
        else:
            columns.append(None)
    known = [column for column in columns if column is not None and not isinstance(column, GraphError)]
    failed = [column for column in columns if isinstance(column, GraphError)]
    keys = sorted({key for column in known for key in column})
    if failed and not keys:
        return failed[0]
    return [
        ComparisonRow(
            key=key,
            values=[_value(column, key) for column in columns],
            differs=len({column.get(key) for column in known}) > 1,
        )
        for key in keys
    ]


def _value(column: Column | GraphError | None, key: str) -> str | None:
    if isinstance(column, GraphError):
        # As an item of the list it is null in the answer, with the error at its own path.
        return cast("None", column.again())
    return column.get(key) if column is not None else None
