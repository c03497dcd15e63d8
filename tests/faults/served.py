"""The gateway as a process of its own, which also tells how many tasks it has.

python -m tests.faults.served FILE PORT
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.app import create_app
from gateway.health import Health
from gateway.server import listen, run
from gateway.settings import load

COUNTS = "/_counts"


def counting(app: ASGIApp) -> ASGIApp:
    """The application, and what only its own process can count."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != COUNTS:
            await app(scope, receive, send)
            return
        body = json.dumps({"tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def main(file: Path, port: int) -> None:
    settings, health = load(file), Health()
    with listen("127.0.0.1", port) as listener:
        run(counting(create_app(settings, health)), settings.server, health, listener)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
