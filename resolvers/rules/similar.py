"""Model.similar: models that share words, data, features or makers with one, each read live, with the reasons why."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from resolvers.cursors import MAX_ID, binding, digest, pair_cursor, pair_in
from resolvers.errors import GraphError
from resolvers.paging import page_size
from resolvers.rules.data import datasets_of_versions, features_of_versions
from resolvers.rules.derived import versions_of_datasets, versions_of_features
from resolvers.rules.makers import producers_of_models
from resolvers.rules.origin import Produced, load_training_runs, made_by_pipelines, models_of_pipelines
from resolvers.rules.search import SCORERS, ask, candidates
from resolvers.rules.union import Candidate
from resolvers.search.documents import Document, Field, document_of
from resolvers.search.index import Index
from resolvers.search.ranking import rank
from resolvers.search.sweep import Part
from resolvers.search.words import plain_words, singular
from resolvers.sources import NOTHING, Need, Needs
from resolvers.tally import Tally
from resolvers.targets import entities
from schema.connection import IncompleteReason, PageInfo
from schema.derived import DatasetLink, FeatureLink
from schema.fields import NoArgs
from schema.identity import EntityKind, Reference
from schema.model import Model, SimilarArgs, SimilarModelConnection, SimilarModelEdge
from schema.pipeline import Pipeline

if TYPE_CHECKING:
    from resolvers.context import Context

T = TypeVar("T")

NAMES, WORDS, DATASETS, FEATURES, PIPELINES, TAGS = 0.2, 0.2, 0.25, 0.2, 0.1, 0.05
"""What each counts where all of it is shared. A name is chosen for what a model is for; descriptions say much more."""
MOST_WORDS = 16
"""Words of a model that are looked for, those first that tell most."""
LEAST_TELLING = 0.5
"""By BM25's IDF; a word that more than a third of all models have tells nothing."""
MOST_DATA = 10
"""Datasets, features and pipelines of a model that others are looked for by, of each; more is SCAN_LIMIT."""
RARE = 10
"""A tag is a reason where at most every tenth model has it, or two have."""
MOST_HITS = 200
MOST_ROUNDS = 3
"""How often a page is filled up with the next ones where some are gone."""
SHOWN = 5
"""Words, and things of one kind, that the reasons name."""
RANKS = 1_000_000
"""Steps of a score that a cursor tells apart."""
LEAST_WORDS = 2
"""So many words in common make a model similar, or one that both have in their names."""
_FILLERS = frozenset(
    plain_words(
        "a about after all also an and any are as at be been before but by can do does each every first for from has "
        "have how if in into is it its last like may more most no not of off on once one only or other our out over "
        "per so some still than that the their them then there these they this those through to two under until up "
        "was we were what when where which while who will with within without would you your "
        "model models registered train trained training trains version versions"
    )
)
"""Words that do not say what a model is for."""


async def similar(
    ctx: Context, models: Sequence[Model], args: SimilarArgs, needs: Needs
) -> list[SimilarModelConnection | GraphError]:
    """Model.similar"""
    first = page_size(args.first, 10)
    bound = [binding("Model.similar", model.id, str(args.across_domains)) for model in models]
    taken = [pair_in(args.after, one) if args.after is not None else None for one in bound]
    tallies = [Tally() for _ in models]
    worded, shared, made = await asyncio.gather(
        _by_words(ctx, models, args.across_domains, tallies),
        _by_data(ctx, models, tallies),
        _by_makers(ctx, models, tallies),
    )
    ranked = [
        sorted((alike for alike in _united(words, data, makers) if alike.reference != model.reference), key=_place)
        for model, words, data, makers in zip(models, worded, shared, made, strict=True)
    ]
    left = [
        [alike for alike in found if after is None or _place(alike) > after]
        for found, after in zip(ranked, taken, strict=True)
    ]
    return list(
        await asyncio.gather(
            *(
                _page(ctx, model, words, rows, len(found), first, args.across_domains, needs, mark, tally)
                for model, words, rows, found, mark, tally in zip(
                    models, worded, left, ranked, bound, tallies, strict=True
                )
            )
        )
    )


