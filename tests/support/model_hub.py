"""A fake model hub."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Hub:
    """One repository."""

    def __init__(self) -> None:
        self.files, self.asked = dict[str, bytes](), list[str]()
        self.media_type = "application/octet-stream"
        #: Bytes at the end of each answer that are announced and not sent.
        self.missing_bytes = 0
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                answer = hub.answer(urlsplit(self.path).path)
                self.send_response(404 if answer is None else 200)
                self.send_header("content-length", str(len(answer or b"")))
                self.send_header("content-type", hub.media_type)
                self.end_headers()
                self.wfile.write((answer or b"")[: -hub.missing_bytes or None])

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path: str) -> bytes | None:
        prefix = "/own/er/resolve/main/"
        return self.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def reverse(source: Path, target: Path) -> None:
    """A conversion of a model, which writes other files than those that were fetched."""
    for path in source.iterdir():
        (target / f"{path.name}.converted").write_bytes(path.read_bytes()[::-1])
