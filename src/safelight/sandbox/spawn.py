"""Starting a cold child: a new Python, with nothing of the gateway's in it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from safelight.sandbox.confinement import ConfinementSpec
from safelight.sandbox.process import PipeFds


class SpawnedChild:
    """A `Handle` on a process that this one started."""

    def __init__(self, orders: ConfinementSpec, home: str, ends: PipeFds) -> None:
        theirs_life, self._lifeline = os.pipe()
        try:
            self._process = start(
                "safelight.sandbox.child_main",
                [
                    *(str(number) for number in (ends.inbox, ends.outbox, theirs_life)),
                    msgspec.json.encode(orders).decode(),
                ],
                home=home,
                output=ends.tail,
                pass_fds=(ends.inbox, ends.outbox, theirs_life),
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(theirs_life)

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout=seconds)
        return None

    def end(self) -> None:
        end_group(self._process)
        os.close(self._lifeline)


def start(
    module: str, arguments: Sequence[str], *, home: str, output: int, pass_fds: tuple[int, ...]
) -> subprocess.Popen[bytes]:
    """A new Python in a session of its own that runs one of our modules and inherits nothing else."""
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


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its session, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _environment(home: str) -> dict[str, str]:
    """Nothing of ours: no secrets, no proxies, one thread per numeric library, and no reports to anybody."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        # onnxruntime otherwise starts a thread at import that sends usage data to its maker.
        "ORT_DISABLE_TELEMETRY": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
