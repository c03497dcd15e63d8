"""Compares an answer got while a source was broken with the one got before: what may differ, and what must be said."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.questions import OWNERS

Json = Any  # what a JSON document is made of
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a fault may do to an answer.

    `whole`: nothing may be missing. `silent`: what is forbidden or gone may be null without an error, as `node` has it.
    `reordered`: lists may come in another order, as a source's own order rules. `short`: a list may lack rows unsaid,
    where nothing tells that they were there. `miscounted`: the source says wrongly how many there are.
    """

    codes: Collection[str] = ()
    whole: bool = False
    silent: bool = False
    reordered: bool = False
    short: bool = False
    miscounted: bool = False


@dataclass(slots=True)
class Judge:
    """`faults` are the sentences of what is wrong with an answer."""

    source: str
    expected: Expected
    faults: list[str] = field(default_factory=list)
    _errors: list[dict[str, Json]] = field(default_factory=list)

    def judged(self, healthy: Json, answer: Json) -> list[str]:
        if answer.get("data") is None:
            return [f"there is no data: {answer.get('errors')}"]
        self._errors = answer.get("errors", [])
        for field_name, then in healthy["data"].items():
            now = answer["data"].get(field_name)
            owner = next((owner for word, owner in OWNERS.items() if field_name.startswith(word)), self.source)
            if owner != self.source or self.expected.whole:
                if _text(now) != _text(then) and not (self.expected.reordered and _sorted(now) == _sorted(then)):
                    self.faults.append(f"{field_name} of {owner} is not what it was: {_difference(then, now)}")
            else:
                self._within((field_name,), then, now)
        self._judge_errors(answer["data"])
        return self.faults

    def _within(self, path: Path, then: Json, now: Json, link: Json = None) -> None:
        """Whatever is there was there before; whatever is missing is said."""
        if _text(then) == _text(now):
            return
        if now is None:
            if not self._is_said(path, link):
                self.faults.append(f"{_dotted(path)} is null and nothing says why")
        elif isinstance(then, dict) and isinstance(now, dict):
            if "completeness" in then:
                self._within_list(path, then, now)
                return
            link = now if "state" in now and "code" in now else link
            for key, value in now.items():
                if now is link and key in ("state", "code"):
                    continue
                self._within((*path, key), then.get(key), value, link)
            if now is link:
                self._judge_link(path, then, now)
        elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
            for at, (before, after) in enumerate(zip(then, now, strict=True)):
                self._within((*path, at), before, after, link)
        else:
            self.faults.append(f"{_dotted(path)} is {_short(now)}, and was {_short(then)}")

    def _within_list(self, path: Path, then: Json, now: Json) -> None:
        rows = "nodes" if "nodes" in then else "edges"
        before, after = then[rows], now[rows]
        positions = []
        for at, row in enumerate(after):
            if row is None:
                if not self._is_said((*path, rows, at), None):
                    self.faults.append(f"{_dotted((*path, rows, at))} is null and nothing says why")
                continue
            if row.get("node", row) is None and at < len(before):  # a link that cannot be followed is told by its place
                matched: int | None = at
            else:
                matched = next((i for i, each in enumerate(before) if _name(each) == _name(row)), None)
            if matched is None:
                self.faults.append(f"{_dotted((*path, rows, at))} was not there: {_short(row)}")
                continue
            positions.append(matched)
            self._within((*path, rows, at), before[matched], row)
        if len(set(positions)) < len(positions):
            self.faults.append(f"{_dotted(path)} has a row twice")
        if positions != sorted(positions) and not self.expected.reordered:
            self.faults.append(f"{_dotted(path)} is in another order")
        cut = len(positions) < len(before)
        if cut and not self.expected.short:
            if now["completeness"]["complete"] and not self._is_said(path, None):
                self.faults.append(f"{_dotted(path)} lacks rows and says that it is complete")
            if now.get("pageInfo", {"hasNextPage": True})["hasNextPage"] is False and not self._passed(now):
                self.faults.append(f"{_dotted(path)} lacks rows and says that none follow")
        lenient = self.expected.short or self.expected.miscounted
        if now.get("totalCount") not in (None, then.get("totalCount")) and not lenient:
            self.faults.append(f"{_dotted(path)} counts {now['totalCount']} and not {then['totalCount']}")

    def _passed(self, now: Json) -> bool:
        """Whether rows are missing because they could not be read, which is no reason for a next page."""
        return not now["completeness"]["complete"]

    def _judge_link(self, path: Path, then: Json, now: Json) -> None:
        if now["state"] == then["state"]:
            return
        if now["state"] not in ("UNAVAILABLE", "FORBIDDEN") and not self.expected.silent:
            self.faults.append(f"{_dotted(path)} has the state {now['state']}")
        elif now["code"] not in self.expected.codes and not self.expected.silent:
            self.faults.append(f"{_dotted(path)} has the code {now['code']}")

    def _is_said(self, path: Path, link: Json) -> bool:
        """Whether an error stands at a null field, or below where it could not be null there, or its link says it."""
        if self.expected.silent:
            return True
        if link is not None and link.get("state") in ("UNAVAILABLE", "FORBIDDEN"):
            return True
        return any(_path(error)[: len(path)] == path for error in self._errors)

    def _judge_errors(self, data: Json) -> None:
        if self._errors and self.expected.whole:
            self.faults.append(f"the answer has errors: {_short(self._errors)}")
        seen: set[Path] = set()
        for error in self._errors:
            said, path = error["extensions"], _path(error)
            if said["code"] not in self.expected.codes:
                self.faults.append(f"{_dotted(path)} has the code {said['code']}")
            if said.get("source") != self.source:
                self.faults.append(f"{_dotted(path)} names the source {said.get('source')}")
            if not isinstance(said.get("retryable"), bool) or not said.get("requestId"):
                self.faults.append(f"{_dotted(path)} does not say whether it is retryable, or no request's id")
            if said["code"] == "SOURCE_RATE_LIMITED" and not isinstance(said.get("retryAfterMs"), int):
                self.faults.append(f"{_dotted(path)} does not say when to come back")
            if path in seen:
                self.faults.append(f"{_dotted(path)} has two errors")
            seen.add(path)
            if "count" not in said and not any(value is None for value in _along(data, path)):
                self.faults.append(f"{_dotted(path)} has an error and is not null")


def _along(data: Json, path: Path) -> Iterator[Json]:
    """The values on the way to a path, as far as there are any."""
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return
        yield data


def _name(row: Json) -> object:
    """What tells a row of a list from the others."""
    if isinstance(row, dict) and "node" in row:
        return _name(row["node"])
    names = [row[key] for key in ("name", "version", "key") if isinstance(row, dict) and key in row]
    return tuple(names) or _text(row)


def _path(error: Json) -> Path:
    return tuple(error.get("path", ()))


def _dotted(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _text(value: Json) -> str:
    return json.dumps(value, sort_keys=True)


def _sorted(value: Json) -> str:
    """The value with the rows of its lists in one order."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_sorted(each)}" for key, each in sorted(value.items())) + "}"
    return "[" + ",".join(sorted(map(_sorted, value))) + "]" if isinstance(value, list) else _text(value)


def _short(value: Json) -> str:
    text = _text(value)
    return text if len(text) < 300 else f"{text[:300]}…"


def _difference(then: Json, now: Json) -> str:
    one, other = _text(then), _text(now)
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"…{one[max(at - 40, 0) : at + 80]}… is now …{other[max(at - 40, 0) : at + 80]}…"
