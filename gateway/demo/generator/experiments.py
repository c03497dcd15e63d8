"""The generated A/B tests, naming their models in all the ways people do."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from random import Random

from gateway.demo.company import Experiment, Phase, ResultRow, Variation
from gateway.demo.generator.models import Catalogue, Made
from gateway.demo.parts import DAY, HOUR, NOW, as_json, cells, hex_id, serves
from gateway.demo.vocabulary import METRICS, VOCABULARIES, Vocabulary

# Of 16: 6 run, 5 have stopped, 3 are drafts, 2 are archived.
_STATUSES = (
    *("running", "stopped", "running", "draft", "running", "stopped", "archived", "running"),
    *("stopped", "running", "draft", "stopped", "archived", "running", "stopped", "draft"),
)
_FORMS = {
    "version": 34,
    "alias": 14,
    "uri": 12,
    "uri of alias": 8,
    "other keys": 6,
    "nested": 7,
    "several": 6,
    "model only": 5,
    "tag": 4,
    "cells": 4,
}
_NAMES = (
    "{model} on {surface}",
    "Does {model} help on {surface}?",
    "{surface}: {subject}, second try",
    "A new order of things for {subject}",
    "{subject} with {model}",
)
_CONCLUSIONS = {
    "won": "{metric} moved as hoped. Rolled out.",
    "lost": "{metric} fell. Rolled back the same day.",
    "inconclusive": "No difference in {metric} after the planned time.",
    "dnf": "Stopped early: the assignment was broken.",
}


def experiments(rng: Random, count: int, catalogue: Catalogue) -> list[Experiment]:
    by_domain: defaultdict[str, list[Made]] = defaultdict(list)
    for row in catalogue.rows:
        by_domain[row.words.domain].append(row)
    keys: Counter[str] = Counter()
    made = []
    for index in range(count if catalogue.rows else 0):
        words = rng.choice([words for words in VOCABULARIES if by_domain[words.domain]])
        control = rng.choice(by_domain[words.domain])
        # one in ten tests another domain's model, one in two a newer version of the same
        borrowed = catalogue.rows if rng.random() < 0.1 else by_domain[words.domain]
        treatment = control if rng.random() < 0.5 and len(control.model.versions) > 1 else rng.choice(borrowed)
        surface = rng.choice(words.surfaces)
        base = f"{surface.removeprefix('the ').replace(' ', '-')}-{treatment.model.name}"
        keys[base] += 1
        key = base if keys[base] == 1 else f"{base}-v{keys[base]}"
        made.append(_experiment(rng, key, _STATUSES[index % 16], words, surface, control, treatment))
    return made


def _experiment(
    rng: Random, key: str, status: str, words: Vocabulary, surface: str, control: Made, treatment: Made
) -> Experiment:
    experiment_id = f"exp_{hex_id('experiment', key, length=16)}"
    variations, tags = _variations(rng, (experiment_id, key), control, treatment)
    goals = tuple(rng.sample(words.goals, rng.choice((1, 1, 2))))
    others = [metric for metric in words.goals if metric not in goals]
    said = {"model": treatment.model.name, "surface": surface, "subject": treatment.subject}
    name = rng.choice(_NAMES).format(**said)
    latest = max(row.model.updated for row in (control, treatment))
    drafted = (latest + NOW) // 2
    archived = status == "archived"
    state = rng.choice(("stopped", "stopped", "draft")) if archived else status
    phases = _phases(rng, state, latest)
    result = rng.choice(("won", "won", "lost", "inconclusive", "dnf")) if state == "stopped" else ""
    return Experiment(
        id=experiment_id,
        key=key,
        name=name[0].upper() + name[1:],
        status=state,
        created=phases[0].started - HOUR if phases else drafted,
        updated=phases[-1].ended or phases[-1].started if phases else drafted,
        hypothesis=_hypothesis(rng, goals[0], treatment, surface),
        description=rng.choice(("", f"For {treatment.subject}.", f"Asked for by those who own {surface}.")),
        owner=f"{rng.choice(words.people)}@example.com",
        project=f"prj_{words.domain}",
        tags=tags,
        archived=archived,
        variations=variations,
        phases=phases,
        goals=goals,
        secondary=tuple(others[: rng.randint(0, 1)]),
        guardrails=words.guardrails[: rng.randint(0, len(words.guardrails))],
        results=_results(rng, goals, len(variations), result) if result else (),
        result_status=result,
        winner={"won": 1, "lost": 0}.get(result),
        conclusions=_CONCLUSIONS[result].format(metric=METRICS[goals[0]]) if result else "",
    )


def _hypothesis(rng: Random, goal: str, treatment: Made, surface: str) -> str:
    percent = rng.choice(("0.5", "1", "2", "3", "5"))
    return rng.choice(
        (
            f"Serving {treatment.model.name} raises “{METRICS[goal].lower()}” on {surface} by {percent}%.",
            f"Better {treatment.subject} are worth {percent}% of “{METRICS[goal].lower()}”.",
            f"With {treatment.subject} chosen by a model, “{METRICS[goal].lower()}” improves by {percent}% at no cost.",
        )
    )


# ---------------------------------------------------------------- what the variations serve


def _variations(
    rng: Random, ids: Sequence[str], control: Made, treatment: Made
) -> tuple[tuple[Variation, ...], tuple[str, ...]]:
    form = rng.choices(tuple(_FORMS), tuple(_FORMS.values()))[0]
    name = treatment.model.name
    tags = [rng.choice(("q1", "q2", "q3", "q4"))]
    if form == "tag" or rng.random() < 0.3:
        tags.append(f"model:{name}")
    newest = len(treatment.model.versions)
    older = max(1, newest - 1) if control is treatment else len(control.model.versions)
    values = [_value(form, control, older, treatment), _value(form, treatment, newest, treatment)]
    names = ["control", "treatment"]
    if form == "several":
        values[1] = as_json(
            {
                "retrieval": {"model": control.model.name, "version": len(control.model.versions)},
                "ranking": {"model": name, "version": newest},
            }
        )
    if form == "cells":
        # Netflix's way: the platform knows nothing, the run, or the version itself, says which cell it was made for
        row = cells(rng.choice(ids), 2, names[1])
        if newest in treatment.runs:
            known = treatment.runs[newest].conf.setdefault("ab_test_cells", [])
            if isinstance(known, list):
                known.extend(row)
        else:
            treatment.model.versions[-1].tags["ab_test_cells"] = as_json(row)
    if rng.random() < 0.15 and newest > 2:
        values.append(_value(form, treatment, newest - 2, treatment))
        names.append("second treatment")
    if rng.random() < 0.5 and form != "cells":
        keyed = [str(index) for index in range(len(names))]  # GrowthBook's own numbering
    else:
        keyed = [word.replace(" ", "-") for word in names]
    weights = _weights(rng, len(names))
    return (
        tuple(
            Variation(key, word.capitalize(), weight, value)
            for key, word, weight, value in zip(keyed, names, weights, values, strict=True)
        ),
        tuple(tags),
    )


def _value(form: str, row: Made, version: int, treatment: Made) -> str:
    model = row.model
    # an alias that is on the version meant; without one the version is named
    alias = next((alias for alias, number in model.aliases.items() if number == version), None)
    if form in ("tag", "cells"):
        return "new" if row is treatment and version == len(treatment.model.versions) else "old"
    if form == "model only":
        return serves(model.name)
    if form == "alias" and alias:
        return serves(model.name, alias=alias)
    if form == "uri of alias" and alias:
        return f"models:/{model.name}@{alias}"
    if form in ("uri", "uri of alias"):
        return f"models:/{model.name}/{version}"
    if form == "other keys":
        return as_json({"model_name": model.name, "model_version": str(version)})
    if form == "nested":
        return as_json({"serving": {"model": model.name, "version": version}, "timeout_ms": 80})
    return serves(model.name, version=version)


def _weights(rng: Random, count: int) -> list[float]:
    if rng.random() < 0.6:
        return [round(1 / count, 4)] * count
    return [round(1 - 0.1 * (count - 1), 4), *[0.1] * (count - 1)]


# ---------------------------------------------------------------- how they went


def _phases(rng: Random, state: str, latest: int) -> tuple[Phase, ...]:
    """Nothing is tested before it exists: all phases lie between the newest version and now."""
    if state == "draft":
        return ()
    span = NOW - latest
    started = latest + int(span * rng.uniform(0.1, 0.4))
    ended = started + int(span * rng.uniform(0.2, 0.5)) if state == "stopped" else None
    if rng.random() < 0.6:
        return (Phase("Main", started, ended, rng.choice((0.1, 0.5, 1.0)), "Planned end." if ended else ""),)
    ramped = started + min(3 * DAY, int(span * 0.05))
    return (
        Phase("Ramp", started, ramped, 0.05, "Nothing broke."),
        Phase("Main", ramped, ended, rng.choice((0.5, 1.0)), "Planned end." if ended else ""),
    )


def _results(rng: Random, goals: tuple[str, ...], variations: int, result: str) -> tuple[ResultRow, ...]:
    rows = []
    users = rng.randint(2_000, 400_000)
    for goal in goals:
        mean = rng.uniform(0.02, 0.8)
        rows.append(ResultRow(goal, 0, users, round(mean, 4), 0.0, 0.0, 0.0, 0.0, 0.0))
        for variation in range(1, variations):
            uplift, noise, p_value, chance = _effect(rng, result)
            rows.append(
                ResultRow(
                    goal,
                    variation,
                    users + rng.randint(-90, 90),
                    round(mean * (1 + uplift), 4),
                    round(uplift, 4),
                    round(uplift - noise, 4),
                    round(uplift + noise, 4),
                    p_value,
                    chance,
                )
            )
    return tuple(rows)


def _effect(rng: Random, result: str) -> tuple[float, float, float, float]:
    """Uplift, half its interval, p-value and chance to beat the control, all telling the same."""
    if result in ("won", "lost"):
        size, noise, p_value = rng.uniform(0.02, 0.09), rng.uniform(0.004, 0.019), round(rng.uniform(0.0001, 0.04), 4)
        return (size, noise, p_value, 0.98) if result == "won" else (-size, noise, p_value, 0.02)
    return rng.uniform(-0.004, 0.004), rng.uniform(0.01, 0.03), round(rng.uniform(0.2, 0.95), 4), 0.5
