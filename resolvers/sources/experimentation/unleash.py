"""Unleash as an experiment platform: a flag of type `experiment` is one, its weighted variants are the variations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import quote

from resolvers.errors import SourceError
from resolvers.http import SourceClient
from resolvers.sources import Capability, Found, ListArgs, Needs, Page, PageAsk, SourceProfile
from resolvers.sources.experimentation.unleash_calls import UnleashCalls, both
from resolvers.sources.experimentation.unleash_flags import Experiments, UnleashFlags, experiments_in, is_in
from resolvers.sources.experimentation.unleash_lists import CAPABILITIES as LIST_CAPABILITIES
from resolvers.sources.experimentation.unleash_lists import Lists
from resolvers.sources.experimentation.unleash_models import UnleashModels
from resolvers.sources.experimentation.unleash_plan import unleash_plan
from resolvers.sources.experimentation.unleash_rows import nameable
from schema.experiment import Experiment, ExperimentResults, UsageWindow
from schema.identity import EntityKind
from schema.source import CapabilityMode, SourceRole

CAPABILITIES = (
    Capability("experiments_by_id", CapabilityMode.NATIVE, "1 call; 1 more for tags, dates, and flags that are off"),
    Capability("experiments_by_key", CapabilityMode.NATIVE, "as experiments_by_id: a flag's name is id and key"),
    Capability("experiments_by_model", CapabilityMode.NATIVE, "3 calls; archived flags are found by tag only"),
    Capability("results_by_id", CapabilityMode.NONE, "Unleash has no results"),
    Capability("experiments", CapabilityMode.NATIVE, "2 to 4 calls a page; archived flags follow all others"),
    *LIST_CAPABILITIES,
)


class Unleash:
    """Needs two tokens: `client` (a backend token) for what is live, "" (a Viewer's personal token) for the rest.

    What SDKs read tells all that a running experiment has but tags, dates and its maker; so it is asked first, and the
    search only for what it lacks. Names are unique in an instance: a flag's name is its id and its key.
    """

    role = SourceRole.EXPERIMENT_PLATFORM
    product = "unleash"
    capabilities: Sequence[Capability] = CAPABILITIES

    def __init__(self, profile: SourceProfile, client: SourceClient, environment: str = "development") -> None:
        self.profile, self.environment = profile, environment
        self.plans = unleash_plan(profile.scan_rows)
        self._client = client
        self._calls = UnleashCalls(client, environment, profile.scan_rows)
        self._flags = UnleashFlags(profile, self._calls)
        self._models = UnleashModels(self._flags)
        self._lists = Lists(profile, self._calls, self._flags)

    def url(self, kind: EntityKind, key: str) -> str | None:
        """The list of flags searched for the key: a flag's own page needs its project, which a key does not tell."""
        return f"{self.profile.ui_url}/search?query={quote(key, safe='')}" if kind is EntityKind.EXPERIMENT else None

    async def version(self) -> str | None:
        return await self._calls.version()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def experiments_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[Experiment | SourceError | None]:
        """Experiments by flag name, live or archived: the calls of experiments_by_key without a window."""
        return await self.experiments_by_key(keys, args, needs)

    async def experiments_by_key(
        self, keys: Sequence[str], args: UsageWindow | None, needs: Needs
    ) -> Sequence[Experiment | SourceError | None]:
        """Experiments by flag name; None for names that no flag of type `experiment` has.

        GET /api/client/features (7.5.1), 1 call for any number of names. For flags that are off, and for all where
        tags or dates are needed, GET /api/admin/search/features, 1 call per 100 names: only it has the lifecycle that
        tells ended from not begun. Names that are not live are searched among the archived, 1 call per 100, and those
        found exported, 1 call. Raises the SourceError of the first call; a later one fails the names that needed it.
        """
        names = {key for key in keys if nameable(key)}
        if not names:
            return [None] * len(keys)
        # The whole answer is what a look-up by model has read: in one operation it then costs no call.
        features = await self._calls.features(None if args is UsageWindow.CURRENT else names)
        absent = names - features.by_name.keys() if args in (None, UsageWindow.EVER) else set()
        current, archived = await both(
            self._flags.live(experiments_in(features.by_name, args), features.fetched_at, needs),
            self._flags.archived(absent),
        )
        answered: Experiments = {name: row for name, row in features.by_name.items() if isinstance(row, SourceError)}
        answered |= archived | current
        if features.unreadable:
            for name in names - features.by_name.keys() - archived.keys():
                answered[name] = self._flags.bad("a row that cannot be read")
        found = {name: row for name, row in answered.items() if isinstance(row, SourceError) or is_in(row, args)}
        return [found.get(key) for key in keys]

    async def experiments_by_model(
        self, keys: Sequence[str], args: UsageWindow, needs: Needs
    ) -> Sequence[Found[Experiment] | SourceError]:
        """Experiments that name the models, by value or by tag.

        GET /api/client/features (7.5.1) once for the values of all; beside it GET /api/admin/search/features for the
        tags of some 50 models a call, where the conventions have a model tag; then one by name, 1 call per 100 found.
        In the window EVER archived flags are searched by tag as well, counted, and exported where found; while there
        are others, NOT_SUPPORTED_BY_SOURCE says that these may name a model by value. Raises a search's SourceError.
        """
        return await self._models.find(keys, args, needs) if keys else []

    async def results_by_id(
        self, keys: Sequence[str], args: None, needs: Needs
    ) -> Sequence[ExperimentResults | SourceError | None]:
        """None for all, without a call: Unleash 7.5.1 counts exposures per flag, and analyses nothing."""
        del args, needs
        return [None] * len(keys)

    async def experiments(
        self, keys: Sequence[PageAsk], args: ListArgs, needs: Needs
    ) -> Sequence[Page[Experiment] | SourceError]:
        """Pages of flags of type `experiment`, by name; archived ones are a list of their own and follow the others.

        GET /api/admin/search/features (7.5.1), 1 call per 100 rows and 1 for each further list that a page reaches or
        counts; then for all pages together GET /api/client/features for variations, and an export if there are
        archived rows. Raises the SourceError of these; a failed search is the error of its page. Narrowed by `query`,
        `tag` and `project`: a tag has two spellings, and a domain a project too, which are searches of their own; these
        are read whole, up to scan_rows.
        """
        del needs  # the search tells it all
        return await self._lists.pages(keys, args)

    async def search(self, keys: Sequence[str], args: None, needs: Needs) -> Sequence[Found[Experiment] | SourceError]:
        """Candidates by name and description, for each text GET /api/admin/search/features?query=w1,w2 (7.5.1) twice,
        live and archived, 100 rows each; then what a list's rows take.
        """
        del args, needs
        founds = await asyncio.gather(*(self._lists.search(key) for key in keys), return_exceptions=True)
        items: list[Found[Experiment] | SourceError] = []
        for found in founds:
            if isinstance(found, BaseException) and not isinstance(found, SourceError):
                raise found
            items.append(found)
        return items
