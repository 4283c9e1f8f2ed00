"""What tests of slow and half-sent requests share: real sockets against a server."""

from __future__ import annotations

import select
import socket
import time
from urllib.parse import urlsplit


def connected(url: str) -> socket.socket:
    """A connection to a server."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    return socket.create_connection((parts.hostname, parts.port or 80), timeout=30)


def sent(url: str, data: bytes) -> socket.socket:
    """A connection on which so much has been sent."""
    connection = connected(url)
    connection.sendall(data)
    return connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection; it is closed here, too."""
    found = b""
    with connection:
        while True:
            try:
                piece = connection.recv(65_536)
            except ConnectionResetError:
                return found
            if not piece:
                return found
            found += piece


def pushed(url: str, first: bytes, again: bytes, most: int) -> int:
    """How many bytes a server takes of a message without end, before it closes the connection (or `most`)."""
    with sent(url, first) as connection:
        size = len(first)
        while size < most:
            try:
                connection.sendall(again)
                size += len(again)
                time.sleep(0.001)
                if select.select([connection], [], [], 0)[0]:
                    return size
            except ConnectionError:
                return size
    return most
