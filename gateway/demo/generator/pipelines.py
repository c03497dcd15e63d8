"""The generated pipelines: lines that ingest, prepare, train and score, and the assets passed from one to the next."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from gateway.demo.company import Asset, AssetEvent, Dag, DagRun, Task
from gateway.demo.parts import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    asset_triggered_id,
    chain,
    dag_run,
    manual_id,
    model_uri,
    scheduled_id,
)
from gateway.demo.vocabulary import VOCABULARIES, Vocabulary

_MIDNIGHT = NOW - 6 * HOUR


@dataclass(frozen=True, slots=True)
class Role:
    """What a line does: its share of all lines, its tasks, which task reads and which writes."""

    name: str
    share: float
    tasks: tuple[Task, ...]
    reads: str
    writes: str
    tells: tuple[str, ...]  # descriptions, each holds {subject}


INGEST = Role(
    "ingest",
    0.2,
    chain("extract", "write", "check"),
    "extract",
    "write",
    ("Collects the day's {subject} from the services that see them.", "Lands {subject} in the lake and counts them."),
)
PREPARE = Role(
    "prepare",
    0.25,
    chain("read", "join", "write"),
    "read",
    "write",
    ("Features of {subject}, joined and aggregated.", "Cleans {subject} and gives each a history."),
)
TRAIN = Role(
    "train",
    0.45,
    chain("load", "train", "evaluate", "register"),
    "load",
    "register",
    ("Trains the models of {subject}.", "Trains and evaluates whatever learns from {subject}."),
)
SCORE = Role(
    "score",
    0.1,
    chain("load_model", "score", "write", "publish"),
    "load_model",
    "write",
    ("Scores all {subject} in one batch.", "Writes tomorrow's scores of {subject}."),
)


@dataclass(slots=True)
class Stock:
    """An asset while pipelines are still being attached to it; `columns` is None where it stands for a model."""

    uri: str
    name: str
    words: Vocabulary
    columns: dict[str, str] | None = None
    producers: list[tuple[str, str]] = field(default_factory=list)
    consumers: list[tuple[str, str]] = field(default_factory=list)
    scheduled: list[str] = field(default_factory=list)
    writings: list[Writing] = field(default_factory=list)

    def asset(self) -> Asset:
        return Asset(
            self.uri,
            self.name,
            producers=tuple(self.producers),
            consumers=tuple(self.consumers),
            scheduled=tuple(self.scheduled),
        )


@dataclass(slots=True)
class Writing:
    """An asset event before it is known which runs it starts."""

    uri: str
    at: int
    dag_id: str
    task_id: str
    run_id: str
    extra: dict[str, str] = field(default_factory=dict)
    triggered: list[tuple[str, str]] = field(default_factory=list)

    def event(self) -> AssetEvent:
        return AssetEvent(self.uri, self.at, self.dag_id, self.task_id, self.run_id, self.extra, tuple(self.triggered))


@dataclass(slots=True)
class Line:
    """A pipeline before its tags are complete. Its runs are newest first."""

    dag_id: str
    role: Role
    words: Vocabulary
    subject: str
    owners: tuple[str, ...]
    description: str
    schedule: str | None
    paused: bool
    tags: list[str]
    inputs: list[Stock]
    runs: list[DagRun] = field(default_factory=list)

    def dag(self) -> Dag:
        return Dag(
            self.dag_id,
            NOW - 400 * DAY,
            self.description,
            self.owners,
            tuple(self.tags),
            self.schedule,
            self.paused,
            self.role.tasks,
        )


class Plant:
    """All lines of the company, laid out in the order data flows through them."""

    def __init__(self, rng: Random, count: int) -> None:
        self.rng = rng
        self.count = count
        self.lines: list[Line] = []
        self.stocks: list[Stock] = []
        self.writings: list[Writing] = []
        self._names: Counter[str] = Counter()
        self._raw: defaultdict[str, list[Stock]] = defaultdict(list)
        self._prepared: defaultdict[str, list[Stock]] = defaultdict(list)
        self._models: defaultdict[str, list[Stock]] = defaultdict(list)

    def lay_out(self) -> None:
        """Everything up to the training lines; what scores needs models first."""
        for role in (INGEST, PREPARE, TRAIN):
            for index in range(int(self.count * role.share)):
                self._line(role, VOCABULARIES[index % len(VOCABULARIES)])

    def serve(self) -> None:
        """The lines that score with the models registered by now, as many as are still missing."""
        for index in range(self.count - len(self.lines)):
            self._line(SCORE, VOCABULARIES[index % len(VOCABULARIES)])

    def trainers(self) -> dict[tuple[str, str], list[Line]]:
        """The training lines that have trained, by domain and subject; by domain and "" all of a domain."""
        found: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        for line in self.lines:
            if line.role is TRAIN and any(run.state == "success" for run in line.runs):
                found[line.words.domain, line.subject].append(line)
                found[line.words.domain, ""].append(line)
        return dict(found)

    def data(self, domain: str) -> list[Stock]:
        return self._raw[domain] + self._prepared[domain]

    def registers(self, line: Line, model: str, versions: dict[int, tuple[DagRun, str]]) -> None:
        """Makes a model an outlet of the line: `versions` has each version's pipeline run and training run."""
        uri = model_uri(line.words.registry, model)
        stock = Stock(uri, uri, line.words, producers=[(line.dag_id, line.role.writes)])
        for number, (run, training_run) in versions.items():
            self._write(stock, line, run, {"model_version": str(number), "mlflow_run_id": training_run})
        self.stocks.append(stock)
        self._models[line.words.domain].append(stock)

    def _line(self, role: Role, words: Vocabulary) -> None:
        rng = self.rng
        subject, phrase = rng.choice(list(words.subjects.items()))
        slug = subject.replace("-", "_")
        dag_id = self._unique(f"{words.domain}_{role.name}_{slug}")
        inputs = self._inputs(role, words)
        by_asset = bool(inputs) and role in (PREPARE, TRAIN) and rng.random() < 0.5
        cron, period, first = _cadence(rng, role)
        line = Line(
            dag_id=dag_id,
            role=role,
            words=words,
            subject=subject,
            owners=("airflow",) if rng.random() < 0.05 else (rng.choice(words.people),),
            description=rng.choice(role.tells).format(subject=phrase),
            schedule=None if by_asset else cron,
            paused=rng.random() < 0.04,
            tags=[f"domain:{words.domain}", role.name],
            inputs=inputs,
        )
        for stock in inputs:
            stock.consumers.append((dag_id, role.reads))
        if by_asset:
            inputs[0].scheduled.append(dag_id)
        output = None if role is TRAIN else self._output(line, slug)
        wanted = rng.randint(3, 6)
        starts = self._by_asset(line, inputs[0], wanted) if by_asset else _by_clock(period, first, wanted)
        for started, run_id in starts:
            run = self._run(line, started, run_id)
            line.runs.append(run)
            if output:
                self._write(output, line, run, {})
        line.runs.sort(key=lambda run: run.queued, reverse=True)
        self.lines.append(line)

    def _inputs(self, role: Role, words: Vocabulary) -> list[Stock]:
        raw, prepared = self._raw[words.domain], self._prepared[words.domain]
        if role is PREPARE:
            offered = raw + prepared[-5:]
        elif role is TRAIN:
            offered = prepared or raw
        elif role is SCORE:
            # now and then a score is made with another domain's model
            offered = self._models[words.domain]
            if self.rng.random() < 0.15:
                offered = self._models[self.rng.choice(VOCABULARIES).domain]
        else:
            return []
        return self.rng.sample(offered, min(len(offered), self.rng.choice((1, 1, 2)) if role is not SCORE else 1))

    def _output(self, line: Line, slug: str) -> Stock:
        words = line.words
        kind = {"ingest": "events", "prepare": "features", "score": "scores"}[line.role.name]
        noun = self._unique(f"{words.domain}.{slug}_{kind}").partition(".")[2]
        columns = self.rng.sample(words.columns, self.rng.randint(3, len(words.columns)))
        stock = Stock(
            uri=f"s3://{words.domain}/{noun.replace('_', '-')}",
            name=f"{words.domain}.{noun}",
            words=words,
            columns={column: "string" if column.endswith("_id") else "double" for column in columns},
            producers=[(line.dag_id, line.role.writes)],
        )
        self.stocks.append(stock)
        if line.role is INGEST:
            self._raw[words.domain].append(stock)
        elif line.role is PREPARE:
            self._prepared[words.domain].append(stock)
        return stock

    def _by_asset(self, line: Line, stock: Stock, wanted: int) -> Iterator[tuple[int, str]]:
        """A start for each of the newest writings, and some by hand where there were few."""
        writings = [writing for writing in stock.writings if writing.at + MINUTE < NOW][-wanted:]
        for writing in writings:
            started = writing.at + MINUTE
            run_id = asset_triggered_id(line.dag_id, started)
            writing.triggered.append((line.dag_id, run_id))
            yield started, run_id
        for back in range(3 - len(writings)):
            started = _MIDNIGHT - (back + 9) * DAY + self.rng.randrange(8 * HOUR, 17 * HOUR, 1000)
            yield started, manual_id(started)

    def _run(self, line: Line, started: int, run_id: str) -> DagRun:
        rng, tasks = self.rng, line.role.tasks
        minutes = rng.randint(8, 55) if rng.random() < 0.96 else rng.randint(120, 300)  # some hang
        if started + minutes * MINUTE > NOW:
            return dag_run(line.dag_id, run_id, tasks, started, minutes=minutes, running=tasks[0].task_id)
        failed = rng.choice(tasks).task_id if rng.random() < 0.12 else None
        return dag_run(line.dag_id, run_id, tasks, started, minutes=minutes, failed=failed)

    def _write(self, stock: Stock, line: Line, run: DagRun, extra: dict[str, str]) -> None:
        """The event of a run that got as far as its writing task, even if it failed later."""
        for task in run.tasks:
            if task.task_id == line.role.writes and task.state == "success" and task.ended is not None:
                writing = Writing(stock.uri, task.ended, line.dag_id, task.task_id, run.run_id, extra)
                stock.writings.append(writing)
                self.writings.append(writing)

    def _unique(self, name: str) -> str:
        self._names[name] += 1
        return name if self._names[name] == 1 else f"{name}_{self._names[name]}"


def _cadence(rng: Random, role: Role) -> tuple[str, int, int]:
    """A cron line, its period, and its last moment before now."""
    hour, minute = rng.randrange(4), rng.choice((0, 15, 30))
    tonight = _MIDNIGHT + hour * HOUR + minute * MINUTE
    if role is not TRAIN or rng.random() < 0.2:
        return f"{minute} {hour} * * *", DAY, tonight
    back = rng.randint(0, 6)
    weekday = (1 - back) % 7  # now is a Monday, cron's day 1
    return f"{minute} {hour} * * {weekday}", 7 * DAY, tonight - back * DAY


def _by_clock(period: int, last: int, wanted: int) -> Iterator[tuple[int, str]]:
    for back in reversed(range(wanted)):
        moment = last - back * period
        yield moment, scheduled_id(moment)
