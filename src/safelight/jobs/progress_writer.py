"""Writes the progress of a running step to the database, from a thread of its own."""

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
#: Between two writes. The pause doubles, because clients poll a video less often the longer it takes.
_FIRST_PAUSE_S, _MAX_PAUSE_S = 2.0, 15.0
#: A smaller change is not worth a transaction.
_MIN_STEP_PERCENT = 5


@contextmanager
def recorded_progress(database: Database, video: Video, first: int, last: int) -> Iterator[ProgressSink]:
    """A sink whose 0 to 100 % become `first` to `last` percent of the video, until the block ends.

    A failed write is logged and skipped.
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
