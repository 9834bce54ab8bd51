"""Writing heads while the gateway runs, and a last one when it stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from safelight.errors import SafelightError
from safelight.store.database import Database
from safelight.store.tables import audit_log_head

from .checkpoints import Checkpoint, CheckpointKey, Heads

_log = logging.getLogger(__name__)

#: Seconds between heads: entries younger than this could be cut off unseen by somebody who owns the database.
INTERVAL_S = 60.0


class HeadWriter:
    """Signs where the log stands and adds it to every place given, at intervals and at the end."""

    def __init__(
        self,
        database: Database,
        key: CheckpointKey,
        places: Sequence[Heads],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._database = database
        self._key = key
        self._places = tuple(places)
        self._interval_s = interval_s
        self._last = 0
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self) -> Checkpoint | None:
        """One head now, in every place; None where the log has not grown since the last one."""
        with self._writing:
            with self._database.across_tenants("signing where the log stands", readonly=True) as tx:
                row = tx.one(audit_log_head)
                at = tx.now()
            if row is None or row.seq <= self._last:
                return None
            head = self._key.sign(seq=row.seq, hash=row.hash, at=at)
            for place in self._places:
                place.append(head)
            self._last = row.seq
            return head

    def start(self) -> None:
        """Write at intervals, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log-heads", daemon=True)
            self._thread.start()

    def stop(self) -> Checkpoint | None:
        """End the thread and write a last head."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._stop.clear()
        return self.write()

    def _run(self) -> None:
        while not self._stop.wait(self._interval_s):
            try:
                self.write()
            except (SafelightError, OSError) as error:
                _log.error("the log's head was not written, and will be tried again: %s", error)
