"""The inside of a prepared process: shut in, everything loaded, and from then on one fork for every call.

Started as `python -m safelight.sandbox.zygote`. It opens no byte that came from outside, so that every fork
starts from the same clean state; a fork serves one call and ends. Linux only, and only while it has exactly
one thread: a fork of several would inherit locks that nobody unlocks.
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

from safelight.sandbox import confinement, landlock
from safelight.sandbox.child_main import ChildChannel, answer, give_memory_back
from safelight.sandbox.confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from safelight.sandbox.entrypoints import EntryPoint

#: The largest message over the control socket.
CONTROL_BYTES = 128 << 10


class PreloadSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What is loaded before the first fork: modules, and entry points with an argument each.

    A module that is not installed is left out: the call that needs it will say so.
    """

    modules: tuple[str, ...] = ()
    calls: tuple[tuple[EntryPoint, Any], ...] = ()


class ForkRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The order for one fork. With it come the ends of four pipes: inbox, outbox, tail and fate."""

    home: str
    limits: Limits
    reach: AllowedPaths


class KillRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The order to end one fork, and everything it started."""

    pid: int


class ReadyMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What the prepared process says: it is ready, it has forked, or why it cannot."""

    pid: int = 0
    isolation: Isolation | None = None
    problem: str = ""


class Zygote:
    """Waits for orders, forks, and reports how forks ended. One thread; returns when the gateway is gone."""

    def __init__(self, control: socket.socket, isolation: Isolation, installation: list[str]) -> None:
        self._control = control
        self._isolation = isolation
        self._installation = installation
        self._pid = os.getpid()
        #: By the file that becomes readable when it ends: process id, and where to report its fate.
        self._forks: dict[int, tuple[int, int]] = {}
        self._poller = selectors.PollSelector()
        self._poller.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        while True:
            ready = {key.fd for key, _ in self._poller.select()}
            for watched in ready & self._forks.keys():
                self._bury(watched)
            if self._control.fileno() in ready and not self._obey():
                return

    def _obey(self) -> bool:
        data, files, _flags, _address = socket.recv_fds(self._control, CONTROL_BYTES, 4)
        if not data:
            return False
        order = msgspec.json.decode(data)
        if "pid" in order:
            self._end(int(order["pid"]))
        else:
            self._bear(msgspec.convert(order, ForkRequest), *files)
        return True

    def _bear(self, birth: ForkRequest, inbox: int, outbox: int, tail: int, fate: int) -> None:
        told = ReadyMessage()
        try:
            pid = os.fork()
            if pid == 0:
                self._live(birth, inbox, outbox, tail, fate)
            watched = os.pidfd_open(pid)
            self._forks[watched] = (pid, fate)
            self._poller.register(watched, selectors.EVENT_READ)
            told = ReadyMessage(pid=pid)
        except OSError as error:
            os.close(fate)
            told = ReadyMessage(problem=f"{type(error).__name__}: {error}")
        finally:
            for file in (inbox, outbox, tail):
                os.close(file)
        self._control.send(msgspec.json.encode(told))

    def _live(self, birth: ForkRequest, inbox: int, outbox: int, tail: int, fate: int) -> NoReturn:
        """In the fork: give up what the prepared process still has, serve the one call, and end."""
        try:
            os.close(fate)
            self._control.close()
            for watched, (_pid, other) in self._forks.items():
                os.close(watched)
                os.close(other)
            confinement.be_forked(self._pid)
            os.dup2(tail, 1)
            os.dup2(tail, 2)
            os.close(tail)
            os.chdir(birth.home)
            os.environ["HOME"] = os.environ["TMPDIR"] = birth.home
            tempfile.tempdir = None
            limited = confinement.restrict_to(birth.reach, self._installation)
            link = ChildChannel(inbox, outbox, birth.limits)
            link.introduce(
                msgspec.structs.replace(
                    self._isolation,
                    limits=confinement.limit(birth.limits),
                    files_limited=limited,
                    prepared=True,
                    notes=(*self._isolation.notes, *(() if limited else (confinement.UNLIMITED_FILES,))),
                )
            )
            with contextlib.suppress(EOFError):
                call = link.take()
                link.send(answer(call, link, birth.limits))
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)

    def _end(self, pid: int) -> None:
        if any(pid == known for known, _fate in self._forks.values()):
            # Not reaped yet, so the number is still its own.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _bury(self, watched: int) -> None:
        pid, fate = self._forks.pop(watched)
        self._poller.unregister(watched)
        os.close(watched)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _pid, status = os.waitpid(pid, 0)
        with contextlib.suppress(OSError):
            os.write(fate, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(fate)
        self._sweep()

    def _sweep(self) -> None:
        """End what a fork started and left behind; the kernel makes it a child of this process."""
        known = {pid for pid, _fate in self._forks.values()}
        with contextlib.suppress(OSError):
            children = Path(f"/proc/self/task/{self._pid}/children")
            while strays := {int(pid) for pid in children.read_text(encoding="ascii").split()} - known:
                for pid in strays:
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)


def threads() -> int:
    """How many threads this process has."""
    return len(list(Path("/proc/self/task").iterdir()))


def _prepare(preparation: PreloadSpec) -> str:
    """Load everything. Returns why this process must not fork; empty where it may."""
    for module in preparation.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    inbox, outbox = os.pipe()
    link = ChildChannel(inbox, outbox, Limits())
    try:
        for entry_point, argument in preparation.calls:
            entry_point.load()(argument, link)
    finally:
        os.close(inbox)
        os.close(outbox)
    counted = threads()
    if counted != 1:
        return f"After loading there are {counted} threads, and forking is safe with one only."
    return ""


def main(arguments: list[str]) -> None:
    control = socket.socket(fileno=int(arguments[0]))
    orders = msgspec.json.decode(arguments[1].encode(), type=ConfinementSpec)
    preparation = msgspec.json.decode(arguments[2].encode(), type=PreloadSpec)
    isolation = confinement.confine(orders)
    confinement.adopt_orphans()
    faulthandler.enable()
    problem = "" if isolation.parent_death else "The kernel does not end forks with their parent."
    try:
        problem = problem or _prepare(preparation)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"[:500]
    give_memory_back()
    # What is there now is shared by all forks: the collector must not touch, and so copy, it.
    gc.freeze()
    control.send(msgspec.json.encode(ReadyMessage(isolation=isolation, problem=problem)))
    if not problem:
        Zygote(control, isolation, landlock.installation(orders.private)).serve()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
