"""Servers on this machine that the product talks to: for webhook events, for mails, and a video provider."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class WebhookReceiver:
    """Answers 200 to every POST and keeps headers and body."""

    def __init__(self) -> None:
        self.events: list[tuple[dict[str, str], Any]] = []
        events = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                events.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RefusingUpstream:
    """A provider of `/v1/videos` that lists one model and refuses every request."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                models = [{"id": "refusing-1", "object": "model", "created": 1, "owned_by": "golden"}]
                self._answer(200, {"object": "list", "data": models})

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self._answer(
                    400,
                    {
                        "error": {
                            "code": "moderation_blocked",
                            "message": "Your request was blocked by our moderation system.",
                            "type": "image_generation_user_error",
                        }
                    },
                )

            def _answer(self, status: int, value: dict[str, Any]) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailReceiver:
    """An SMTP server without encryption and sign-in that keeps each mail."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, str]] = []
        mails = self.mails

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 golden")
                recipient = ""
                while line := self.rfile.readline().decode(errors="replace").strip():
                    word = line[:4].upper()
                    if word == "RCPT":
                        recipient = line.partition("<")[2].partition(">")[0]
                    if word == "DATA":
                        self._say("354 go on")
                        mails.append((recipient, *_parts(self._message())))
                    if word == "QUIT":
                        self._say("221 end")
                        return
                    self._say("250 golden" if word == "EHLO" else "250 fine")

            def _message(self) -> bytes:
                lines = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line[1:] if line.startswith(b"..") else line)
                return b"".join(lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _parts(message: bytes) -> tuple[str, str]:
    read = email.message_from_bytes(message, policy=email.policy.default)
    body = read.get_body(("plain", "html"))
    return str(read["subject"]), str(body.get_content()) if body is not None else ""
