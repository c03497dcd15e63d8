"""The generated models: names, versions and training runs, most of them made by one of the plant's training lines."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from gateway.demo.company import DagRun, DatasetInput, Metric, Model, TrainingRun, Version
from gateway.demo.generator.pipelines import Line, Plant, Stock
from gateway.demo.parts import DAY, HOUR, MINUTE, NOW, RUN_LINKS, dataset, feature_refs, signature
from gateway.demo.vocabulary import KINDS, PARAMS, REMARKS, VALUES, VOCABULARIES, Kind, Vocabulary

_LINKED = 0.6
_OF_DOMAIN = (0.35, 0.25, 0.2, 0.2)  # in the order of VOCABULARIES
_VERSIONS = (1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6)
_ALIASES = ("champion", "champion", "champion", "production", "live")
_LINK_WEIGHTS = (55, 15, 15, 15)  # in the order of RUN_LINKS


@dataclass(slots=True)
class Made:
    """A model, what it is about in words, and the pipeline runs that made its versions."""

    model: Model
    words: Vocabulary
    subject: str
    runs: dict[int, DagRun]


@dataclass(slots=True)
class Catalogue:
    """All that the registries get: by registry the training runs and the names of their groups."""

    rows: list[Made] = field(default_factory=list)
    runs: dict[str, list[TrainingRun]] = field(default_factory=dict)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What all versions of one model have in common."""

    name: str
    words: Vocabulary
    kind: Kind
    framework: str
    group: str
    link: int
    line: Line | None
    data: tuple[Stock, ...]
    refs: tuple[str, ...]
    refs_on_version: bool


def fill_registries(rng: Random, count: int, plant: Plant) -> Catalogue:
    catalogue = Catalogue()
    group_ids = _groups(catalogue)
    trainers, names = plant.trainers(), Counter[str]()
    data = {words.domain: [stock for stock in plant.data(words.domain) if stock.columns] for words in VOCABULARIES}
    editions: dict[tuple[str, int], DatasetInput] = {}
    for words in rng.choices(VOCABULARIES, _OF_DOMAIN, k=count):
        subject, phrase = rng.choice(list(words.subjects.items()))
        kind, team = rng.choice(KINDS), rng.choice(words.teams)
        qualifier, remark = rng.choice(list(words.qualifiers.items()))
        name = "-".join(filter(None, (qualifier, subject, kind.word)))
        names[name] += 1
        name = name if names[name] == 1 else f"{name}-{names[name]}"
        lines = trainers.get((words.domain, subject)) or trainers.get((words.domain, ""))
        line = rng.choice(lines) if lines and rng.random() < _LINKED else None
        offered = line.inputs if line else data[words.domain]
        plan = _Plan(
            name=name,
            words=words,
            kind=kind,
            framework=rng.choice((kind.family, kind.family, "pytorch", "xgboost")),
            group=group_ids[words.domain, team],
            link=rng.choices(range(len(RUN_LINKS)), _LINK_WEIGHTS)[0],
            line=line,
            data=tuple(rng.sample(offered, min(len(offered), rng.choice((0, 1, 1, 2))))),
            refs=tuple(sorted(_refs(rng, words))) if rng.random() < 0.4 else (),
            refs_on_version=rng.random() < 0.4,
        )
        owner = rng.choice(words.people)
        versions, made_by = _versions(rng, plan, owner, team, catalogue.runs[words.registry], editions)
        told = (rng.choice(kind.does).format(subject=phrase), remark, rng.choice(REMARKS))
        model = Model(
            name=name,
            created=versions[0].created - HOUR,
            updated=versions[-1].updated,
            description=" ".join(filter(None, told)),
            tags=_tags(rng, plan, owner, team),
            aliases=_aliases(rng, len(versions)),
            versions=tuple(versions),
        )
        catalogue.rows.append(Made(model, words, phrase, made_by))
        if line:
            _declare(rng, plant, line, model, made_by)
    return catalogue


def _groups(catalogue: Catalogue) -> dict[tuple[str, str], str]:
    """One group of training runs a team; the ids begin above the story's."""
    ids: dict[tuple[str, str], str] = {}
    for words in VOCABULARIES:
        groups = catalogue.groups.setdefault(words.registry, {})
        catalogue.runs.setdefault(words.registry, [])
        for team in words.teams:
            ids[words.domain, team] = str(10 + len(groups))
            groups[ids[words.domain, team]] = f"{words.domain}/{team}"
    return ids


def _refs(rng: Random, words: Vocabulary) -> set[str]:
    views = list(words.views.items())
    picks = (rng.choice(views) for _ in range(rng.randint(2, 6)))
    return {f"{view}:{rng.choice(features)}" for view, features in picks}


