"""A gate before a source: requests are held at it until it opens, or passed on after a time; it counts who waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit


class Gate:
    """One listening port before one address."""

    def __init__(self, behind: str) -> None:
        address = urlsplit(behind)
        self._behind = (address.hostname or "", address.port or 0)
        self._open = asyncio.Event()
        self._open.set()
        self.latency_s = 0.0
        self.waiting = 0
        """Connections with a request that is held here, and whose client is still there."""
        self.held = 0
        """Requests that were held, ever."""
        self.url = ""
        self._connections: set[asyncio.Task[None]] = set()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def close(self) -> None:
        """End what is still connected."""
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await asyncio.sleep(0)  # transports tell their end by the loop's next step

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._connected(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = [writer]
        back: asyncio.Task[None] | None = None
        try:
            from_behind, to_behind = await asyncio.open_connection(*self._behind)
            writers.append(to_behind)
            back = asyncio.create_task(_pipe(from_behind, writer))
            while data := await reader.read(2**16):
                if not await self._passed(reader):
                    break
                to_behind.write(data)
        except OSError:
            pass
        finally:
            for each in writers:
                each.transport.abort()
            if back is not None:
                back.cancel()
                await asyncio.wait([back])

    async def _passed(self, reader: asyncio.StreamReader) -> bool:
        """Wait at the gate; False where the client has gone."""
        if self.latency_s:
            await asyncio.sleep(self.latency_s)
        if self._open.is_set():
            return True
        self.held += 1
        self.waiting += 1
        opened = asyncio.create_task(self._open.wait())
        try:
            while not opened.done():
                if reader.at_eof():
                    return False
                await asyncio.wait([opened], timeout=0.005)
            return True
        finally:
            self.waiting -= 1
            opened.cancel()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(2**16):
            writer.write(data)
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def gates(behind: Sequence[str]) -> AsyncIterator[list[Gate]]:
    """A gate before each of these addresses."""
    async with AsyncExitStack() as stack:
        made = []
        for url in behind:
            gate = Gate(url)
            server = await asyncio.start_server(gate.connected, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            gate.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            made.append(gate)
        try:
            yield made
        finally:
            for gate in made:
                await gate.close()
