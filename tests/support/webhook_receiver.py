"""A webhook target on the loopback address with configurable responses; it stores received messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Got:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Target:
    """`status` for what comes next; `hold` makes answers wait until it is set."""

    url: str
    status: int = 200
    location: str = ""
    #: Bytes of body after the status.
    talks: int = 0
    #: Drip one byte of the answer's head each second, for ever.
    drips: bool = False
    hold: threading.Event | None = None
    got: list[Got] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    under_way: int = 0
    most_under_way: int = 0

    @property
    def host(self) -> str:
        """The host and port as written in `allow_hosts`."""
        return self.url.removeprefix("http://").split("/")[0]

    def wait_for(self, count: int, seconds: float = 30.0) -> list[Got]:
        """What came, once there are `count`."""
        with self.arrived:
            if not self.arrived.wait_for(lambda: len(self.got) >= count, seconds):
                raise AssertionError(f"{len(self.got)} of {count} arrived: {self.got}")
            return list(self.got)


@contextmanager
def target() -> Iterator[Target]:
    """A target that listens on a free port."""
    made = Target(url="")
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            with made.arrived:
                made.got.append(
                    Got(
                        path=self.path,
                        headers={key.lower(): value for key, value in self.headers.items()},
                        body=body,
                    )
                )
                made.under_way += 1
                made.most_under_way = max(made.most_under_way, made.under_way)
                made.arrived.notify_all()
            try:
                self._answer()
            except OSError:
                pass
            finally:
                with made.arrived:
                    made.under_way -= 1

        def _answer(self) -> None:
            if made.hold is not None:
                made.hold.wait(60)
            while made.drips and not ended.wait(0.2):
                self.wfile.write(b"H")
            self.send_response(made.status)
            if made.location:
                self.send_header("location", made.location)
            self.send_header("content-length", str(made.talks))
            self.end_headers()
            for _ in range(made.talks // 1024):
                self.wfile.write(b"x" * 1024)

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}/hook?who=us"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        ended.set()
        if made.hold is not None:
            made.hold.set()
        server.shutdown()
        thread.join(10)