def _versions(
    rng: Random,
    plan: _Plan,
    owner: str,
    team: str,
    runs: list[TrainingRun],
    editions: dict[tuple[str, int], DatasetInput],
) -> tuple[list[Version], dict[int, DagRun]]:
    """From the newest version back: while the line has successful runs they made it; before, nobody wrote it down."""
    made_by: dict[int, DagRun] = {}
    versions: list[Version] = []
    successes = iter([run for run in plan.line.runs if run.state == "success"] if plan.line else [])
    moment = NOW - rng.randrange(2 * DAY, 400 * DAY, 1000)
    count = rng.choice(_VERSIONS)
    for number in range(count, 0, -1):
        pipeline_run = next(successes, None)
        if pipeline_run and pipeline_run.ended and pipeline_run.started:
            started, ended = pipeline_run.started + MINUTE, pipeline_run.ended - MINUTE
            made_by[number] = pipeline_run
        else:
            ended = moment
            started = ended - rng.randrange(10 * MINUTE, 20 * HOUR, 1000)
        moment = started - rng.randrange(10 * DAY, 90 * DAY, 1000)
        tags = RUN_LINKS[plan.link](pipeline_run.dag_id, pipeline_run.run_id) if pipeline_run else {}
        run = _training_run(rng, plan, number, owner, (started, ended), tags, editions)
        runs.append(run)
        version_tags = dict(tags) if plan.link < 2 and rng.random() < 0.2 else {}  # the lifecycle forms only
        if rng.random() < 0.5:
            version_tags |= {"owner": owner, "team": team}
        if plan.refs and plan.refs_on_version:
            version_tags |= feature_refs(*plan.refs)
        pending = number == count and rng.random() < 0.01
        registered = ended + 20_000
        versions.append(
            Version(
                number,
                registered,
                registered,
                run_id=run.run_id,
                description=rng.choice(REMARKS),
                status="PENDING_REGISTRATION" if pending else "READY",
                tags=version_tags,
            )
        )
    return versions[::-1], made_by


def _training_run(
    rng: Random,
    plan: _Plan,
    number: int,
    user: str,
    span: tuple[int, int],
    link: dict[str, str],
    editions: dict[tuple[str, int], DatasetInput],
) -> TrainingRun:
    started, ended = span
    keys = PARAMS[plan.framework]
    tags = {"mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"} | link
    if rng.random() < 0.7:
        tags["mlflow.source.git.commit"] = f"{rng.getrandbits(160):040x}"
    if plan.refs and not plan.refs_on_version:
        tags |= feature_refs(*plan.refs)
    if rng.random() < 0.2:
        view = rng.choice(list(plan.words.views.values()))
        tags |= signature(dict.fromkeys(view, "double"))
    return TrainingRun(
        run_id=f"{rng.getrandbits(128):032x}",
        experiment_id=plan.group,
        name=f"{plan.name} {number}",
        user=user,
        status="FINISHED",
        started=started,
        ended=ended,
        params={key: rng.choice(VALUES[key]) for key in keys[: rng.randint(3, len(keys))]},
        metrics={
            name: Metric(round(rng.uniform(low, high), 4), rng.randint(1, 60) * 100, ended)
            for name, low, high in plan.kind.scores[: rng.randint(2, len(plan.kind.scores))]
        },
        tags=tags,
        datasets=tuple(_edition(stock, number, editions) for stock in plan.data),
    )


def _edition(stock: Stock, number: int, editions: dict[tuple[str, int], DatasetInput]) -> DatasetInput:
    key = stock.uri, number % 4
    if key not in editions:
        editions[key] = dataset(stock.name, stock.uri, stock.columns or {}, number % 4)
    return editions[key]


def _tags(rng: Random, plan: _Plan, owner: str, team: str) -> dict[str, str]:
    tags = {"domain": plan.words.domain, "team": team, "framework": plan.framework}
    if rng.random() < 0.96:
        tags["owner"] = f"{owner}@example.com" if rng.random() < 0.5 else owner
    if rng.random() < 0.5:
        tags["tier"] = rng.choice("123")
    return tags


def _aliases(rng: Random, newest: int) -> dict[str, int]:
    """Mostly one alias on the newest version; some still point at an older one."""
    if rng.random() < 0.25:
        return {}
    aliases = {rng.choice(_ALIASES): newest if rng.random() < 0.8 else max(1, newest - 1)}
    if newest > 1 and rng.random() < 0.15:
        aliases["challenger"] = newest
    return aliases


def _declare(rng: Random, plant: Plant, line: Line, model: Model, made_by: dict[int, DagRun]) -> None:
    """Some lines say beforehand which models they make: as an outlet, or as a tag."""
    if rng.random() < 0.4:
        training_runs = {version.version: version.run_id or "" for version in model.versions}
        plant.registers(
            line, model.name, {number: (run, training_runs[number]) for number, run in sorted(made_by.items())}
        )
    elif rng.random() < 0.3:
        line.tags.append(f"model:{model.name}")
