"""A worker that dies on command: `python -m bench.chaos_worker SETTINGS`.

`CHAOS_DIE_AT=name:n` kills it (SIGKILL, nothing is flushed) when it comes to the boundary `name` for the nth
time. SIGUSR1 sets its clock an hour ahead, SIGUSR2 back. Clips of jobs whose prompt has `SCRIPTED` are not
scanned: they get the report of the first clip. It carries videos like `safelight serve`, without HTTP, and
ends when its parent does, or with the exit status `LEASE_LOST` when its lease is lost for good.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from bench import settable_clock
from safelight.app.container import load
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.output import OutputStage
from safelight.screening.scanning.report import ScanReport

SCRIPTED = "in the evening"
LEASE_LOST = 3


@dataclass(frozen=True, kw_only=True)
class ScriptedOutput(OutputStage):
    """Scans as the output stage does, but only the first clip of the jobs that ask for less."""

    first: list[ScanReport] = field(default_factory=list)

    def scan(
        self, path: Path, context: ScreeningContext, *, subject_sha256: str, **options: Any
    ) -> tuple[StageResult, ScanReport]:
        if not any(SCRIPTED in text for text in context.texts.values()):
            return super().scan(path, context, subject_sha256=subject_sha256, **options)
        if not self.first:
            _, report = super().scan(path, context, subject_sha256=subject_sha256, **options)
            # The pictures that it names are deleted.
            self.first.append(msgspec.structs.replace(report, keyframes=(), evidence={}))
        return self.evaluate_report(self.first[0], context, subject_sha256=subject_sha256)


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

    settable_clock.follow_signals()
    container = load(Path(sys.argv[1]))
    context = container.pipeline.context
    output = ScriptedOutput(**vars(context.stages.output))
    container.pipeline.context = replace(
        context, fault_hook=boundary, stages=replace(context.stages, output=output)
    )
    container.persistence.data_directory.lock()
    container.pipeline.queue.start(container.background.upstream_waits.advance)
    for part in container.background.parts:
        part.start()
    print("ready", flush=True)
    parent = os.getppid()
    while os.getppid() == parent:
        if container.pipeline.queue.lease_lost:
            os._exit(LEASE_LOST)
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
