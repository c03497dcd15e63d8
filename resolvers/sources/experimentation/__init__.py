"""The role of an experiment platform: A/B tests with variations, what they serve, and results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from resolvers.errors import GraphError
from resolvers.sources import Found, ListArgs, Needs, Page, PageAsk, SourceAdapter
from schema.experiment import Experiment, ExperimentResults, UsageWindow


class ExperimentPlatform(SourceAdapter, Protocol):
    """Each method takes many keys and returns one item per key, in order; a key's own failure is its item.

    None (or an empty Found) means the platform said that there is no such thing. A method raises a SourceError only
    where no key at all could be answered. Experiments always carry their variations (key, name, weight); what these
    serve (`Variation.value` and `.text`) where Need.VALUES is asked. `reference.key` is the platform's own id.
    """

    async def experiments_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Experiment | GraphError | None]:
        """Experiments by the platform's own id, of any status, archived ones too."""

    async def experiments_by_key(
        self, keys: Sequence[str], args: UsageWindow | None, needs: Needs
    ) -> Sequence[Experiment | GraphError | None]:
        """Experiments by what code calls them (tracking key, flag name), else by id.

        With a usage window only those inside it need be found: None then means not in this window, or absent.
        """

    async def experiments_by_model(
        self, keys: Sequence[str], args: UsageWindow, needs: Needs
    ) -> Sequence[Found[Experiment] | GraphError]:
        """Experiments in the window that may name each model (by name), in a value or in a tag, values included.

        Candidates: the link table reads values and tags itself, so more than match may be returned, never fewer
        unless `reasons` says so. Experiments carry tags where the profile's conventions have a model tag.
        """

    async def results_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[ExperimentResults | GraphError | None]:
        """The latest analysis of each experiment (own id); None where there is none."""

    async def experiments(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Experiment] | GraphError]:
        """Pages of the experiments the filter wants, or more: in its own order by name, or last changed first."""

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Experiment] | GraphError]:
        """Candidates for each text by the platform's own search: about a hundred that hold any of its words."""
