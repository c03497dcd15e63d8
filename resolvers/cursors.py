"""The text of cursors: base64url of compact msgpack, unsigned, bound to their list, with exactly one valid spelling.

Two kinds: places in the native lists of several sources, and a pair (rank, id) in a list that is computed whole.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from resolvers.errors import BadUserInput

MAX_LENGTH = 2048
"""Characters of the longest cursor that is made or read."""
KEPT = 5
"""Keys remembered per source: the walk finds its way back while one of them still exists."""
HASH_SIZE = 8
MAX_ID = 300
"""Characters of the longest id in a pair."""

Hash = Annotated[bytes, Meta(min_length=HASH_SIZE, max_length=HASH_SIZE)]
RowNumber = Annotated[int, Meta(ge=0, le=10_000_000)]  # sums of lengths stay in GraphQL's Int, offsets in a database's
Rank = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class Place(Struct, frozen=True, array_like=True):
    """How far a walk came in one source's list.

    `keys` are the hashes of the last keys taken, oldest first, joined; `complete` while no other row was taken.
    `length` is set once the walk has seen the list's end: how many rows it had.
    """

    position: RowNumber = 0
    keys: Annotated[bytes, Meta(max_length=KEPT * HASH_SIZE)] = b""
    complete: bool = True
    length: RowNumber | None = None


START = Place()


def binding(*parts: str) -> bytes:
    """What a cursor is bound to, short: it is of no use with any other parts."""
    return digest("".join(f"{len(part)}:{part}" for part in parts))


def digest(key: str) -> bytes:
    """The hash a key is remembered by. Lone surrogates are legal in GraphQL's strings, so they have bytes too."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=HASH_SIZE).digest()


def places_cursor(bound: bytes, places: Sequence[Place]) -> str:
    """The cursor of a walk over several sources. With more than some 30 of them it remembers fewer keys of each."""
    for kept in range(KEPT, 0, -1):
        text = _text(_Places(bound, [_trimmed(place, kept) for place in places]))
        if len(text) <= MAX_LENGTH:
            return text
    raise BadUserInput("This list has too many sources for one cursor: ask for one `source`.")


def places_in(cursor: str, bound: bytes, count: int) -> list[Place]:
    """The places of a cursor made for this binding and this many sources; raises BadUserInput for any other text."""
    read = _read(cursor, bound, _Places)
    if len(read.places) != count or any(len(place.keys) % HASH_SIZE for place in read.places):
        raise _refused()
    return read.places


def pair_cursor(bound: bytes, rank: int, id: str) -> str:
    """The cursor of a row known by its rank and an id of at most MAX_ID characters."""
    return _text(_Pair(bound, rank, id))


def pair_in(cursor: str, bound: bytes) -> tuple[int, str]:
    """The rank and id of a cursor made for this binding; raises BadUserInput for any other text."""
    read = _read(cursor, bound, _Pair)
    return read.rank, read.id


class _Places(Struct, frozen=True, array_like=True, tag="l"):
    bound: Hash
    places: list[Place]


class _Pair(Struct, frozen=True, array_like=True, tag="p"):
    bound: Hash
    rank: Rank
    id: Annotated[str, Meta(max_length=MAX_ID)]


C = TypeVar("C", _Places, _Pair)


def _text(cursor: _Places | _Pair) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def _read(text: str, bound: bytes, kind: type[C]) -> C:
    if len(text) > MAX_LENGTH:
        raise _refused()
    try:
        raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.msgpack.decode(raw, type=kind)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise _refused() from None
    # Both decoders forgive much (stray characters, long integers, further items): only our own spelling is valid.
    if _text(cursor) != text or cursor.bound != bound:
        raise _refused()
    return cursor


def _trimmed(place: Place, kept: int) -> Place:
    if len(place.keys) <= kept * HASH_SIZE:
        return place
    return Place(place.position, place.keys[-kept * HASH_SIZE :], False, place.length)


def _refused() -> BadUserInput:
    return BadUserInput("`after` is no cursor of this list: pass one that the same field gave for the same arguments.")
