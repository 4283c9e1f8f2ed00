"""uvicorn's HTTP protocol with bounds on how requests arrive; its own waits for a head for ever, and of any size."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from chain_node.gateway.patience import Arrival, Arrivals


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
            super().data_received(data)
            self.arrival.received(len(data))

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self.arrival.head()

        def on_headers_complete(self) -> None:
            super().on_headers_complete()
            self.arrival.body()

        def on_message_complete(self) -> None:
            super().on_message_complete()
            self.arrival.whole()

    return Patient
