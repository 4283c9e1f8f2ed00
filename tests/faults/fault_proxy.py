"""A small TCP proxy between two nodes: it delays what passes, stalls as a lost packet does, or holds everything.

Bytes are never dropped, reordered or changed: TCP would not let that happen either. Loss shows as a stall.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from dataclasses import dataclass, field

_CHUNK = 64 * 1024
_STEP = 0.05


@dataclass
class Weather:
    """What the links do now; may be changed at any time.

    Attributes:
        delay: seconds that every chunk takes longer.
        loss: chance that a chunk stalls the link.
        stall: seconds of such a stall.
        held: links on which nothing passes, by (from, to).
    """

    delay: float = 0.0
    loss: float = 0.0
    stall: float = 0.5
    held: set[tuple[int, int]] = field(default_factory=set)

    def isolate(self, node: int, nodes: int) -> None:
        """Nothing from or to this node passes."""
        others = [other for other in range(nodes) if other != node]
        self.held |= {(node, other) for other in others} | {(other, node) for other in others}


class Proxies:
    """Proxies of all links, on a thread of their own; used as a context.

    Args:
        links: (from, to) → (port to listen at, port to hand on to), all on 127.0.0.1.
        weather: of all links.
        seed: of the stalls.
    """

    def __init__(self, links: dict[tuple[int, int], tuple[int, int]], weather: Weather, seed: int = 1) -> None:
        self._links = links
        self._weather = weather
        self._luck = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Proxies:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)
        return self

    def __exit__(self, *_exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        for link, (at, to) in self._links.items():
            self._servers.append(await asyncio.start_server(self._accepting(link, to), "127.0.0.1", at))

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    def _accepting(self, link: tuple[int, int], port: int):  # type: ignore[no-untyped-def]  # asyncio's callback
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._join(link, port, reader, writer)
            except (OSError, asyncio.CancelledError):
                pass
            finally:
                self._tasks.discard(task)

        return accepted

    async def _join(
        self, link: tuple[int, int], port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await _end(writer)
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(link, reader, back))
                group.create_task(self._pump((link[1], link[0]), there, writer))
        except* OSError:
            pass
        finally:
            await _end(writer)
            await _end(back)

    async def _pump(self, way: tuple[int, int], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Delays add to latency, not to each other: what has waited its time goes on while the next still waits."""
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]](64)

        async def deliver() -> None:
            while True:
                due, data = await queue.get()
                while way in self._weather.held or loop.time() < due:
                    await asyncio.sleep(max(0.0, min(_STEP, due - loop.time())) or _STEP)
                writer.write(data)
                await writer.drain()
                if not data:
                    return

        task = asyncio.ensure_future(deliver())
        try:
            while data := await reader.read(_CHUNK):
                late = self._weather.stall if self._luck.random() < self._weather.loss else 0.0
                await queue.put((loop.time() + self._weather.delay + late, data))
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await task
        raise ConnectionResetError  # one side has ended: so does the other


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