# ---------------------------------------------------------------- what is alike


@dataclass(slots=True)
class _Alike:
    """A model that shares something: `same` names what, by kind; its score grows with each."""

    reference: Reference
    score: float = 0.0
    same: dict[str, dict[str, None]] = field(default_factory=dict)

    def share(self, kind: str, name: str, score: float) -> None:
        names = self.same.setdefault(kind, {})
        if name not in names:
            names[name] = None
            self.score += score


Shares = dict[Reference, _Alike]


def _united(words: _Worded, shared: Shares, made: Shares) -> Iterable[_Alike]:
    found = {reference: _Alike(reference, score) for reference, score in words.scores.items()}
    for part in (shared, made):
        for reference, alike in part.items():
            known = found.setdefault(reference, _Alike(reference))
            known.score += alike.score
            known.same |= alike.same
    return found.values()


def _place(alike: _Alike) -> tuple[int, str]:
    """Its place among all: by score, then by id, as far as a cursor holds it."""
    id = alike.reference.id
    return -round(alike.score * RANKS), id if len(id) <= MAX_ID else id[: MAX_ID - 16] + digest(id).hex()


# ---------------------------------------------------------------- by words and tags


@dataclass(frozen=True, slots=True)
class _Worded:
    """What a model's own words and tags tell: each with its weight, and the models that answer them."""

    words: Mapping[str, float]
    tags: frozenset[tuple[str, str | None]]
    scores: Mapping[Reference, float]

    def told_by(self, text: str) -> list[str]:
        """The telling words a text has, those that tell most first."""
        held = {singular(word) for word in plain_words(text)}
        return [word for word in self.words if word in held]


async def _by_words(ctx: Context, models: Sequence[Model], across: bool, tallies: Sequence[Tally]) -> list[_Worded]:
    """By the search over all registries, asked for the model's own words."""
    asked = [(registry, frozenset({Part.MODELS})) for registry in ctx.sources.registries.values()]
    own = [document_of(model) for model in models]
    held = await candidates(ctx, asked, [_text(document) for document in own], tallies)
    return await ask(held, lambda index: [_worded(document, index, across) for document in own])


def _worded(own: Document, index: Index, across: bool) -> _Worded:
    words = _telling(own, index)
    tags = _rare_tags(own, index)

    def wanted(document: Document) -> bool:
        return document.reference.kind is EntityKind.MODEL and document.reference != own.reference

    plain = _Worded(words, tags, {})
    scores: dict[Reference, float] = {}
    hits = rank(" ".join(words), index, wanted, SCORERS)[:MOST_HITS] if words else []
    told = [(hit, plain.told_by(_text(hit.document))) for hit in hits]
    own_name = set(plain.told_by(own.texts[Field.NAME]))
    in_name = sum(weight for word, weight in words.items() if word in own_name) or 1.0
    most = max((sum(words[word] for word in said) for _, said in told), default=0.0) / sum(words.values() or [1.0])
    for hit, said in told:
        named = own_name.intersection(plain.told_by(hit.document.texts[Field.NAME]))
        enough = len(said) >= LEAST_WORDS or named
        if enough and (across or hit.document.domain == own.domain):
            alike = len(tags & set(hit.document.labels)) / len(tags) if tags else 0.0
            alike_named = sum(weight for word, weight in words.items() if word in named) / in_name
            scores[hit.document.reference] = (
                NAMES * alike_named + WORDS * most * hit.score / hits[0].score + TAGS * alike
            )
    return _Worded(words, tags, scores)


def _telling(own: Document, index: Index) -> dict[str, float]:
    """The words of its name and description that some others have, and how much each tells."""
    found: dict[str, float] = {}
    for word in dict.fromkeys(plain_words(_text(own))):
        stem = singular(word)
        if stem in found or word in _FILLERS or word.isdigit() or (word.isascii() and len(word) < 3):
            continue
        holders = len(index.scores(" OR ".join(f'"{form}"' for form in dict.fromkeys((word, stem, f"{stem}s")))))
        if holders > 1 and index.rarity(holders) >= LEAST_TELLING:
            found[stem] = index.rarity(holders)
    telling = sorted(found.items(), key=lambda item: -item[1])[:MOST_WORDS]
    return dict(telling)


