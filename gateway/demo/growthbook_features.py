"""The demo's experiments as GrowthBook 5.0.1's features: flags whose variations hold what the serving code reads."""

from __future__ import annotations

import msgspec

from .company import Experiment
from .growthbook_rows import Row, feature_id, iso, owner_fields, seed, variation_id


def feature_row(experiment: Experiment) -> Row:
    values = _values(experiment)
    definition: Row = {"defaultValue": _parsed(experiment, values[0])}
    if serves(experiment):
        definition["rules"] = [_served_rule(experiment, named=False)]
    return {
        "id": feature_id(experiment),
        "description": f"serves {experiment.name}",
        "archived": False,
        "dateCreated": iso(experiment.created),
        "dateUpdated": iso(experiment.updated),
        "defaultValue": values[0],
        "rules": [
            {
                "description": "A/B",
                "id": _rule_id(experiment),
                "condition": "",
                "enabled": True,
                "savedGroupTargeting": [],
                "prerequisites": [],
                "type": "experiment-ref",
                "variations": [
                    {"variationId": variation_id(experiment, index), "value": value}
                    for index, value in enumerate(values)
                ],
                "experimentId": experiment.id,
                "allEnvironments": True,
                "allProjects": True,
            }
        ],
        "environments": {
            "production": {
                "enabled": True,
                "defaultValue": values[0],
                "definition": msgspec.json.encode(definition).decode(),
            }
        },
        "prerequisites": [],
        "project": experiment.project,
        "targetingAllProjects": False,
        "targetingProjects": [],
        "tags": experiment.tags,
        "valueType": "json" if _holds_json(experiment) else "string",
        "revision": {
            "id": f"frev_{experiment.id.removeprefix('exp_')}",
            "comment": "",
            "date": iso(experiment.created),
            "createdBy": {"type": "api_key", "name": ""},
            "publishedBy": {"type": "api_key", "name": ""},
            "version": 1,
        },
        "customFields": {},
        **owner_fields(experiment),
    }


def serves(experiment: Experiment) -> bool:
    return experiment.status == "running" and not experiment.archived


def sdk_feature(experiment: Experiment) -> Row:
    """A feature as the public payload has it: values parsed, and rules of running experiments only."""
    feature: Row = {"defaultValue": _parsed(experiment, _values(experiment)[0])}
    if serves(experiment):
        feature["rules"] = [{"id": _rule_id(experiment), **_served_rule(experiment, named=True)}]
    return feature


def _served_rule(experiment: Experiment, *, named: bool) -> Row:
    rule: Row = {
        "coverage": experiment.phases[-1].coverage if experiment.phases else 1,
        "seed": seed(experiment),
        "hashVersion": 2,
        "variations": [_parsed(experiment, value) for value in _values(experiment)],
        "weights": [variation.weight for variation in experiment.variations],
        "key": experiment.key,
        "meta": [{"key": v.key, "name": v.name} if named else {"key": v.key} for v in experiment.variations],
        "phase": str(max(len(experiment.phases) - 1, 0)),
    }
    if named:
        rule["name"] = experiment.name
    return rule


def _rule_id(experiment: Experiment) -> str:
    return f"fr_{experiment.id.removeprefix('exp_')}"


def _values(experiment: Experiment) -> list[str]:
    # A rule needs a value for each variation: an empty one stands where the company names none.
    empty = "{}" if _holds_json(experiment) else ""
    return [empty if variation.value is None else variation.value for variation in experiment.variations]


def _holds_json(experiment: Experiment) -> bool:
    try:
        return all(isinstance(msgspec.json.decode(v.value), dict) for v in experiment.variations if v.value is not None)
    except msgspec.DecodeError:
        return False


def _parsed(experiment: Experiment, value: str) -> object:
    return msgspec.json.decode(value) if _holds_json(experiment) else value
