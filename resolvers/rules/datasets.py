"""Which mentions of data are one dataset, over all systems.

A mention with a URI is the dataset of that URI, normalised. A mention with a name only is the dataset of the one URI
that data of this name has anywhere; where that name has several URIs, or none, it is a dataset of its own, known by
its name. While a source that could know another URI does not answer, or was not read to its end, nothing is joined by
name: a wrong join would be worse than a missing one. What MLflow calls data that nobody named is never joined by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from resolvers.conventions import model_in_uri
from resolvers.datasets import UNNAMED, dataset_from, is_place, name_in
from resolvers.errors import GraphError
from resolvers.loaders import Loaded
from resolvers.operation import Call
from resolvers.sources import NOTHING, Found, Need
from resolvers.sources.orchestration import Orchestrator
from resolvers.sources.registry import ModelRegistry
from resolvers.tally import Tally
from resolvers.targets import prime, prime_runs
from schema.derived import Dataset
from schema.identity import Reference
from schema.model import TrainingRun
from schema.pipeline import AssetMention

if TYPE_CHECKING:
    from resolvers.context import Context

EVERY_NEED = frozenset(Need)
"""A mention tells all there is."""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset and the dataset it is a mention of."""

    orchestrator: Orchestrator
    mention: AssetMention
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Input:
    """A training run and the dataset it logged."""

    registry: ModelRegistry
    run: TrainingRun
    dataset: Dataset


@dataclass(slots=True)
class Mentions:
    """What all sources say of one name, or of one place."""

    assets: list[Asset] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    answers: list[tuple[str, Loaded[Found[AssetMention]] | Loaded[Found[TrainingRun]]]] = field(default_factory=list)

    def __iter__(self) -> Iterator[Dataset]:
        """The datasets mentioned: assets first, as an orchestrator's names are chosen with more care."""
        yield from (asset.dataset for asset in self.assets)
        yield from (logged.dataset for logged in self.inputs)

    @property
    def whole(self) -> bool:
        """Whether no mention can be missing."""
        return all(not isinstance(loaded.value, GraphError) and not loaded.value.reasons for _, loaded in self.answers)

    def note(self, tally: Tally) -> None:
        """Count these answers, and what they leave open."""
        for source, loaded in self.answers:
            tally.note(source, loaded)
            if isinstance(loaded.value, Found):
                tally.scanned += loaded.value.scanned
                tally.incomplete(loaded.value.reasons)


@dataclass(slots=True)
class Known:
    """A dataset that was asked for: the key it really has, its names, and the assets that are it."""

    key: str
    names: dict[str, None]
    assets: list[Asset]
    of_name: dict[str, Mentions]
    """All that is said of those of its names that were asked everywhere."""

    def is_it(self, dataset: Dataset) -> bool:
        """Whether a mention is this dataset, by its own key or joined by its name."""
        if dataset.reference.key == self.key:
            return True
        mentions = self.of_name.get(dataset.name)
        return dataset.uri is None and mentions is not None and place_of(dataset.name, mentions) == self.key


def remember(ctx: Context, datasets: Iterable[Dataset], calls: tuple[Call, ...]) -> None:
    """Note the names this request met data under, and spare it reading again what was just told."""
    known = list(datasets)
    for dataset in known:
        if dataset.name != UNNAMED:
            ctx.dataset_names.setdefault(dataset.reference.key, {})[dataset.name] = None
    prime(ctx, known, EVERY_NEED, calls)


async def joined(ctx: Context, datasets: Sequence[Dataset], calls: tuple[Call, ...] = ()) -> list[Dataset]:
    """Each dataset as all systems together know it. Asks nobody where every mention has a URI."""
    mentions = await said_of_names(ctx, [dataset.name for dataset in datasets if dataset.uri is None])
    found = [_joined(dataset, mentions) for dataset in datasets]
    remember(ctx, found, calls)
    return found


def join(datasets: Iterable[Dataset], *, whole: bool) -> dict[Reference, list[Dataset]]:
    """Mentions by the dataset they are of, in their order; by name only where no mention can be missing."""
    mentions = list(datasets)
    places: dict[str, set[str]] = {}
    for dataset in mentions:
        if dataset.uri is not None:
            places.setdefault(dataset.name, set()).add(dataset.reference.key)
    first = {dataset.reference.key: dataset.reference for dataset in reversed(mentions)}
    groups: dict[Reference, list[Dataset]] = {}
    for dataset in mentions:
        target = dataset.reference
        meant = places.get(dataset.name, set())
        if whole and dataset.uri is None and dataset.name != UNNAMED and len(meant) == 1:
            target = first[next(iter(meant))]
        groups.setdefault(target, []).append(dataset)
    return groups


def shown(key: str, mentions: Iterable[Dataset]) -> Dataset | None:
    """One dataset made of its mentions: the first says its name, and the first that has one its digest."""
    listed = list(mentions)
    of_key = [dataset for dataset in listed if dataset.reference.key == key]
    if not of_key:
        return None
    digest = next((dataset.digest for dataset in listed if dataset.digest), None)
    return dataset_from(of_key[0].name, of_key[0].uri, of_key[0].fetched_at, digest)


def place_of(name: str, mentions: Mentions) -> str | None:
    """The one URI that data of a name has, where that is certain."""
    if name == UNNAMED or not mentions.whole:
        return None
    places = {dataset.reference.key for dataset in mentions if dataset.uri is not None}
    return places.pop() if len(places) == 1 else None


