"""How a registry of the story is put together: a training run, the version it became, the model it belongs to."""

from __future__ import annotations

from gateway.demo.company import DatasetInput, Metric, Model, TrainingRun, Version
from gateway.demo.parts import HOUR, MINUTE, at, hex_id


def trained(
    registry: str,
    name: str,
    number: int,
    when: str,
    user: str,
    *,
    tags: dict[str, str] | None = None,
    datasets: tuple[DatasetInput, ...] = (),
    **scores: float,
) -> TrainingRun:
    ended = at(when)
    script = {"mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"}
    commit = {"mlflow.source.git.commit": hex_id("commit", name, number) + hex_id(name, length=8)}
    return TrainingRun(
        run_id=hex_id("run", registry, name, number),
        experiment_id=_GROUP_OF_USER[user],
        name=f"{name} {number}",
        user=user,
        status="FINISHED",
        started=ended - 70 * MINUTE,
        ended=ended,
        params={"learning_rate": "0.0003", "epochs": str(8 + 2 * number), "seed": "17", "window": str(4 * number)},
        metrics={
            score: Metric(value, 100 * number, ended)
            for score, value in {**scores, "loss": round(0.9 / number, 3)}.items()
        },
        tags=script | commit | (tags or {}),
        datasets=datasets,
    )


def version(number: int, run: TrainingRun, description: str = "", **tags: str) -> Version:
    """The version a run was registered as, a minute after it ended."""
    registered = run.started + 71 * MINUTE
    return Version(number, registered, registered, run_id=run.run_id, description=description, tags=tags)


def model(
    name: str, description: str, tags: dict[str, str], versions: list[Version], *, created: str = "", **aliases: int
) -> Model:
    first = at(created) if created else versions[0].created
    return Model(
        name=name,
        created=first - (0 if created else HOUR),
        updated=versions[-1].updated if versions else first,
        description=description,
        tags=tags,
        aliases=aliases,
        versions=tuple(versions),
    )


_GROUP_OF_USER = {
    "maya.ortiz": "1",
    "tomas.lindqvist": "1",
    "noor.haddad": "2",
    "idris.bello": "3",
    "jonas.weber": "1",
    "lena.fischer": "2",
    "aiko.mori": "3",
    "priya.raman": "4",
}
