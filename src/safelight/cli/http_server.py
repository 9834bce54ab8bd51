"""The HTTP server: uvicorn without its signal handlers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn


class HttpServer(uvicorn.Server):
    """Returns from `run` after a stop.

    uvicorn itself raises the signal again with the default handler, which would end the process before the
    other parts of the gateway can stop.
    """

    def __init__(self, config: uvicorn.Config, *, stopping: Callable[[], None]) -> None:
        """`stopping` is called when the stop begins, before the running requests are waited for."""
        super().__init__(config)
        self._stopping = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)
