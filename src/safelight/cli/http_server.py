"""The HTTP server: uvicorn without its signal handlers, and with a limit on the headers of a request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from safelight.core.ids import new_id
from safelight.web.errors import http_problem

#: Most bytes of a request head, or of the trailers of a body. httptools has no limit of its own.
MAX_HEAD_BYTES = 64 * 1024
#: How often the server looks whether to stop, and sets the date of its answers.
_TICK_S = 0.5


class HttpProtocol(HttpToolsProtocol):
    """One connection.

    Ends it with status 400 and a JSON error if a request head or trailer is too long, or if a request is not
    valid HTTP. An unknown method is not valid for httptools.
    """

    #: Bytes received since the last complete head, piece of a body or end of a message.
    _unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The headers have more than {MAX_HEAD_BYTES // 1024} KiB.")

    def send_400_response(self, msg: str) -> None:
        state = {"request_id": new_id("req")}
        response = http_problem(400, msg, Request({"type": "http", "headers": [], "state": state}))
        response.headers["x-request-id"] = state["request_id"]
        response.headers["connection"] = "close"
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def on_headers_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished_bytes = 0
        super().on_message_complete()


class HttpServer(uvicorn.Server):
    """Returns from `run` after a stop.

    uvicorn itself raises the signal again with the default handler, which would end the process before the
    other parts of the gateway can stop.
    """

    def __init__(self, config: uvicorn.Config, *, stopping: Callable[[], None]) -> None:
        """`stopping` is called when the stop begins, before the running requests are waited for."""
        config.http = HttpProtocol
        super().__init__(config)
        self._stopping = stopping

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        # uvicorn itself looks ten times a second, which is a third of what an idle gateway costs.
        while not await self.on_tick(0):
            await asyncio.sleep(_TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)
