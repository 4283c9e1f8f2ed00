"""uvicorn's HTTP protocol with bounds on how requests arrive; its own waits for a head for ever, and of any size."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chain_node.serving.arrivals import Arrival, Arrivals

_PIECE: Final = 4 * 1024
"""So much is parsed at once. The parser does not say where in it a head began, and a body may lie before: the piece in
which it began is not counted as the head's."""


def patient(arrivals: Arrivals) -> type[HttpToolsProtocol]:
    """The protocol of one server, whose connections share `arrivals`."""

    class Patient(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
            super().connection_made(transport)
            self.arrival = Arrival(arrivals, transport.abort)
            self.arrival.head()

        def connection_lost(self, exc: Exception | None) -> None:
            self.arrival.whole()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            for start in range(0, len(data), _PIECE):
                if self.transport.is_closing():
                    return
                piece = data[start : start + _PIECE]
                self.begun = False
                super().data_received(piece)
                if not self.begun:
                    self.arrival.received(len(piece))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.begun = True
            self.arrival.head()

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self.arrival.body()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self.arrival.whole()

    return Patient
