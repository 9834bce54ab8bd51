"""The gateway's side of a sandboxed child: its pipes, one call at a time, and its exit."""

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from safelight.core import errors
from safelight.media.sandbox import ipc
from safelight.media.sandbox.confinement import Isolation, Limits
from safelight.media.sandbox.entrypoints import EntryPoint

Progress: TypeAlias = Callable[[Any], None]
Signer: TypeAlias = Callable[[bytes], bytes]

#: Number of bytes of the child's output that are kept, for the note of an error.
_MAX_LOG_BYTES = 8000
_POLL_S = 0.2


class NotAccepted(errors.SandboxCrashed):
    """The child ended before it accepted the call, so the call did not cause the end."""


class PipeFds(NamedTuple):
    """File descriptors of the child's ends of its pipes."""

    inbox: int
    outbox: int
    log: int


class ProcessHandle(Protocol):
    """Handle of a running child process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Exit code of the process, negative if a signal killed it; None while it runs."""
        ...

    def wait(self, seconds: float) -> int | None:
        """Waits at most this number of seconds for the process to end, then returns the same as `poll`."""
        ...

    def kill(self) -> None:
        """Kill the process and all processes that it started."""
        ...


#: Starts a process with this home folder and these pipe ends.
ProcessStarter: TypeAlias = Callable[[str, PipeFds], ProcessHandle]


@dataclass(frozen=True, kw_only=True)
class CallHooks:
    """Callbacks of the gateway while a child works on a call."""

    #: Called with every progress message.
    progress: Progress | None = None
    #: Signs bytes for the child, so that the signing key stays in the gateway.
    signer: Signer | None = None
    #: When this event is set, the call ends with `SandboxFailed`.
    cancel: threading.Event | None = None


NO_HOOKS = CallHooks()


