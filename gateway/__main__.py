"""The command line: `python -m gateway serve | demo | check | schema | example-config`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gateway.app import create_app
from gateway.health import Health
from gateway.server import listen, run
from gateway.settings import SettingsError, load
from schema.build import build_schema, client_sdl

EXAMPLE = Path(__file__).parent / "example.toml"
BAD_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 for what could not be done, 2 for settings or arguments to correct."""
    asked = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = asked.command
    try:
        return command(asked)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return BAD_SETTINGS


def _serve(asked: argparse.Namespace) -> int:
    settings = load(asked.config)
    health = Health()
    try:
        app = create_app(settings, health)
    except ValueError as error:
        print(f"this cannot be served:\n{error}", file=sys.stderr)
        return 1
    server = settings.server
    try:
        listener = listen(server.host, server.port)
    except OSError as error:
        print(f"cannot listen on {server.host}:{server.port}: {_reason(error)}", file=sys.stderr)
        return 1
    with listener:
        port = listener.getsockname()[1]
        host = f"[{server.host}]" if ":" in server.host else server.host
        print(f"Model Lifecycle Graph: http://{host}:{port}/graphql", flush=True)
        run(app, server, health, listener)
    return 0


def _reason(error: OSError) -> str | None:
    # Name look-ups count from below zero, and only their own text says what they mean.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror


def _demo(asked: argparse.Namespace) -> int:
    from gateway.demo.run import main as demo  # its generated company is not needed to serve

    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(demo(asked.port))
    except OSError as error:
        print(f"cannot listen on 127.0.0.1:{asked.port}: {_reason(error)}", file=sys.stderr)
        return 1
    return 0


def _check(asked: argparse.Namespace) -> int:
    settings = load(asked.config)
    from gateway.check import check  # its probes are not needed to serve

    code: int = asyncio.run(check(settings))
    return code


def _schema(asked: argparse.Namespace) -> int:
    schema = build_schema()
    print(client_sdl(schema) if asked.client else schema.as_str())
    return 0


def _example(_: argparse.Namespace) -> int:
    print(EXAMPLE.read_text("utf-8"), end="")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="Models, experiments and pipelines as one live GraphQL graph."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, does: str, command: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=does, description=does)
        sub.set_defaults(command=command)
        return sub

    serve = add("serve", "Serve the graph of the sources in a settings file.", _serve)
    check = add("check", "Ask every source of a settings file how it is, and report which links match.", _check)
    for sub in (serve, check):
        sub.add_argument("--config", type=Path, required=True, metavar="FILE", help="settings file (TOML)")
    demo = add("demo", "Serve a generated company on this machine, with sources and all.", _demo)
    demo.add_argument("--port", type=int, default=8000, help="of the graph (8000)")
    schema = add("schema", "Print the schema, as a subgraph of Apollo Federation.", _schema)
    schema.add_argument("--client", action="store_true", help="as clients and their tools need it, without federation")
    add("example-config", "Print a settings file with everything explained.", _example)
    return parser


if __name__ == "__main__":
    sys.exit(main())
