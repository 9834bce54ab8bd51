"""Where untrusted bytes are opened: a child process without network, privileges or much of anything else.

`Sandbox.run` has one process for one call. After `Sandbox.prepare` it is a fork of a process that has
everything loaded; before that, and where that cannot be, it is a cold child. `WarmPool` (pool.py) keeps a few
cold children ready where there are no forks.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from safelight import errors
from safelight.sandbox.confinement import AllowedPaths, ConfinementSpec, Isolation, Limits
from safelight.sandbox.entrypoints import NOOP, EntryPoint
from safelight.sandbox.fork_server import ForkFailed, ForkServer, ForkServerSupervisor
from safelight.sandbox.output_files import Outputs
from safelight.sandbox.process import ChildProcess, Handle, PipeFds, Progress, Signer
from safelight.sandbox.spawn import SpawnedChild
from safelight.sandbox.zygote import PreloadSpec

__all__ = ["ChildProcess", "Isolation", "Limits", "PreloadSpec", "Progress", "Sandbox", "Signer"]


class Sandbox:
    """Runs named functions in children. Safe to use from many threads at a time."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        folder: Path | None = None,
        hidden: Sequence[Path] = (),
        private: Sequence[Path] = (),
    ) -> None:
        """`folder`: where children have their private folders. `hidden`: files and folders that no child
        sees where the kernel allows, such as keys and the database. `private`: folders of which a call reads
        only what it names, even where they lie on the Python path."""
        self.limits = limits or Limits()
        self._folder = folder
        self._hidden = tuple(str(path.absolute()) for path in hidden)
        self._private = (*self._hidden, *(str(path.absolute()) for path in private))
        # The kernel ends a child when the *thread* that started it ends: so one thread starts them all.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")
        self._brood: ForkServerSupervisor | None = None

    def run(
        self,
        entry_point: EntryPoint,
        argument: Any = None,
        *,
        reads: Sequence[Path] = (),
        writes: Sequence[Path] = (),
        limits: Limits | None = None,
        progress: Progress | None = None,
        signer: Signer | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """What `entry_point` returns for `(argument, channel)` in a process of its own, as plain data.

        Where the kernel can hold it to that, the call reads only `reads` and what Python needs, and writes
        only `writes`: folders that exist, or files, which are made if they are not there. What it wrote has
        been looked at: there is no link among it. Raises `ChildTimedOut`, `ChildCrashed`, or the `BadInput`
        the function raised. Whatever `progress` or `signer` raises ends the child and passes through;
        `cancel` ends it with `ChildFailed`.
        """
        with Outputs(path.absolute() for path in writes) as outputs:
            child = self._begin(limits or self.limits, reads, writes)
            try:
                answer = child.call(entry_point, argument, progress=progress, signer=signer, cancel=cancel)
            finally:
                child.close()
            outputs.check()
        return answer

    def start_fork_server(self, preparation: PreloadSpec) -> threading.Thread | None:
        """Have a process with all this loaded, from which calls are forked; it is replaced when it dies.

        Works in the background; the thread ends when it is known whether there will be one: see `isolation`.
        """
        self._brood = self._brood or ForkServerSupervisor(partial(self._prepared, preparation))
        return self._brood.begin()

    @property
    def prepared(self) -> bool:
        """Calls are forked now, from a process that has everything loaded."""
        brood = self._brood
        return brood is not None and brood.current() is not None

    @property
    def fork_server_problem(self) -> str:
        """Why calls are not forked although that was wanted; empty where they are, or will be."""
        brood = self._brood
        return brood.problem if brood is not None else ""

    def spawn(self, limits: Limits | None = None) -> ChildProcess:
        """A cold child that takes many calls, and so is not kept to named files; the caller closes it."""
        return self._spawned(limits or self.limits, None)

    def isolation(self) -> Isolation:
        """How far a call is really shut in on this machine; starts one to see."""
        child = self._begin(self.limits, (), ())
        try:
            child.call(NOOP, None)
            if child.isolation is None:
                raise errors.SandboxCrashed("The sandboxed child did not say how it is shut in.")
            return msgspec.structs.replace(child.isolation, cold_because=self.fork_server_problem)
        finally:
            child.close()

    def stop_fork_server(self) -> None:
        """End the prepared process, with the calls that it forked; from now on children are cold."""
        brood, self._brood = self._brood, None
        if brood is not None:
            brood.close()

    def close(self) -> None:
        """Start no more children, and end the prepared process with the calls that it forked."""
        self.stop_fork_server()
        self._spawner.shutdown(wait=False)

    def _begin(self, limits: Limits, reads: Sequence[Path], writes: Sequence[Path]) -> ChildProcess:
        reach = AllowedPaths(
            reads=tuple(str(path.absolute()) for path in reads),
            writes=tuple(str(path.absolute()) for path in writes),
        )
        brood = self._brood
        prepared = brood.current() if brood is not None else None
        if prepared is not None:

            def fork(home: str, ends: PipeFds) -> Handle:
                own = msgspec.structs.replace(reach, writes=(*reach.writes, home))
                return prepared.fork(limits, own, home, ends)

            try:
                return ChildProcess(limits, folder=self._folder, start=fork)
            except ForkFailed:
                # It died, or the system is out of something: a cold child may still start.
                pass
        return self._spawned(limits, reach)

    def _spawned(self, limits: Limits, reach: AllowedPaths | None) -> ChildProcess:
        def start(home: str, ends: PipeFds) -> Handle:
            own = reach and msgspec.structs.replace(reach, writes=(*reach.writes, home))
            return SpawnedChild(self._orders(limits, own), home, ends)

        child = partial(ChildProcess, limits, folder=self._folder, start=start)
        return self._spawner.submit(child).result()

    def _prepared(self, preparation: PreloadSpec) -> ForkServer:
        if sys.platform != "linux" or not hasattr(os, "pidfd_open"):
            raise ForkFailed("This system cannot fork safely.")
        orders = msgspec.structs.replace(self._orders(None, None), forks=True)
        make = partial(ForkServer, orders, preparation, folder=self._folder)
        return self._spawner.submit(make).result()

    def _orders(self, limits: Limits | None, reach: AllowedPaths | None) -> ConfinementSpec:
        return ConfinementSpec(
            limits=limits,
            parent=os.getpid(),
            hidden=self._hidden,
            reach=reach,
            private=self._private,
        )
