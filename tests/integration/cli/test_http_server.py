from __future__ import annotations

import errno
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn

from safelight.cli.http_server import MAX_HEAD_BYTES, HttpServer

MUCH = MAX_HEAD_BYTES + 300_000


async def app(scope: dict[str, str], receive: object, send: object) -> None:
    """Reads the whole body and responds with its length."""
    size, more = 0, True
    while more:
        message = await receive()  # type: ignore[operator]
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": str(size).encode()})  # type: ignore[operator]


@contextmanager
def serving() -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")  # type: ignore[arg-type]
    server = HttpServer(config, stopping=lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)


def exchanged(port: int, *pieces: bytes) -> bytes:
    """The response to these pieces; the connection may be closed before all of them are sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        try:
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                received += data
        except OSError as error:
            # Which of the three is raised depends on when the server closes the connection.
            if error.errno not in {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}:
                raise
        return received


@pytest.mark.parametrize(
    "pieces",
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\nx-long: ", *[b"a" * 50_000] * 8),
        (b"GET / HTTP/1.1\r\nhost: a\r\n", *[b"x-many: 1\r\n" * 5_000] * 8),
        (b"GET /", *[b"a" * 50_000] * 8),
        (
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
            *[b"x-trailer: 1\r\n" * 5_000] * 8,
        ),
    ],
    ids=["one long header", "many headers", "a long address", "many trailers"],
)
def test_a_request_whose_headers_never_end_is_refused(pieces: tuple[bytes, ...]) -> None:
    with serving() as port:
        answer = exchanged(port, *pieces)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
        assert exchanged(port, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").startswith(
            b"HTTP/1.1 200 "
        )


@pytest.mark.parametrize(
    "request_bytes",
    [b"FOO /v1/videos HTTP/1.1\r\nhost: a\r\n\r\n", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n"],
    ids=["an unknown method", "TLS", "an unknown version"],
)
def test_a_request_that_is_not_valid_http_gets_a_json_error(request_bytes: bytes) -> None:
    with serving() as port:
        head, _, body = exchanged(port, request_bytes).partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "http/1.1 400 bad request"
    error = json.loads(body)["error"]
    assert (error["code"], error["type"]) == ("invalid_request", "invalid_request_error")
    headers = {"content-type: application/json", "connection: close", f"content-length: {len(body)}"}
    assert headers | {f"x-request-id: {error['safelight']['request_id']}"} <= set(lines)


def test_a_long_body_is_not_taken_for_headers() -> None:
    with serving() as port:
        head = f"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {MUCH}\r\n\r\n".encode()
        assert f"\r\n{MUCH}\r\n".encode() in exchanged(port, head, b"a" * MUCH)


def test_the_gateway_uses_the_fast_event_loop_and_parser() -> None:
    config = uvicorn.Config(app, log_config=None, lifespan="off")  # type: ignore[arg-type]
    HttpServer(config, stopping=lambda: None)
    config.load()
    assert config.http_protocol_class.__name__ == "HttpProtocol"
    factory = config.get_loop_factory()
    assert factory is not None
    loop = factory()
    try:
        assert type(loop).__module__.startswith("uvloop")
    finally:
        loop.close()
