"""GrowthBook 5.0.1's query strings: which parameters an endpoint takes, and what it says of the others.

Its filters are all AND between parameters and OR inside one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .company import Experiment, Platform
from .growthbook_rows import DATASOURCE, Row, feature_id, owner_fields

T = TypeVar("T")

PAGE: Mapping[str, Sequence[str]] = {"limit": (), "offset": ()}
_STATUS = ("draft", "running", "stopped")
_RESULT = ("dnf", "won", "lost", "inconclusive")
_BOOLEAN = ("true", "false", "0", "1")
# Parameter to the words it takes; none means free text. What is not named here is refused: the schemas are strict.
EXPERIMENTS: Mapping[str, Sequence[str]] = {
    **PAGE,
    "projectId": (),
    "datasourceId": (),
    "trackingKey": (),
    "experimentId": (),
    "status": _STATUS,
    "q": (),
    "owner": (),
    "result": (),
    "tag": (),
    "implementationType": (),
    "metricId": (),
    "bandits": ("true", "false"),
    "archived": _BOOLEAN,
    "sortBy": ("dateCreated", "dateUpdated", "name"),
    "sortOrder": ("asc", "desc"),
}
RESULTS: Mapping[str, Sequence[str]] = {
    **PAGE,
    "projectId": (),
    "datasourceId": (),
    "trackingKey": (),
    "status": _STATUS,
}
FEATURES: Mapping[str, Sequence[str]] = {
    **PAGE,
    "projectId": (),
    "clientKey": (),
    "archived": _BOOLEAN,
    "skipPagination": _BOOLEAN,
}
METRICS: Mapping[str, Sequence[str]] = {**PAGE, "projectId": (), "datasourceId": ()}
NAMES: Mapping[str, Sequence[str]] = {"projectId": ()}
RESULT: Mapping[str, Sequence[str]] = {"phase": (), "dimension": ()}

_TERM = re.compile(
    r'(^|\s)(project|metric|owner|is|status|tag|has):(!?)([><=~^]?)((?:"[^"]*"|[^\s,]+)(?:,(?:"[^"]*"|[^\s,]+))*)',
    re.IGNORECASE,
)


class Refused(Exception):
    """Answered as 400 with this message."""


def check(query: Mapping[str, str], takes: Mapping[str, Sequence[str]]) -> None:
    """Refuse what the endpoint's schema refuses, all mistakes in one message."""
    mistakes = []
    for name, lowest, highest in (("limit", 1, 100), ("offset", 0, None)):
        if name in takes and (text := query.get(name)) is not None:
            mistakes += _number_mistakes(name, text, lowest, highest)
    for name, words in takes.items():
        if name not in PAGE and words and name in query and query[name] not in words:
            listed = "|".join(f'"{word}"' for word in words)
            mistakes.append(f"[{name}] Invalid option: expected one of {listed}")
    if unknown := [name for name in query if name not in takes]:
        named = ", ".join(f'"{name}"' for name in unknown)
        mistakes.append(f"[] Unrecognized key{'s' if len(unknown) > 1 else ''}: {named}")
    if mistakes:
        raise Refused("Querystring: " + ", ".join(mistakes))


def page(rows: Sequence[T], query: Mapping[str, str]) -> tuple[Sequence[T], Row]:
    """The asked slice and the paging fields; an offset past the end is an empty page."""
    limit, offset = int(query.get("limit", 10)), int(query.get("offset", 0))
    taken = rows[offset : offset + limit]
    more = offset + limit < len(rows)
    return taken, {
        "limit": limit,
        "offset": offset,
        "count": len(taken),
        "total": len(rows),
        "hasMore": more,
        "nextOffset": offset + limit if more else None,
    }


def matching(experiments: Sequence[Experiment], query: Mapping[str, str], platform: Platform) -> list[Experiment]:
    tests = list(_tests(query, platform))
    return [experiment for experiment in experiments if all(test(experiment) for test in tests)]


def ordered(experiments: list[Experiment], query: Mapping[str, str]) -> list[Experiment]:
    if "sortBy" in query or "sortOrder" in query:
        experiments.sort(key=_SORTS[query.get("sortBy", "dateCreated")], reverse=query.get("sortOrder") == "desc")
    return experiments


_SORTS: Mapping[str, Callable[[Experiment], tuple[int, str]]] = {
    "dateCreated": lambda e: (e.created, ""),
    "dateUpdated": lambda e: (e.updated, ""),
    "name": lambda e: (0, e.name),
}