class ChildProcess:
    """A child process and its pipes. It runs one call at a time and cannot be used after a failed call."""

    def __init__(self, limits: Limits, *, folder: Path | None, start: ProcessStarter) -> None:
        self.limits = limits
        self.isolation: Isolation | None = None
        self._home = tempfile.mkdtemp(prefix="safelight-child-", dir=folder)
        child_inbox, self._inbox = os.pipe()
        self._outbox, child_outbox = os.pipe()
        self._log_fd, child_log = os.pipe()
        child_fds = PipeFds(child_inbox, child_outbox, child_log)
        try:
            self._process = start(self._home, child_fds)
        except BaseException:
            for fd in (self._inbox, self._outbox, self._log_fd):
                os.close(fd)
            shutil.rmtree(self._home, ignore_errors=True)
            raise
        finally:
            for fd in child_fds:
                os.close(fd)
        for fd in (self._inbox, self._outbox, self._log_fd):
            os.set_blocking(fd, False)
        self._reader = ipc.MessageReader(limit=limits.message_bytes)
        self._log = b""
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._closed and self._process.poll() is None

    def call(self, entry_point: EntryPoint, argument: Any, hooks: CallHooks = NO_HOOKS) -> Any:
        """Like `Sandbox.run`. Raises `NotAccepted` if the caller can retry the call with another child."""
        accepted = False
        deadline = time.monotonic() + self.limits.wall_s
        outgoing = bytearray(self._encode({"entry_point": entry_point, "argument": argument}))
        with selectors.DefaultSelector() as selector:
            selector.register(self._outbox, selectors.EVENT_READ)
            selector.register(self._log_fd, selectors.EVENT_READ)
            while True:
                _watch_writable(selector, self._inbox, wanted=bool(outgoing))
                left = deadline - time.monotonic()
                if left <= 0:
                    raise self._failure(
                        errors.SandboxTimedOut, f"The check did not finish within {self.limits.wall_s:g} s."
                    )
                if hooks.cancel is not None and hooks.cancel.is_set():
                    raise self._failure(errors.SandboxFailed, "The check was cancelled.")
                ready = {key.fd for key, _ in selector.select(min(left, _POLL_S))}
                if self._log_fd in ready and not self._read_log():
                    selector.unregister(self._log_fd)
                if self._inbox in ready:
                    with contextlib.suppress(BlockingIOError, BrokenPipeError):
                        del outgoing[: os.write(self._inbox, outgoing)]
                if self._outbox not in ready:
                    continue
                for message in self._read_messages(accepted=accepted):
                    match message.get("kind"):
                        case "accepted":
                            accepted = True
                        case "result":
                            return message.get("value")
                        case "ready":
                            self.isolation = msgspec.convert(message.get("isolation"), Isolation)
                        case "progress":
                            if hooks.progress is not None:
                                hooks.progress(message.get("value"))
                        case "sign":
                            outgoing += self._encode(_signature_reply(hooks.signer, message.get("data")))
                        case _:
                            raise self._reported_error(message)

    def _encode(self, message: Any) -> bytes:
        try:
            return ipc.encode(message, limit=self.limits.message_bytes)
        except ipc.MalformedMessage as error:
            raise errors.TooLarge(f"The content is too large for one call: {error}.") from error

    def _read_messages(self, *, accepted: bool) -> list[dict[str, Any]]:
        try:
            data = os.read(self._outbox, 1 << 20)
        except BlockingIOError:
            return []
        if not data:
            raise self._exit_error(errors.SandboxCrashed if accepted else NotAccepted)
        try:
            messages = self._reader.feed(data)
        except ipc.MalformedMessage as error:
            raise self._failure(
                errors.SandboxCrashed, f"The sandboxed child sent an invalid message: {error}."
            ) from error
        if not all(isinstance(message, dict) for message in messages):
            raise self._failure(errors.SandboxCrashed, "The sandboxed child sent an invalid message.")
        return messages

    def _read_log(self) -> bool:
        try:
            data = os.read(self._log_fd, 1 << 16)
        except BlockingIOError:
            return True
        self._log = (self._log + data)[-_MAX_LOG_BYTES:]
        return bool(data)

    def _exit_error(self, kind: type[errors.SandboxCrashed]) -> errors.SandboxFailed:
        code = self._process.wait(5.0)
        if code is None:
            return self._failure(kind, "The sandboxed child closed its pipe without a result.")
        if code == -signal.SIGXCPU:
            return self._failure(
                errors.SandboxTimedOut, f"The check used more than {self.limits.cpu_s} s of processor time."
            )
        if code < 0:
            name = signal.Signals(-code).name
            return self._failure(kind, f"The sandboxed child was killed by signal {name}.")
        return self._failure(kind, f"The sandboxed child ended with exit code {code}.")

    def _reported_error(self, message: dict[str, Any]) -> errors.SafelightError:
        """The error to raise for the error message that the child sent."""
        kind, sentence = message.get("kind"), str(message.get("message"))
        if kind == "memory":
            size = self.limits.memory_bytes >> 20
            return self._failure(
                errors.SandboxCrashed, f"The check needed more than its limit of {size} MiB of memory."
            )
        if kind == "refused":
            error_class = getattr(errors, str(message.get("error")), None)
            # The child is not trusted: of all error types, it may only report errors about its input.
            if isinstance(error_class, type) and issubclass(error_class, errors.BadInput):
                return error_class(sentence, param=message.get("param"), remedy=message.get("remedy"))
        return self._failure(errors.SandboxCrashed, f"The check failed in the sandboxed child: {sentence}.")

    def _failure(self, kind: type[errors.SandboxFailed], sentence: str) -> errors.SandboxFailed:
        while self._drain_log():
            pass
        error = kind(sentence)
        log = self._log.decode("utf-8", "replace").strip()
        if log:
            error.add_note(f"Last output of the child:\n{log}")
        return error

    def _drain_log(self) -> bool:
        """Read more output of the child; False if the output has ended or there is none now."""
        before = self._log
        return self._read_log() and self._log != before

    def close(self) -> None:
        """Kill the child and all processes that it started, and remove its home folder."""
        if self._closed:
            return
        self._closed = True
        self._process.kill()
        for fd in (self._inbox, self._outbox, self._log_fd):
            os.close(fd)
        shutil.rmtree(self._home, ignore_errors=True)


def _watch_writable(selector: selectors.BaseSelector, fd: int, *, wanted: bool) -> None:
    """Watch for room in the pipe only while there are bytes to write."""
    is_watched = fd in selector.get_map()
    if wanted and not is_watched:
        selector.register(fd, selectors.EVENT_WRITE)
    elif is_watched and not wanted:
        selector.unregister(fd)


def _signature_reply(signer: Signer | None, data: Any) -> dict[str, Any]:
    if signer is None or not isinstance(data, bytes):
        return {"kind": "refused", "message": "signing is not allowed in this call"}
    return {"kind": "signed", "data": signer(data)}
