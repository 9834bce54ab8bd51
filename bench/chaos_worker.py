"""A worker that dies on command: `python -m bench.chaos_worker SETTINGS`.

`CHAOS_DIE_AT=name:n` kills it (SIGKILL, nothing is flushed) when it comes to the boundary `name` for the nth
time. It carries videos like `safelight serve`, without HTTP, and ends when its parent does.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from safelight.app.container import load


def main() -> None:
    plan, _, count = os.environ.get("CHAOS_DIE_AT", "").partition(":")
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def boundary(name: str) -> None:
        with lock:
            seen[name] += 1
            due = name == plan and seen[name] == int(count or 1)
        if due:
            os.kill(os.getpid(), signal.SIGKILL)

    container = load(Path(sys.argv[1]))
    container.pipeline.context = replace(container.pipeline.context, fault_hook=boundary)
    container.persistence.data_directory.lock()
    container.pipeline.queue.start(container.background.upstream_waits.advance)
    for part in container.background.parts:
        part.start()
    print("ready", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
