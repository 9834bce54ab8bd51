"""A fake model hub that returns answers in the real hub's format."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = "a" * 40
WEIGHTS = b"\x08\0\0\0\0\0\0\0{}      "


class Hub:
    """One repository at one commit."""

    def __init__(self) -> None:
        self.files = {"config.json": b"{}", "model.safetensors": WEIGHTS, "pytorch_model.bin": b"pickle"}
        self.listed = {"model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()}
        self.commit, self.asked = COMMIT, list[str]()
        self.siblings: list[dict[str, Any]] | None = None
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
        if path.startswith("/api/models/own/er/revision/"):
            siblings = self.siblings or [
                {"rfilename": name, "size": len(data)}
                | ({"lfs": {"sha256": self.listed[name]}} if name in self.listed else {})
                for name, data in self.files.items()
            ]
            return json.dumps(
                {"sha": self.commit, "siblings": siblings, "cardData": {"license": "mit"}}
            ).encode()
        for commit in (self.commit, "main"):
            prefix = f"/own/er/resolve/{commit}/"
            if path.startswith(prefix):
                return self.files.get(path.removeprefix(prefix))
        return None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def reverse(source: Path, target: Path) -> None:
    """A conversion of a model, which writes other files than those that were fetched."""
    for path in source.iterdir():
        (target / f"{path.name}.converted").write_bytes(path.read_bytes()[::-1])
