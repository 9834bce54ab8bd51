"""Starts a cold child: a new Python process that inherits nothing from the gateway."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from safelight.media.sandbox.confinement import ConfinementSpec
from safelight.media.sandbox.process import PipeFds


class SpawnedChild:
    """`ProcessHandle` of a child that the gateway process started itself."""

    def __init__(self, spec: ConfinementSpec, home: str, pipes: PipeFds) -> None:
        child_lifeline, self._lifeline = os.pipe()
        try:
            self._process = start_python(
                "safelight.media.sandbox.child_main",
                [
                    *(str(fd) for fd in (pipes.inbox, pipes.outbox, child_lifeline)),
                    msgspec.json.encode(spec).decode(),
                ],
                home=home,
                output=pipes.log,
                pass_fds=(pipes.inbox, pipes.outbox, child_lifeline),
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(child_lifeline)

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=seconds)
        return None

    def kill(self) -> None:
        kill_session(self._process)
        os.close(self._lifeline)


def start_python(
    module: str, arguments: Sequence[str], *, home: str, output: int, pass_fds: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """Run one of our modules in a new Python process with its own session.

    The process inherits only the file descriptors in `pass_fds`.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        cwd=home,
        env=_environment(home),
        pass_fds=pass_fds,
        start_new_session=True,
    )


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all processes in its session, and wait for its end."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(home: str) -> dict[str, str]:
    """Environment of a child: no secrets, no proxies, no telemetry, one thread per numeric library."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        # By default, importing onnxruntime starts a thread that sends telemetry.
        "ORT_DISABLE_TELEMETRY": "1",
        # By default, glibc raises the first limit when a large block is freed, and would keep later blocks
        # of that size, such as frames, until the process ends. Smaller ones are kept for the next, in huge
        # pages where the system has them: the first access to each page of 4 KiB is a third of a short scan.
        "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
