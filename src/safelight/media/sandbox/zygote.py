"""Main program of the fork server: it is confined, loads the models, and forks one child per call.

Started as `python -m safelight.media.sandbox.zygote`. The fork server never opens untrusted bytes, so every
fork starts from the same clean state; a fork serves one call and exits. Linux only, and only while the fork
server has exactly one thread, because a fork of a process with several threads inherits locks that are never
released.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from safelight.media.sandbox import confinement, landlock
from safelight.media.sandbox.child_main import ChildChannel, release_memory, run_call
from safelight.media.sandbox.confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from safelight.media.sandbox.entrypoints import EntryPoint

#: Maximum size of a message on the control socket.
CONTROL_BYTES = 128 << 10


class PreloadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What the fork server loads before the first fork: modules, and entry points with one argument each.

    A module that is not installed is skipped. A call that needs that module fails with the import error.
    """

    modules: tuple[str, ...] = ()
    calls: tuple[tuple[EntryPoint, Any], ...] = ()


class ForkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request for one fork.

    The message also carries the ends of four pipes: inbox, outbox, log and exit code.
    """

    home: str
    limits: Limits
    allowed_paths: AllowedPaths


class KillRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Request to kill one fork and all processes that it started."""

    pid: int


class ReadyMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Reply of the fork server: that it is ready, that it has forked, or the reason why it cannot fork."""

    pid: int = 0
    isolation: Isolation | None = None
    problem: str = ""


class Zygote:
    """Forks a child on request and reports the exit codes of the forks.

    It has one thread. `serve` returns when the gateway has ended.
    """

    def __init__(self, control: socket.socket, isolation: Isolation, runtime_paths: list[str]) -> None:
        self._control = control
        self._isolation = isolation
        self._runtime_paths = runtime_paths
        self._pid = os.getpid()
        #: For each fork, by its pidfd: its process id, and the pipe for its exit code.
        self._forks: dict[int, tuple[int, int]] = {}
        self._poller = selectors.PollSelector()
        self._poller.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve requests until the gateway closes the control socket."""
        while True:
            ready = {key.fd for key, _ in self._poller.select()}
            for pidfd in ready & self._forks.keys():
                self._reap(pidfd)
            if self._control.fileno() in ready and not self._handle_request():
                return

    def _handle_request(self) -> bool:
        """Serve one request; False if the gateway has ended."""
        data, files, _flags, _address = socket.recv_fds(self._control, CONTROL_BYTES, 4)
        if not data:
            return False
        request = msgspec.json.decode(data)
        if "pid" in request:
            self._kill(int(request["pid"]))
        else:
            self._fork(msgspec.convert(request, ForkRequest), *files)
        return True

    def _fork(self, request: ForkRequest, inbox: int, outbox: int, log: int, exit_code: int) -> None:
        reply = ReadyMessage()
        try:
            pid = os.fork()
            if pid == 0:
                self._run_fork(request, inbox, outbox, log, exit_code)
            pidfd = os.pidfd_open(pid)
            self._forks[pidfd] = (pid, exit_code)
            self._poller.register(pidfd, selectors.EVENT_READ)
            reply = ReadyMessage(pid=pid)
        except OSError as error:
            os.close(exit_code)
            reply = ReadyMessage(problem=f"{type(error).__name__}: {error}")
        finally:
            for fd in (inbox, outbox, log):
                os.close(fd)
        self._control.send(msgspec.json.encode(reply))

    def _run_fork(self, request: ForkRequest, inbox: int, outbox: int, log: int, exit_code: int) -> NoReturn:
        """Runs in the fork: close the fork server's files, confine this process, serve one call, exit."""
        try:
            os.close(exit_code)
            self._control.close()
            for pidfd, (_pid, other_exit_code) in self._forks.items():
                os.close(pidfd)
                os.close(other_exit_code)
            confinement.confine_fork(self._pid)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            os.chdir(request.home)
            os.environ["HOME"] = os.environ["TMPDIR"] = request.home
            tempfile.tempdir = None
            files_limited = confinement.restrict_to(request.allowed_paths, self._runtime_paths)
            channel = ChildChannel(inbox, outbox, request.limits)
            channel.send_ready(
                msgspec.structs.replace(
                    self._isolation,
                    limits=confinement.set_limits(request.limits),
                    files_limited=files_limited,
                    forked=True,
                    notes=(
                        *self._isolation.notes,
                        *(() if files_limited else (confinement.FILES_NOT_RESTRICTED,)),
                    ),
                )
            )
            with contextlib.suppress(EOFError):
                call = channel.receive_call()
                channel.send(run_call(call, channel, request.limits))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)

    def _kill(self, pid: int) -> None:
        if any(pid == fork_pid for fork_pid, _exit_code in self._forks.values()):
            # The fork has not been waited for yet, so the system has not given its process id to another
            # process.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _reap(self, pidfd: int) -> None:
        """Wait for a fork that has ended, kill its session, and report its exit code."""
        pid, exit_code = self._forks.pop(pidfd)
        self._poller.unregister(pidfd)
        os.close(pidfd)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            os.write(exit_code, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(exit_code)
        self._kill_orphans()

    def _kill_orphans(self) -> None:
        """Kill processes that forks left behind.

        They become children of this process, which is a subreaper.
        """
        known = {pid for pid, _exit_code in self._forks.values()}
        with contextlib.suppress(OSError):
            children = Path(f"/proc/self/task/{self._pid}/children")
            while orphans := {int(pid) for pid in children.read_text(encoding="ascii").split()} - known:
                for pid in orphans:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def count_threads() -> int:
    """Number of threads of this process."""
    return len(list(Path("/proc/self/task").iterdir()))


def _load(preload: PreloadSpec) -> str:
    """Load modules and run entry points.

    Returns the reason if this process must not fork, otherwise an empty string.
    """
    for module in preload.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    inbox, outbox = os.pipe()
    channel = ChildChannel(inbox, outbox, Limits())
    try:
        for entry_point, argument in preload.calls:
            entry_point.load()(argument, channel)
    finally:
        os.close(inbox)
        os.close(outbox)
    count = count_threads()
    if count != 1:
        return f"The fork server has {count} threads after loading; forking is safe only with one thread."
    return ""


def main(arguments: list[str]) -> None:
    control = socket.socket(fileno=int(arguments[0]))
    spec = msgspec.json.decode(arguments[1].encode(), type=ConfinementSpec)
    preload = msgspec.json.decode(arguments[2].encode(), type=PreloadSpec)
    isolation = confinement.confine(spec)
    confinement.become_subreaper()
    faulthandler.enable()
    problem = (
        "" if isolation.parent_death else "The kernel does not kill forks when their parent process ends."
    )
    try:
        problem = problem or _load(preload)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:500]
    release_memory()
    # All forks share the memory that is in use now. The garbage collector must not write to it, because each
    # fork would then copy it.
    gc.freeze()
    control.send(msgspec.json.encode(ReadyMessage(isolation=isolation, problem=problem)))
    if not problem:
        Zygote(control, isolation, landlock.readable_paths(spec.private)).serve()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
