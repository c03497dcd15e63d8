"""The sources that are asked, with what of the settings decides how much."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from resolvers.estimate.ask import Ask, Role
from resolvers.mounts import Sources
from resolvers.search.sweep import SearchLimits
from resolvers.sources import Needs, SourceAdapter
from resolvers.sources.plan import EACH, Plan, shared_out

TOGETHER = 50
"""Parents whose questions are asked together where several methods answer: so many more, and they are asked again."""


@dataclass(frozen=True, slots=True)
class House:
    """`type_prefix` is before the names of types in the schema that is asked."""

    sources: Sources
    search_calls: int = SearchLimits().calls
    type_prefix: str = ""

    @property
    def count(self) -> int:
        """How many sources there are."""
        return len(list(self.sources))

    @property
    def pipeline_tags(self) -> int:
        return max((len(one.profile.conventions.pipeline_tags) for one in self.sources.registries.values()), default=0)

    @property
    def feature_tags(self) -> int:
        return max((len(one.profile.conventions.feature_tags) for one in self.sources.registries.values()), default=0)

    @property
    def model_uris(self) -> int:
        return 2 + 2 * max((len(one.profile.also_named) for one in self.sources.registries.values()), default=0)

    def several(self, role: Role) -> bool:
        """Whether a name alone does not say which source is meant."""
        return len(self.adapters(role)) > 1

    def adapters(self, role: Role) -> Mapping[str, SourceAdapter]:
        found: Mapping[str, SourceAdapter] = getattr(self.sources, role.value)
        return found

    def calls(self, ask: Ask, parents: int, needs: Needs) -> int:
        """The most calls an ask takes for so many parents."""
        asked = list(self._asked(ask))
        if ask.flat:
            return ask.flat * (1 + parents // TOGETHER) * len({adapter.profile.name for adapter, _ in asked})
        keys, wanted = min(ask.keys * (1 if ask.once else parents), ask.most), needs | ask.wanted
        plans = [_plan(adapter, method) for adapter, method in asked]
        if ask.shared:
            return ask.times * shared_out(plans, keys, wanted)
        return ask.times * sum(plan.calls(keys, wanted) for plan in plans)

    def methods(self, asks: Iterable[Ask]) -> dict[str, list[str]]:
        """By source, the batch methods that may be asked."""
        found: dict[str, dict[str, None]] = {adapter.profile.name: {} for adapter in self.sources}
        for ask in asks:
            if ask.keys and ask.times:
                for adapter, method in self._asked(ask):
                    found[adapter.profile.name][method.partition(".")[0]] = None
        return {source: list(methods) for source, methods in found.items() if methods}

    def _asked(self, ask: Ask) -> Iterator[tuple[SourceAdapter, str]]:
        for role, method in ask.methods:
            for name, adapter in self.adapters(role).items():
                if ask.source in (None, name):
                    yield adapter, method


def _plan(adapter: SourceAdapter, method: str) -> Plan:
    plans: Mapping[str, Plan] = getattr(adapter, "plans", {})
    # A filtered list of an adapter that says nothing of it is read like any other.
    return plans.get(method) or plans.get(method.partition(".")[0], EACH)


Args = Mapping[str, Any]
"""The arguments of a field, as `resolvers.arguments` reads them."""
Asks = Callable[[House, Args], Iterable[Ask]]


def asks(*fixed: Ask) -> Asks:
    """The same in every house, whatever is given."""
    return lambda _house, _args: fixed
