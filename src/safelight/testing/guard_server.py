"""A scripted guard model server: matches text and colours of a request and returns configured answers."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ScriptedAnswer:
    """An answer and its conditions, which must all be met: words in the request, and a minimum of red
    pixels.
    """

    says: str
    words: tuple[str, ...] = ()
    #: Minimum fraction of the pixels, 0 to 1, in which red is clearly the strongest channel.
    red: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One recorded request: path, text, and pictures as JPEG bytes."""

    path: str
    words: str
    pictures: tuple[bytes, ...]
    body: dict[str, Any]


class ScriptedGuard:
    """A guard server for tests, used as a context manager; `url` is its base address.

    It sends the first answer whose conditions are met, else `otherwise`. Each response is delayed by `late_s`
    seconds and has the HTTP status `status`.
    """

    def __init__(
        self,
        lines: Sequence[ScriptedAnswer] = (),
        *,
        otherwise: str = "safe",
        late_s: float = 0.0,
        status: int = 200,
    ) -> None:
        self.lines, self.otherwise = tuple(lines), otherwise
        self.late_s, self.status = late_s, status
        #: All received requests, in order.
        self.asked: list[Asked] = []
        guard = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer = guard._answer(self.path, body)
                if guard.late_s:
                    time.sleep(guard.late_s)
                self.send_response(guard.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                try:
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_arguments: Any) -> None:
                """Suppresses the request log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> ScriptedGuard:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str, body: dict[str, Any]) -> bytes:
        asked = _read(path, body)
        self.asked.append(asked)
        red = max((_red(picture) for picture in asked.pictures), default=0.0)
        said = next(
            (
                line.says
                for line in self.lines
                if all(word in asked.words for word in line.words) and red >= line.red
            ),
            self.otherwise,
        )
        if path.endswith("/moderations"):
            # The answer of a moderation endpoint is JSON: scores by category.
            return _moderated(said)
        return json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()


def _read(path: str, body: dict[str, Any]) -> Asked:
    words: list[str] = []
    pictures: list[bytes] = []
    parts: list[Any] = []
    for message in body.get("messages", ()):
        if message["role"] == "user":
            content = message["content"]
            parts += content if isinstance(content, list) else [{"type": "text", "text": content}]
    given = body.get("input", [])
    parts += given if isinstance(given, list) else [{"type": "text", "text": given}]
    for part in parts:
        if part["type"] == "text":
            words.append(part["text"])
        else:
            pictures.append(base64.b64decode(part["image_url"]["url"].partition(",")[2]))
    return Asked(path=path, words="\n".join(words), pictures=tuple(pictures), body=body)


def _red(jpeg: bytes) -> float:
    import numpy as np
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as picture:
        pixels = np.asarray(picture.convert("RGB"), dtype=np.int16)
    strong = pixels[..., 0] - pixels[..., 1:].max(axis=2) > 60
    return float(strong.mean())


def _moderated(said: str) -> bytes:
    try:
        scores = json.loads(said)
    except ValueError:
        return said.encode()
    result = {
        "flagged": any(score > 0.5 for score in scores.values()),
        "categories": {name: score > 0.5 for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": {name: ["image"] for name in scores},
    }
    return json.dumps({"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}).encode()
