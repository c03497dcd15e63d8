"""A gateway in a process of its own over the story's fakes, spoken to byte by byte."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.demo.server import ServedApp
from gateway.demo.sources import ENVIRONMENT, serve_company
from gateway.demo.story import story

READ_S = 20.0


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; `seconds` from the first byte sent to the last one read."""

    status: int
    head: str
    body: bytes
    seconds: float

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway; `log` is the file all it writes goes to."""

    host: str
    port: int
    served: Mapping[str, ServedApp]
    log: Path

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    async def send(self, wire: bytes) -> Answered:
        """One request on a connection of its own, read to its end."""
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection(self.host, self.port)
        sending = asyncio.create_task(_write(writer, wire))
        try:
            async with asyncio.timeout(READ_S):
                received = await _read(reader)
        finally:
            sending.cancel()
            await asyncio.wait({sending})
            writer.close()
        seconds = time.perf_counter() - began
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1]) if head else 0
        return Answered(status, head.decode("latin-1"), body, seconds)

    def calls(self) -> list[str]:
        """The targets that sources were asked for, without logins and versions."""
        return [
            call.target
            for served in self.served.values()
            for call in served.calls
            if call.target not in ("/auth/token", "/version", "/api/v2/version")
        ]

    def forget_calls(self) -> None:
        for served in self.served.values():
            served.calls.clear()


@asynccontextmanager
async def running(folder: Path, profile: str = "production") -> AsyncIterator[Gateway]:
    """The gateway as it is served, until the block ends; it must then end by itself with 0."""
    log = folder / "gateway.log"
    async with serve_company(story(), remember=True) as company:
        settings = folder / "gateway.toml"
        settings.write_text(f'[server]\nport = 0\nprofile = "{profile}"\n\n{company.settings}')
        with log.open("wb") as written:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "gateway", "serve", "--config", str(settings),
                env={**os.environ, **ENVIRONMENT}, stdout=asyncio.subprocess.PIPE, stderr=written,
            )  # fmt: skip
            try:
                assert process.stdout is not None
                url = (await process.stdout.readline()).decode().split()[-1]
                parts = urlsplit(url)
                assert parts.hostname is not None
                assert parts.port is not None
                yield Gateway(parts.hostname, parts.port, company.served, log)
            finally:
                process.terminate()
                code = await process.wait()
        assert code == 0


async def _write(writer: asyncio.StreamWriter, wire: bytes) -> None:
    try:
        writer.write(wire)
        await writer.drain()
    except ConnectionError:
        return  # It was refused before it was read whole.


async def _read(reader: asyncio.StreamReader) -> bytes:
    received = bytearray()
    try:
        while chunk := await reader.read(65536):
            received += chunk
    except ConnectionError:
        return bytes(received)
    return bytes(received)