@dataclass(frozen=True, slots=True)
class _OneOf:
    """Any of the asked words is one of the experiment's, letter case aside."""

    asked: frozenset[str]
    candidates: Callable[[Experiment], Sequence[str]]

    def __call__(self, experiment: Experiment) -> bool:
        return any(word.lower() in self.asked for word in self.candidates(experiment) if word)


def _tests(query: Mapping[str, str], platform: Platform) -> list[Callable[[Experiment], bool]]:
    tests: list[Callable[[Experiment], bool]] = []
    if query.get("trackingKey") and query.get("experimentId"):
        raise Refused("Cannot specify both trackingKey and experimentId")
    if key := query.get("trackingKey") or query.get("experimentId"):
        tests.append(lambda e: e.key == key)
    if project := query.get("projectId"):
        tests.append(lambda e: e.project == project)
    if datasource := query.get("datasourceId"):
        tests.append(lambda e: bool(e.goals or e.secondary or e.guardrails) and datasource == DATASOURCE)
    if (archived := query.get("archived")) is not None:
        tests.append(lambda e: e.archived == (archived in ("true", "1")))
    if query.get("bandits") == "true":
        tests.append(lambda _: False)
    for result in _listed(query.get("result")):
        if result not in _RESULT:
            raise Refused('Querystring: [result.0] Invalid option: expected one of "dnf"|"won"|"lost"|"inconclusive"')
    terms = [(name, _listed(query.get(parameter))) for parameter, name in _PARAMETERS.items()]
    terms += _terms(query.get("q", ""))
    # The same category asked twice, as a parameter and in `q`, is one list of alternatives.
    asked: dict[str, set[str]] = {}
    for name, values in terms:
        if values:
            asked.setdefault(name, set()).update(value.lower() for value in values)
    for name, values_asked in asked.items():
        if name == "text":
            tests.append(_text_test(next(iter(values_asked))))
        else:
            tests.append(_OneOf(frozenset(values_asked), _CANDIDATES[name](platform)))
    return tests


_PARAMETERS = {
    "status": "status",
    "tag": "tag",
    "owner": "owner",
    "result": "is",
    "metricId": "metric",
    "implementationType": "has",
}
_CANDIDATES: Mapping[str, Callable[[Platform], Callable[[Experiment], Sequence[str]]]] = {
    "status": lambda _: lambda e: (e.status,),
    "tag": lambda _: lambda e: e.tags,
    "owner": lambda _: lambda e: [str(value) for value in owner_fields(e).values()],
    "is": lambda _: lambda e: (e.result_status,),
    "metric": lambda _: lambda e: (*e.goals, *e.secondary, *e.guardrails),
    "has": lambda _: lambda e: ("feature", "features") if feature_id(e) else (),
    "project": lambda platform: lambda e: (e.project, platform.projects.get(e.project, "")),
}


def _text_test(text: str) -> Callable[[Experiment], bool]:
    return lambda e: text in " ".join(filter(None, (e.name, e.key, e.description, e.hypothesis))).lower()


def _terms(search: str) -> list[tuple[str, list[str]]]:
    """`field:value,"other value"` terms and the free text left over, which must occur whole."""
    terms, refused = [], []
    for _, field, negation, operator, values in _TERM.findall(search):
        if negation or operator:
            refused.append(f"{field.lower()}:{negation}{operator}{values}")
        terms.append((field.lower(), [value.strip().strip('"') for value in re.findall(r'"[^"]*"|[^,]+', values)]))
    if refused:
        raise Refused(
            f"Unsupported search syntax: {', '.join(refused)}. "
            'Negation ("!") and operators ("~", "^", ">", "<", "=") are not supported.'
        )
    if text := " ".join(_TERM.sub(r"\1", search).split()):
        terms.append(("text", [text]))
    return terms


def _listed(text: str | None) -> list[str]:
    return [part for raw in (text or "").split(",") if (part := raw.strip())]


def _number_mistakes(name: str, text: str, lowest: int, highest: int | None) -> list[str]:
    try:
        number = int(text or 0)  # JavaScript reads an empty text as 0
    except ValueError:
        return [f"[{name}] Invalid input: expected number, received NaN"]
    if number < lowest:
        return [f"[{name}] Too small: expected number to be >={lowest}"]
    if highest is not None and number > highest:
        return [f"[{name}] Too big: expected number to be <={highest}"]
    return []
