"""Ids written the way a person types them."""

from __future__ import annotations

from urllib.parse import quote


def id_of(kind: str, source: str, key: str) -> str:
    return f"mlg://{kind}/{source}/{quote(key, safe='')}"


def version_id(key: str, source: str = "studio-mlflow") -> str:
    return id_of("model-version", source, key)
