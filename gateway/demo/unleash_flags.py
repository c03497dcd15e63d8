"""The company's experiments as Unleash keeps them: flags with tags, a lifecycle and variants on a strategy.

Apart from the server, because these rows are what all of its endpoints cut from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from gateway.demo.company import Experiment, Variation

Row = dict[str, object]

# What Unleash shows for flags made with an admin token instead of by a person.
TOKEN_USER: Row = {"id": -42, "name": "Unleash Admin Token User"}


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    project: str
    description: str | None
    created: str
    archived: str | None
    enabled: bool
    tags: frozenset[tuple[str, str]]
    creator: Row
    lifecycle: Row
    strategies: tuple[Row, ...]

    type = "experiment"


def flag(experiment: Experiment, user_id: int) -> Flag:
    """What a team has there that runs this experiment on Unleash: a flag has no hypothesis, metrics or results."""
    archived = timestamp(experiment.updated) if experiment.archived else None
    return Flag(
        name=experiment.key,
        project=experiment.project or "default",
        description=experiment.description or None,
        created=timestamp(experiment.created),
        archived=archived,
        enabled=experiment.status == "running",
        tags=frozenset(map(tag, experiment.tags)),
        creator={"id": user_id, "name": experiment.owner} if experiment.owner else TOKEN_USER,
        lifecycle=lifecycle(experiment, archived),
        strategies=(strategy(experiment),) if experiment.variations else (),
    )


def tag(text: str) -> tuple[str, str]:
    """`model:NAME` is a tag of the type `model`; any other has Unleash's own type for plain words, `simple`."""
    kind, colon, value = text.partition(":")
    return ("model", value) if kind == "model" and colon and value else ("simple", text)


def lifecycle(experiment: Experiment, archived: str | None) -> Row:
    started = [phase.started for phase in experiment.phases]
    ended = [phase.ended for phase in experiment.phases if phase.ended is not None]
    if archived is not None:
        return {"stage": "archived", "enteredStageAt": archived}
    if experiment.status == "stopped":
        kept = "discarded" if experiment.winner in (None, 0) else "kept"
        at = max(ended, default=experiment.updated)
        return {"stage": "completed", "status": kept, "enteredStageAt": timestamp(at)}
    if experiment.status == "running":
        # `live` is kept for environments of type production; ours is of type development.
        return {"stage": "pre-live", "enteredStageAt": timestamp(min(started, default=experiment.created))}
    return {"stage": "initial", "enteredStageAt": timestamp(experiment.created)}


def strategy(experiment: Experiment) -> Row:
    coverage = experiment.phases[-1].coverage if experiment.phases else 1.0
    return {
        "name": "flexibleRollout",
        "constraints": [],
        "parameters": {"groupId": experiment.key, "rollout": f"{coverage * 100:g}", "stickiness": "userId"},
        "variants": variants(experiment.variations),
    }


def variants(variations: tuple[Variation, ...]) -> list[Row]:
    """Weights are thousandths that add up exactly: what rounding leaves goes to the variants it cut most."""
    exact = [variation.weight * 1000 for variation in variations]
    weights = [int(weight) for weight in exact]
    left = round(sum(exact)) - sum(weights)
    for index in sorted(range(len(exact)), key=lambda i: weights[i] - exact[i])[:left]:
        weights[index] += 1
    return [
        {
            "name": variation.key,
            "weight": weight,
            **({} if variation.value is None else {"payload": payload(variation.value)}),
            "stickiness": "userId",
            # Unleash spreads `variable` weights evenly and refuses a set without one, so only the last may vary.
            "weightType": "fix" if index + 1 < len(weights) else "variable",
        }
        for index, (variation, weight) in enumerate(zip(variations, weights, strict=True))
    ]


def payload(value: str) -> Row:
    try:
        decoded = msgspec.json.decode(value)
    except msgspec.DecodeError:
        decoded = None
    return {"type": "json" if isinstance(decoded, dict | list) else "string", "value": value}


def timestamp(epoch_ms: int) -> str:
    at = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{epoch_ms % 1000:03d}Z"
