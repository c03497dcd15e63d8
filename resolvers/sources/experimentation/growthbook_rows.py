"""GrowthBook's rows as its REST API has them (checked on 5.0.1), and the graph's experiments made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import strawberry

from resolvers.http import Query
from resolvers.sources import SourceProfile
from resolvers.sources.labels import domain_of, owners_of, parse_word
from resolvers.times import from_iso
from schema.experiment import (
    Experiment,
    ExperimentMetric,
    ExperimentPhase,
    ExperimentResultRow,
    ExperimentResults,
    ExperimentStatus,
    MetricRole,
    UsageWindow,
    Variation,
)
from schema.identity import EntityKind, Reference, UrlMaker
from schema.scalars import JSON, Timestamp


class Row(msgspec.Struct, rename="camel", frozen=True):
    """What every listed thing has."""

    id: str


class VariationRow(msgspec.Struct, rename="camel", frozen=True):
    variation_id: str
    key: str
    name: str


class TrafficRow(msgspec.Struct, rename="camel", frozen=True):
    variation_id: str
    weight: float


class PhaseRow(msgspec.Struct, rename="camel", frozen=True):
    name: str
    date_started: str = ""
    date_ended: str = ""
    reason_for_stopping: str = ""
    coverage: float | None = None
    traffic_split: list[TrafficRow] = []


class MetricUse(msgspec.Struct, rename="camel", frozen=True):
    metric_id: str


class SettingsRow(msgspec.Struct, rename="camel", frozen=True):
    datasource_id: str = ""
    goals: list[MetricUse] = []
    secondary_metrics: list[MetricUse] = []
    guardrails: list[MetricUse] = []


class SummaryRow(msgspec.Struct, rename="camel", frozen=True):
    status: str = ""
    winner: str = ""
    conclusions: str = ""


class ExperimentRow(Row, rename="camel", frozen=True):
    tracking_key: str
    name: str
    status: str
    date_created: str
    date_updated: str
    variations: list[VariationRow]
    phases: list[PhaseRow]
    project: str = ""
    hypothesis: str = ""
    description: str = ""
    tags: list[str] = []
    owner: str = ""
    owner_email: str = ""
    archived: bool = False
    settings: SettingsRow = SettingsRow()
    result_summary: SummaryRow | None = None
    linked_features: list[str] = []

    def metric_ids(self) -> list[str]:
        uses = (*self.settings.goals, *self.settings.secondary_metrics, *self.settings.guardrails)
        return [use.metric_id for use in uses]


class AnalysisRow(msgspec.Struct, rename="camel", frozen=True):
    engine: str
    mean: float | None = None
    percent_change: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    chance_to_beat_control: float | None = None


class VariationResult(msgspec.Struct, rename="camel", frozen=True):
    variation_id: str
    analyses: list[AnalysisRow]
    users: float | None = None


class MetricResult(msgspec.Struct, rename="camel", frozen=True):
    metric_id: str
    variations: list[VariationResult]


class DimensionResult(msgspec.Struct, rename="camel", frozen=True):
    metrics: list[MetricResult]
    dimension: str = ""


class ResultRow(Row, rename="camel", frozen=True):
    """A snapshot: the analysis of one phase."""

    experiment_id: str
    results: list[DimensionResult]


class NamedRow(Row, rename="camel", frozen=True):
    """A metric or a project."""

    name: str


class Value(NamedTuple):
    """What a variation serves: as text, and as the JSON value it is."""

    text: str
    value: object


_STATUSES = {
    "draft": ExperimentStatus.DRAFT,
    "running": ExperimentStatus.RUNNING,
    "stopped": ExperimentStatus.STOPPED,
}


_WINDOWS: Mapping[UsageWindow | None, Query] = {
    UsageWindow.CURRENT: (("status", "running"), ("archived", "false")),
    UsageWindow.DRAFT: (("status", "draft"), ("archived", "false")),
}


def window_query(window: UsageWindow | None) -> Query:
    """Filters of a window; EVER has none, as one call takes one status (several only by the search language)."""
    return _WINDOWS.get(window, ())


def in_window(row: ExperimentRow, window: UsageWindow | None) -> bool:
    if window is None:
        return True
    if window is UsageWindow.EVER:
        return row.status in ("running", "stopped")
    return not row.archived and row.status == ("running" if window is UsageWindow.CURRENT else "draft")


def statuses_query(statuses: frozenset[ExperimentStatus] | None) -> Query | None:
    """Filters for these statuses; None where GrowthBook cannot be asked for them together."""
    if statuses is None or statuses >= {*_STATUSES.values(), ExperimentStatus.ARCHIVED}:
        return ()
    if statuses == {ExperimentStatus.ARCHIVED}:
        return (("archived", "true"),)
    words = [word for word, status in _STATUSES.items() if status in statuses]
    if len(words) != len(statuses) or not words:
        return None
    unarchived = ("archived", "false")
    if len(words) == len(_STATUSES):
        return (unarchived,)
    return (("status", words[0]) if len(words) == 1 else ("q", f"status:{','.join(words)}"), unarchived)


def status_of(row: ExperimentRow) -> ExperimentStatus:
    return ExperimentStatus.ARCHIVED if row.archived else _STATUSES.get(row.status, ExperimentStatus.UNKNOWN)


def experiment_of(
    row: ExperimentRow,
    fetched_at: Timestamp,
    profile: SourceProfile,
    url_of: UrlMaker,
    *,
    values: Sequence[Value | None] = (),
    metric_names: Mapping[str, str],
    project_names: Mapping[str, str],
) -> Experiment:
    """The graph's experiment. Raises ValueError where a time of the row is none."""
    reference = Reference(EntityKind.EXPERIMENT, profile.name, row.id, url_of)
    labels = [parse_word(tag) for tag in row.tags]
    owner = row.owner_email or row.owner
    return Experiment(
        id=strawberry.ID(reference.id),
        reference=reference,
        fetched_at=fetched_at,
        owned_by=owners_of(profile.labels, labels, [owner] if owner else []),
        domain_name=domain_of(profile.labels, labels, project_names.get(row.project)),
        labels=labels,
        name=row.name,
        description=row.description or None,
        created_at=from_iso(row.date_created),
        updated_at=from_iso(row.date_updated),
        key=row.tracking_key,
        status=status_of(row),
        source_status=row.status,
        hypothesis=row.hypothesis or None,
        variations=variations_of(row, profile.name, values),
        phases=[
            ExperimentPhase(
                name=phase.name or None,
                started_at=_moment(phase.date_started),
                ended_at=_moment(phase.date_ended),
                coverage=phase.coverage,
                reason_for_stopping=phase.reason_for_stopping or None,
            )
            for phase in row.phases
        ],
        metrics=[
            ExperimentMetric(key=use.metric_id, name=metric_names.get(use.metric_id, use.metric_id), role=role)
            for role, uses in (
                (MetricRole.GOAL, row.settings.goals),
                (MetricRole.SECONDARY, row.settings.secondary_metrics),
                (MetricRole.GUARDRAIL, row.settings.guardrails),
            )
            for use in uses
        ],
    )


