"""Half-sent requests at the API's own server: bounded in time and size, while others are served."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from api_world import World
from sockets import answer, connected, pushed, sent

from api.server import server
from chain_node.serving.arrivals import HEAD_BYTES

HALF_HEAD = b"GET /v1/totals HTTP/1.1\r\nHost: api.example\r\nAccept: appl"
FLOOD = 100


@contextmanager
def serving(world: World, **changes: int) -> Iterator[str]:
    """The API on a free port, as `luya up` runs it."""
    running = server(replace(world.settings, **changes))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join(30)
    assert not thread.is_alive()


def served(url: str) -> int:
    with urllib.request.urlopen(f"{url}/v1/totals", timeout=60) as found:
        return int(found.status)


def test_half_sent_heads_are_closed_while_others_are_served(world: World) -> None:
    with serving(world, head_seconds=1) as url:
        flood = [sent(url, HALF_HEAD) for _ in range(FLOOD)]
        silent = connected(url)
        for _ in range(10):
            assert served(url) == 200
        second = sent(url, b"GET /v1/totals HTTP/1.1\r\nHost: x\r\n\r\n")
        assert second.recv(65_536).startswith(b"HTTP/1.1 200")
        second.sendall(HALF_HEAD)
        ended = [answer(connection) for connection in (*flood, silent, second)]
        assert ended == [b""] * (FLOOD + 2)
        assert served(url) == 200


def test_a_head_without_end_is_cut_off(world: World) -> None:
    with serving(world, head_seconds=600) as url:
        taken = pushed(url, b"GET / HTTP/1.1\r\n", b"X-More: " + b"x" * 4_000 + b"\r\n", 4_000_000)
        assert HEAD_BYTES < taken < 8 * HEAD_BYTES
        assert served(url) == 200


def test_a_head_begun_behind_a_long_body_is_waited_for(world: World) -> None:
    """What a pipelining client sends at once is no head of that size."""
    with serving(world, head_seconds=600) as url:
        body = b"x" * (HEAD_BYTES + 8_192)
        head = b"GET /v1/totals HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(body) + 1)
        with sent(url, head + b"x") as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            connection.sendall(body + HALF_HEAD)
            assert served(url) == 200  # it has read both by now
            connection.sendall(b"ication/json\r\nConnection: close\r\n\r\n")
            assert answer(connection).startswith(b"HTTP/1.1 200")


def test_a_body_that_drips_on_after_the_answer_is_cut_off(world: World) -> None:
    """uvicorn takes its keep-alive limit away with every byte that comes."""
    with serving(world, body_seconds=1) as url:
        head = b"GET /v1/totals HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
        with sent(url, head) as connection:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    connection.sendall(b"x")
                except ConnectionError:
                    break
                time.sleep(0.05)
            else:
                raise AssertionError("still open after a minute")
        assert served(url) == 200
