"""The configured sources by role and by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from resolvers.sources import SourceAdapter
from resolvers.sources.directory import Directory
from resolvers.sources.experimentation import ExperimentPlatform
from resolvers.sources.orchestration import Orchestrator
from resolvers.sources.registry import ModelRegistry

S = TypeVar("S", bound=SourceAdapter)


class Sources:
    """All sources, each role in the order of names. Raises ValueError where two have one name."""

    def __init__(
        self,
        registries: Sequence[ModelRegistry] = (),
        platforms: Sequence[ExperimentPlatform] = (),
        orchestrators: Sequence[Orchestrator] = (),
        directory: Directory | None = None,
    ) -> None:
        self.directory = directory or Directory()
        self.registries = {adapter.profile.name: adapter for adapter in _by_name(registries)}
        self.platforms = {adapter.profile.name: adapter for adapter in _by_name(platforms)}
        self.orchestrators = {adapter.profile.name: adapter for adapter in _by_name(orchestrators)}
        everything: list[SourceAdapter] = [*registries, *platforms, *orchestrators]
        self.all = {adapter.profile.name: adapter for adapter in _by_name(everything)}
        if len(self.all) != len(everything):
            raise ValueError("two sources have one name")

    def meant(self, adapters: Mapping[str, S], name: str) -> S | None:
        """The source a reference calls `name`: by its configured name, else by one of its other names."""
        return adapters.get(name) or next(
            (adapter for adapter in adapters.values() if name in adapter.profile.also_named), None
        )

    def __iter__(self) -> Iterator[SourceAdapter]:
        return iter(self.all.values())


def _by_name(adapters: Sequence[S]) -> list[S]:
    return sorted(adapters, key=lambda adapter: adapter.profile.name)
