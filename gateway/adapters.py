"""Finds the adapter of a product by its word: one of ours, or `module:Class` of anybody else's."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from schema.source import SourceRole

PRODUCTS = {
    "mlflow": "resolvers.sources.registry.mlflow:Mlflow",
    "airflow": "resolvers.sources.orchestration.airflow:Airflow",
    "growthbook": "resolvers.sources.experimentation.growthbook:GrowthBook",
    "unleash": "resolvers.sources.experimentation.unleash:Unleash",
}


def adapter_class(product: str) -> Any:
    """The class that answers for a product; raises ValueError where there is none, or it is no adapter."""
    module, _, name = PRODUCTS.get(product, product).partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError):
        raise ValueError(f"{module}:{name} cannot be imported") from None
    if not isinstance(getattr(found, "role", None), SourceRole):
        raise ValueError(f"{module}:{name} is no adapter: it has no role")
    return found


def role_of(product: str) -> SourceRole | None:
    """The role a product plays; None where it has no adapter."""
    if product not in PRODUCTS and ":" not in product:
        return None
    try:
        role = adapter_class(product).role
    except ValueError:
        return None
    return role if isinstance(role, SourceRole) else None
