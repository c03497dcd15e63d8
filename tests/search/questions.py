"""What people ask of search and what they should find: one half to tune the ranking on, one half to judge it by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

Group = Literal[
    "known item",  # its name, or what code calls it
    "part of a word",
    "typo",
    "other word",  # a word it says of itself, not the words of its name
    "owner",  # a person or a team
    "data",  # names and URIs of datasets, names of features
    "across domains",  # another team's words for what it wants to build
    "some words",  # several words of which not all occur
    "spelling",  # case, separators, quotes, accents, other scripts
]
KindName = Literal["MODEL", "MODEL_VERSION", "EXPERIMENT", "PIPELINE", "DATASET", "FEATURE"]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`kinds` is the filter to ask with, empty for none; the order of `relevant` means nothing."""

    query: str
    group: Group
    relevant: tuple[str, ...]
    kinds: tuple[KindName, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    questions: tuple[Question, ...]


DEVELOPMENT = Path(__file__).with_name("questions_development.toml")
HELD_OUT = Path(__file__).with_name("questions_held_out.toml")


def read_questions(path: Path) -> tuple[Question, ...]:
    return msgspec.toml.decode(path.read_bytes(), type=_File).questions
