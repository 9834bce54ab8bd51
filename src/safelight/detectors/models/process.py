"""Model process: loads the weights once, answers requests over a pipe, and is killed if it hangs."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from typing import Any

import msgspec

from safelight.core.errors import SafelightError
from safelight.media.sandbox.entrypoints import EntryPoint

MAX_MESSAGE_BYTES = 64 << 20
_WORKER = "safelight.detectors.models.worker"
#: Environment variables that a model process inherits. API keys and proxy settings are not among them.
_INHERITED_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
)


class ModelFailed(SafelightError):
    """The model process gave no valid answer, so coverage shows the model's categories as not checked."""

    code = "model_failed"


class ModelProcess:
    """A model process, started on the first call. Thread-safe; the process answers one call at a time.

    The process calls `factory` with `options`. The result is the function that answers requests. If a call
    takes too long, the process is killed, and the next call starts a new one.
    """

    def __init__(self, factory: EntryPoint, options: dict[str, Any], *, load_s: float = 180.0) -> None:
        self._load_request = {"factory": factory, "options": options}
        self._load_s = load_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def call(self, request: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """Send a request to the process and return its answer. Raises `ModelFailed` with the reason."""
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self._start()
            return self._exchange(request, timeout_s)

    def close(self) -> None:
        """End the process if it is running."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._child = subprocess.Popen(
            [sys.executable, "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._exchange(self._load_request, self._load_s)

    def _exchange(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        try:
            data = msgspec.msgpack.encode(request)
            child.stdin.write(len(data).to_bytes(4, "big") + data)
            child.stdin.flush()
            answer = msgspec.msgpack.decode(self._read_answer(child, time.monotonic() + timeout_s))
            if not isinstance(answer, dict):
                raise ValueError("no mapping")
        except (OSError, EOFError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            self._end()
            raise ModelFailed(_describe_error(error, timeout_s)) from error
        if "error" in answer:
            if request is self._load_request:
                self._end()
            raise ModelFailed(str(answer["error"])[:300])
        return answer

    def _read_answer(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        size = int.from_bytes(self._read_bytes(child, 4, deadline), "big")
        if size > MAX_MESSAGE_BYTES:
            raise ValueError("an answer that is too long")
        return self._read_bytes(child, size, deadline)

    def _read_bytes(self, child: subprocess.Popen[bytes], size: int, deadline: float) -> bytes:
        assert child.stdout is not None
        number, found = child.stdout.fileno(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(number, selectors.EVENT_READ)
            while len(found) < size:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TimeoutError
                chunk = os.read(number, min(size - len(found), 1 << 20))
                if not chunk:
                    raise EOFError
                found += chunk
        return bytes(found)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    pass
        child.wait()


def _describe_error(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"The model did not answer within {timeout_s:g} s."
    if isinstance(error, EOFError | BrokenPipeError):
        return "The model's process ended."
    return f"The model's answer cannot be read: {error}"
