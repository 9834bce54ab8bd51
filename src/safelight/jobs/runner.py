"""One step of one video, with everything that can go wrong in it turned into a state."""

from __future__ import annotations

import logging
import time
from collections import Counter

from safelight.backoff import Backoff
from safelight.errors import DeadlineExceeded, NotFound, SafelightError, SandboxFailed, Unavailable

from . import outcomes
from .attempts import ShutdownRequested, video_deadline, wait_before_retry
from .context import PipelineContext
from .models import Video
from .repository import StaleRevision
from .states import VideoState
from .steps import STEPS

_log = logging.getLogger(__name__)
#: A step that failed is run again at once, until it has failed this often.
_RETRY = Backoff(delays_s=(0.0,), max_attempts=3)


class Runner:
    """Takes videos one step further. Knows nothing of who calls it, or how often."""

    def __init__(self, workshop: PipelineContext) -> None:
        self._workshop = workshop
        self._failures: Counter[tuple[str, VideoState]] = Counter()

    def run_steps(self, tenant: str, video_id: str) -> bool:
        """Take one step; whether another may follow at once."""
        try:
            video = self._workshop.store.get(tenant, video_id)
        except NotFound:
            return False
        step = STEPS.get(video.state)
        if step is None:
            return False
        try:
            if time.time() > video_deadline(self._workshop, video):
                raise DeadlineExceeded(
                    f"The video was not finished within {self._workshop.terms.deadline_s:.0f} s."
                )
            step(self._workshop, video)
            self._workshop.fault_hook("moved")
        except StaleRevision:
            pass
        except ShutdownRequested:
            return False
        except Exception as error:
            self._stumbled(video, error)
        else:
            self._failures.pop((video.id, video.state), None)
        return not self._workshop.shutdown_event.is_set()

    def _stumbled(self, video: Video, error: Exception) -> None:
        """Try a step again where that can help, and end the video where it cannot."""
        self._failures[video.id, video.state] += 1
        failures = self._failures[video.id, video.state]
        lasting = isinstance(error, SafelightError) and not isinstance(error, Unavailable | SandboxFailed)
        if not isinstance(error, SafelightError):
            _log.exception("A step of %s (%s) failed.", video.id, video.state)
        if isinstance(error, Unavailable):
            # Storage is full or away: nothing is lost by waiting, and the deadline bounds it.
            try:
                wait_before_retry(self._workshop, video, error.retry_after_s)
            except ShutdownRequested:
                return
            except DeadlineExceeded as passed:
                self._end(video, passed)
            return
        if lasting or _RETRY.is_exhausted(failures):
            self._end(video, error if isinstance(error, SafelightError) else _internal())

    def _end(self, video: Video, error: SafelightError) -> None:
        self._failures.pop((video.id, video.state), None)
        try:
            current = self._workshop.store.get(video.tenant, video.id)
            with self._workshop.database.transaction(tenant=video.tenant) as tx:
                outcomes.fail(self._workshop, tx, current, error)
        except StaleRevision:
            pass


def _internal() -> SafelightError:
    return SafelightError(
        "Something in this installation went wrong and the video was given up.",
        remedy="The operator finds the cause in the log under the video's id.",
    )
