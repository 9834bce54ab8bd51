"""The gateway's side of a prepared process: asked for one fork per call, and replaced when it dies."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from safelight.sandbox import spawn
from safelight.sandbox.confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from safelight.sandbox.process import PipeFds
from safelight.sandbox.zygote import CONTROL_BYTES, ForkRequest, KillRequest, PreloadSpec, ReadyMessage

#: Seconds for a fork, and for everything to be loaded.
_FORK_S, _LOAD_S = 15.0, 180.0


class ForkFailed(Exception):
    """No fork was made. Not in the error tree: the sandbox catches it and starts a new process."""


class ForkServer:
    """A process with everything loaded. `fork` is safe to call from many threads."""

    def __init__(self, orders: ConfinementSpec, preparation: PreloadSpec, *, folder: Path | None) -> None:
        self._home = tempfile.mkdtemp(prefix="safelight-prepared-", dir=folder)
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = spawn.start(
                "safelight.sandbox.zygote",
                [
                    str(theirs.fileno()),
                    msgspec.json.encode(orders).decode(),
                    msgspec.json.encode(preparation).decode(),
                ],
                home=self._home,
                output=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        except BaseException:
            self._control.close()
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            theirs.close()
        self.isolation: Isolation | None = None

    def wait(self) -> str:
        """Wait until it is ready. Returns why it cannot fork; empty where it can."""
        try:
            told = self._hear(_LOAD_S)
        except ForkFailed as error:
            return str(error)
        finally:
            # Forks have folders of their own, and a gateway that is killed could not remove this one.
            shutil.rmtree(self._home, ignore_errors=True)
        self.isolation = told.isolation
        return told.problem

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, limits: Limits, reach: AllowedPaths, home: str, ends: PipeFds) -> ForkedChild:
        """A fork for one call. Raises `ForkFailed`."""
        fate, theirs = os.pipe()
        try:
            birth = msgspec.json.encode(ForkRequest(home=home, limits=limits, allowed_paths=reach))
            with self._lock:
                self._control.settimeout(_FORK_S)
                socket.send_fds(self._control, [birth], [*ends, theirs])
                told = self._hear(_FORK_S)
            if told.problem:
                raise ForkFailed(told.problem)
        except (OSError, ForkFailed) as error:
            os.close(fate)
            raise ForkFailed(str(error)) from error
        finally:
            os.close(theirs)
        return ForkedChild(told.pid, fate, self)

    def end(self, pid: int) -> None:
        """End one of its forks."""
        with self._lock, contextlib.suppress(OSError):
            self._control.send(msgspec.json.encode(KillRequest(pid=pid)))

    def close(self) -> None:
        """End it, and all its forks with it."""
        spawn.end_group(self._process)
        with self._lock:
            self._control.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def kill(self) -> None:
        """End it at once; the kernel ends its forks. Whoever waits for one sees it end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _hear(self, seconds: float) -> ReadyMessage:
        self._control.settimeout(seconds)
        try:
            data = self._control.recv(CONTROL_BYTES)
        except TimeoutError as error:
            # An answer that comes late would be taken for the next one's.
            self.kill()
            raise ForkFailed(f"The prepared process did not answer within {seconds:g} s.") from error
        except OSError as error:
            raise ForkFailed(f"The prepared process is gone: {error}.") from error
        if not data:
            raise ForkFailed("The prepared process ended while it was loading.")
        return msgspec.json.decode(data, type=ReadyMessage)


class ForkedChild:
    """A `Handle` on a fork: the prepared process, its parent, tells how it ended."""

    def __init__(self, pid: int, fate: int, parent: ForkServer) -> None:
        self._pid = pid
        self._fate = fate
        self._parent = parent
        self._code: int | None = None
        self._open = True

    @property
    def pid(self) -> int:
        return self._pid

    def poll(self) -> int | None:
        return self.wait(0.0)

    def wait(self, seconds: float) -> int | None:
        if self._open and select.select([self._fate], [], [], seconds)[0]:
            told = os.read(self._fate, 32)
            # Nothing was told: the prepared process was killed, and the kernel killed its forks.
            self._code = int(told) if told else -signal.SIGKILL
            os.close(self._fate)
            self._open = False
        return self._code

    def end(self) -> None:
        if self.poll() is None:
            self._parent.end(self._pid)
            if self.wait(_FORK_S) is None:
                self._parent.kill()
                self.wait(_FORK_S)
        if self._open:
            os.close(self._fate)
            self._open = False


class ForkServerSupervisor:
    """Keeps one prepared process alive. Starts it in the background, and another where it died."""

    def __init__(self, start: Callable[[], ForkServer]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._prepared: ForkServer | None = None
        self._working: threading.Thread | None = None
        self._closed = False
        #: Why there is none: it cannot fork, and will not be tried again.
        self.problem = ""

    def start(self) -> threading.Thread | None:
        """Start one, unless there is one or there will be none; the thread ends when that is known."""
        with self._lock:
            alive = self._prepared is not None and self._prepared.alive
            if alive or self._closed or self.problem:
                return None
            if self._working is None or not self._working.is_alive():
                self._working = threading.Thread(target=self._prepare, daemon=True, name="prepare")
                self._working.start()
            return self._working

    def current(self) -> ForkServer | None:
        """The one that is ready now; None: there is none, and one is on its way where that is possible."""
        with self._lock:
            prepared = self._prepared
        if prepared is not None and prepared.alive:
            return prepared
        self.start()
        return None

    def close(self) -> None:
        """End it and its forks."""
        with self._lock:
            self._closed = True
            prepared, self._prepared = self._prepared, None
            working = self._working
        if prepared is not None:
            prepared.close()
        if working is not None:
            working.join()

    def _prepare(self) -> None:
        with self._lock:
            old, self._prepared = self._prepared, None
        if old is not None:
            old.close()
        try:
            made = self._start()
        except (ForkFailed, OSError, RuntimeError) as error:
            self.problem = str(error)
            return
        problem = made.wait()
        with self._lock:
            keep = not problem and not self._closed
            self.problem = problem
            if keep:
                self._prepared = made
        if not keep:
            made.close()
