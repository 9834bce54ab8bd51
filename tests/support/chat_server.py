"""An OpenAI-compatible chat endpoint whose answers a test sets, also malformed and hostile ones."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Seconds between two bytes of an answer that drips: each of them comes in time, but not all.
_DRIP_S = 0.05


class ChatServer:
    """Answers `POST /v1/chat/completions`."""

    def __init__(self) -> None:
        #: Header `authorization` and body of each request.
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.status, self.answer, self.drips = 200, b"{}", False
        #: Called while a request is answered.
        self.meanwhile: Callable[[], object] = lambda: None
        self.url = ""

    def complete(self, content: Any, **message: Any) -> None:
        """Answer with this text from now on."""
        choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}}
        self.answer = json.dumps({"object": "chat.completion", "choices": [choice]}).encode()

    def rewrite(self, *texts: Any) -> None:
        self.complete(json.dumps({"rewrites": texts}, ensure_ascii=False))

    def sent(self) -> dict[str, Any]:
        """The document in the user message of the last request."""
        document: dict[str, Any] = json.loads(self.requests[-1][1]["messages"][1]["content"])
        return document


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    script = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            script.requests.append((self.headers.get("authorization", ""), body))
            script.meanwhile()
            found = self.path == "/v1/chat/completions"
            self.send_response(script.status if found else 404)
            self.send_header("content-length", str(len(script.answer)))
            self.end_headers()
            size = 1 if script.drips else len(script.answer)
            try:
                for start in range(0, len(script.answer), max(size, 1)):
                    self.wfile.write(script.answer[start : start + size])
                    if script.drips:
                        time.sleep(_DRIP_S)
            except OSError:
                return  # The client stopped reading.

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    yield script
    server.shutdown()
    server.server_close()
    thread.join(10)
