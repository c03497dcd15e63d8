"""Faults of bodies: JSON that is cut, of another shape, or whose rows are missing, mixed, doubled, spoiled, endless."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from tests.faults.exchange import Exchange
from tests.faults.http1 import Reply, Request
from tests.faults.options import Fault, Options, State
from tests.faults.wires import CANARY

Json = object
Edit = Callable[[bytes, Options], bytes]
RowsEdit = Callable[[list[Json], Options], list[Json]]


def truncated_json(body: bytes, options: Options) -> bytes:
    """Half of it, with the length that this has."""
    return body[: len(body) // 2]


def replace_json(body: bytes, options: Options) -> bytes:
    """`text` in place of everything."""
    return options.text("text", "null").encode()


def invalid_utf8(body: bytes, options: Options) -> bytes:
    """Bytes of no character at the beginning of every text value that is not empty."""
    return re.sub(rb'(: ?")(?=[^"])', b"\\g<1>\xff\xc3", body)


def bom(body: bytes, options: Options) -> bytes:
    """In another `encoding`, with its byte order mark; `utf-8-sig` is a mark alone."""
    return body.decode().encode(options.text("encoding", "utf-16"))


def deep_json(body: bytes, options: Options) -> bytes:
    """One key more in the outermost object, `depth` arrays deep."""
    depth = int(options.number("depth", 100_000))
    inner = b"[" * depth + b"]" * depth
    return b'{"deep": ' + inner + b"," + body.lstrip()[1:] if body.lstrip()[:1] == b"{" else inner


def big_int(body: bytes, options: Options) -> bytes:
    """Every number is `digits` digits long."""
    return re.sub(rb"(?<=[:\[, ])-?\d+(\.\d+)?(?=[,\]} ])", b"7" * int(options.number("digits", 5000)), body)


def dup_json_keys(body: bytes, options: Options) -> bytes:
    """Each key of each object twice, the second time with null."""

    def twice(value: Json) -> str:
        if isinstance(value, dict):
            pairs = [f"{json.dumps(key)}: {twice(each)}, {json.dumps(key)}: null" for key, each in value.items()]
            return "{" + ", ".join(pairs) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(twice, value)) + "]"
        return json.dumps(value)

    return twice(json.loads(body)).encode()


def set_field(body: bytes, options: Options) -> bytes:
    """`field` (a.b for a part of a part) is `value` in row number `item`, in every row where that is None."""

    def changed(rows: list[Json], _: Options) -> list[Json]:
        for row in _chosen(rows, options):
            place, name = _place(row, options.text("field"))
            if place is not None:
                place[name] = options.value("value")
        return rows

    return _with_rows(body, options, changed)


def drop_field(body: bytes, options: Options) -> bytes:
    def changed(rows: list[Json], _: Options) -> list[Json]:
        for row in _chosen(rows, options):
            place, name = _place(row, options.text("field"))
            if place is not None:
                place.pop(name, None)
        return rows

    return _with_rows(body, options, changed)


def shuffle_items(body: bytes, options: Options) -> bytes:
    """Rows in another order: the last half first, backwards."""
    return _with_rows(body, options, lambda rows, _: [*rows[len(rows) // 2 :][::-1], *rows[: len(rows) // 2]])


def drop_items(body: bytes, options: Options) -> bytes:
    """Without row number `item`, without any where that is None; what says how many there are stays as it was."""

    def changed(rows: list[Json], _: Options) -> list[Json]:
        gone = _chosen(rows, options)
        return [row for row in rows if not any(row is each for each in gone)]

    return _with_rows(body, options, changed)


def dup_items(body: bytes, options: Options) -> bytes:
    """A second row of the same key behind row number `item`, whose `field` is `value`."""

    def changed(rows: list[Json], _: Options) -> list[Json]:
        more: list[Json] = []
        for row in rows:
            more.append(row)
            if any(row is each for each in _chosen(rows, options)):
                twin = copy.deepcopy(row)
                place, name = _place(twin, options.text("field"))
                if place is not None:
                    place[name] = options.value("value", CANARY)
                    more.append(twin)
        return more

    return _with_rows(body, options, changed)


def extra_item(body: bytes, options: Options) -> bytes:
    """One row more, in front, that nobody asked for: a copy of the first whose `field` is `value`."""

    def changed(rows: list[Json], _: Options) -> list[Json]:
        if not rows:
            return rows
        stranger = copy.deepcopy(rows[0])
        place, name = _place(stranger, options.text("field"))
        if place is None:
            return rows
        place[name] = options.value("value", CANARY)
        return [stranger, *rows]

    return _with_rows(body, options, changed)


def total(body: bytes, options: Options) -> bytes:
    """The number of rows that a list says it has is `value`."""
    document = json.loads(body)
    for name in ("total_entries", "total"):
        if isinstance(document, dict) and name in document:
            document[name] = options.value("value")
    return json.dumps(document).encode()


async def cursor(exchange: Exchange, options: Options, state: State) -> None:
    """Pages that never end: `how` loop answers the first page for all, endless does so behind the last, garbage
    has a token that is none. Knows MLflow's tokens, Airflow's totals, GrowthBook's `hasMore`.
    """
    how = options.text("how", "loop")
    own = await exchange.forward(_first_page(exchange.request) if how == "loop" else None)
    document = _object(own)
    if document is None or (rows := _rows_at(document)) is None:
        await exchange.send(own)
        return
    if how == "endless" and not document[rows]:
        first = _object(await exchange.forward(_first_page(exchange.request))) or {}
        document[rows] = first.get(rows, [])
    if "total_entries" in document:
        document["total_entries"] = 10**9
    elif "hasMore" in document:
        asked = dict(parse_qsl(exchange.request.query))
        document |= {"hasMore": True, "total": 10**6, "offset": int(asked.get("offset", "0"))}
    else:
        token = base64.b64encode(b'{"offset": 5}').decode()
        document["next_page_token"] = "%%%" + CANARY if how == "garbage" else token
    await exchange.send(replace(own, body=json.dumps(document).encode()))


def _edited(edit: Edit) -> Fault:
    async def fault(exchange: Exchange, options: Options, state: State) -> None:
        reply = await exchange.forward()
        if reply.status < 300:
            reply = replace(reply, body=edit(reply.body, options))
        await exchange.send(reply)

    return fault


FAULTS: dict[str, Fault] = {
    "cursor": cursor,
    **{
        edit.__name__: _edited(edit)
        for edit in (
            truncated_json,
            replace_json,
            invalid_utf8,
            bom,
            deep_json,
            big_int,
            dup_json_keys,
            set_field,
            drop_field,
            shuffle_items,
            drop_items,
            dup_items,
            extra_item,
            total,
        )
    },
}


def _with_rows(body: bytes, options: Options, change: RowsEdit) -> bytes:
    """The body with its rows changed: those of its list, or the one object it is about."""
    try:
        document = json.loads(body)
    except ValueError:
        return body
    at = _rows_at(document)
    if at is not None:
        document[at] = change(document[at], options)
    elif isinstance(document, dict):
        single = next((value for value in document.values() if isinstance(value, dict)), None)
        change([single if len(document) == 1 and single is not None else document], options)
    return json.dumps(document).encode()


def _rows_at(document: Json) -> str | None:
    """The key of the list of objects that an answer is."""
    if not isinstance(document, dict):
        return None
    for key, value in document.items():
        listed = isinstance(value, list) and all(isinstance(row, dict) for row in value) and key != "tags"
        if listed and (value or len(document) <= 4):  # a row alone has lists of its own, empty ones among them
            return str(key)
    return None


def _chosen(rows: list[Json], options: Options) -> list[Json]:
    at = options.value("item", 0)
    if at is None:
        return rows
    assert isinstance(at, int)
    return rows[at : at + 1]


def _place(row: Json, path: str) -> tuple[dict[str, Json] | None, str]:
    """The object that holds a field; None where the row has no such field."""
    *way, name = path.split(".")
    here: Json = row
    for part in way:
        here = here.get(part) if isinstance(here, dict) else None
    return (here, name) if isinstance(here, dict) and name in here else (None, name)


def _object(reply: Reply) -> dict[str, Json] | None:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return None
    return document if isinstance(document, dict) and reply.status < 300 else None


def _first_page(request: Request) -> Request:
    """The same request for the first page."""
    kept = [(k, v) for k, v in parse_qsl(request.query, keep_blank_values=True) if k not in ("page_token", "offset")]
    body = request.body
    if body:
        sent = json.loads(body)
        sent.pop("page_token", None)
        body = json.dumps(sent).encode()
    return replace(request, target=f"{request.path}?{urlencode(kept)}" if kept else request.path, body=body)
