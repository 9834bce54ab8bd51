"""Writes the progress of a running step to the database, in a separate thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from safelight.progress import ProgressSink
from safelight.store.database import Database

from .models import Video
from .transitions import write_progress

_log = logging.getLogger(__name__)
#: Pauses between two writes. Each pause is twice the last, because clients poll an older video less often.
_FIRST_PAUSE_S, _MAX_PAUSE_S = 2.0, 15.0
#: A smaller change is not written.
_MIN_STEP_PERCENT = 5


@contextmanager
def recorded_progress(database: Database, video: Video, first: int, last: int) -> Iterator[ProgressSink]:
    """A progress sink for one part of a step.

    The sink takes 0 to 100 % of this part, which are stored as `first` to `last` percent of the whole video.
    Writing stops at the end of the `with` block. If a write fails, a warning is logged and the write is
    skipped.
    """
    sink, ended = ProgressSink(), threading.Event()

    def write_until_ended() -> None:
        written, pause_s = max(first, video.progress), _FIRST_PAUSE_S
        while not ended.wait(pause_s):
            pause_s = min(2 * pause_s, _MAX_PAUSE_S)
            percent = first + (last - first) * sink.percent // 100
            if percent < written + _MIN_STEP_PERCENT:
                continue
            try:
                with database.transaction(tenant=video.tenant) as tx:
                    write_progress(tx, video.id, percent)
            except Exception as error:
                _log.warning("The progress of %s was not written: %s", video.id, error)
            else:
                written = percent

    writer = threading.Thread(target=write_until_ended, name=f"progress-{video.id}", daemon=True)
    writer.start()
    try:
        yield sink
    finally:
        ended.set()
        writer.join()
