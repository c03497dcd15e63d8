"""One question to a source, through its adapter or in raw HTTP, and its answer in a form that two servers' compare in.

The same questions go to a fake and to the real server. What they ask for is made of what the server has, because real
servers choose ids and times of their own; what the answer must be is said in the story's words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

import aiohttp
import msgspec
import pytest
from starlette.types import ASGIApp

from gateway.demo.server import serve
from resolvers.errors import GraphError
from resolvers.operation import recording
from resolvers.sources import NOTHING, Found, ListArgs, Needs, Page, SourceAdapter
from schema.identity import Reference

Had = TypeVar("Had")

FAKE_OR_REAL = ["fake", pytest.param("real", marks=pytest.mark.live)]

LISTS = ("models", "experiments", "pipelines")

FETCHED = "fetched_at"
"""The only field of an answer that two servers with the same content may differ in."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Had]):
    """A call of a batch method: `answer` is the brief of what comes back, `calls` how many requests that takes."""

    about: str
    method: str
    keys: Callable[[Had], Sequence[object]]
    answer: object
    calls: int
    args: object = None
    needs: Needs = NOTHING

    def __str__(self) -> str:
        return f"{self.method}: {self.about}"

    @property
    def args_given(self) -> object:
        """The root lists are asked for everything where a question says nothing else."""
        return ListArgs() if self.args is None and self.method in LISTS else self.args


@dataclass(frozen=True, slots=True)
class Answered:
    """What a batch method answered, and the requests it made, in no particular order."""

    items: Sequence[object]
    calls: Sequence[str]

    @property
    def whole(self) -> object:
        return plain(self.items)


def plain(value: object) -> object:
    """An answer as lists, dicts and texts, with all its fields but the time it was fetched."""
    if isinstance(value, GraphError):
        return {"error": type(value).__name__, "message": value.message}
    if isinstance(value, Reference):
        return {"id": value.id, "url": value.url}
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, frozenset):
        return sorted(str(plain(item)) for item in value)
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.init and field.name != FETCHED]
        return {name: plain(getattr(value, name)) for name in fields}
    return value


def brief(value: object, of: Callable[[Any], object]) -> object:
    """An answer in few words: `of` says an entity's; a page is its rows, whether more follow, and the total."""
    if value is None or isinstance(value, GraphError):
        return None if value is None else type(value).__name__
    if isinstance(value, Page):
        return [brief(row, of) for row in value.rows], value.more, value.total
    if isinstance(value, Found):
        words = sorted(str(of(item)) for item in value.items)
        return [*words, *sorted(reason.name for reason in value.reasons)]
    return of(value)


# ---------------------------------------------------------------- raw HTTP


@dataclass(frozen=True, slots=True)
class Raw(Generic[Had]):
    """A request: `says` are texts that the answer holds, whoever gives it; `body` is sent as JSON."""

    about: str
    path: Callable[[Had], str] | str
    status: int
    says: Sequence[str] = ()
    method: str = "GET"
    query: Sequence[tuple[str, str]] = ()
    body: object = None
    headers: Mapping[str, str] | None = None
    worded: bool = True
    """Whether the fake's answer is the real one's word for word; else only the status is."""
    by: str = ""
    """What its rows are compared by, where the real server gives them in no order."""

    def __str__(self) -> str:
        return self.about


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    kind: str
    text: str

    def differences(self, real: Reply, raw: Raw[Had], volatile: frozenset[str]) -> list[str]:
        """Between what the fake replied and the real server; of pages for people only that they are such."""
        if self.status != real.status or self.kind != real.kind:
            return [f"{self.status} {self.kind} is {real.status} {real.kind} in truth: {real.text[:200]}"]
        if not raw.worded or self.kind != "application/json":
            return []
        fake, truth = (in_order(msgspec.json.decode(reply.text), raw.by) for reply in (self, real))
        return differences(fake, truth, volatile)


def in_order(answer: Any, by: str) -> Any:
    """An answer with its lists of rows ordered by this field; without a field as it is."""
    if not by:
        return answer
    return {
        key: sorted(value, key=lambda row: str(row[by])) if isinstance(value, list) else value
        for key, value in answer.items()
    }


def differences(fake: object, real: object, volatile: frozenset[str] = frozenset(), at: str = "") -> list[str]:
    """Where two answers differ, fields of the volatile names left out however deep they lie: none, as it should be."""
    if isinstance(fake, dict) and isinstance(real, dict):
        keys = [key for key in (*fake, *(key for key in real if key not in fake)) if key not in volatile]
        return [
            line
            for key in keys
            for line in differences(fake.get(key, "(absent)"), real.get(key, "(absent)"), volatile, f"{at}.{key}")
        ]
    if isinstance(fake, list) and isinstance(real, list) and len(fake) == len(real):
        pairs = enumerate(zip(fake, real, strict=True))
        return [line for index, (a, b) in pairs for line in differences(a, b, volatile, f"{at}[{index}]")]
    return [] if fake == real and type(fake) is type(real) else [f"{at}: {fake!r:.100} is {real!r:.100} in truth"]


# ---------------------------------------------------------------- who is asked


@dataclass(frozen=True, slots=True)
class Server(Generic[Had]):
    """A fake or a real server: what it has, where it is, the adapter over it, and what signs raw requests."""

    has: Had
    url: str
    adapter: Callable[[str], SourceAdapter]
    headers: Mapping[str, str] = field(default_factory=dict)

    async def ask(self, question: Question[Had]) -> Answered:
        """First what a source is asked once for, a token or a version; then the question, with its calls counted."""
        adapter = self.adapter(self.url)
        try:
            await adapter.version()
            with recording() as calls:
                method = getattr(adapter, question.method)
                items = await method(question.keys(self.has), question.args_given, question.needs)
        finally:
            await adapter.aclose()
        return Answered(items, sorted(f"{call.method} {call.path}" for call in calls))

    async def send(self, raw: Raw[Had]) -> Reply:
        path = raw.path if isinstance(raw.path, str) else raw.path(self.has)
        headers = {**(self.headers if raw.headers is None else raw.headers), "Accept": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                raw.method, self.url + path, params=list(raw.query), json=raw.body, headers=headers
            ) as response,
        ):
            return Reply(response.status, response.content_type, await response.text())


@dataclass
class Fakes:
    """Serves each fake once, for all tests that ask it."""

    stack: AsyncExitStack
    served: dict[object, tuple[str, object]] = field(default_factory=dict)

    async def url(self, has: object, make: Callable[[], ASGIApp], *variant: object) -> str:
        """Where the fake with this content is; `variant` tells it from others with the same."""
        key = (id(has), *variant)
        if key not in self.served:
            served = await self.stack.enter_async_context(serve(make(), remember=False))
            self.served[key] = served.url, has  # kept, so that its id stays its own
        return self.served[key][0]
