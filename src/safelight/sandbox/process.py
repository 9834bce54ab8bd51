"""One child as the gateway sees it: the pipes to it, one call at a time, and what its end means."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from safelight import errors
from safelight.sandbox import ipc
from safelight.sandbox.confinement import Isolation, Limits
from safelight.sandbox.entrypoints import EntryPoint

Progress: TypeAlias = Callable[[Any], None]
Signer: TypeAlias = Callable[[bytes], bytes]

_TAIL = 8000
_TICK_S = 0.2


class NotAccepted(errors.SandboxCrashed):
    """The child had ended before it took the call: nothing that was asked for can have ended it."""


class PipeFds(NamedTuple):
    """The child's ends of its pipes."""

    inbox: int
    outbox: int
    tail: int


class Handle(Protocol):
    """A process that runs, however it was started."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        ...

    def wait(self, seconds: float) -> int | None:
        """The same, after waiting for it."""
        ...

    def end(self) -> None:
        """End it and everything it left, at once."""
        ...


#: Starts a process with this private folder and these ends of the pipes.
Start: TypeAlias = Callable[[str, PipeFds], Handle]


class ChildProcess:
    """One child and the pipes to it. Takes one call at a time; not usable after a call failed."""

    def __init__(self, limits: Limits, *, folder: Path | None, start: Start) -> None:
        self.limits = limits
        self.isolation: Isolation | None = None
        self._home = tempfile.mkdtemp(prefix="safelight-child-", dir=folder)
        theirs_in, self._inbox = os.pipe()
        self._outbox, theirs_out = os.pipe()
        self._tail_fd, theirs_tail = os.pipe()
        theirs = PipeFds(theirs_in, theirs_out, theirs_tail)
        try:
            self._process = start(self._home, theirs)
        except BaseException:
            for fd in (self._inbox, self._outbox, self._tail_fd):
                os.close(fd)
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            for fd in theirs:
                os.close(fd)
        for fd in (self._inbox, self._outbox, self._tail_fd):
            os.set_blocking(fd, False)
        self._assembler = ipc.MessageReader(limit=limits.message_bytes)
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
        entry_point: EntryPoint,
        argument: Any,
        *,
        progress: Progress | None = None,
        signer: Signer | None = None,
        cancel: threading.Event | None = None,
    ) -> Any:
        """See `Sandbox.run`. Raises `NotTaken` where the same call to another child is worth a try."""
        taken = False
        deadline = time.monotonic() + self.limits.wall_s
        outgoing = bytearray(self._encoded({"entry_point": entry_point, "argument": argument}))
        with selectors.DefaultSelector() as selector:
            selector.register(self._outbox, selectors.EVENT_READ)
            selector.register(self._tail_fd, selectors.EVENT_READ)
            while True:
                _watch_for_room(selector, self._inbox, wanted=bool(outgoing))
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._failure(
                        errors.SandboxTimedOut, f"The check did not finish within {self.limits.wall_s:g} s."
                    )
                if cancel is not None and cancel.is_set():
                    raise self._failure(errors.SandboxFailed, "The check was cancelled.")
                ready = {key.fd for key, _ in selector.select(min(left, _TICK_S))}
                if self._tail_fd in ready and not self._read_tail():
                    selector.unregister(self._tail_fd)
                if self._inbox in ready:
                    with contextlib.suppress(BlockingIOError, BrokenPipeError):
                        del outgoing[: os.write(self._inbox, outgoing)]
                if self._outbox not in ready:
                    continue
                for message in self._read_messages(taken=taken):
                    match message.get("kind"):
                        case "taken":
                            taken = True
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
            return ipc.encode(message, limit=self.limits.message_bytes)
        except ipc.MalformedMessage as error:
            raise errors.TooLarge(f"What was to be checked is too much for one call: {error}.") from error

    def _read_messages(self, *, taken: bool) -> list[dict[str, Any]]:
        try:
            data = os.read(self._outbox, 1 << 20)
        except BlockingIOError:
            return []
        if not data:
            raise self._died(errors.SandboxCrashed if taken else NotAccepted)
        try:
            messages = self._assembler.feed(data)
        except ipc.MalformedMessage as error:
            raise self._failure(
                errors.SandboxCrashed, f"The sandboxed child sent nonsense: {error}."
            ) from error
        if not all(isinstance(message, dict) for message in messages):
            raise self._failure(errors.SandboxCrashed, "The sandboxed child sent nonsense.")
        return messages

    def _read_tail(self) -> bool:
        try:
            data = os.read(self._tail_fd, 1 << 16)
        except BlockingIOError:
            return True
        self._tail = (self._tail + data)[-_TAIL:]
        return bool(data)

    def _died(self, kind: type[errors.SandboxCrashed]) -> errors.SandboxFailed:
        code = self._process.wait(5.0)
        if code is None:
            return self._failure(kind, "The sandboxed child closed its pipe without an answer.")
        if code == -signal.SIGXCPU:
            return self._failure(
                errors.SandboxTimedOut, f"The check used more than {self.limits.cpu_s} s of processor time."
            )
        if code < 0:
            name = signal.Signals(-code).name
            return self._failure(kind, f"The sandboxed child was ended by the signal {name}.")
        return self._failure(kind, f"The sandboxed child ended with exit code {code}.")

    def _told(self, message: dict[str, Any]) -> errors.SafelightError:
        """The error the child reports of itself."""
        kind, text = message.get("kind"), str(message.get("message"))
        if kind == "memory":
            size = self.limits.memory_bytes >> 20
            return self._failure(
                errors.SandboxCrashed, f"The check needed more than its {size} MiB of memory."
            )
        if kind == "refused":
            named = getattr(errors, str(message.get("error")), None)
            # Only what says something about the bytes: a child has no say on anything else.
            if isinstance(named, type) and issubclass(named, errors.BadInput):
                return named(text, param=message.get("param"), remedy=message.get("remedy"))
        return self._failure(errors.SandboxCrashed, f"The check failed in the sandboxed child: {text}.")

    def _failure(self, kind: type[errors.SandboxFailed], sentence: str) -> errors.SandboxFailed:
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
        self._process.end()
        for fd in (self._inbox, self._outbox, self._tail_fd):
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
