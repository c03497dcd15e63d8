"""A registry that tells everybody something else: each answer holds the name of whose token it was asked with."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from random import Random
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.resolvers.wire import Received, answer

MODELS = 12
_QUOTED = re.compile(r"'([^']*)'")


class PersonalRegistry:
    """Speaks as much of MLflow as some queries need, of models of any name; `persons` are names by Authorization.

    It notes which token came for what, and is late by up to `late_s`; a share of its calls fails.
    """

    def __init__(self, persons: Mapping[str, str], random: Random, *, late_s: float = 0.0, fails: float = 0.0) -> None:
        self._persons, self._random, self._late_s, self._fails = persons, random, late_s, fails
        self.sent: list[tuple[str, str]] = []
        self.strangers = 0

    async def reply(self, request: Received) -> bytes | None:
        authorization = request.headers.get("authorization", "")
        self.sent.append((authorization, f"{request.target} {request.body.decode()}"))
        if self._late_s:
            await asyncio.sleep(self._random.random() * self._late_s)
        if self._random.random() < self._fails:
            return None if self._random.random() < 0.5 else answer(b"{}", 500)
        person = self._persons.get(authorization)
        if person is None:
            self.strangers += 1
            return answer(b'{"error_code": "UNAUTHENTICATED"}', 401, Content_Type="application/json")
        return answer(msgspec.json.encode(_told(request, person)), Content_Type="application/json")


def _told(request: Received, person: str) -> object:
    parts = urlsplit(request.target)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    wanted = _QUOTED.findall(query.get("filter", ""))
    match parts.path.removeprefix("/api/2.0/mlflow/"):
        case "registered-models/get":
            return {"registered_model": _model(query["name"], person)}
        case "registered-models/search":
            names = wanted or [f"shared-{number}" for number in range(MODELS)]
            return {"registered_models": [_model(name, person) for name in sorted(names)]}
        case "model-versions/get":
            return {"model_version": _version(query["name"], person)}
        case "model-versions/search":
            names = wanted or [f"shared-{number}" for number in range(MODELS)]
            return {"model_versions": [_version(name, person) for name in names]}
        case "runs/get":
            return {"run": _run(query["run_id"], person)}
        case "experiments/search":
            return {"experiments": [{"experiment_id": "1", "name": "all"}]}
        case "runs/search":
            return {"runs": [_run(f"run-shared-{number}", person) for number in range(MODELS)]}
    return {}


def _model(name: str, person: str) -> dict[str, object]:
    return {
        "name": name,
        "creation_timestamp": 1,
        "last_updated_timestamp": 2,
        "description": f"as {person} sees it",
        "tags": [{"key": "seen-by", "value": person}],
        "latest_versions": [_version(name, person)],
    }


def _version(name: str, person: str) -> dict[str, object]:
    return {
        "name": name,
        "version": "1",
        "creation_timestamp": 1,
        "last_updated_timestamp": 2,
        "current_stage": "None",
        "description": f"as {person} sees it",
        "run_id": f"run-{name}",
        "status": "READY",
    }


def _run(run_id: str, person: str) -> dict[str, object]:
    data = {"params": [{"key": "seen-by", "value": person}], "metrics": [], "tags": []}
    return {"info": {"run_id": run_id, "status": "FINISHED", "experiment_id": "1"}, "data": data, "inputs": {}}
