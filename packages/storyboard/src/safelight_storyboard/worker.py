"""The child process that renders. It reads one job as a line of JSON on stdin and writes progress and
result as lines on stdout.

It ends with its parent: by a signal from the kernel (Linux), and when stdin, which the parent holds open, is
closed (everywhere).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
MEMORY = 3 << 30


def main() -> int:
    lines, out = sys.stdin.buffer, sys.stdout.buffer
    _die_with_parent(int(sys.argv[1]))
    _limit()
    os.nice(5)
    first = lines.readline()
    threading.Thread(target=_watch, args=(lines,), daemon=True).start()

    def say(message: dict[str, Any]) -> None:
        out.write(msgspec.json.encode(message) + b"\n")
        out.flush()

    # numpy, cv2 and av are imported only now, because the parent may already have ended.
    from safelight_storyboard.render import Job, render

    job = msgspec.json.decode(first, type=Job)
    try:
        not_drawn = render(job, lambda percent: say({"percent": percent}))
    except Exception as error:
        with contextlib.suppress(OSError):
            Path(job.into).unlink(missing_ok=True)
        full = isinstance(error, OSError) and error.errno in FULL
        say({"failed": "full" if full else "error", "message": f"{type(error).__name__}: {error}"[:500]})
        return 1
    say({"done": True, "not_drawn": not_drawn})
    return 0


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _watch(lines: BinaryIO) -> None:
    """Waits for the end of stdin, which means that the parent has ended. No other input is expected."""
    with contextlib.suppress(OSError):
        lines.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
