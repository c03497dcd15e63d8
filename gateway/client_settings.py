"""The tables that bound what clients may ask: how much of it, and which documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo

from gateway.rate_limit import Buckets, Points
from gateway.setting_files import named_file
from gateway.source_checks import Place
from gateway.source_settings import Frozen
from gateway.trusted_documents import Mode, TrustedDocuments, read_manifest


def _manifest(name: object, info: ValidationInfo) -> dict[str, str]:
    content = named_file(name, info)
    try:
        return read_manifest(content)
    except ValueError as error:
        raise ValueError(f"the file {error}") from None


class RateLimit(Frozen):
    """What one client may ask: an operation takes one point, and one for each call it may make."""

    points_per_minute: int = Field(default=0, ge=0, le=1_000_000)
    """0 counts nothing."""
    burst: int = Field(default=1000, ge=1, le=1_000_000)
    """The most points a client can have at once."""

    def points(self) -> Points | None:
        return Buckets(self.points_per_minute, self.burst) if self.points_per_minute else None


class DocumentsSettings(Frozen):
    """Which documents are trusted, and whether others may be asked."""

    mode: Mode = "off"
    manifest: Annotated[dict[str, str], BeforeValidator(_manifest)] = Field(default={}, repr=False)

    def trusted(self) -> TrustedDocuments:
        return TrustedDocuments(self.mode, self.manifest)


def documents_mistakes(written: Mapping[str, object]) -> Iterator[tuple[Place, str]]:
    """A mode that needs the list of trusted documents, without one."""
    table = written.get("documents")
    if isinstance(table, dict) and table.get("mode") in ("warn", "require") and "manifest" not in table:
        yield ("documents", "manifest"), f'is missing: mode = "{table["mode"]}" needs it'
