"""The report of `check` as lines of text, for the person who wants to know whether the links of a company are found."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from gateway.check_hints import Hint, hints
from gateway.check_links import Edge, Tried
from gateway.check_sample import FEW, Sample
from resolvers.errors import Ambiguous, SourceError, code_of
from resolvers.mounts import Sources
from resolvers.operation import Call
from resolvers.rules.rule import Rule
from schema.connection import LinkState
from schema.identity import EntityKind
from schema.source import CapabilityMode, SourceRole, SourceStatus

EXAMPLES = 3
"""Links shown of those that a rule finds and that lead nowhere."""

_WORDS = {SourceStatus.UP: "up", SourceStatus.DEGRADED: "in part", SourceStatus.DOWN: "down"}
_ROWS = {
    SourceRole.MODEL_REGISTRY: ("model registry", "models", "versions"),
    SourceRole.EXPERIMENT_PLATFORM: ("experiment platform", "experiments", ""),
    SourceRole.ORCHESTRATOR: ("orchestrator", "pipelines", "latest runs"),
}
_OWNERS = {
    EntityKind.MODEL: SourceRole.MODEL_REGISTRY,
    EntityKind.MODEL_VERSION: SourceRole.MODEL_REGISTRY,
    EntityKind.EXPERIMENT: SourceRole.EXPERIMENT_PLATFORM,
    EntityKind.PIPELINE: SourceRole.ORCHESTRATOR,
    EntityKind.PIPELINE_RUN: SourceRole.ORCHESTRATOR,
}
_RULE = 58
"""Width of the column of rules: the longest name."""


def sources_report(samples: Sequence[Sample], calls: Collection[Call]) -> Iterator[str]:
    """A line a source: how it is, its product and version, and how much was read of it."""
    yield "SOURCES"
    width = max(len(sample.name) for sample in samples) if samples else 0
    for sample in samples:
        product = f"{sample.adapter.product} {sample.version or ''}".rstrip()
        line = f"  {sample.name:{width}}  {_WORDS[sample.status]:7}  {product:16}  "
        errors = [f"{code_of(error).name}: {error.message}" for error in sample.errors]
        if sample.status is SourceStatus.DOWN:
            yield line + errors[0]
            continue
        yield line + _read(sample)
        yield from (f"    {error}" for error in errors)
        for capability in sample.adapter.capabilities:
            if capability.mode is CapabilityMode.NONE:
                yield f"    cannot answer {capability.name}{f': {capability.note}' if capability.note else ''}"
    yield _calls(calls)


def links_report(results: Sequence[Tried], calls: Collection[Call]) -> Iterator[str]:
    """A block a field of the graph: what each of its rules found in the sample, and how the targets are."""
    yield f"{'LINKS':{_RULE + 4}}  found  resolved  dangling  unavailable"
    asked = [result for result in results if result.parents]
    for result in asked:
        yield f"  {result.coordinate}, of {result.parents} {result.noun}"
        for rule in result.rules:
            states = result.states(rule)
            resolved, dangling = states[LinkState.RESOLVED], states[LinkState.DANGLING]
            numbers = (states.total(), resolved, dangling, states.total() - resolved - dangling)
            found, *known = (str(number) if number else "-" for number in numbers)
            yield f"    {rule.name:{_RULE}}  {found:>5}  {known[0]:>8}  {known[1]:>8}  {known[2]:>11}"
        for reason, number in sorted(result.bounded.items(), key=lambda item: item[0].name):
            yield f"      {reason.name}: not all links of {number} {result.noun} could be looked for"
    idle = [result.coordinate for result in results if not result.parents]
    if idle:
        yield _wrapped(f"Nothing to ask these of: {', '.join(idle)}.")
    yield _wrapped(
        "A link that several rules find counts for each. A rule that names a model adds nothing where another rule "
        f"names its version. Fields that cost a call for each entity are asked of at most {FEW} of a source."
    )
    yield _calls(calls)


def nowhere_report(results: Sequence[Tried], sources: Sources) -> Iterator[str]:
    """What the operator can mend: by rule, the targets that are gone or not told apart, with some who name them."""
    kinds: dict[tuple[str, str], dict[str, Edge]] = {}
    for result in results:
        for edge in result.edges:
            trouble = _trouble(edge, sources)
            if trouble:
                kinds.setdefault((trouble, edge.grounds[0].rule), {}).setdefault(edge.target.id, edge)
    yield "LINKS THAT LEAD NOWHERE" if kinds else "No link of this sample leads nowhere."
    for (trouble, rule), edges in sorted(kinds.items()):
        shown = f", {EXAMPLES} of them here" if len(edges) > EXAMPLES else ""
        yield f"  {trouble}: {len(edges)}{shown}"
        yield f"  by the rule: {rule}"
        for target, edge in sorted(edges.items())[:EXAMPLES]:
            yield f"    {edge.parent}"
            yield f"      -> {target}"
            yield from (f"         says {ground.asserted_by}" for ground in edge.grounds)


def idle_report(results: Sequence[Tried], samples: Sequence[Sample], sources: Sources) -> Iterator[str]:
    """The rules that found nothing, each with how to declare such a link."""
    answering = {sample.adapter.role for sample in samples if sample.told}
    matched = {ground.rule for result in results for edge in result.edges for ground in edge.grounds}
    known = hints(sources)
    idle: dict[Rule, Hint] = {rule: known[rule] for result in results for rule in result.rules}
    idle = {rule: hint for rule, hint in idle.items() if rule.name not in matched}
    possible = {rule: hint for rule, hint in idle.items() if answering.issuperset(hint.needs)}
    yield "RULES THAT NEVER MATCHED, AND HOW TO DECLARE SUCH LINKS" if possible else "Every rule that could match did."
    silent = [sample.name for sample in samples if not sample.told]
    if possible and silent:
        yield _wrapped(f"Links that {', '.join(silent)} would have shown are not among these: ask again when it is up.")
    for rule, hint in possible.items():
        yield f"  {rule.name}"
        yield f"    {hint.text}"
    for role in SourceRole:
        without = [rule.name for rule, hint in idle.items() if role in hint.needs]
        if role not in answering and without:
            yield _wrapped(f"No {_ROWS[role][0]} answers, so these could not match: {'; '.join(without)}.")


def unanswered_report(results: Sequence[Tried], samples: Sequence[Sample], sources: Sources) -> list[str]:
    """What sources did not say, by code, with the fields that lack it; empty where they answered everything."""
    where: dict[tuple[str, str], dict[str, None]] = {
        (sample.name, code_of(error).name): {} for sample in samples for error in sample.errors
    }
    for result in results:
        failed = [edge.outcome.error for edge in result.edges]
        silent = {
            (error.source, code_of(error).name)
            for error in failed
            if isinstance(error, SourceError) and error.source in sources.all
        }
        # Mentions may name a source that is not configured: that is said of the links, and nobody failed to answer.
        known = {place for place in result.unanswered if place[0] in sources.all}
        for place in sorted(silent | known):
            where.setdefault(place, {})[result.coordinate] = None
    lines = []
    for (source, code), fields in where.items():
        lacking = f", so these lack something: {', '.join(fields)}" if fields else ""
        lines.append(_wrapped(f"{source}: {code}{lacking}."))
    return ["NOT ANSWERED", *lines] if lines else []


def _read(sample: Sample) -> str:
    _, rows, parts = _ROWS[sample.adapter.role]
    number = len(sample.rows)
    if sample.whole:
        text = f"all {number} {rows}"
    elif sample.total is None:
        text = f"the first {number} {rows}"
    else:
        text = f"{number} of {sample.total} {rows}"
    return f"{text}, {len(sample.parts)} {parts}" if parts else text


def _trouble(edge: Edge, sources: Sources) -> str:
    """What is wrong with a link itself; empty where it resolves, or where a source of ours did not answer."""
    error, role = edge.outcome.error, _OWNERS.get(edge.target.kind)
    absent = role is not None and all(adapter.role is not role for adapter in sources)
    if role is not None and absent and edge.outcome.state is not LinkState.RESOLVED:
        return f"no {_ROWS[role][0]} is configured that could have the target"
    if edge.outcome.state is LinkState.DANGLING:
        return "dangling, the target is gone"
    if isinstance(error, Ambiguous):
        return "several sources have this name (links.registry can say which is meant)"
    if isinstance(error, SourceError) and error.source not in sources.all:
        return f"there is no source {error.source} (also_named can say which is meant)"
    return ""


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="    ")


def _calls(calls: Collection[Call]) -> str:
    """How many calls a part of the report took."""
    number = Counter(call.source for call in calls)
    each = ", ".join(f"{name} {count}" for name, count in sorted(number.items()))
    return f"  Calls: {len(calls)}{f' ({each})' if each else ''}"
