"""The owners file: a small directory of people and teams, as TOML, beside the settings that name it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from gateway.source_settings import Frozen, Word, Words
from resolvers.sources.directory import Directory, Person, Team


class OwnersFile(NamedTuple):
    """What was read, and all that is wrong with it, each with its place in the file."""

    directory: Directory
    mistakes: list[str]


class _Person(Frozen):
    email: Word | None = None
    team: Word | None = None
    also: Words = ()


class _Team(Frozen):
    email: Word | None = None
    members: Words = ()
    also: Words = ()


class _File(Frozen):
    people: dict[Word, _Person] = Field(default={})
    teams: dict[Word, _Team] = Field(default={})


def read_owners(file: Path) -> OwnersFile:
    """Read a file; an unreadable one has one mistake."""
    try:
        written = tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        return _wrong(f"cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        return _wrong("is not UTF-8 text")
    except tomllib.TOMLDecodeError as error:
        return _wrong(f"is not TOML: {error}")
    try:
        read = _File.model_validate(written)
    except ValidationError as error:
        return _wrong(*(_text(detail) for detail in error.errors(include_url=False, include_input=False)))
    people, teams = _people(read), _teams(read)
    mistakes = [*_twice(people, teams)]
    return OwnersFile(Directory() if mistakes else Directory(people, teams), mistakes)


def _people(read: _File) -> tuple[Person, ...]:
    """Those listed, and members of teams that are listed there only; a team counts as said by either side."""
    teams: dict[str, str] = {}
    for name, team in read.teams.items():
        for handle in team.members:
            teams.setdefault(handle, name)
    listed = [
        Person(handle, person.email, person.team or teams.get(handle), person.also)
        for handle, person in read.people.items()
    ]
    return (*listed, *(Person(handle, None, team) for handle, team in teams.items() if handle not in read.people))


def _teams(read: _File) -> tuple[Team, ...]:
    members: dict[str, dict[str, None]] = {name: dict.fromkeys(team.members) for name, team in read.teams.items()}
    for handle, person in read.people.items():
        if person.team is not None:
            members.setdefault(person.team, {})[handle] = None
    written = {name: read.teams.get(name, _Team()) for name in members}
    return tuple(Team(name, team.email, tuple(members[name]), team.also) for name, team in written.items())


def _twice(people: tuple[Person, ...], teams: tuple[Team, ...]) -> Iterator[str]:
    """Spellings that would mean two: nobody could say which."""
    first: dict[str, str] = {}
    named = [(f"people.{person.handle}", person.spellings) for person in people]
    named += [(f"teams.{team.name}", team.spellings) for team in teams]
    for place, spellings in named:
        for text in dict.fromkeys(spelling.casefold() for spelling in spellings):
            other = first.setdefault(text, place)
            if other != place:
                yield f"{place}: {text!r} means {other} already"


def _text(detail: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    said = {
        "extra_forbidden": "is not known here",
        "string_too_short": "must not be empty",
        "tuple_type": "must be a list",
    }.get(detail["type"], str(detail["msg"]).replace("Input should be", "must be"))
    return f"{place}: {said}"


def _wrong(*mistakes: str) -> OwnersFile:
    return OwnersFile(Directory(), list(mistakes))