async def said_of_names(ctx: Context, names: Iterable[str]) -> dict[str, Mentions]:
    """What every source says of data of these names: a call or two of each, for all names."""
    asked = list(dict.fromkeys(name for name in names if name != UNNAMED))
    assets = {
        orchestrator.profile.name: [ctx.loader(orchestrator.assets_by_name).load(name, None, NOTHING) for name in asked]
        for orchestrator in ctx.sources.orchestrators.values()
    }
    runs = {
        registry.profile.name: [
            ctx.loader(registry.training_runs_by_dataset).load(name, None, NOTHING) for name in asked
        ]
        for registry in ctx.sources.registries.values()
    }
    found = {name: Mentions() for name in asked}
    for source, waiting in assets.items():
        for name, pending in zip(asked, waiting, strict=True):
            add_assets(ctx, ctx.sources.orchestrators[source], await pending, found[name])
    for source, following in runs.items():
        for name, due in zip(asked, following, strict=True):
            add_inputs(ctx, ctx.sources.registries[source], await due, found[name], name)
    return found


async def said_of_places(ctx: Context, keys: Iterable[str]) -> dict[str, Mentions]:
    """The assets at each URI; registries cannot be asked for one."""
    asked = list(dict.fromkeys(keys))
    waiting = {
        orchestrator.profile.name: [ctx.loader(orchestrator.assets_by_place).load(key, None, NOTHING) for key in asked]
        for orchestrator in ctx.sources.orchestrators.values()
    }
    found = {key: Mentions() for key in asked}
    for source, pending in waiting.items():
        for key, due in zip(asked, pending, strict=True):
            add_assets(ctx, ctx.sources.orchestrators[source], await due, found[key])
    return found


async def known(ctx: Context, references: Sequence[Reference], tallies: Sequence[Tally]) -> list[Known]:
    """What each dataset really is, and the assets that are it."""
    keys = [reference.key for reference in references]
    of_name = await said_of_names(ctx, [name_in(key) for key in keys if not is_place(key)])
    meant = {key: _meant(key, of_name) for key in keys}
    at_place = await said_of_places(ctx, [key for key in meant.values() if is_place(key)])
    names = {key: _names(ctx, key, at_place.get(key)) for key in meant.values()}
    # An asset may have a name only: whether it is this dataset takes asking everybody for that name.
    bare = await _bare_names(ctx, {name for known_as in names.values() for name in known_as} - of_name.keys())
    of_name |= await said_of_names(ctx, bare)
    found = []
    for key, tally in zip(keys, tallies, strict=True):
        place = meant[key]
        own = {name: of_name[name] for name in (*names[place], name_in(key)) if name in of_name}
        item = Known(place, names[place], [], own)
        for mentions in (at_place.get(place), *own.values()):
            if mentions is not None:
                mentions.note(tally)
                item.assets.extend(asset for asset in mentions.assets if item.is_it(asset.dataset))
        item.assets = list({(id(asset.orchestrator), asset.mention.uri): asset for asset in item.assets}.values())
        found.append(item)
    return found


def add_assets(
    ctx: Context, orchestrator: Orchestrator, loaded: Loaded[Found[AssetMention]], mentions: Mentions
) -> None:
    """Take the assets that are data, not models."""
    mentions.answers.append((orchestrator.profile.name, loaded))
    if isinstance(loaded.value, GraphError):
        return
    conventions = orchestrator.profile.conventions
    assets = [
        Asset(orchestrator, asset, dataset_from(asset.name, asset.uri, asset.fetched_at))
        for asset in loaded.value.items
        if model_in_uri(conventions, asset.uri) is None
    ]
    remember(ctx, [asset.dataset for asset in assets if asset.dataset.uri is not None], loaded.calls)
    mentions.assets.extend(assets)


def add_inputs(
    ctx: Context,
    registry: ModelRegistry,
    loaded: Loaded[Found[TrainingRun]],
    mentions: Mentions,
    name: str | None = None,
) -> None:
    """Take the inputs of training runs; those of one name only where it is given."""
    prime_runs(ctx, registry, loaded)
    mentions.answers.append((registry.profile.name, loaded))
    if isinstance(loaded.value, Found):
        mentions.inputs.extend(
            Input(registry, run, dataset)
            for run in loaded.value.items
            for dataset in run.datasets
            if name is None or dataset.name == name
        )


def _joined(dataset: Dataset, mentions: dict[str, Mentions]) -> Dataset:
    of_name = mentions.get(dataset.name)
    place = None if dataset.uri is not None or of_name is None else place_of(dataset.name, of_name)
    return (shown(place, of_name or ()) if place is not None else None) or dataset


def _meant(key: str, of_name: dict[str, Mentions]) -> str:
    if is_place(key) or key not in of_name:
        return key
    return place_of(key, of_name[key]) or key


def _names(ctx: Context, key: str, at_place: Mentions | None) -> dict[str, None]:
    names = dict(ctx.dataset_names.get(key, {}))
    names |= dict.fromkeys(dataset.name for dataset in at_place or ())
    if not is_place(key):
        names[name_in(key)] = None
    return names


async def _bare_names(ctx: Context, names: Iterable[str]) -> list[str]:
    """Those names that some asset has without a URI."""
    asked = [name for name in names if name != UNNAMED]
    waiting = [
        (name, orchestrator, ctx.loader(orchestrator.assets_by_name).load(name, None, NOTHING))
        for orchestrator in ctx.sources.orchestrators.values()
        for name in asked
    ]
    bare: dict[str, None] = {}
    for name, orchestrator, pending in waiting:
        mentions = Mentions()
        add_assets(ctx, orchestrator, await pending, mentions)
        if any(dataset.uri is None for dataset in mentions):
            bare[name] = None
    return list(bare)
