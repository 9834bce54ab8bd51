"""Starts the worker, gives it one video at a time, and starts it again if it dies. Needs no torch."""

from __future__ import annotations

import fcntl
import json
import logging
import multiprocessing
import os
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from . import worker
from .jobs import Video, Videos
from .settings import ServerSettings

_log = logging.getLogger(__name__)

#: A worker that ends so often without having loaded its model will not load it at the next attempt either.
MAX_FAILED_LOADS = 3
#: Waiting time between two looks at whether the supervisor is to stop, in seconds.
_TICK_S = 0.5
#: Seconds in which a worker may end by itself when the server stops.
_STOP_S = 5.0
_DIED = {
    "code": "worker_died",
    "message": "The process that made the video ended. The request can be sent again.",
}


class DeviceInUse(Exception):
    pass


@contextmanager
def device_lock(device: str, *, folder: Path | None = None) -> Iterator[None]:
    """Two processes on one device would run out of its memory at some time. Raises `DeviceInUse`."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{device}-{visible}").strip("-")
    path = (folder or Path(tempfile.gettempdir())) / f"safelight-steer-{os.getuid()}-{name}.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DeviceInUse(f"Another server of this user has the device {device}.") from None
        yield


class Supervisor:
    """Two threads: one gives videos to the worker, one reads what it reports."""

    def __init__(self, settings: ServerSettings, videos: Videos) -> None:
        self._settings = settings
        self._videos = videos
        self._context = multiprocessing.get_context("spawn")
        self._lock = threading.Lock()
        self._idle = threading.Event()
        self._stopping = threading.Event()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._current: Video | None = None
        self._failed_loads = 0
        self._threads: list[threading.Thread] = []
        #: What the worker found at load; empty while it loads.
        self.probe: dict[str, Any] = {}
        #: Why no worker runs; empty while one runs or loads.
        self.problem = ""

    @property
    def worker_pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        for target in (self._run_worker, self._give):
            thread = threading.Thread(target=target, name=f"safelight-steer{target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stopping.set()
        with self._lock:
            process = self._process
            # Closing the connection does not reach a worker while a thread still reads from it.
            self._send({"do": "stop"})
        if process is not None:
            process.join(_STOP_S)
            if process.is_alive():
                process.kill()
                process.join()
        for thread in self._threads:
            thread.join(_STOP_S)

    def cancel(self, video_id: str) -> None:
        """Ends the generation of a video after its current step."""
        with self._lock:
            if self._current is not None and self._current.id == video_id:
                self._send({"do": "cancel", "id": video_id})

    def _send(self, message: dict[str, Any]) -> None:
        if self._connection is not None:
            try:
                self._connection.send_bytes(json.dumps(message).encode())
            except OSError:
                # The reading thread finds that the worker is gone, and ends the video.
                _log.warning("The worker did not receive %s.", message["do"])

    def _give(self) -> None:
        while not self._stopping.is_set():
            if not self._idle.wait(_TICK_S):
                continue
            video = self._videos.next_queued(timeout_s=_TICK_S)
            if video is None:
                continue
            with self._lock:
                # The worker may have died meanwhile: its successor gets the video.
                if not self._idle.is_set():
                    video.status = "queued"
                    continue
                self._idle.clear()
                self._current = video
                self._send(
                    {
                        "do": "make",
                        "id": video.id,
                        "request": video.request.as_json(),
                        "path": str(video.path),
                    }
                )
                if video.deleted:
                    self._send({"do": "cancel", "id": video.id})

    def _run_worker(self) -> None:
        while not self._stopping.is_set() and self._failed_loads < MAX_FAILED_LOADS:
            ours, theirs = self._context.Pipe()
            process = self._context.Process(
                target=worker.run, args=(theirs, json.dumps(self._settings.as_json())), daemon=True
            )
            process.start()
            theirs.close()
            with self._lock:
                self._connection, self._process = ours, process
            self._read(ours)
            self._after_death(process)
        if self._failed_loads >= MAX_FAILED_LOADS:
            self.problem = self.problem or "The worker ended several times while it loaded the model."
            while not self._stopping.is_set():
                video = self._videos.next_queued(timeout_s=_TICK_S)
                if video is not None:
                    self._videos.end(video.id, error=_DIED, record={})

    def _read(self, connection: Connection) -> None:
        """Until the worker is gone."""
        while True:
            try:
                message = json.loads(connection.recv_bytes())
            except (EOFError, OSError):
                return
            event = message["event"]
            if event == "loaded":
                self.probe = message["probe"]
                self.problem, self._failed_loads = "", 0
                self._idle.set()
            elif event == "not_loaded":
                self.problem = message["message"]
                _log.error("The model could not be loaded: %s", self.problem)
            elif event == "progress":
                self._videos.report(message["id"], message["done"], message["of"])
            else:
                self._videos.end(message["id"], error=message.get("error"), record=message["record"])
                with self._lock:
                    self._current = None
                self._idle.set()

    def _after_death(self, process: BaseProcess) -> None:
        process.join(_STOP_S)
        with self._lock:
            self._idle.clear()
            video, self._current = self._current, None
        if not self.probe or self.problem:
            self._failed_loads += 1
        self.probe = {}
        if video is not None:
            # A file that the worker may have written is not trusted: only its report completes a video.
            self._videos.end(video.id, error=_DIED, record={})
        if not self._stopping.is_set():
            _log.error("The worker ended with status %s; it is started again.", process.exitcode)
            time.sleep(min(_TICK_S * 2**self._failed_loads, 8.0))
