"""Finds the experiments that name a model: by value in what SDKs read, by tag in Unleash's search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from resolvers.conventions import models_in_labels, models_in_value
from resolvers.errors import SourceError
from resolvers.http import Query
from resolvers.sources import Found, Need, Needs
from resolvers.sources.experimentation.unleash_calls import ARCHIVED, EXPERIMENTS, both, chunked, together
from resolvers.sources.experimentation.unleash_flags import Experiments, UnleashFlags, experiments_in, is_in
from resolvers.sources.experimentation.unleash_rows import EXPERIMENT, Feature, labels_of, variants_of
from schema.connection import IncompleteReason
from schema.experiment import Experiment, UsageWindow


@dataclass(slots=True)
class Matches:
    """Names of flags by model, of `scanned` flags looked at, and in the end the experiments of these names."""

    names: dict[str, set[str]]
    scanned: int = 0
    reasons: set[IncompleteReason] = field(default_factory=set)
    experiments: Experiments = field(default_factory=dict)


class UnleashModels:
    """The look-up from models to experiments, for many models at once."""

    def __init__(self, flags: UnleashFlags) -> None:
        self.flags, self.calls = flags, flags.calls
        self.conventions = flags.profile.conventions

    async def find(self, models: Sequence[str], window: UsageWindow, needs: Needs) -> list[Found[Experiment]]:
        current, past = await both(self._current(models, window, needs), self._past(models, window))
        reasons = current.reasons | past.reasons
        found = []
        for model in models:
            rows = [current.experiments[name] for name in sorted(current.names[model])]
            rows += [past.experiments[name] for name in sorted(past.names[model]) if name in past.experiments]
            bad = {IncompleteReason.SOURCE_UNAVAILABLE for row in rows if isinstance(row, SourceError)}
            items = [row for row in rows if not isinstance(row, SourceError) and is_in(row, window)]
            found.append(Found(items, current.scanned + past.scanned, frozenset(reasons | bad)))
        return found

    async def _current(self, models: Sequence[str], window: UsageWindow, needs: Needs) -> Matches:
        """Live flags. A search by tags hides a flag's other tags, so those found are read again by name for these."""
        running: Query = [("status[]", f"{self.calls.environment}:enabled")] if window is UsageWindow.CURRENT else []
        features, matches = await both(self.calls.features(None), self._tagged(models, [*EXPERIMENTS, *running]))
        live = experiments_in(features.by_name, window)
        for model, names in self._served(models, live).items():
            matches.names[model] = names | (matches.names[model] & live.keys())
        if features.unreadable or any(isinstance(row, SourceError) for row in features.by_name.values()):
            matches.reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
        named = {name: live[name] for name in sorted(set().union(*matches.names.values()))}
        wanted = needs | {Need.TAGS} if self.conventions.model_tag else needs
        matches.experiments = await self.flags.live(named, features.fetched_at, wanted)
        matches.scanned = len(live)
        return matches

    async def _past(self, models: Sequence[str], window: UsageWindow) -> Matches:
        """Archived flags, by tag only: their values are shown by exports alone, each of which Unleash logs whole."""
        if window is not UsageWindow.EVER:
            return Matches({model: set() for model in models})
        matches, all_of_them = await both(self._tagged(models, ARCHIVED), self.calls.page(ARCHIVED, 0, 1))
        names = set().union(*matches.names.values())
        matches.experiments = await self.flags.archived(names)
        matches.scanned = len(names)
        if all_of_them.total > len(names):
            matches.reasons.add(IncompleteReason.NOT_SUPPORTED_BY_SOURCE)
        return matches

    async def _tagged(self, models: Sequence[str], filters: Query) -> Matches:
        matches = Matches({model: set() for model in models})
        terms = self._terms(models, matches)
        walks = await together(
            self.calls.walk([*filters, ("tag", f"INCLUDE_ANY_OF:{','.join(chunk)}")]) for chunk in chunked(terms)
        )
        for rows in walks:
            if rows.cut:
                matches.reasons.add(IncompleteReason.SCAN_LIMIT)
            if rows.unreadable:
                matches.reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
            for name, row in rows.by_name.items():
                if isinstance(row, SourceError):
                    matches.reasons.add(IncompleteReason.SOURCE_UNAVAILABLE)
                elif row.type == EXPERIMENT:
                    for mention in models_in_labels(self.conventions, labels_of(row)):
                        matches.names.get(mention.name, set()).add(name)
        return matches

    def _terms(self, models: Sequence[str], matches: Matches) -> list[str]:
        """`TYPE:VALUE` of the tags that name models: of a type of their own, or a plain word `model:NAME`.

        Values have 2 to 50 characters. A comma, or a space at an end, cannot be said in the search: NOT_SUPPORTED.
        """
        key = self.conventions.model_tag
        if key is None:
            return []
        terms = []
        for model in models:
            for kind, value in ((key, model), ("simple", f"{key}:{model}")):
                if not 2 <= len(value) <= 50:
                    continue
                if "," in value or value != value.strip() or not value.isprintable():
                    matches.reasons.add(IncompleteReason.NOT_SUPPORTED_BY_SOURCE)
                    continue
                terms.append(f"{kind}:{value}")
        return terms

    def _served(self, models: Sequence[str], live: Mapping[str, Feature]) -> dict[str, set[str]]:
        """The flags that name each model in what a variation serves."""
        found: dict[str, set[str]] = {model: set() for model in models}
        for name, feature in live.items():
            for variant in variants_of(feature):
                for mention in models_in_value(self.conventions, variant.payload.value if variant.payload else None):
                    found.get(mention.name, set()).add(name)
        return found
