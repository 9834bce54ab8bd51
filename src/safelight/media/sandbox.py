"""Where untrusted bytes are opened: a child process without network, privileges or much of anything else.

`Sandbox.run` starts one child for one call. `WarmPool` (pool.py) keeps a few ready for small, urgent calls.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from safelight import errors
from safelight.media import frames
from safelight.media.confinement import Isolation, Limits, Orders

__all__ = ["ChildProcess", "Isolation", "Limits", "Progress", "Sandbox", "Signer"]

Progress = Callable[[Any], None]
Signer = Callable[[bytes], bytes]

_TAIL = 8000
_TICK_S = 0.2


class Sandbox:
    """Runs named functions in children. Safe to use from many threads at a time."""

    def __init__(
        self, limits: Limits | None = None, *, folder: Path | None = None, hidden: Sequence[Path] = ()
    ) -> None:
        """`folder`: where children have their private folders. `hidden`: files and folders that no child
        sees where the kernel allows, such as keys and the database."""
        self.limits = limits or Limits()
        self._folder = folder
        self._hidden = tuple(str(path.absolute()) for path in hidden)
        # The kernel ends a child when the *thread* that started it ends: so one thread starts them all.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")

    def run(
        self,
        function: str,
        argument: Any = None,
        *,
        limits: Limits | None = None,
        progress: Progress | None = None,
        signer: Signer | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """What `module:function` answers to `(argument, link)` in a fresh child, as plain data.

        Raises `ChildTimedOut`, `ChildCrashed`, or the `BadInput` the function raised. Whatever `progress` or
        `signer` raises ends the child and passes through; `cancel` ends it with `ChildFailed`.
        """
        child = self.spawn(limits)
        try:
            return child.call(function, argument, progress=progress, signer=signer, cancel=cancel)
        finally:
            child.close()

    def spawn(self, limits: Limits | None = None) -> ChildProcess:
        """A child that waits for calls; the caller closes it."""
        start = partial(ChildProcess, limits or self.limits, folder=self._folder, hidden=self._hidden)
        return self._spawner.submit(start).result()

    def isolation(self) -> Isolation:
        """How far a child is really shut in on this machine; starts one to see."""
        child = self.spawn()
        try:
            child.call("safelight.media.child:nothing", None)
            if child.isolation is None:
                raise errors.ChildCrashed("The sandboxed child did not say how it is shut in.")
            return child.isolation
        finally:
            child.close()

    def close(self) -> None:
        """Start no more children. Those of calls under way end with the calls."""
        self._spawner.shutdown(wait=False)


class ChildProcess:
    """One child and the pipes to it. Takes one call at a time; not usable after a call failed."""

    def __init__(self, limits: Limits, *, folder: Path | None, hidden: tuple[str, ...]) -> None:
        self.limits = limits
        orders = Orders(limits=limits, parent=os.getpid(), hidden=hidden)
        self.isolation: Isolation | None = None
        self._home = tempfile.mkdtemp(prefix="safelight-child-", dir=folder)
        theirs_in, self._inbox = os.pipe()
        self._outbox, theirs_out = os.pipe()
        theirs_life, self._lifeline = os.pipe()
        self._tail_fd, theirs_tail = os.pipe()
        theirs = (theirs_in, theirs_out, theirs_life, theirs_tail)
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "safelight.media.child"),
                    *(str(number) for number in (theirs_in, theirs_out, theirs_life)),
                    msgspec.json.encode(orders).decode(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=theirs_tail,
                stderr=theirs_tail,
                cwd=self._home,
                env=_environment(self._home),
                pass_fds=theirs[:3],
                start_new_session=True,
            )
        except BaseException:
            for fd in (self._inbox, self._outbox, self._lifeline, self._tail_fd):
                os.close(fd)
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        for fd in (self._inbox, self._outbox, self._tail_fd):
            os.set_blocking(fd, False)
        self._assembler = frames.Assembler(limit=limits.message_bytes)
        self._tail = b""
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._closed and self._process.poll() is None

    def call(
        self,
        function: str,
        argument: Any,
        *,
        progress: Progress | None = None,
        signer: Signer | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """See `Sandbox.run`."""
        deadline = time.monotonic() + self.limits.wall_s
        outgoing = bytearray(self._encoded({"function": function, "argument": argument}))
        with selectors.DefaultSelector() as selector:
            selector.register(self._outbox, selectors.EVENT_READ)
            selector.register(self._tail_fd, selectors.EVENT_READ)
            while True:
                _watch_for_room(selector, self._inbox, wanted=bool(outgoing))
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._failure(
                        errors.ChildTimedOut, f"The check did not finish within {self.limits.wall_s:g} s."
                    )
                if cancel is not None and cancel.is_set():
                    raise self._failure(errors.ChildFailed, "The check was cancelled.")
                ready = {key.fd for key, _ in selector.select(min(left, _TICK_S))}
                if self._tail_fd in ready and not self._read_tail():
                    selector.unregister(self._tail_fd)
                if self._inbox in ready:
                    with contextlib.suppress(BlockingIOError, BrokenPipeError):
                        del outgoing[: os.write(self._inbox, outgoing)]
                if self._outbox not in ready:
                    continue
                for message in self._read_messages():
                    match message.get("kind"):
                        case "result":
                            return message.get("value")
                        case "ready":
                            self.isolation = msgspec.convert(message.get("isolation"), Isolation)
                        case "progress":
                            if progress is not None:
                                progress(message.get("value"))
                        case "sign":
                            outgoing += self._encoded(_signed(signer, message.get("data")))
                        case _:
                            raise self._told(message)

    def _encoded(self, message: Any) -> bytes:
        try:
            return frames.encode(message, limit=self.limits.message_bytes)
        except frames.BrokenFrame as error:
            raise errors.TooLarge(f"What was to be checked is too much for one call: {error}.") from error

    def _read_messages(self) -> list[dict[str, Any]]:
        try:
            data = os.read(self._outbox, 1 << 20)
        except BlockingIOError:
            return []
        if not data:
            raise self._died()
        try:
            messages = self._assembler.feed(data)
        except frames.BrokenFrame as error:
            raise self._failure(
                errors.ChildCrashed, f"The sandboxed child sent nonsense: {error}."
            ) from error
        if not all(isinstance(message, dict) for message in messages):
            raise self._failure(errors.ChildCrashed, "The sandboxed child sent nonsense.")
        return messages

    def _read_tail(self) -> bool:
        try:
            data = os.read(self._tail_fd, 1 << 16)
        except BlockingIOError:
            return True
        self._tail = (self._tail + data)[-_TAIL:]
        return bool(data)

    def _died(self) -> errors.ChildFailed:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return self._failure(
                errors.ChildCrashed, "The sandboxed child closed its pipe without an answer."
            )
        if code == -signal.SIGXCPU:
            return self._failure(
                errors.ChildTimedOut, f"The check used more than {self.limits.cpu_s} s of processor time."
            )
        if code < 0:
            return self._failure(
                errors.ChildCrashed,
                f"The sandboxed child was ended by the signal {signal.Signals(-code).name}.",
            )
        return self._failure(errors.ChildCrashed, f"The sandboxed child ended with exit code {code}.")

    def _told(self, message: dict[str, Any]) -> errors.SafelightError:
        """The error the child reports of itself."""
        kind, text = message.get("kind"), str(message.get("message"))
        if kind == "memory":
            size = self.limits.memory_bytes >> 20
            return self._failure(errors.ChildCrashed, f"The check needed more than its {size} MiB of memory.")
        if kind == "refused":
            named = getattr(errors, str(message.get("error")), None)
            # Only what says something about the bytes: a child has no say on anything else.
            if isinstance(named, type) and issubclass(named, errors.BadInput):
                return named(text, param=message.get("param"), remedy=message.get("remedy"))
        return self._failure(errors.ChildCrashed, f"The check failed in the sandboxed child: {text}.")

    def _failure(self, kind: type[errors.ChildFailed], sentence: str) -> errors.ChildFailed:
        while self._read_tail_now():
            pass
        error = kind(sentence)
        tail = self._tail.decode("utf-8", "replace").strip()
        if tail:
            error.add_note(f"The child's last words:\n{tail}")
        return error

    def _read_tail_now(self) -> bool:
        before = self._tail
        return self._read_tail() and self._tail != before

    def close(self) -> None:
        """End the child and everything it left, at once."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for fd in (self._inbox, self._outbox, self._lifeline, self._tail_fd):
            os.close(fd)
        shutil.rmtree(self._home, ignore_errors=True)


def _watch_for_room(selector: selectors.BaseSelector, fd: int, *, wanted: bool) -> None:
    watched = fd in selector.get_map()
    if wanted and not watched:
        selector.register(fd, selectors.EVENT_WRITE)
    elif watched and not wanted:
        selector.unregister(fd)


def _signed(signer: Signer | None, data: Any) -> dict[str, Any]:
    if signer is None or not isinstance(data, bytes):
        return {"kind": "refused", "message": "nothing is signed in this call"}
    return {"kind": "signed", "data": signer(data)}


def _environment(home: str) -> dict[str, str]:
    """Nothing of ours: no secrets, no proxies, one thread per numeric library."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
