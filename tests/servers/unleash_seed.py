"""Writes a platform's experiments into a real Unleash as flags of the type `experiment`, through its admin API."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime

from gateway.demo.company import Experiment, Platform
from gateway.demo.unleash_flags import lifecycle, strategy, tag
from tests.servers.process import POLL_S, ServerFailed
from tests.servers.rest import Rest, segment
from tests.servers.unleash import ENVIRONMENT

PROJECT = "default"  # the only one that the open source edition has
FLAGS = f"/api/admin/projects/{PROJECT}/features"
DEADLINE_S = 30.0


def seed_unleash(url: str, admin_token: str, platform: Platform) -> Platform:
    """The platform as it then is there: one project, no metrics and no results, and times of Unleash's own."""
    with Rest(url, {"Authorization": admin_token}) as server:
        server.post("/api/admin/tag-types", {"name": "model", "description": "A registered model that is tested"})
        experiments = tuple(_flag(server, experiment) for experiment in platform.experiments)
        # The first stage of a lifecycle is written a second after the flag, and over a later stage that came before it.
        _wait_for_stage(server, {experiment.key: "initial" for experiment in experiments})
        for experiment in experiments:
            if experiment.status == "stopped":
                body = {"status": lifecycle(experiment, None)["status"]}
                server.post(f"{FLAGS}/{segment(experiment.key)}/lifecycle/complete", body)
        _wait_for_stage(server, {e.key: "completed" for e in experiments if e.status == "stopped"})
        for experiment in experiments:
            if experiment.archived:
                server.call("DELETE", f"{FLAGS}/{segment(experiment.key)}")
    return Platform(platform.name, {PROJECT: "Default"}, {}, experiments)


def _flag(server: Rest, experiment: Experiment) -> Experiment:
    flag = f"{FLAGS}/{segment(experiment.key)}"
    body = {"name": experiment.key, "type": "experiment", "description": experiment.description or None}
    made = server.post(FLAGS, body)
    for text in experiment.tags:
        kind, value = tag(text)
        server.post(f"/api/admin/features/{segment(experiment.key)}/tags", {"type": kind, "value": value})
    if experiment.variations:
        server.post(f"{flag}/environments/{ENVIRONMENT}/strategies", strategy(experiment))
    if experiment.status == "running":
        server.post(f"{flag}/environments/{ENVIRONMENT}/on")
    created = int(datetime.fromisoformat(made["createdAt"]).timestamp() * 1000)
    return replace(
        experiment,
        project=PROJECT,
        created=created,
        updated=created,
        goals=(),
        secondary=(),
        guardrails=(),
        results=(),
    )


def _wait_for_stage(server: Rest, stages: dict[str, str]) -> None:
    until = time.monotonic() + DEADLINE_S
    while True:
        rows = server.get("/api/admin/search/features", limit=100)["features"]
        found = {row["name"]: row.get("lifecycle", {}).get("stage") for row in rows}
        waiting = sorted(name for name, stage in stages.items() if found.get(name) != stage)
        if not waiting:
            return
        if time.monotonic() > until:
            raise ServerFailed(f"Unleash did not bring these flags to their stage within {DEADLINE_S:g} s: {waiting}")
        time.sleep(POLL_S)
