"""What the root fields that list, name or search ask."""

from __future__ import annotations

from collections.abc import Iterable

from resolvers.estimate.ask import (
    ENTITIES,
    ORCHESTRATOR,
    PLATFORM,
    REGISTRY,
    TRAINING_RUNS,
    Ask,
    Method,
    Role,
    every,
    own,
    tagged,
)
from resolvers.estimate.entities import LISTS, kinds_of, lists_of
from resolvers.estimate.house import Args, Asks, House
from resolvers.estimate.sizes import EXTRA_READS, size_of
from resolvers.rules.lists import LISTED
from resolvers.search.sweep import OF_KIND, Part
from resolvers.sources import Need
from schema.identity import EntityKind

_SWEPT: dict[Part, Method] = {
    Part.MODELS: (REGISTRY, "models"),
    Part.VERSIONS: (REGISTRY, "every_version"),
    Part.TRAINING_RUNS: (REGISTRY, "every_training_run"),
    Part.EXPERIMENTS: (PLATFORM, "experiments"),
    Part.PIPELINES: (ORCHESTRATOR, "pipelines"),
    Part.ASSETS: (ORCHESTRATOR, "every_asset"),
}


def by_name(method: Method) -> Asks:
    """One name in every source, or in the one that is given."""
    return lambda _house, args: [own(*method, source=_text(args.get("source")))]


def root_list(kind: EntityKind) -> Asks:
    """A list over all sources of a role."""
    role, method = LISTS[kind]

    def listed(_house: House, args: Args) -> Iterable[Ask]:
        given = args.get("filter")
        wanted = {key: value for key, value in given.items() if value is not None} if isinstance(given, dict) else {}
        source = _text(wanted.pop("source", None))
        if not wanted:
            yield own(role, method, _pages(args), source)
        else:
            way = "owner" if wanted.keys() == {"owner"} else "scan"
            yield own(role, f"{method}.{way}", 1, source)
            if args.get("after") is not None:
                yield own(role, method, EXTRA_READS + _pages(args), source)

    return listed


def _pages(args: Args) -> int:
    """Pages of 100 rows: one row more is read than is shown, and with a cursor those before it."""
    pages = -(-(size_of(args.get("first"), 20) + 1) // 100)
    return pages + EXTRA_READS if args.get("after") is not None else pages


def features(house: House, _args: Args) -> Iterable[Ask]:
    yield every(REGISTRY, "training_runs_with_features")
    yield tagged("versions_by_tag", house.feature_tags)


def owner(_house: House, _args: Args) -> Iterable[Ask]:
    return lists_of(LISTED, "owner")


def domains(_house: House, _args: Args) -> Iterable[Ask]:
    for role, method in LISTS.values():
        yield Ask(((role, method),), 10, shared=False, own=True, wanted=frozenset({Need.DOMAIN}))


def sources(_house: House, _args: Args) -> Iterable[Ask]:
    return [every(role, "version") for role in Role]


def search(house: House, args: Args) -> Iterable[Ask]:
    """A sweep of the lists that hold what is looked for, and the sources' own searches where it was cut short."""
    kinds = kinds_of(args, OF_KIND)
    parts = {part for kind in kinds for part in OF_KIND[kind]}
    for role in Role:
        swept = [method for part, method in _SWEPT.items() if part in parts and method[0] is role]
        if swept:
            yield Ask(tuple(swept), own=True, shared=False, flat=house.search_calls)
            yield own(role, "search")
        if _SWEPT[Part.ASSETS] in swept:
            yield own(ORCHESTRATOR, "assets")
    hits = size_of(args.get("first"), 20)
    yield Ask(ENTITIES, hits, own=True)
    if {EntityKind.DATASET, EntityKind.FEATURE} & set(kinds):
        yield Ask((TRAINING_RUNS, (ORCHESTRATOR, "assets_by_uri")), hits, own=True)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
