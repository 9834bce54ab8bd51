"""A process that holds a model: weights loaded once, asked over a pipe, ended when it hangs."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import threading
import time
from typing import Any

import msgspec

from safelight.errors import SafelightError
from safelight.sandbox.entrypoints import EntryPoint

MAX_MESSAGE = 64 << 20
_WORKER = "safelight.detectors.models.worker"
#: What a model process is given of our own environment: no keys, no proxies.
_KEPT = (
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
    """The model gave no answer, so that its categories stay unchecked."""

    code = "model_failed"


class ModelProcess:
    """One process, started when it is first asked. Safe to call from several threads, one at a time.

    The process calls `factory` with `options`; it returns the function that answers requests.
    A call that takes too long ends the process; the next call starts another.
    """

    def __init__(self, factory: EntryPoint, options: dict[str, Any], *, load_s: float = 180.0) -> None:
        self._opening = {"factory": factory, "options": options}
        self._load_s = load_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def call(self, request: dict[str, Any], *, timeout_s: float) -> dict[str, Any]:
        """The answer to a request. Raises `ModelFailed` with the reason."""
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self._start()
            return self._asked(request, timeout_s)

    def close(self) -> None:
        """End the process, where there is one."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # Nothing is fetched behind our back.
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._child = subprocess.Popen(
            [sys.executable, "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        self._asked(self._opening, self._load_s)

    def _asked(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        try:
            data = msgspec.msgpack.encode(request)
            child.stdin.write(len(data).to_bytes(4, "big") + data)
            child.stdin.flush()
            answer = msgspec.msgpack.decode(self._read(child, time.monotonic() + timeout_s))
            if not isinstance(answer, dict):
                raise ValueError("no mapping")
        except (OSError, EOFError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            self._end()
            raise ModelFailed(_said(error, timeout_s)) from error
        if "error" in answer:
            if request is self._opening:
                self._end()
            raise ModelFailed(str(answer["error"])[:300])
        return answer

    def _read(self, child: subprocess.Popen[bytes], deadline: float) -> bytes:
        size = int.from_bytes(self._bytes(child, 4, deadline), "big")
        if size > MAX_MESSAGE:
            raise ValueError("an answer that is too long")
        return self._bytes(child, size, deadline)

    def _bytes(self, child: subprocess.Popen[bytes], wanted: int, deadline: float) -> bytes:
        assert child.stdout is not None
        number, found = child.stdout.fileno(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(number, selectors.EVENT_READ)
            while len(found) < wanted:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TimeoutError
                chunk = os.read(number, min(wanted - len(found), 1 << 20))
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


def _said(error: Exception, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"The model did not answer within {timeout_s:g} s."
    if isinstance(error, EOFError | BrokenPipeError):
        return "The model's process ended."
    return f"The model's answer cannot be read: {error}"