def variations_of(row: ExperimentRow, source: str, values: Sequence[Value | None] = ()) -> list[Variation]:
    """Weights are those of the last phase, shares of 1 already; GrowthBook compares with the first variation."""
    weights = {split.variation_id: split.weight for split in row.phases[-1].traffic_split} if row.phases else {}
    variations = []
    for position, variation in enumerate(row.variations):
        value = values[position] if position < len(values) else None
        variations.append(
            Variation(
                source=source,
                text=value.text if value else None,
                key=variation.key,
                name=variation.name,
                number=position + 1,
                is_control=position == 0,
                weight=weights.get(variation.variation_id),
                value=JSON(value.value) if value else None,
            )
        )
    return variations


def results_of(row: ExperimentRow, result: ResultRow, source: str) -> ExperimentResults:
    summary = row.result_summary
    winner = None
    # Where no winner was recorded GrowthBook names its first variation, so only a test that was won has one.
    if summary is not None and summary.status == "won":
        by_id = dict(zip((v.variation_id for v in row.variations), variations_of(row, source), strict=True))
        winner = by_id.get(summary.winner)
    keys = {variation.variation_id: variation.key for variation in row.variations}
    control = row.variations[0].variation_id if row.variations else None
    overall = next((part for part in result.results if not part.dimension), None)
    return ExperimentResults(
        source_status=(summary.status or None) if summary else None,
        winner=winner,
        conclusions=(summary.conclusions or None) if summary else None,
        rows=[
            _result_row(metric.metric_id, keys[found.variation_id], found, found.variation_id == control)
            for metric in (overall.metrics if overall else [])
            for found in metric.variations
            if found.variation_id in keys and found.analyses
        ],
    )


def _result_row(metric: str, variation: str, found: VariationResult, is_control: bool) -> ExperimentResultRow:
    analysis = found.analyses[0]
    # The control's comparison with itself, and the p-value of a Bayesian analysis, are written as 0.
    bayesian = analysis.engine == "bayesian"
    return ExperimentResultRow(
        metric=metric,
        variation=variation,
        users=None if found.users is None else int(found.users),
        mean=analysis.mean,
        relative_uplift=None if is_control else analysis.percent_change,
        ci_low=None if is_control else analysis.ci_low,
        ci_high=None if is_control else analysis.ci_high,
        p_value=None if is_control or bayesian else analysis.p_value,
        chance_to_beat_control=analysis.chance_to_beat_control if bayesian and not is_control else None,
    )


def _moment(text: str) -> Timestamp | None:
    return from_iso(text) if text else None
