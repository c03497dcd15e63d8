"""Faults of answers that are well framed: statuses, pages for people, redirects, headers, old answers."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from email.utils import format_datetime, formatdate, parsedate_to_datetime

from tests.faults.exchange import Exchange
from tests.faults.http1 import Reply
from tests.faults.options import Fault, Options, State
from tests.faults.wires import CANARY

_LOGIN = f"""<!doctype html><html><head><title>Sign in</title></head><body><form action="/login" method="post">
<input name="password" type="password"><p>{CANARY}</p></form></body></html>"""


async def status(exchange: Exchange, options: Options, state: State) -> None:
    """This `status`; `retry_after` as it is, or `date:2` for a date two seconds ahead; `body` JSON."""
    headers = [("Content-Type", "application/json"), ("Server", f"{CANARY}/1.0"), ("X-Powered-By", CANARY)]
    retry_after = options.text("retry_after")
    if retry_after.startswith("date:"):
        retry_after = formatdate(time.time() + float(retry_after[5:]), usegmt=True)
    if retry_after:
        headers.append(("Retry-After", retry_after))
    body = options.text("body", f'{{"message": "{CANARY} at 10.0.0.7"}}').encode()
    await exchange.send(Reply(int(options.number("status", 500)), headers, body))


async def rate_limit(exchange: Exchange, options: Options, state: State) -> None:
    """`rate` requests a second, as many at once; past them 429 and Retry-After: 1. `state` counts both."""
    rate, now = options.number("rate", 5), asyncio.get_running_loop().time()
    before, left = state.get("at", now), state.get("left", rate)
    assert isinstance(before, float)
    assert isinstance(left, int | float)
    left = min(left + (now - before) * rate, rate)
    state["at"], state["left"] = now, left - 1 if left >= 1 else left
    taken = "passed" if left >= 1 else "refused"
    count = state.get(taken, 0)
    assert isinstance(count, int)
    state[taken] = count + 1
    if left >= 1:
        await exchange.send(await exchange.forward())
    else:
        await status(exchange, Options({"status": 429, "retry_after": "1"}), state)


async def expire_token(exchange: Exchange, options: Options, state: State) -> None:
    """A token is good for `ok` requests, then 401; requests without one pass."""
    said = exchange.request.header("authorization")
    used = state.get(said, 0)
    assert isinstance(used, int)
    state[said] = used + 1
    if said and used >= options.number("ok", 3):
        await status(exchange, Options({"status": 401, "body": '{"detail": "Token expired"}'}), state)
    else:
        await exchange.send(await exchange.forward())


async def html_login(exchange: Exchange, options: Options, state: State) -> None:
    """A single sign-on in front of the source: 200, and a page for people."""
    await exchange.send(Reply(200, [("Content-Type", "text/html; charset=utf-8")], _LOGIN.encode(), "OK"))


async def wrong_content_type(exchange: Exchange, options: Options, state: State) -> None:
    """The right body under another `type`."""
    reply = await exchange.forward()
    await exchange.send(reply.with_headers(content_type=options.text("type", "text/html")))


async def empty_200(exchange: Exchange, options: Options, state: State) -> None:
    await exchange.send(Reply(200, [("Content-Type", "application/json")], b"", "OK"))


async def redirect(exchange: Exchange, options: Options, state: State) -> None:
    """To `port` on this machine, with the same target."""
    place = f"http://127.0.0.1:{options.number('port'):.0f}{exchange.request.target}"
    await exchange.send(Reply(int(options.number("status", 302)), [("Location", place)], b"", "Found"))


async def redirect_loop(exchange: Exchange, options: Options, state: State) -> None:
    place = f"http://{exchange.request.header('host')}{exchange.request.target}"
    await exchange.send(Reply(int(options.number("status", 302)), [("Location", place)], b"", "Found"))


async def add_header(exchange: Exchange, options: Options, state: State) -> None:
    """The right answer with more headers: `headers` by name."""
    reply = await exchange.forward()
    more = options.value("headers", {"Set-Cookie": f"session={CANARY}; Path=/"})
    assert isinstance(more, dict)
    await exchange.send(Reply(reply.status, [*reply.headers, *more.items()], reply.body, reply.reason))


async def clock_skew(exchange: Exchange, options: Options, state: State) -> None:
    """The source's clock is `s` seconds ahead."""
    reply = await exchange.forward()
    told = reply.header("date") or formatdate(usegmt=True)
    moment = parsedate_to_datetime(told) + timedelta(seconds=options.number("s"))
    await exchange.send(reply.with_headers(date=format_datetime(moment, usegmt=True)))


async def stale(exchange: Exchange, options: Options, state: State) -> None:
    """A cache in front of the source: what it answered first, again and again, `age` seconds old."""
    request = exchange.request
    key = f"{request.method} {request.target} {request.body!r}"
    if key not in state:
        state[key] = await exchange.forward()
    reply = state[key]
    assert isinstance(reply, Reply)
    await exchange.send(reply.with_headers(age=f"{options.number('age', 60):.0f}"))


FAULTS: dict[str, Fault] = {
    made.__name__: made
    for made in (
        status,
        rate_limit,
        expire_token,
        html_login,
        wrong_content_type,
        empty_200,
        redirect,
        redirect_loop,
        add_header,
        clock_skew,
        stale,
    )
}
