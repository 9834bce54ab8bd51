"""A webhook receiver that accepts only signed messages: python webhook_receiver.py [--port 9000]

WEBHOOK_SECRET contains `whsec_...`, as shown when the endpoint was created; during a rotation both secrets,
separated by a space. Prints one line for each event. It uses only the standard library; the official SDK does
the same with `client.webhooks.unwrap(body, headers, secret=...)`.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import sys
import time
from collections import OrderedDict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

TOLERANCE_S = 300
MAX_BODY = 1 << 20
#: Bytes of a secret, at least: with an empty one anybody could sign.
LEAST_KEY = 24


class Refused(Exception):
    """The message has no valid signature, or its time is outside the tolerance."""


def key_of(secret: str) -> bytes:
    """The key in a secret; raises `ValueError` if it is not in base64 or too short."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if len(key) < LEAST_KEY:
        raise ValueError(f"a webhook secret has at least {LEAST_KEY} bytes")
    return key


def verify(keys: list[bytes], headers: dict[str, str], body: bytes, now: float) -> str:
    """The message's id if one of the signatures is valid; otherwise raises `Refused`.

    The signature covers the received bytes: decode the JSON afterwards, never before.
    """
    message, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise Refused("no id or no time")
    if abs(now - int(stamp)) > TOLERANCE_S:
        raise Refused("too old, or from the future")
    signed = b".".join((message.encode(), stamp.encode(), body))
    given = [word.removeprefix("v1,") for word in headers.get("webhook-signature", "").split()]
    for key in keys:
        right = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        if any(hmac.compare_digest(right.encode(), one.encode()) for one in given):
            return message
    raise Refused("no valid signature")


class SeenIds:
    """Ids of received messages. If our response is lost, the sender repeats the message; ignore it."""

    def __init__(self, most: int = 10_000) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._most, self._lock = most, Lock()

    def first_time(self, message: str) -> bool:
        with self._lock:
            if message in self._ids:
                return False
            self._ids[message] = None
            if len(self._ids) > self._most:
                self._ids.popitem(last=False)
            return True


def handler(keys: list[bytes], seen: SeenIds) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            length = self.headers.get("content-length", "")
            if not length.isdigit() or int(length) > MAX_BODY:
                return self._answer(413)
            body = self.rfile.read(int(length))
            try:
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = verify(keys, headers, body, time.time())
            except Refused as refused:
                print(f"refused: {refused}", file=sys.stderr, flush=True)
                return self._answer(400)
            if seen.first_time(message):
                event = json.loads(body)
                # Respond first and process later: a slow response counts as a failure.
                print(event["type"], event["data"].get("id", ""), flush=True)
            return self._answer(204)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Receiver


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=9000)
    port = parser.parse_args().port
    keys = [key_of(secret) for secret in os.environ["WEBHOOK_SECRET"].split()]
    if not keys:
        parser.error("WEBHOOK_SECRET contains no secret")
    with ThreadingHTTPServer(("127.0.0.1", port), handler(keys, SeenIds())) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