def _rare_tags(own: Document, index: Index) -> frozenset[tuple[str, str | None]]:
    """Tags with a value that few models have, and that name neither its owners nor its domain."""
    said = {own.domain, *(word for owner in own.owners for word in owner)}
    counted = Counter(label for document in index.documents for label in set(document.labels))
    most = max(2, len(index.documents) // RARE)
    return frozenset(label for label in own.labels if label[1] and label[1] not in said and counted[label] <= most)


def _text(document: Document) -> str:
    return f"{document.texts[Field.NAME]} {document.texts[Field.DESCRIPTION]}"


# ---------------------------------------------------------------- by data and makers


async def _by_data(ctx: Context, models: Sequence[Model], tallies: Sequence[Tally]) -> list[Shares]:
    """Models some version of which was trained on the data, or takes the features, of each model's latest version."""
    places = [place for place, model in enumerate(models) if model.newest is not None]
    versions = [version for model in models if (version := model.newest) is not None]
    own = [tallies[place] for place in places]
    for version, run, tally in zip(versions, await load_training_runs(ctx, versions), own, strict=True):
        if run is not None:
            tally.note(version.reference.source, run)
    data = await datasets_of_versions(ctx, versions, NoArgs(), NOTHING)
    logged = await features_of_versions(ctx, versions, NoArgs(), NOTHING)
    datasets = [_bounded(links, tally) for links, tally in zip(data, own, strict=True)]
    features = [
        _bounded(_apart(links, known), tally) for links, known, tally in zip(logged, datasets, own, strict=True)
    ]
    by_dataset, by_feature = await asyncio.gather(
        _versions_sharing(ctx, datasets, own, features=False), _versions_sharing(ctx, features, own, features=True)
    )
    found: list[Shares] = [{} for _ in models]
    for place, version, with_data, with_features in zip(places, versions, by_dataset, by_feature, strict=True):
        itself = Reference(EntityKind.MODEL, version.reference.source, version.model_name)
        _share(found[place], itself, "dataset", with_data, DATASETS)
        _share(found[place], itself, "feature", with_features, FEATURES)
    return found


async def _by_makers(ctx: Context, models: Sequence[Model], tallies: Sequence[Tally]) -> list[Shares]:
    """Models that the pipelines which make each model make as well."""
    makers = await producers_of_models(ctx, models, tallies, NOTHING)
    asked = [
        (place, item.target)
        for place, found in enumerate(makers)
        for item in _bounded([item for item in found if item.verdict is None], tallies[place])
    ]
    loaded = await entities(ctx, [target for _, target in asked], frozenset({Need.TAGS}))
    pipelines: list[Pipeline] = []
    places: list[int] = []
    for (place, target), answer in zip(asked, loaded, strict=True):
        tallies[place].note(target.source, answer)
        if isinstance(answer.value, Pipeline):
            pipelines.append(answer.value)
            places.append(place)
    own = [tallies[place] for place in places]
    tagged, named = await asyncio.gather(
        made_by_pipelines(ctx, pipelines, own, NOTHING), models_of_pipelines(ctx, pipelines, own, "produces")
    )
    made: list[list[tuple[str, list[Candidate[Produced]]]]] = [[] for _ in models]
    for place, pipeline, by_tag, by_name in zip(places, pipelines, tagged, named, strict=True):
        made[place].append((pipeline.name, [*by_tag, *by_name]))
    found: list[Shares] = [{} for _ in models]
    for place, model in enumerate(models):
        _share(found[place], model.reference, "pipeline", made[place], PIPELINES)
    return found


Named = list[tuple[str, list[Candidate[Produced]]]]


async def _versions_sharing(
    ctx: Context, links: Sequence[Sequence[DatasetLink | FeatureLink]], tallies: Sequence[Tally], *, features: bool
) -> list[Named]:
    """For each model and each of its datasets, or features, the versions that have it too."""
    flat = [(place, link) for place, own in enumerate(links) for link in own]
    look_up = versions_of_features if features else versions_of_datasets
    versions = await look_up(ctx, [link.target for _, link in flat], [tallies[place] for place, _ in flat])
    found: list[Named] = [[] for _ in links]
    for (place, link), candidates_ in zip(flat, versions, strict=True):
        found[place].append((link.mentioned.name, candidates_))
    return found


def _share(found: Shares, itself: Reference, kind: str, named: Named, weight: float) -> None:
    """What is shared by few counts more; all of it together counts `weight`."""
    shared = [
        (name, dict.fromkeys(item.extra.model for item in items if item.verdict is None)) for name, items in named
    ]
    worth = [1 / (1 + math.log(max(1, len(models.keys() - {itself})))) for _, models in shared]
    for (name, models), part in zip(shared, worth, strict=True):
        for model in models:
            found.setdefault(model, _Alike(model)).share(kind, name, weight * part / sum(worth))


def _apart(
    links: Sequence[FeatureLink] | GraphError, datasets: Sequence[DatasetLink]
) -> Sequence[FeatureLink] | GraphError:
    """The features that are no columns of its own datasets: who shares the dataset shares these anyway."""
    if isinstance(links, GraphError):
        return links
    columns = tuple(f"{link.mentioned.name}:" for link in datasets)
    return [link for link in links if not link.mentioned.name.startswith(columns)]


def _bounded(items: Sequence[T] | GraphError, tally: Tally) -> Sequence[T]:
    """A failure was noted where the row behind it was read."""
    if isinstance(items, GraphError):
        return []
    if len(items) > MOST_DATA:
        tally.incomplete([IncompleteReason.SCAN_LIMIT])
    return items[:MOST_DATA]


# ---------------------------------------------------------------- pages


async def _page(
    ctx: Context,
    model: Model,
    worded: _Worded,
    left: Sequence[_Alike],
    known: int,
    first: int,
    across: bool,
    needs: Needs,
    bound: bytes,
    tally: Tally,
) -> SimilarModelConnection:
    """The next ones that still are similar, each read now; those that are not make room for others."""
    edges: list[SimilarModelEdge] = []
    at = 0
    for _ in range(MOST_ROUNDS):
        batch = left[at : at + first - len(edges)]
        if not batch:
            break
        at += len(batch)
        read = await entities(ctx, [alike.reference for alike in batch], needs | {Need.TAGS, Need.DOMAIN})
        for alike, loaded in zip(batch, read, strict=True):
            tally.note(alike.reference.source, loaded)
            other = loaded.value
            if not isinstance(other, Model) or not (across or other.domain_name == model.domain_name):
                continue
            reasons = list(_reasons(alike, document_of(model), document_of(other), worded))
            if reasons:
                tally.match(alike.reference.source)
                cursor = pair_cursor(bound, *_place(alike))
                edges.append(SimilarModelEdge(node=other, cursor=cursor, score=min(1.0, alike.score), reasons=reasons))
    return SimilarModelConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=at < len(left) or tally.error is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=pair_cursor(bound, *_place(left[at - 1])) if at else None,
        ),
        total_count=None,
        completeness=tally.completeness(),
    )


def _reasons(alike: _Alike, own: Document, other: Document, worded: _Worded) -> Iterator[str]:
    for kind in ("dataset", "feature", "pipeline"):
        for name in list(alike.same.get(kind, ()))[:SHOWN]:
            yield f"same {kind} {name}"
    of_name = set(worded.told_by(own.texts[Field.NAME]))
    named = [word for word in worded.told_by(other.texts[Field.NAME]) if word in of_name]
    if named:
        yield f"name: {', '.join(named[:SHOWN])}"
    told = worded.told_by(other.texts[Field.DESCRIPTION])
    if told:
        yield f"description: {', '.join(told[:SHOWN])}"
    for key, value in other.labels:
        if (key, value) in worded.tags:
            yield f"tag {key}: {value}"
