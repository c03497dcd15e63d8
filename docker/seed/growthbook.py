"""Writes experiments and the features that serve them into GrowthBook 5.0.1, by its documented API.

No metrics and no results: these need a data warehouse. No owners: an owner must be a member of the organisation.
"""

from __future__ import annotations

import json

from gateway.demo.company import Experiment, Platform
from gateway.demo.growthbook_rows import feature_id, iso, variation_id
from tests.servers.rest import Json, Refused, Rest, bearer, segment

EMAIL = "admin@example.com"
ENVIRONMENT = "production"
UNKNOWN_KEY = 401


def seed_growthbook(url: str, secret: str, password: str, platform: Platform) -> None:
    """Makes the first account where there is none, then the experiments where there are none."""
    with Rest(f"{url}/api", bearer(secret)) as server:
        if _experiments(server) is None:
            _register(url, password)
        if _experiments(server):
            return
        used = {experiment.project for experiment in platform.experiments}
        projects = {
            key: server.post("/v1/projects", {"name": name})["project"]["id"]
            for key, name in platform.projects.items()
            if key in used
        }
        for experiment in platform.experiments:
            _experiment(server, experiment, projects[experiment.project])


def _experiments(server: Rest) -> int | None:
    """How many there are; None before the first account, while the key belongs to no organisation."""
    try:
        return int(server.get("/v1/experiments", limit=1)["total"])
    except Refused as refused:
        if refused.status != UNKNOWN_KEY:
            raise
        return None


def _register(url: str, password: str) -> None:
    """As the first page does that a new installation shows; only then does it take this."""
    account = {"name": "Admin", "email": EMAIL, "password": password, "companyname": "Demo company"}
    with Rest(url) as server:
        server.post("/auth/firsttime", account)


def _experiment(server: Rest, experiment: Experiment, project: str) -> None:
    made = server.post("/v1/experiments", _body(experiment, project))["experiment"]
    path = f"/v1/experiments/{segment(made['id'])}"
    if (feature := feature_id(experiment)) is not None:
        server.post("/v2/features", _feature(feature, experiment, project, made))
    if experiment.status == "stopped":
        # Only from running to stopped can a result be given.
        server.post(f"{path}/stop", _stop(experiment, made))
    if experiment.archived:
        server.post(path, {"archived": True})


def _body(experiment: Experiment, project: str) -> Json:
    return {
        "trackingKey": experiment.key,
        "name": experiment.name,
        "project": project,
        "hypothesis": experiment.hypothesis,
        "description": experiment.description,
        "tags": list(experiment.tags),
        "status": "draft" if experiment.status == "draft" else "running",
        "variations": [
            {"id": variation_id(experiment, index), "key": variation.key, "name": variation.name}
            for index, variation in enumerate(experiment.variations)
        ],
        # A draft has GrowthBook's own first phase.
        **({"phases": _phases(experiment)} if experiment.phases else {}),
    }


def _phases(experiment: Experiment) -> list[Json]:
    """The last one is open, for it is stopped by a call of its own."""
    return [
        {
            "name": phase.name,
            "dateStarted": iso(phase.started),
            **({} if phase.ended is None or phase is experiment.phases[-1] else {"dateEnded": iso(phase.ended)}),
            "reasonForStopping": phase.reason,
            "coverage": phase.coverage,
            "trafficSplit": [
                {"variationId": variation_id(experiment, index), "weight": variation.weight}
                for index, variation in enumerate(experiment.variations)
            ],
        }
        for phase in experiment.phases
    ]


def _feature(feature: str, experiment: Experiment, project: str, made: Json) -> Json:
    values = [variation.value or "" for variation in experiment.variations]
    ids = [variation["variationId"] for variation in made["variations"]]
    return {
        "id": feature,
        "description": f"Serves {experiment.key}.",
        "project": project,
        "valueType": "json" if all(map(_is_object, values)) else "string",
        "defaultValue": values[0],
        "environments": {ENVIRONMENT: {"enabled": True}},
        "rules": [
            {
                "type": "experiment-ref",
                "experimentId": made["id"],
                "enabled": True,
                "allEnvironments": True,
                "variations": [{"variationId": key, "value": value} for key, value in zip(ids, values, strict=True)],
            }
        ],
    }


def _stop(experiment: Experiment, made: Json) -> Json:
    winner = experiment.winner
    body: Json = {"results": experiment.result_status or "inconclusive", "analysis": experiment.conclusions}
    if winner is not None:
        body["winnerVariationId"] = made["variations"][winner]["variationId"]
    if experiment.phases and (ended := experiment.phases[-1].ended) is not None:
        body |= {"dateEnded": iso(ended), "reason": experiment.phases[-1].reason}
    return body


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
