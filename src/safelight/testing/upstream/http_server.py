"""A small HTTP/1.1 server that can withhold, truncate or delay a response."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

_MAX_BODY = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Reply:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    #: How the server responds. `close`: closes the connection without a response; `reset`: aborts the
    #: connection; `hang`: sends nothing until the client closes the connection; `cut`: sends half of the
    #: announced body; `slow`: sends the body in small pieces.
    way: Literal["send", "close", "reset", "hang", "cut", "slow"] = "send"


Handler = Callable[[Request], Reply]


async def serve_connection(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler
) -> None:
    """Serves one connection until either side ends it."""
    talk = h11.Connection(h11.SERVER, max_incomplete_event_size=65536)
    try:
        while (request := await _receive(reader, writer, talk)) is not None:
            if not await _answer(reader, writer, talk, handle(request)):
                break
            if talk.our_state is not h11.DONE or talk.their_state is not h11.DONE:
                break
            talk.start_next_cycle()
    except (ConnectionError, h11.ProtocolError):
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _receive(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: h11.Connection
) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            if talk.they_are_waiting_for_100_continue:
                writer.write(talk.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            talk.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY:
                return None
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            url = urlsplit(head.target.decode("ascii", "replace"))
            return Request(
                method=head.method.decode("ascii"),
                path=unquote(url.path),
                query=dict(parse_qsl(url.query)),
                headers={name.decode(): value.decode("latin-1") for name, value in head.headers},
                body=bytes(body),
            )
        else:
            return None


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: h11.Connection, reply: Reply
) -> bool:
    """Sends the reply. Returns whether the connection can be reused."""
    if reply.delay_s:
        await asyncio.sleep(reply.delay_s)
    if reply.way == "reset":
        writer.transport.abort()
    elif reply.way == "hang":
        while await reader.read(65536):
            pass
    if reply.way in {"close", "reset", "hang"}:
        return False
    headers = {"content-length": str(len(reply.body))} | dict(reply.headers)
    head = h11.Response(status_code=reply.status, headers=list(headers.items()))
    start = talk.send(head) or b""
    if reply.way == "cut":
        writer.write(start + (talk.send(h11.Data(data=reply.body[: len(reply.body) // 2])) or b""))
        await writer.drain()
        return False
    if reply.way == "slow":
        writer.write(start)
        for at in range(0, len(reply.body), 256):
            writer.write(talk.send(h11.Data(data=reply.body[at : at + 256])) or b"")
            await writer.drain()
            await asyncio.sleep(0.05)
        start = b""
    elif reply.body:
        start += talk.send(h11.Data(data=reply.body)) or b""
    writer.write(start + (talk.send(h11.EndOfMessage()) or b""))
    await writer.drain()
    return True
