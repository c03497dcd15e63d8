"""An experiment platform as one caller sees it: experiments by the domain that their tags or projects say."""

from __future__ import annotations

from collections.abc import Sequence

from resolvers.errors import GraphError
from resolvers.screens.judge import Judge, Load, both, shown, shown_of, shown_on
from resolvers.sources import Found, ListArgs, Need, Needs, Page, PageAsk
from resolvers.sources.experimentation import ExperimentPlatform
from schema.experiment import Experiment, ExperimentResults, UsageWindow
from schema.identity import EntityKind

_DOMAIN: Needs = frozenset({Need.DOMAIN})


class ScreenedPlatform:
    """Answers as the platform, without what is of other domains."""

    def __init__(self, platform: ExperimentPlatform, domains: frozenset[str], load: Load) -> None:
        self.profile, self.role, self.product = platform.profile, platform.role, platform.product
        self.capabilities = platform.capabilities
        self._platform, self._judge = platform, Judge(platform, domains, load)

    def url(self, kind: EntityKind, key: str) -> str | None:
        return self._platform.url(kind, key)

    async def version(self) -> str | None:
        return await self._platform.version()

    async def aclose(self) -> None:
        """The platform is closed by who opened it."""

    async def experiments_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Experiment | GraphError | None]:
        rows = await self._judge.asked(self._platform.experiments_by_id, keys, args, needs | _DOMAIN)
        return [shown(row, self._judge.of_row(row)) for row in rows]

    async def experiments_by_key(
        self, keys: Sequence[str], args: UsageWindow | None, needs: Needs
    ) -> Sequence[Experiment | GraphError | None]:
        rows = await self._platform.experiments_by_key(keys, args, needs | _DOMAIN)
        return [shown(row, self._judge.of_row(row)) for row in rows]

    async def experiments_by_model(
        self, keys: Sequence[str], args: UsageWindow, needs: Needs
    ) -> Sequence[Found[Experiment] | GraphError]:
        listed = await self._platform.experiments_by_model(keys, args, needs | _DOMAIN)
        return [shown_of(found, self._judge.of_row) for found in listed]

    async def results_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[ExperimentResults | GraphError | None]:
        verdicts, results = await both(
            self._judge.verdicts(self._platform.experiments_by_id, keys, _DOMAIN),
            self._platform.results_by_id(keys, args, needs),
        )
        return [shown(row, verdicts[key]) for key, row in zip(keys, results, strict=True)]

    async def experiments(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Experiment] | GraphError]:
        pages = await self._platform.experiments(keys, args, needs | _DOMAIN)
        return [shown_on(page, self._judge.of_row) for page in pages]

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Experiment] | GraphError]:
        listed = await self._platform.search(keys, args, needs | _DOMAIN)
        return [shown_of(found, self._judge.of_row) for found in listed]
