"""The gateway's side of the fork server, which forks one child per call and is restarted when it dies."""

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

from safelight.media.sandbox import spawn
from safelight.media.sandbox.confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from safelight.media.sandbox.process import PipeFds
from safelight.media.sandbox.zygote import CONTROL_BYTES, ForkRequest, KillRequest, PreloadSpec, ReadyMessage

#: Time limits in seconds: for one fork, and for loading all models.
_FORK_TIMEOUT_S, _LOAD_TIMEOUT_S = 15.0, 180.0


class ForkFailed(Exception):
    """The fork server could not fork.

    Not in the error tree: the sandbox catches it and starts a cold child.
    """


class ForkServer:
    """A process that has loaded the models and forks one child per call. `fork` is thread-safe."""

    def __init__(self, spec: ConfinementSpec, preload: PreloadSpec, *, folder: Path | None) -> None:
        self._home = tempfile.mkdtemp(prefix="safelight-fork-server-", dir=folder)
        self._lock = threading.Lock()
        self._control, child_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = spawn.start_python(
                "safelight.media.sandbox.zygote",
                [
                    str(child_control.fileno()),
                    msgspec.json.encode(spec).decode(),
                    msgspec.json.encode(preload).decode(),
                ],
                home=self._home,
                output=subprocess.DEVNULL,
                pass_fds=(child_control.fileno(),),
            )
        except BaseException:
            self._control.close()
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            child_control.close()
        self.isolation: Isolation | None = None

    def wait(self) -> str:
        """Wait until the fork server is ready.

        Returns the reason if it cannot fork, otherwise an empty string.
        """
        try:
            reply = self._receive(_LOAD_TIMEOUT_S)
        except ForkFailed as error:
            return str(error)
        finally:
            # Each fork has its own home folder. The folder of the fork server is removed now, because a
            # killed gateway could not remove it later.
            shutil.rmtree(self._home, ignore_errors=True)
        self.isolation = reply.isolation
        return reply.problem

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, limits: Limits, allowed_paths: AllowedPaths, home: str, pipes: PipeFds) -> ForkedChild:
        """Fork a child for one call. Raises `ForkFailed`."""
        exit_code, child_exit_code = os.pipe()
        try:
            request = msgspec.json.encode(ForkRequest(home=home, limits=limits, allowed_paths=allowed_paths))
            with self._lock:
                self._control.settimeout(_FORK_TIMEOUT_S)
                socket.send_fds(self._control, [request], [*pipes, child_exit_code])
                reply = self._receive(_FORK_TIMEOUT_S)
            if reply.problem:
                raise ForkFailed(reply.problem)
        except (OSError, ForkFailed) as error:
            os.close(exit_code)
            raise ForkFailed(str(error)) from error
        finally:
            os.close(child_exit_code)
        return ForkedChild(reply.pid, exit_code, self)

    def kill_fork(self, pid: int) -> None:
        """Kill one fork of this server."""
        with self._lock, contextlib.suppress(OSError):
            self._control.send(msgspec.json.encode(KillRequest(pid=pid)))

    def close(self) -> None:
        """Kill the fork server and all its forks, and remove its resources."""
        spawn.kill_session(self._process)
        with self._lock:
            self._control.close()
        shutil.rmtree(self._home, ignore_errors=True)

    def kill(self) -> None:
        """Kill the fork server at once. The kernel then kills its forks.

        A caller that waits for a fork gets the exit code of a killed process.
        """
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def _receive(self, seconds: float) -> ReadyMessage:
        self._control.settimeout(seconds)
        try:
            data = self._control.recv(CONTROL_BYTES)
        except TimeoutError as error:
            # Otherwise a late reply would be read as the reply to the next request.
            self.kill()
            raise ForkFailed(f"The fork server did not answer within {seconds:g} s.") from error
        except OSError as error:
            raise ForkFailed(f"The connection to the fork server was lost: {error}.") from error
        if not data:
            raise ForkFailed("The fork server ended while it was loading.")
        return msgspec.json.decode(data, type=ReadyMessage)


class ForkedChild:
    """`ProcessHandle` of a fork. The fork server is its parent and reports its exit code."""

    def __init__(self, pid: int, exit_code: int, parent: ForkServer) -> None:
        self._pid = pid
        self._exit_code_fd = exit_code
        self._parent = parent
        self._exit_code: int | None = None
        self._is_open = True

    @property
    def pid(self) -> int:
        return self._pid

    def poll(self) -> int | None:
        return self.wait(0.0)

    def wait(self, seconds: float) -> int | None:
        if self._is_open and select.select([self._exit_code_fd], [], [], seconds)[0]:
            data = os.read(self._exit_code_fd, 32)
            # No exit code was sent: the fork server was killed, and the kernel killed its forks.
            self._exit_code = int(data) if data else -signal.SIGKILL
            os.close(self._exit_code_fd)
            self._is_open = False
        return self._exit_code

    def kill(self) -> None:
        if self.poll() is None:
            self._parent.kill_fork(self._pid)
            if self.wait(_FORK_TIMEOUT_S) is None:
                self._parent.kill()
                self.wait(_FORK_TIMEOUT_S)
        if self._is_open:
            os.close(self._exit_code_fd)
            self._is_open = False


class ForkServerSupervisor:
    """Keeps one fork server running: starts it in the background, and restarts it when it dies."""

    def __init__(self, start: Callable[[], ForkServer]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._server: ForkServer | None = None
        self._starter: threading.Thread | None = None
        self._closed = False
        #: Why the last start failed; empty if it did not. If set, forking is impossible here and is not tried
        #: again.
        self.problem = ""

    def start(self) -> threading.Thread | None:
        """Start a fork server, unless one is running or forking is impossible.

        The returned thread ends when the server is ready or has failed.
        """
        with self._lock:
            alive = self._server is not None and self._server.alive
            if alive or self._closed or self.problem:
                return None
            if self._starter is None or not self._starter.is_alive():
                self._starter = threading.Thread(target=self._replace, daemon=True, name="fork-server")
                self._starter.start()
            return self._starter

    def current(self) -> ForkServer | None:
        """The running fork server. If there is none, returns None and starts one if possible."""
        with self._lock:
            server = self._server
        if server is not None and server.alive:
            return server
        self.start()
        return None

    def close(self) -> None:
        """Kill the fork server and its forks."""
        with self._lock:
            self._closed = True
            server, self._server = self._server, None
            starter = self._starter
        if server is not None:
            server.close()
        if starter is not None:
            starter.join()

    def _replace(self) -> None:
        with self._lock:
            previous, self._server = self._server, None
        if previous is not None:
            previous.close()
        try:
            server = self._start()
        except (ForkFailed, OSError, RuntimeError) as error:
            self.problem = str(error)
            return
        problem = server.wait()
        with self._lock:
            keep = not problem and not self._closed
            self.problem = problem
            if keep:
                self._server = server
        if not keep:
            server.close()
