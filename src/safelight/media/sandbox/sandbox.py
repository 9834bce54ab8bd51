"""The sandbox: untrusted bytes are opened only in a child process without network and privileges.

`Sandbox.run` uses one process per call. After `Sandbox.start_fork_server`, this process is a fork of the fork
server, which has loaded the models. Before that, or if forking is impossible, it is a cold child: a newly
started Python. `WorkerPool` keeps a few started children ready, for systems that cannot fork.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from safelight.core import errors

from .confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from .entrypoints import NOOP, EntryPoint
from .fork_server import ForkFailed, ForkServer, ForkServerSupervisor
from .process import NO_HOOKS, CallHooks, ChildProcess, PipeFds, ProcessHandle
from .spawn import SpawnedChild
from .zygote import PreloadSpec


class OutputFiles:
    """Context manager: creates missing output files, and removes them if the call fails.

    A path may also be an existing folder; the child may then write to any place in it.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._created: list[Path] = []

    def check(self) -> None:
        """Raises `SandboxCrashed` if an output is a link or a special file.

        A link could point to any file.
        """
        for path in self._paths:
            outputs = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
            if not all(_is_plain(output) for output in outputs):
                raise errors.SandboxCrashed(
                    "The sandboxed child left a link or a special file instead of a regular file."
                )

    def __enter__(self) -> OutputFiles:
        for path in self._paths:
            if not path.is_dir() and not os.path.lexists(path):
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
                self._created.append(path)
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for path in self._created:
                with contextlib.suppress(OSError):
                    path.unlink()


def _is_plain(path: Path) -> bool:
    """Whether the path is a folder, or a regular file without other hard links."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)


class Sandbox:
    """Runs entry points in child processes. Thread-safe."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        folder: Path | None = None,
        hidden: Sequence[Path] = (),
        private: Sequence[Path] = (),
    ) -> None:
        """Create a sandbox; no child is started yet.

        `folder`: the home folders of the children are created in it. `hidden`: files and folders, such as
        keys and the database, that no child can see if the kernel supports hiding. `private`: folders that
        are not readable in general, even if they are on the Python path; a call may read only those paths in
        them that it names.
        """
        self.limits = limits or Limits()
        self._folder = folder
        self._hidden = tuple(str(path.absolute()) for path in hidden)
        self._private = (*self._hidden, *(str(path.absolute()) for path in private))
        # The kernel kills a child when the *thread* that started the child ends, so one long-lived thread
        # starts all children.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")
        self._supervisor: ForkServerSupervisor | None = None

    def run(
        self,
        entry_point: EntryPoint,
        argument: Any = None,
        *,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        limits: Limits | None = None,
        hooks: CallHooks = NO_HOOKS,
    ) -> Any:
        """Call `entry_point` with `(argument, channel)` in its own process; returns its result as data.

        If the kernel supports it, the call can read only `reads` and what Python needs, and write only
        `writes`. These are existing folders, or files, which are created if missing. After the call, the
        output is checked and contains no links. Raises `SandboxTimedOut`, `SandboxCrashed`, or the `BadInput`
        that the entry point raised. An exception in a hook ends the child and is raised here; `hooks.cancel`
        ends the child with `SandboxFailed`.
        """
        with OutputFiles(path.absolute() for path in writes) as outputs:
            child = self._start_child(limits or self.limits, reads, writes)
            try:
                result = child.call(entry_point, argument, hooks)
            finally:
                child.close()
            outputs.check()
        return result

    def start_fork_server(self, preload: PreloadSpec) -> threading.Thread | None:
        """Start a fork server that loads all of this and forks calls; it is restarted when it dies.

        Works in the background. The returned thread ends when the fork server is ready or has failed: see
        `isolation`.
        """
        self._supervisor = self._supervisor or ForkServerSupervisor(partial(self._start_fork_server, preload))
        return self._supervisor.start()

    @property
    def fork_server_ready(self) -> bool:
        """Whether a fork server is running, so that calls are forked."""
        supervisor = self._supervisor
        return supervisor is not None and supervisor.current() is not None

    @property
    def fork_server_problem(self) -> str:
        """Why calls are not forked although that was requested; empty if they are or will be forked."""
        supervisor = self._supervisor
        return supervisor.problem if supervisor is not None else ""

    def spawn(self, limits: Limits | None = None) -> ChildProcess:
        """Start a cold child for many calls.

        It is not restricted to the files of a call. The caller must close it.
        """
        return self._start_cold_child(limits or self.limits, None)

    def isolation(self) -> Isolation:
        """The protections that are in force for a call on this machine. Starts a child to find out."""
        child = self._start_child(self.limits, (), ())
        try:
            child.call(NOOP, None)
            if child.isolation is None:
                raise errors.SandboxCrashed("The sandboxed child did not report how it is confined.")
            return msgspec.structs.replace(child.isolation, fork_server_problem=self.fork_server_problem)
        finally:
            child.close()

    def stop_fork_server(self) -> None:
        """Kill the fork server and the calls that run in its forks; later calls start cold children."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.close()

    def close(self) -> None:
        """Start no more children, and kill the fork server and the calls that run in its forks."""
        self.stop_fork_server()
        self._spawner.shutdown(wait=False)

    def _start_child(self, limits: Limits, reads: Sequence[Path], writes: Sequence[Path]) -> ChildProcess:
        allowed_paths = AllowedPaths(
            reads=tuple(str(path.absolute()) for path in reads),
            writes=tuple(str(path.absolute()) for path in writes),
        )
        supervisor = self._supervisor
        fork_server = supervisor.current() if supervisor is not None else None
        if fork_server is not None:

            def fork(home: str, pipes: PipeFds) -> ProcessHandle:
                allowed = msgspec.structs.replace(allowed_paths, writes=(*allowed_paths.writes, home))
                return fork_server.fork(limits, allowed, home, pipes)

            try:
                return ChildProcess(limits, folder=self._folder, start=fork)
            except ForkFailed:
                # Either the fork server died or the system lacks a resource; starting a cold child may still
                # work.
                pass
        return self._start_cold_child(limits, allowed_paths)

    def _start_cold_child(self, limits: Limits, allowed_paths: AllowedPaths | None) -> ChildProcess:
        def start(home: str, pipes: PipeFds) -> ProcessHandle:
            allowed = allowed_paths and msgspec.structs.replace(
                allowed_paths, writes=(*allowed_paths.writes, home)
            )
            return SpawnedChild(self._confinement_spec(limits, allowed), home, pipes)

        child = partial(ChildProcess, limits, folder=self._folder, start=start)
        return self._spawner.submit(child).result()

    def _start_fork_server(self, preload: PreloadSpec) -> ForkServer:
        if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
            raise ForkFailed("This system cannot fork children safely.")
        spec = msgspec.structs.replace(self._confinement_spec(None, None), may_fork=True)
        start = partial(ForkServer, spec, preload, folder=self._folder)
        return self._spawner.submit(start).result()

    def _confinement_spec(self, limits: Limits | None, allowed_paths: AllowedPaths | None) -> ConfinementSpec:
        return ConfinementSpec(
            limits=limits,
            parent_pid=os.getpid(),
            hidden=self._hidden,
            allowed_paths=allowed_paths,
            private=self._private,
        )
