"""The one settings file: its shape, its checks, and one message that lists every mistake with its place."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PrivateAttr, ValidationError

from gateway.access_settings import AccessTables, access_mistakes
from gateway.client_settings import DocumentsSettings, RateLimit, documents_mistakes
from gateway.identity_settings import IdentitySettings, TrustedProxies, identity_mistakes
from gateway.limits_settings import LimitSettings
from gateway.owners_file import OwnersFile, read_owners
from gateway.secret_files import place_written, secret_mistakes, with_secret_files
from gateway.source_checks import Place, source_mistakes
from gateway.source_settings import Frozen, Origin, Seconds, SourceSettings, Word
from resolvers.search.sweep import SearchLimits
from resolvers.sources.directory import Directory

_SEARCH = SearchLimits()


class Mistake(NamedTuple):
    """One thing to correct, and where: `("sources", 1, "url")`."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{_written(self.place)}: {self.text}" if self.place else self.text


class SettingsError(Exception):
    """Settings nobody can be served with. Its text is for the operator, and holds no value that could be a secret."""

    def __init__(self, file: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes), key=lambda mistake: (_order(mistake.place), mistake.text))
        number = len(self.mistakes)
        head = f"{file} has {'a mistake' if number == 1 else f'{number} mistakes'}:"
        super().__init__("\n".join([head, *(f"  {mistake}" for mistake in self.mistakes)]))


class Server(Frozen):
    """Where the gateway listens and how long it may take."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8000, ge=0, le=65535)
    deadline_s: Seconds = 10.0
    """The time of one whole operation."""
    max_operations: int = Field(default=64, ge=1, le=10_000)
    """Executed at once; fewer where the gateway itself is the slow part."""
    max_waiting: int = Field(default=256, ge=0, le=10_000)
    """Operations that wait for a place; all others are answered 503."""
    max_connections: int = Field(default=1000, ge=1, le=100_000)
    keep_alive_s: int = Field(default=75, ge=1, le=3600)
    """How long a connection may do nothing; a proxy in front must give up its own sooner."""
    drain_s: float = Field(default=0.0, ge=0, le=300)
    """How long a stopping gateway goes on serving while /readyz already answers 503."""
    profile: Literal["development", "production"] = "development"
    """In production no page is served to browsers, and errors do not suggest names of the schema."""
    type_prefix: str = Field(default="", pattern=r"^([A-Z][A-Za-z0-9]{0,30})?$")
    """Before the names of types, where other subgraphs of a company's supergraph have types of these names too."""
    explain: bool = False
    """Whether clients may have a plan or a trace of their operation: it shows names and keys of every source."""
    trusted_proxies: TrustedProxies = ()
    """Whose headers are believed: X-Forwarded-For, and those of `identity`."""
    cors_origins: Annotated[tuple[Origin, ...], Field(strict=False)] = ()
    """Other origins whose pages may ask, by POST."""


class Owners(Frozen):
    """Who is who, where several spellings mean one person, or teams have members."""

    file: Word | None = None
    """TOML, beside the settings file unless its path is absolute; see gateway/owners_file.py."""


class Search(Frozen):
    """What one search may ask of each source, and whether what it read serves the next ones."""

    time_s: Seconds = _SEARCH.time_s
    calls: int = Field(default=_SEARCH.calls, ge=1, le=1000)
    max_age: float = Field(default=_SEARCH.max_age_s, ge=0, le=3600)
    """Seconds: 0 keeps nothing between requests."""

    def limits(self) -> SearchLimits:
        return SearchLimits(self.time_s, self.calls, self.max_age)


class Settings(Frozen):
    """Everything the gateway is told."""

    server: Server = Server()
    search: Search = Search()
    owners: Owners = Owners()
    access: AccessTables = ()
    identity: IdentitySettings = IdentitySettings()
    limits: LimitSettings = LimitSettings()
    rate_limit: RateLimit = RateLimit()
    documents: DocumentsSettings = DocumentsSettings()
    sources: Annotated[tuple[SourceSettings, ...], Field(strict=False)]
    _directory: Directory = PrivateAttr(default_factory=Directory)

    @property
    def directory(self) -> Directory:
        """What the owners file says."""
        return self._directory


def load(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read a settings file; raises SettingsError with every mistake in it."""
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise SettingsError(str(file), [Mistake((), f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise SettingsError(str(file), [Mistake((), "is not UTF-8 text")]) from None
    return read(text, os.environ if environment is None else environment, str(file))


def read(text: str, environment: Mapping[str, str], file: str = "settings") -> Settings:
    """Check the text of a settings file, with the environment its secrets are in."""
    try:
        as_written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file, [Mistake((), f"is not TOML: {error}")]) from None
    written = {name: with_secret_files(value) for name, value in as_written.items()}
    mistakes = [Mistake(place, said) for place, said in source_mistakes(written.get("sources"))]
    mistakes.extend(Mistake(place, said) for place, said in access_mistakes(written))
    mistakes.extend(Mistake(place, said) for place, said in identity_mistakes(written))
    mistakes.extend(Mistake(place, said) for place, said in documents_mistakes(written))
    mistakes.extend(Mistake(place, said) for place, said in secret_mistakes(as_written))
    folder = Path(file).parent
    owners = _owners(written.get("owners"), folder)
    mistakes.extend(Mistake(("owners", "file"), said) for said in owners.mistakes)
    try:
        settings = Settings.model_validate(written, context={"environment": environment, "folder": folder})
    except ValidationError as error:
        mistakes.extend(_mistake(detail) for detail in error.errors(include_url=False, include_input=False))
        raise _refused(file, mistakes, as_written) from None
    if mistakes:
        raise _refused(file, mistakes, as_written)
    settings._directory = owners.directory
    return settings


def _refused(file: str, mistakes: Iterable[Mistake], written: Mapping[str, Any]) -> SettingsError:
    return SettingsError(file, [Mistake(place_written(place, written), text) for place, text in mistakes])


def _owners(written: object, folder: Path) -> OwnersFile:
    """The file that is named; anything that has not even the right form is left to the fields' own checks."""
    name = written.get("file") if isinstance(written, dict) else None
    if not isinstance(name, str) or not name:
        return OwnersFile(Directory(), [])
    found = read_owners(folder / name)
    return OwnersFile(found.directory, [f"{name}: {said}" for said in found.mistakes])


def _mistake(detail: Mapping[str, Any]) -> Mistake:
    place: Place = tuple(detail["loc"])
    # Behind the index of a source pydantic names the member of the union it chose, which nobody wrote.
    if len(place) > 2 and place[0] == "sources":
        place = (*place[:2], *place[3:])
    kind = detail["type"]
    if kind == "extra_forbidden":
        return Mistake(place, "is not known here")
    if kind == "missing":
        return Mistake(place, "is missing")
    if kind == "unknown_product":
        place = (*place, "product")
    if kind in ("string_too_short", "too_short"):
        return Mistake(place, "must not be empty")
    if kind == "tuple_type":
        return Mistake(place, "must be a list")
    text = str(detail["msg"]).removeprefix("Value error, ")
    return Mistake(place, text.replace("Input should be", "must be"))


def _written(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _order(place: Place) -> list[tuple[int, int, str]]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in place]
