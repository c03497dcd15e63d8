"""What the filters of the root lists mean: one predicate for all sources, whatever these narrowed themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from resolvers.errors import BadUserInput
from resolvers.sources import EVERYTHING, NOTHING, ListArgs, ListFilter, Need, Needs
from resolvers.sources.labels import is_owner, is_unowned
from schema.experiment import Experiment
from schema.filter import EntityOrder, ExperimentFilter, ModelFilter, PipelineFilter, TagFilter
from schema.model import Model
from schema.pipeline import Pipeline

T = TypeVar("T")

LONGEST = 250
MOST_TAGS = 20
_DESCENDING = str.maketrans("0123456789", "9876543210")


def list_args(given: ModelFilter | ExperimentFilter | PipelineFilter | None, order: EntityOrder | None) -> ListArgs:
    """What the adapters are asked; raises BadUserInput for what nothing can be compared with."""
    ordered = order or EntityOrder.NAME
    if given is None:
        return ListArgs(EVERYTHING, ordered)
    tags = _list(given.tags)
    if len(tags) > MOST_TAGS:
        raise BadUserInput(f"At most {MOST_TAGS} tags.")
    wanted = ListFilter(
        name_contains=plain_text("nameContains", given.name_contains) or None,
        owner=_named("owner", given.owner, "say `unowned: true` for what nobody owns"),
        unowned=given.unowned if isinstance(given.unowned, bool) else None,
        domain=_named("domain", given.domain, "leave it out for every domain"),
        tags=tuple(sorted({_tag(tag) for tag in tags}, key=lambda tag: (tag[0], tag[1] or ""))),
        statuses=_set(given.status) if isinstance(given, ExperimentFilter) else None,
        last_run_states=_set(given.last_run_state) if isinstance(given, PipelineFilter) else None,
    )
    return ListArgs(wanted, ordered)


def matches(row: Model | Experiment | Pipeline, wanted: ListFilter) -> bool:
    """Whether a row is wanted, as far as it tells: the state of a pipeline's last run is its source's to say."""
    return (
        (wanted.name_contains is None or _named_like(row, wanted.name_contains))
        and (wanted.owner is None or any(is_owner(owner, wanted.owner) for owner in row.owned_by))
        and (wanted.unowned is None or wanted.unowned is is_unowned(row.owned_by))
        and (wanted.domain is None or row.domain_name == wanted.domain)
        and all(_tagged(row, key, value) for key, value in wanted.tags)
        and (wanted.statuses is None or not isinstance(row, Experiment) or row.status in wanted.statuses)
    )


def needs_of(args: ListArgs) -> Needs:
    """What rows must carry to be compared and ordered."""
    wanted = args.filter
    needs: set[Need] = set()
    if wanted.owner is not None or wanted.unowned is not None or wanted.tags:
        needs.add(Need.TAGS)
    if wanted.domain is not None:
        needs.add(Need.DOMAIN)
    if args.order is EntityOrder.UPDATED_AT:
        needs.add(Need.DATES)
    return frozenset(needs) or NOTHING


def words_of(args: ListArgs) -> str:
    """The arguments as one text, for binding cursors to them."""
    wanted = args.filter
    statuses, states = (
        sorted(item.name for item in chosen) if chosen is not None else None
        for chosen in (wanted.statuses, wanted.last_run_states)
    )
    plain = (wanted.name_contains, wanted.owner, wanted.unowned, wanted.domain, wanted.tags)
    return repr((*plain, statuses, states, args.order.name))


def last_changed_first(row: Model | Experiment | Pipeline) -> str:
    """A text whose order is that of the times, backwards; what has no time comes last."""
    changed = row.updated_at or row.created_at
    return changed.translate(_DESCENDING) if changed else "~"


def _named_like(row: Model | Experiment | Pipeline, text: str) -> bool:
    names = (row.name, row.key) if isinstance(row, Experiment) else (row.name,)
    return any(text.lower() in name.lower() for name in names)


def _tagged(row: Model | Experiment | Pipeline, key: str, value: str | None) -> bool:
    return any(key == label and value in (None, text) for label, text in row.labels)


def _tag(tag: TagFilter) -> tuple[str, str | None]:
    return plain_text("key", tag.key) or "", plain_text("value", tag.value)


def _named(field: str, value: object, advice: str) -> str | None:
    text = plain_text(field, value)
    if text == "":
        raise BadUserInput(f"`{field}` is empty: {advice}.")
    return text


def plain_text(field: str, value: object) -> str | None:
    """A text that every product can be asked for; None where it is null, or Strawberry's UNSET."""
    if not isinstance(value, str):
        return None
    if len(value) > LONGEST:
        raise BadUserInput(f"`{field}` is longer than {LONGEST} characters.")
    if any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in value):
        raise BadUserInput(f"`{field}` holds a character that is no text.")
    return value


def _list(value: object) -> Sequence[TagFilter]:
    return value if isinstance(value, list | tuple) else ()


def _set(value: list[T] | None) -> frozenset[T] | None:
    return frozenset(value) if isinstance(value, list | tuple) else None
