"""Declares links: a field that leaves its system is marked here and answered by one row in resolvers/links.py."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from typing import Annotated, Any, Protocol, cast, get_type_hints

import strawberry
from graphql import GraphQLResolveInfo
from strawberry.types import Info

_METADATA = "lifecycle.link"

First = Annotated[int | None, strawberry.argument(description="How many, 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="Continue after this cursor.")]


@dataclass(frozen=True, slots=True)
class NoArgs:
    """The arguments of a link that takes none."""


@dataclass(frozen=True, slots=True)
class TenArgs:
    """The arguments of a connection inside an entity."""

    first: First = 10
    after: After = None


@dataclass(slots=True)
class LinkMarker:
    """What the schema knows of a link; `field` is the Python name, bound once when the schema is built."""

    args: type
    field: str = ""


class LinkContext(Protocol):
    """What a request must offer so that links can be answered."""

    def resolve(self, field: str, parent: object, args: object, info: GraphQLResolveInfo[Any]) -> Awaitable[object]: ...


def to_one(description: str, args: type = NoArgs, *, directives: Sequence[object] = ()) -> Any:
    """A field answered by the link table: one object, or null."""
    return _link(description, args, None, directives)


def to_many(
    description: str, args: type = NoArgs, *, name: str | None = None, directives: Sequence[object] = ()
) -> Any:
    """A field answered by the link table: a list or a connection."""
    return _link(description, args, name, directives)


def marker_of(field: object) -> LinkMarker | None:
    """The marker of a Strawberry field, or None where the field is no link."""
    return cast("LinkMarker | None", getattr(field, "metadata", {}).get(_METADATA))


def _link(description: str, args: type, name: str | None, directives: Sequence[object]) -> Any:
    marker = LinkMarker(args)
    unasked = None if any(_required(spec) for spec in fields(args)) else args()

    def resolve(self: object, info: Info[Any, Any], **given: object) -> Any:
        asked = args(**{name: _frozen(value) for name, value in given.items()}) if given else unasked
        return info.context.resolve(marker.field, self, asked, info._raw_info)

    _take_arguments(resolve, args)
    return strawberry.field(
        resolver=resolve, name=name, description=description, metadata={_METADATA: marker}, directives=directives
    )


def hash_of_fields(self: Any) -> int:
    """The `__hash__` of an input, as it is part of what a batch is asked."""
    return hash(tuple(_frozen(getattr(self, spec.name)) for spec in fields(self)))


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _required(spec: Field[Any]) -> bool:
    return spec.default is MISSING


def _take_arguments(resolve: Any, args: type) -> None:
    """Give the resolver the dataclass's fields as its keyword arguments, with types, defaults and descriptions."""
    hints = get_type_hints(args, include_extras=True)
    own = inspect.signature(resolve).parameters
    parameters = [own["self"], own["info"]]
    resolve.__annotations__ = {"info": Info[Any, Any]}
    for spec in fields(args):
        # UNSET, not None: a default of null would be printed, and says nothing.
        default = (
            inspect.Parameter.empty if _required(spec) else strawberry.UNSET if spec.default is None else spec.default
        )
        parameters.append(
            inspect.Parameter(spec.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[spec.name])
        )
        resolve.__annotations__[spec.name] = hints[spec.name]
    resolve.__signature__ = inspect.Signature(parameters)
