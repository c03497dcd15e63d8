"""Makes datasets and features out of their mentions: the normalised URI joins them across systems, then the name."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import msgspec
import strawberry

from schema.derived import Dataset, Feature
from schema.identity import SHARED, EntityKind, Reference
from schema.scalars import Timestamp

UNNAMED = "dataset"
"""What MLflow calls an input that was logged without a name."""


def dataset_from(name: str, uri: str | None, fetched_at: Timestamp, digest: str | None = None) -> Dataset:
    """A dataset as one system mentions it; its key is the normalised URI, or the name where there is none.

    Data that nobody named is told apart by its digest, where it has one.
    """
    place = normalised_uri(uri) if uri else None
    own = f"{name}@{digest}" if name == UNNAMED and digest else name
    reference = Reference(EntityKind.DATASET, SHARED, place or own)
    return Dataset(
        id=strawberry.ID(reference.id), reference=reference, fetched_at=fetched_at, name=name, uri=place, digest=digest
    )


def is_place(key: str) -> bool:
    """Whether a dataset's key is a URI, rather than a name."""
    return normalised_uri(key) == key


def name_in(key: str) -> str:
    """The name in a key that is no URI."""
    name, at, _ = key.partition("@")
    return name if at and name == UNNAMED else key


def feature_from(name: str, fetched_at: Timestamp, data_type: str | None = None) -> Feature:
    """A feature as one system mentions it. Its name is its key: `view:feature`, `dataset:column`, or a bare input."""
    reference = Reference(EntityKind.FEATURE, SHARED, name)
    return Feature(
        id=strawberry.ID(reference.id), reference=reference, fetched_at=fetched_at, name=name, data_type=data_type
    )


def normalised_uri(text: str) -> str | None:
    """Scheme and host in lower case, no trailing slash, s3a and s3n as s3; None for what is no absolute URI."""
    try:
        parts = urlsplit(text.strip())
    except ValueError:
        return None
    scheme = {"s3a": "s3", "s3n": "s3"}.get(parts.scheme, parts.scheme)
    if not scheme or not (parts.netloc or parts.path) or (not parts.netloc and scheme != "file"):
        return None
    return urlunsplit((scheme, parts.netloc.lower(), parts.path.rstrip("/"), parts.query, ""))


def uri_in_source(source: str | None) -> str | None:
    """The URI in an MLflow dataset's `source`, JSON text such as {"uri": "s3://…"}; None where there is none."""
    if not source:
        return None
    try:
        parsed: object = msgspec.json.decode(source)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return source if normalised_uri(source) else None
    if isinstance(parsed, dict):
        for key in ("uri", "url", "path"):
            value = parsed.get(key)
            if isinstance(value, str) and value:
                return value
    return None
