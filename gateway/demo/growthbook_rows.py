"""The demo's experiments in GrowthBook 5.0.1's own objects: experiment, results, metric, project.

Which keys an object has follows recorded answers; `tests/contract/` holds them to it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from .company import Experiment, Phase, Platform

DATASOURCE = "ds_warehouse"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, object]


def iso(at_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def variation_id(experiment: Experiment, index: int) -> str:
    return f"var_{experiment.id.removeprefix('exp_')}{index}"


def seed(experiment: Experiment) -> str:
    return str(uuid5(NAMESPACE_URL, experiment.id))


def feature_id(experiment: Experiment) -> str | None:
    """An experiment whose variations carry values serves them by one feature."""
    if all(variation.value is None for variation in experiment.variations):
        return None
    # Not by the tracking key: two experiments may have the same one.
    return f"flag-{experiment.id.removeprefix('exp_')}"


def owner_fields(experiment: Experiment) -> Row:
    # GrowthBook stores a user id and resolves it to an email; a raw name stays as legacy records have it.
    if "@" not in experiment.owner:
        return {"owner": experiment.owner}
    return {"owner": f"u_{experiment.owner.partition('@')[0]}", "ownerEmail": experiment.owner}


def experiment_row(experiment: Experiment) -> Row:
    feature = feature_id(experiment)
    row: Row = {
        "id": experiment.id,
        "trackingKey": experiment.key,
        "name": experiment.name,
        "type": "standard",
        "project": experiment.project,
        "hypothesis": experiment.hypothesis,
        "description": experiment.description,
        "tags": experiment.tags,
        **owner_fields(experiment),
        "dateCreated": iso(experiment.created),
        "dateUpdated": iso(experiment.updated),
        "archived": experiment.archived,
        "status": experiment.status,
        "autoRefresh": True,
        "hashAttribute": "id",
        "fallbackAttribute": "",
        "hashVersion": 2,
        "disableStickyBucketing": False,
        "variations": [
            {
                "variationId": variation_id(experiment, index),
                "key": variation.key,
                "name": variation.name,
                "description": "",
                "screenshots": [],
            }
            for index, variation in enumerate(experiment.variations)
        ],
        "phases": [_phase(experiment, phase) for phase in experiment.phases],
        "settings": {
            **_settings(experiment),
            "regressionAdjustmentEnabled": False,
            "sequentialTestingEnabled": False,
            "sequentialTestingTuningParameter": 5000,
            "postStratificationEnabled": None,
            "decisionFrameworkSettings": {"decisionFrameworkMetricOverrides": []},
            "metricOverrides": [],
        },
        "shareLevel": "organization",
        "linkedFeatures": [feature] if feature else [],
        "hasVisualChangesets": False,
        "hasURLRedirects": False,
        "customFields": {},
        "customMetricSlices": [],
        "precomputedUnitDimensionIds": [],
    }
    if experiment.status == "stopped" and experiment.result_status:
        # The real server names variation 0 where no winner was recorded, whatever the result's word.
        winner = variation_id(experiment, experiment.winner or 0) if experiment.variations else ""
        row["resultSummary"] = {
            "status": experiment.result_status,
            "winner": winner,
            "conclusions": experiment.conclusions,
            "releasedVariationId": winner if experiment.result_status == "won" else "",
            "excludeFromPayload": True,
        }
    return row


def enhanced_status(experiment: Experiment) -> Row:
    """What the single read of an experiment has and the list has not."""
    return {"status": "Archived" if experiment.archived else experiment.status.capitalize()}


def results_row(experiment: Experiment, platform: Platform) -> Row:
    """The latest snapshot, of the last phase."""
    phase = experiment.phases[-1]
    metrics: dict[str, dict[int, Row]] = {}
    for result in experiment.results:
        metrics.setdefault(result.metric, {})[result.variation] = {
            "variationId": variation_id(experiment, result.variation),
            "variationName": experiment.variations[result.variation].name,
            "users": result.users,
            "analyses": [
                {
                    "engine": "bayesian",
                    "numerator": round(result.mean * result.users),
                    "denominator": 0,
                    "mean": result.mean,
                    "stddev": (abs(result.mean) * abs(1 - result.mean)) ** 0.5,
                    "percentChange": result.uplift,
                    "ciLow": result.ci_low,
                    "ciHigh": result.ci_high,
                    "pValue": result.p_value,
                    "risk": 0,
                    "chanceToBeatControl": result.chance_to_win,
                }
            ],
        }
    users = {result.variation: result.users for result in experiment.results}
    return {
        "id": f"snp_{experiment.id.removeprefix('exp_')}",
        "dateUpdated": iso(experiment.updated),
        "experimentId": experiment.id,
        "phase": str(len(experiment.phases) - 1),
        "dimension": {"type": "none"},
        "dateStart": iso(phase.started),
        "dateEnd": iso(phase.ended if phase.ended is not None else experiment.updated),
        "settings": _settings(experiment),
        "queryIds": [f"qry_{experiment.id.removeprefix('exp_')}"],
        "results": [
            {
                "dimension": "",
                "totalUsers": sum(users.values()),
                "checks": {"srm": 1},
                "metrics": [
                    {
                        "metricId": metric,
                        "metricName": platform.metrics.get(metric, metric),
                        "variations": [row for _, row in sorted(rows.items())],
                    }
                    for metric, rows in metrics.items()
                ],
            }
        ],
    }


def has_results(experiment: Experiment) -> bool:
    return bool(experiment.results and experiment.phases)


def project_row(key: str, name: str) -> Row:
    return {
        "id": key,
        "name": name,
        "description": "",
        "publicId": name.lower().replace(" ", "-"),
        "dateCreated": iso(0),
        "dateUpdated": iso(0),
        "settings": {},
    }


def metric_row(key: str, name: str) -> Row:
    return {
        "id": key,
        "managedBy": "",
        "dateCreated": iso(0),
        "dateUpdated": iso(0),
        "owner": "",
        "datasourceId": DATASOURCE,
        "name": name,
        "description": "",
        "type": "binomial",
        "tags": [],
        "projects": [],
        "archived": False,
        "behavior": {
            "goal": "increase",
            "windowSettings": {"type": "none"},
            "riskThresholdSuccess": 0.0025,
            "riskThresholdDanger": 0.0125,
            "minPercentChange": 0.005,
            "maxPercentChange": 0.5,
            "minSampleSize": 150,
            "targetMDE": 0.1,
        },
    }


def fact_metric_row(key: str, name: str) -> Row:
    return {
        "id": key,
        "owner": "",
        "datasource": DATASOURCE,
        "name": name,
        "description": "",
        "tags": [],
        "projects": [],
        "inverse": False,
        "priorSettings": {"override": False, "proper": False, "mean": 0, "stddev": 0.3},
        "maxPercentChange": 0.5,
        "minPercentChange": 0.005,
        "minSampleSize": 150,
        "metricAutoSlices": [],
        "riskThresholdDanger": 0.0125,
        "riskThresholdSuccess": 0.0025,
        "targetMDE": 0.1,
        "metricType": "proportion",
        "cappingSettings": {"type": "none", "value": 0},
        "windowSettings": {
            "type": "none",
            "delayValue": 0,
            "delayUnit": "hours",
            "windowValue": 72,
            "windowUnit": "hours",
        },
        "managedBy": "",
        "numerator": {
            "factTableId": "ftb_events",
            "column": "$$distinctUsers",
            "rowFilters": [],
            "filters": [],
            "inlineFilters": {},
        },
        "regressionAdjustmentSettings": {"override": False},
        "dateCreated": iso(0),
        "dateUpdated": iso(0),
    }


def _settings(experiment: Experiment) -> Row:
    measured = bool(experiment.goals or experiment.secondary or experiment.guardrails)
    return {
        "datasourceId": DATASOURCE if measured else "",
        "assignmentQueryId": "user_id" if measured else "",
        "experimentId": experiment.key,
        "segmentId": "",
        "queryFilter": "",
        "inProgressConversions": "include",
        "attributionModel": "firstExposure",
        "statsEngine": "bayesian",
        "goals": [{"metricId": metric, "overrides": {}} for metric in experiment.goals],
        "secondaryMetrics": [{"metricId": metric, "overrides": {}} for metric in experiment.secondary],
        "guardrails": [{"metricId": metric, "overrides": {}} for metric in experiment.guardrails],
    }


def _phase(experiment: Experiment, phase: Phase) -> Row:
    return {
        "name": phase.name,
        "dateStarted": iso(phase.started),
        "dateEnded": "" if phase.ended is None else iso(phase.ended),
        "reasonForStopping": phase.reason,
        "seed": seed(experiment),
        "coverage": phase.coverage,
        "trafficSplit": [
            {"variationId": variation_id(experiment, index), "weight": variation.weight}
            for index, variation in enumerate(experiment.variations)
        ],
        "targetingCondition": "{}",
        "prerequisites": [],
        "savedGroupTargeting": [],
    }
