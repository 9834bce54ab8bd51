"""Makes the modules of this folder importable for its tests."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from fixed_server import FixedServer


@pytest.fixture
def server() -> Iterator[FixedServer]:
    with _serving() as fixed:
        yield fixed


@pytest.fixture(scope="module")
def fixed() -> Iterator[FixedServer]:
    """The same server for all tests of a file."""
    with _serving() as fixed:
        yield fixed


@contextmanager
def _serving() -> Iterator[FixedServer]:
    fixed = FixedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more, content = fixed.reply(
                f"{self.command} {self.path.partition('?')[0]}", headers, body
            )
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            cut = more.pop("x-cut", "")
            self.send_response(status)
            for name, value in {"content-length": str(len(data)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data[: int(cut)] if cut else data)
            self.close_connection = bool(cut)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.handle_error = lambda *_: None  # type: ignore[method-assign]  # Clients that hang up are expected.
    thread = threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    fixed.url = f"http://127.0.0.1:{http.server_port}/v1"
    yield fixed
    http.shutdown()
    thread.join()
    http.server_close()
