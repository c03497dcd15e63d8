"""The configured sources by role and by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from resolvers.access import Sight
from resolvers.screens.judge import Load
from resolvers.screens.orchestrator import ScreenedOrchestrator
from resolvers.screens.platform import ScreenedPlatform
from resolvers.screens.registry import ScreenedRegistry
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

    def seen(self, sight: Sight, load: Load) -> Sources:
        """Those that one caller may ask, each without what this caller may not see of it, for one request."""

        def some(adapters: Mapping[str, S], screen: Callable[[S, frozenset[str], Load], S]) -> list[S]:
            kept = [(adapter, sight.domains(name)) for name, adapter in adapters.items() if sight.has(name)]
            return [adapter if domains is None else screen(adapter, domains, load) for adapter, domains in kept]

        return Sources(
            some(self.registries, ScreenedRegistry),
            some(self.platforms, ScreenedPlatform),
            some(self.orchestrators, ScreenedOrchestrator),
            self.directory,
        )

    def __iter__(self) -> Iterator[SourceAdapter]:
        return iter(self.all.values())


def _by_name(adapters: Sequence[S]) -> list[S]:
    return sorted(adapters, key=lambda adapter: adapter.profile.name)
