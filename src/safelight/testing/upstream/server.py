"""Runs a scripted upstream in a thread of a test, or as a process."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from safelight.core.fileio import write_atomic

from .hosted_routes import BASE_PATHS, ROUTES, Dialect
from .http_server import Reply, Request, serve_connection
from .scenario import Scenario, ScenarioRule, load_scenario
from .state import FakeUpstreamState

_SAVE_EVERY_S = 0.5


class ScriptedUpstream:
    """A real HTTP server on this machine that follows a scenario.

    with ScriptedUpstream({"otherwise": {"submit": "hang"}}) as upstream:
        ...  # upstream.url ends with /v1; upstream.counts counts the requests

    `choose_rule` chooses the rule of each create request instead of the scenario, from its fields and its
    number. `dialect` is the API that the server speaks. `counts_file` is updated before the response of each
    create, and otherwise twice a second.
    """

    def __init__(
        self,
        scenario: Scenario | Path | str | dict[str, Any] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        counts_file: Path | None = None,
        choose_rule: Callable[[Mapping[str, Any], int], ScenarioRule] | None = None,
        dialect: Dialect = "videos_api",
    ) -> None:
        script = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        self._book = FakeUpstreamState(scenario=script, choose_rule=choose_rule)
        self._host, self._port, self._dialect = host, port, dialect
        self._counts_file = counts_file
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        """Base URL for clients, with `/v1` or what the dialect has there."""
        return f"http://{self._host}:{self._port}{BASE_PATHS[self._dialect]}"

    @property
    def counts(self) -> dict[str, Any]:
        """Request counts so far, as `GET /_safelight/counts` returns them."""
        with self._lock:
            return self._book.counts()

    def play(self, scenario: Scenario | Path | str | dict[str, Any]) -> None:
        """Switches to another scenario. Requests that were already accepted keep their rule."""
        script = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        with self._lock:
            self._book.play(script)

    def __enter__(self) -> ScriptedUpstream:
        ready: threading.Event = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                asyncio.run(self.serve(ready.set))
            except BaseException as error:
                failed.append(error)
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name="safelight-scripted-upstream", daemon=True)
        self._thread.start()
        ready.wait()
        if failed:
            raise failed[0]
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop()
        if self._thread is not None:
            self._thread.join()

    async def serve(self, started: Callable[[], None]) -> None:
        """Serves until `stop` is called; `started` is called once the port is known."""
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        talks: set[asyncio.Task[None]] = set()

        with tempfile.TemporaryDirectory(prefix="safelight-upstream-") as clips:
            routes = ROUTES[self._dialect](self._book, clips=Path(clips), recorded=self._save)

            def handle(request: Request) -> Reply:
                with self._lock:
                    return routes.handle(request)

            async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task is not None
                talks.add(task)
                try:
                    await serve_connection(reader, writer, handle)
                except asyncio.CancelledError:
                    writer.transport.abort()
                finally:
                    talks.discard(task)

            server = await asyncio.start_server(connected, self._host, self._port, backlog=1024)
            self._port = server.sockets[0].getsockname()[1]
            self._save()
            started()
            try:
                while not stopping.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stopping.wait(), _SAVE_EVERY_S)
                    self._save()
            finally:
                server.close()
                for task in list(talks):
                    task.cancel()
                await asyncio.gather(*talks, return_exceptions=True)
                self._save()

    def stop(self) -> None:
        """Stops a running server. May be called from any thread."""
        self._stop()

    def _save(self) -> None:
        if self._counts_file is None:
            return
        write_atomic(self._counts_file, msgspec.json.encode(self._book.counts()), mode=0o666)
