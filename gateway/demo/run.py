"""The demo as one command: a generated company, its systems on loopback, and the gateway in front of them."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

from gateway.app import create_app
from gateway.demo.generator import build
from gateway.demo.server import serve
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.settings import read


async def main(port: int) -> None:
    """Serve until SIGINT or SIGTERM. Raises OSError where the port is taken."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    started = time.monotonic()
    _say("generating a company: 1,200 models, 400 pipelines, 800 experiments")
    company = build()
    async with serve_company(company) as running:
        _say(f"its systems are up: {', '.join(running.served)}")
        settings = f"[server]\nexplain = true\n\n{running.settings}"
        app = create_app(read(settings, ENVIRONMENT, "the demo's settings"))
        async with serve(app, port, remember=False) as gateway:
            _say(f"up in {time.monotonic() - started:.1f} s; Ctrl-C stops all of it")
            print(f"ready {gateway.url}/graphql", flush=True)
            await stop.wait()


def _say(text: str) -> None:
    sys.stderr.write(f"demo: {text}\n")
    sys.stderr.flush()
