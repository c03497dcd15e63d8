"""From a name as it is written to the one entity it means, over several sources of a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from resolvers.conventions import ModelMention, PipelineMention
from resolvers.errors import Ambiguous, GraphError, NotAllowed, NotFound, SourceUnavailable
from resolvers.loaders import Loaded
from resolvers.sources import NOTHING, SourceAdapter
from resolvers.sources.orchestration import RunKey
from resolvers.targets import unknown_source
from schema.identity import SHARED, EntityKind, Reference, pair_key

if TYPE_CHECKING:
    from resolvers.context import Context


class Meant(NamedTuple):
    """The entity a mention means; `verdict` says why it is known to be unresolved, the source then is SHARED."""

    reference: Reference
    verdict: GraphError | None = None


class MentionedBy(NamedTuple):
    """A mention and the source that wrote it."""

    mention: ModelMention
    by: SourceAdapter


def may_mean(ctx: Context, mentioned: MentionedBy, registry: str) -> bool:
    """Whether a mention can mean a model of this registry, asking nobody."""
    named = mentioned.mention.source or mentioned.by.profile.conventions.registry
    if named is None:
        return True
    adapter = ctx.sources.meant(ctx.sources.registries, named)
    return adapter is not None and adapter.profile.name == registry


def names_no_registry(ctx: Context, mentioned: MentionedBy) -> str:
    """What evidence adds where several registries could be meant."""
    named = mentioned.mention.source or mentioned.by.profile.conventions.registry
    return "" if named or len(ctx.sources.registries) < 2 else " (names no registry)"


async def models_meant(ctx: Context, mentions: Sequence[MentionedBy]) -> list[Meant]:
    """The model of each mention; only names that several registries could have are asked for."""
    decided: dict[MentionedBy, Meant] = {}
    open_names: dict[str, list[MentionedBy]] = {}
    for mentioned in mentions:
        named = mentioned.mention.source or mentioned.by.profile.conventions.registry
        only = next(iter(ctx.sources.registries.values())) if len(ctx.sources.registries) == 1 else None
        adapter = ctx.sources.meant(ctx.sources.registries, named) if named else only
        if adapter is not None:
            decided[mentioned] = Meant(
                Reference(EntityKind.MODEL, adapter.profile.name, mentioned.mention.name, adapter.url)
            )
        elif named:
            decided[mentioned] = Meant(_nowhere(EntityKind.MODEL, mentioned.mention.name), unknown_source(ctx, named))
        else:
            open_names.setdefault(mentioned.mention.name, []).append(mentioned)
    if open_names:
        methods = {name: registry.models_by_name for name, registry in ctx.sources.registries.items()}
        found = await one_of(ctx, EntityKind.MODEL, list(open_names), methods, ctx.sources.registries)
        for name, meant in zip(open_names, found, strict=True):
            decided.update(dict.fromkeys(open_names[name], meant))
    return [decided[mentioned] for mentioned in mentions]


async def runs_meant(ctx: Context, mentions: Sequence[PipelineMention]) -> list[Meant]:
    """The pipeline run of each mention, which must name one."""
    keys = [RunKey(mention.pipeline, mention.run_id or "") for mention in mentions]
    methods = {name: adapter.runs_by_key for name, adapter in ctx.sources.orchestrators.items()}
    return await _meant(ctx, EntityKind.PIPELINE_RUN, mentions, keys, methods)


async def pipelines_meant(ctx: Context, mentions: Sequence[PipelineMention]) -> list[Meant]:
    """The pipeline of each mention; where several orchestrators have its name, the one that has its run."""
    methods = {name: adapter.pipelines_by_name for name, adapter in ctx.sources.orchestrators.items()}
    keys = [mention.pipeline for mention in mentions]
    found = await _meant(ctx, EntityKind.PIPELINE, mentions, keys, methods)
    unsettled = [
        place
        for place, (mention, meant) in enumerate(zip(mentions, found, strict=True))
        if isinstance(meant.verdict, Ambiguous) and mention.run_id
    ]
    runs = await runs_meant(ctx, [mentions[place] for place in unsettled])
    for place, run in zip(unsettled, runs, strict=True):
        if run.verdict is None:
            adapter = ctx.sources.orchestrators[run.reference.source]
            found[place] = Meant(Reference(EntityKind.PIPELINE, adapter.profile.name, keys[place], adapter.url))
    return found


async def _meant(
    ctx: Context,
    kind: EntityKind,
    mentions: Sequence[PipelineMention],
    keys: Sequence[Any],
    methods: Mapping[str, Any],
) -> list[Meant]:
    """What each mention means, by its key; only keys that several orchestrators could have are asked for."""
    decided: dict[int, Meant] = {}
    undecided: dict[Any, list[int]] = {}
    for place, (mention, key) in enumerate(zip(mentions, keys, strict=True)):
        adapter = orchestrator_meant(ctx, mention)
        if adapter is not None:
            decided[place] = Meant(Reference(kind, adapter.profile.name, _text(key), adapter.url))
        elif mention.source:
            decided[place] = Meant(_nowhere(kind, _text(key)), unknown_source(ctx, mention.source))
        else:
            undecided.setdefault(key, []).append(place)
    if undecided:
        found = await one_of(ctx, kind, list(undecided), methods, ctx.sources.orchestrators)
        for key, meant in zip(undecided, found, strict=True):
            decided.update(dict.fromkeys(undecided[key], meant))
    return [decided[place] for place in range(len(mentions))]


def names_no_orchestrator(ctx: Context, mention: PipelineMention) -> str:
    """What evidence adds where several orchestrators could be meant."""
    return "" if mention.source or len(ctx.sources.orchestrators) < 2 else " (names no orchestrator)"


def orchestrator_meant(ctx: Context, mention: PipelineMention) -> SourceAdapter | None:
    """The orchestrator a mention names, or the only one there is; None where it takes asking, or is unknown."""
    if mention.source:
        return ctx.sources.meant(ctx.sources.orchestrators, mention.source)
    return next(iter(ctx.sources.orchestrators.values())) if len(ctx.sources.orchestrators) == 1 else None


async def one_of(
    ctx: Context,
    kind: EntityKind,
    keys: Sequence[Any],
    methods: Mapping[str, Any],
    adapters: Mapping[str, SourceAdapter],
) -> list[Meant]:
    """Which source has each key: one that has it and no other that has or could have it.

    Several: AMBIGUOUS. One, while another does not answer: SOURCE_UNAVAILABLE, as that one could have it too.
    """
    answers: dict[str, list[Loaded[Any]]] = {}
    futures = {name: [ctx.loader(method).load(key, None, NOTHING) for key in keys] for name, method in methods.items()}
    for name, waiting in futures.items():
        answers[name] = [await future for future in waiting]
    return [
        _decide(ctx, kind, key, {name: loaded[place].value for name, loaded in answers.items()}, adapters)
        for place, key in enumerate(keys)
    ]


def _decide(
    ctx: Context, kind: EntityKind, key: Any, values: Mapping[str, Any], adapters: Mapping[str, SourceAdapter]
) -> Meant:
    text = _text(key)
    having = [name for name, value in values.items() if value is not None and not isinstance(value, GraphError)]
    failed = [value for value in values.values() if isinstance(value, GraphError)]
    if not values and ctx.sight is not None:
        return Meant(_nowhere(kind, text), NotAllowed())
    if not values:
        return Meant(
            _nowhere(kind, text), SourceUnavailable(SHARED, f"No source is configured that could have {text!r}.")
        )
    if len(having) > 1:
        # An experiment is asked for by its key, but its id is made from the platform's own.
        ids = tuple(str(values[name].id) for name in having)
        return Meant(_nowhere(kind, text), Ambiguous(text, ids))
    if failed:
        error = failed[0]
        source = getattr(error, "source", SHARED)
        if having:
            error = SourceUnavailable(
                source, f"{source} does not answer and could have {text!r} too: say `source` to settle which is meant."
            )
        return Meant(_nowhere(kind, text), error)
    if having:
        return Meant(Reference(kind, having[0], text, adapters[having[0]].url))
    return Meant(_nowhere(kind, text), NotFound(f"No source has {text!r}."))


def _text(key: Any) -> str:
    return pair_key(*key) if isinstance(key, tuple) else str(key)


def _nowhere(kind: EntityKind, key: str) -> Reference:
    return Reference(kind, SHARED, key)
