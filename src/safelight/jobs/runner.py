"""One step of one video, with everything that can go wrong in it turned into a state."""

from __future__ import annotations

import logging
import time
from collections import Counter

from safelight.errors import ChildFailed, DeadlinePassed, NotFound, SafelightError, Unavailable

from . import outcomes
from .attempts import Stopping, pause, video_deadline
from .context import Workshop
from .models import Video
from .repository import Superseded
from .states import State
from .steps import STEPS

_log = logging.getLogger(__name__)
_TRIES = 3


class Runner:
    """Takes videos one step further. Knows nothing of who calls it, or how often."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        self._failures: Counter[tuple[str, State]] = Counter()

    def advance(self, tenant: str, video_id: str) -> bool:
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
                raise DeadlinePassed(
                    f"The video was not finished within {self._workshop.terms.deadline_s:.0f} s."
                )
            step(self._workshop, video)
            self._workshop.boundary("moved")
        except Superseded:
            pass
        except Stopping:
            return False
        except Exception as error:
            self._stumbled(video, error)
        else:
            self._failures.pop((video.id, video.state), None)
        return not self._workshop.stopping.is_set()

    def _stumbled(self, video: Video, error: Exception) -> None:
        """Try a step again where that can help, and end the video where it cannot."""
        self._failures[video.id, video.state] += 1
        tries = self._failures[video.id, video.state]
        lasting = isinstance(error, SafelightError) and not isinstance(error, Unavailable | ChildFailed)
        if not isinstance(error, SafelightError):
            _log.exception("A step of %s (%s) failed.", video.id, video.state)
        if isinstance(error, Unavailable):
            # Storage is full or away: nothing is lost by waiting, and the deadline bounds it.
            try:
                pause(self._workshop, video, error.retry_after_s)
            except Stopping:
                return
            except DeadlinePassed as passed:
                self._end(video, passed)
            return
        if lasting or tries >= _TRIES:
            self._end(video, error if isinstance(error, SafelightError) else _internal())

    def _end(self, video: Video, error: SafelightError) -> None:
        self._failures.pop((video.id, video.state), None)
        try:
            current = self._workshop.store.get(video.tenant, video.id)
            with self._workshop.database.transaction(tenant=video.tenant) as tx:
                outcomes.failed(self._workshop, tx, current, error)
        except Superseded:
            pass


def _internal() -> SafelightError:
    return SafelightError(
        "Something in this installation went wrong and the video was given up.",
        remedy="The operator finds the cause in the log under the video's id.",
    )
