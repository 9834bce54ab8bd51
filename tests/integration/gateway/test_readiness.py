"""`GET /readyz` of a served gateway follows the truth: a full disk, a lost database, and their end."""

from __future__ import annotations

import json
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from support.gateway_process import Running, safelight, started

WAIT_S = 60


def readiness(gateway: Running) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(f"{gateway.address}/readyz", timeout=30)
    return answer.status_code, answer.json()


def wait_for(condition: Callable[[], Any]) -> None:
    give_up = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.1)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Running]:
    key = json.loads(safelight("keys", "create", "tests", "--json", folder=folder))["key"]
    with started(folder, key, **settings) as gateway:
        wait_for(lambda: readiness(gateway)[0] == 200)
        yield gateway


def test_a_full_disk_is_named_by_the_next_answer_and_its_end_by_the_answers_soon_after(
    tmp_path: Path,
) -> None:
    """No file of the process may grow, so each write fails as on a full disk."""
    with serving(tmp_path) as gateway:
        before = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (100, before[1]))
        status, body = readiness(gateway)
        assert (status, body["ready"]) == (503, False)
        assert "storage" in body["unready"]
        assert body["problems"]["storage"].startswith("The disk is full.")
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, before)
        wait_for(lambda: readiness(gateway)[0] == 200)


def test_a_vanished_or_replaced_data_directory_is_named_and_never_an_error_of_the_check(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as gateway:
        data = tmp_path / "data"
        data.rename(tmp_path / "gone")
        for is_replaced in (False, True):
            if is_replaced:
                data.mkdir()
            status, body = readiness(gateway)
            assert (status, body["ready"]) == (503, False)
            assert body["problems"]["storage"].startswith("The data directory has been removed or replaced")


class Cable:
    """A TCP connection to the database server that can be cut, and that can be silent."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listening: socket.socket | None = None
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flows = threading.Event()
        self.port = 0

    def connect(self) -> None:
        self._flows.set()
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def cut(self) -> None:
        assert self._listening is not None
        # Ends the thread that waits in `accept`.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for pair in self._pairs:
            for end in pair:
                with ExitStack() as stack:
                    stack.callback(end.close)
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue
        self._pairs.clear()

    def be_silent(self) -> None:
        self._flows.clear()

    def go_on(self) -> None:
        self._flows.set()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                client, _ = listening.accept()
                pair = (client, socket.create_connection(self._server))
            except OSError:
                return
            self._pairs.append(pair)
            threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        try:
            while True:
                for end in select.select(list(other), [], [])[0]:
                    data = end.recv(65536)
                    self._flows.wait()
                    if not data:
                        raise OSError
                    other[end].sendall(data)
        except (OSError, ValueError):
            client.close()
            server.close()


@pytest.mark.postgres
def test_a_database_that_is_gone_or_silent_makes_the_gateway_unready_until_it_is_back(
    tmp_path: Path, postgres_url: str
) -> None:
    url = make_url(postgres_url)
    cable = Cable(url.host or "127.0.0.1", url.port or 5432)
    cable.connect()
    through = url.set(host="127.0.0.1", port=cable.port).render_as_string(hide_password=False)
    with serving(tmp_path, SAFELIGHT_STORAGE__DATABASE=through) as gateway:
        for stop, resume in ((cable.cut, cable.connect), (cable.be_silent, cable.go_on)):
            stop()
            status, body = readiness(gateway)
            assert (status, body["ready"]) == (503, False)
            assert {"database", "queue"} <= set(body["unready"])
            resume()
            wait_for(lambda: readiness(gateway)[0] == 200)
