"""What datasets and features share: what was asked for one, the versions behind training runs, and pages of either."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from resolvers.errors import GraphError, PageLimit, SourceUnavailable
from resolvers.loaders import Loaded
from resolvers.paging import page_size, slice_page
from resolvers.rules.origin import Produced, items_of, version_candidate
from resolvers.rules.union import Candidate
from resolvers.sources import Found, Needs
from resolvers.sources.registry import ModelRegistry
from resolvers.tally import Tally
from resolvers.targets import prime
from schema.connection import Evidence, IncompleteReason, PageInfo
from schema.derived import Dataset, Feature
from schema.model import TrainingRun
from schema.query import MentionsArgs

if TYPE_CHECKING:
    from resolvers.context import Context

X = TypeVar("X", Dataset, Feature)

_BOUNDS = frozenset({IncompleteReason.SCAN_LIMIT, IncompleteReason.CALL_BUDGET})


class Answers:
    """What was asked for one key: counted in a tally where there is one, and judged where nothing was found."""

    def __init__(self, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self._answers: list[tuple[str, Loaded[Any]]] = []

    def add(self, answers: Iterable[tuple[str, Loaded[Any]]]) -> None:
        self._answers.extend(answers)

    def items(self, source: str, loaded: Loaded[Found[Any]]) -> Sequence[Any]:
        self.add([(source, loaded)])
        return items_of(loaded, source, self.tally)

    def verdict(self) -> GraphError | None:
        """Why it is not certain that nobody mentions it; None where it is."""
        cut: GraphError | None = None
        for source, loaded in self._answers:
            if isinstance(loaded.value, GraphError):
                return loaded.value.again()
            reasons: frozenset[IncompleteReason] = loaded.value.reasons
            if reasons:
                error = PageLimit if reasons & _BOUNDS else SourceUnavailable
                cut = cut or error(source, f"{source} could not be read to its end: it may mention this.")
        return cut


async def registered(
    ctx: Context,
    runs: Sequence[tuple[int, ModelRegistry, TrainingRun, Evidence]],
    tallies: Sequence[Tally],
    needs: Needs,
) -> list[list[Candidate[Produced]]]:
    """The versions registered from training runs, at the places these belong to."""
    waiting = [
        (place, registry, evidence, ctx.loader(registry.versions_by_training_run).load(run.reference.key, None, needs))
        for place, registry, run, evidence in runs
    ]
    found: list[list[Candidate[Produced]]] = [[] for _ in tallies]
    for place, registry, evidence, pending in waiting:
        loaded = await pending
        versions = items_of(loaded, registry.profile.name, tallies[place])
        prime(ctx, versions, needs, loaded.calls)
        found[place].extend(version_candidate(registry, version, evidence) for version in versions)
        tallies[place].match(registry.profile.name, len(versions))
    return found


def page_of(
    connection: Callable[..., Any],
    edge: Callable[..., Any],
    items: Sequence[X],
    args: MentionsArgs,
    bound_to: str,
    tally: Tally,
) -> Any:
    """A page of a list that was computed whole, by name and then by id."""
    page = slice_page(
        items,
        first=page_size(args.first, 20),
        after=args.after,
        bound_to=bound_to,
        sort_key=lambda item: (0, f"{item.name}\n{item.id}"),
    )
    return connection(
        edges=[edge(node=row.value, cursor=row.cursor) for row in page.rows],
        nodes=[row.value for row in page.rows],
        page_info=PageInfo(
            has_next_page=page.has_next_page or tally.error is not None,
            start_cursor=page.rows[0].cursor if page.rows else None,
            end_cursor=page.rows[-1].cursor if page.rows else None,
        ),
        total_count=page.total_count if tally.complete else None,
        completeness=tally.completeness(),
    )


def holds(name: str, text: str) -> bool:
    return text.lower() in name.lower()
