"""The fake GrowthBook against answers recorded from the real one: same statuses, headers, keys and types.

The real server is in no package registry, so these recordings stand for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.demo.company import Experiment, Phase, Platform, ResultRow, Variation
from gateway.demo.growthbook import app
from gateway.demo.growthbook_rows import DATASOURCE
from tests.gateway.asgi import get

METRIC = "fact__2ChKtZUYfbMe5DY31nJmS8"
CLIENT_KEY = "sdk-gQk3K8aliStkTssQ"
# Optional by GrowthBook's own API document: present where an owner resolves to a user.
OPTIONAL = {"ownerEmail"}
# Objects whose keys are names somebody chose.
NAMED = {"features", "environments"}


class Recording(msgspec.Struct):
    name: str
    path: str
    status: int
    headers: dict[str, str]
    body: object


class Recordings(msgspec.Struct):
    product: str
    version: str
    recorded: str
    below: str
    answers: list[Recording]


RECORDED = msgspec.json.decode((Path(__file__).parent / "recorded" / "growthbook.json").read_bytes(), type=Recordings)


def experiment(id: str, key: str, status: str, *, model: int | None = None, measured: bool = False) -> Experiment:
    values = [None, None] if model is None else [f'{{"model": "ranker-{model}", "version": {v}}}' for v in (1, 2)]
    return Experiment(
        id=id,
        key=key,
        name=f"Ranker test {model}",
        status=status,
        created=1_795_438_000_000,
        updated=1_795_438_000_000,
        hypothesis="lifts clicks",
        tags=("model:ranker-7", "ranking"),
        owner="lab@example.com",
        variations=tuple(
            Variation(str(index), name, 0.5, value)
            for index, (name, value) in enumerate(zip(("Control", "Treatment"), values, strict=True))
        ),
        phases=(Phase("Main", 1_790_000_000_000),),
        goals=(METRIC,) if measured else (),
        results=tuple(ResultRow(METRIC, n, 2000, 0.0875, 0.44, 0.18, 0.7, 0.01, 0.99) for n in (0, 1))
        if measured
        else (),
    )


PLATFORM = Platform(
    name="growthbook",
    projects={"prj_2ChKt9sCGKzXR45ZCRwYR4": "My First Project"},
    metrics={METRIC: "Clicked"},
    experiments=(
        experiment("exp_3b2ozlhngmwt9inzt", "exp-0000", "draft", model=0),
        experiment("exp_0007", "exp-0007", "running", model=7),
        experiment("exp_0008", "exp-0008", "running", model=8),
        experiment("exp_3b2ozlo4kmwt9l86d", "exp-0000", "running", measured=True),
        experiment("exp_3b2ozlo4kmwt9l8f9", "exp-0001", "running", measured=True),
        experiment("exp_3b2ozlo4kmwt9l8g0", "exp-0002", "running", measured=True),
    ),
)


def shape(value: object, at: str = "") -> Iterator[str]:
    """Every path in an answer with the type found there; rows of a list are taken together."""
    if isinstance(value, dict):
        yield f"{at}: object"
        for key, inner in value.items():
            name = "*" if at.rpartition(".")[2] in NAMED else key
            yield from shape(inner, f"{at}.{name}")
    elif isinstance(value, list):
        yield f"{at}: list"
        for inner in value:
            yield from shape(inner, f"{at}[]")
    elif isinstance(value, bool):
        yield f"{at}: boolean"
    elif isinstance(value, int | float):
        yield f"{at}: number"
    else:
        yield f"{at}: {type(value).__name__}"


def comparable(value: object) -> set[str]:
    return {path for path in shape(value) if path.partition(":")[0].rpartition(".")[2] not in OPTIONAL}


@pytest.mark.parametrize("recorded", RECORDED.answers, ids=lambda recorded: recorded.name)
async def test_the_fake_answers_in_the_shape_the_real_server_did(recorded: Recording) -> None:
    fake = app(PLATFORM, secret="secret_x", client_key=CLIENT_KEY)
    path = RECORDED.below + recorded.path.replace("ds_3b2ozlo4kmwt9l7tv", DATASOURCE)
    key = "secret_wrong" if recorded.name == "bad key" else "secret_x"

    answer = await get(fake, path, {"Authorization": f"Bearer {key}"})

    assert answer.status == recorded.status
    assert {name.lower() for name in recorded.headers} <= set(answer.headers)
    assert answer.headers["content-type"] == recorded.headers["Content-Type"]
    assert answer.headers.get("cache-control") == recorded.headers.get("Cache-control")
    assert ("ratelimit-limit" in answer.headers) == ("RateLimit-Limit" in recorded.headers)
    if recorded.status != 200:
        assert answer.json == recorded.body
    else:
        assert comparable(answer.json) == comparable(recorded.body)
