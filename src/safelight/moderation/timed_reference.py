"""The reference stage with a time limit, for references that are screened while a client waits."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from dataclasses import dataclass

from safelight.policy.verdicts import Action

from .evaluation import StageResult
from .reference import ReferenceInput, ReferenceStage
from .screening import ScreeningContext


@dataclass(frozen=True, kw_only=True)
class TimedReferenceStage:
    """Screens references for at most `timeout_s` in all."""

    stage: ReferenceStage
    #: Threads that screen. They are shared by all requests.
    threads: Executor
    timeout_s: float

    def screen_files(
        self, files: Sequence[ReferenceInput], context: ScreeningContext
    ) -> tuple[tuple[StageResult, ...], tuple[ReferenceInput, ...]]:
        """The results, and the files that were not screened in time. Images are screened before clips."""
        pictures = [file for file in files if file.is_picture]
        clips = [file for file in files if not file.is_picture]
        groups = [group for group in (pictures, clips) if group]
        results = self.screen(groups, context)
        return results, tuple(file for group in groups[len(results) :] for file in group)

    def screen(
        self, groups: Sequence[Sequence[ReferenceInput]], context: ScreeningContext
    ) -> tuple[StageResult, ...]:
        """The results of those groups that were finished in time, in order. The first block ends it.

        An unfinished scan is cancelled. Raises the errors of `ReferenceStage.screen`.
        """
        results: list[StageResult] = []
        cancel = threading.Event()

        def screen_all() -> None:
            for files in groups:
                results.append(self.stage.screen(files, context, cancel=cancel))
                if results[-1].verdict.action is Action.BLOCK:
                    return

        # With the context of this thread, which has the span of the request.
        job = self.threads.submit(copy_context().run, screen_all)
        wait([job], timeout=self.timeout_s)
        if job.done():
            job.result()
        else:
            cancel.set()
            job.cancel()
        return tuple(results)
