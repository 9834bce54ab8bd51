"""Writes checkpoints of the audit log while the gateway runs, and a last one when it stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from safelight.errors import SafelightError
from safelight.store.database import Database
from safelight.store.tables import audit_log_head

from .checkpoints import Checkpoint, CheckpointKey, CheckpointStore

_log = logging.getLogger(__name__)

#: Pause between two checkpoints. An attacker with write access to the database can remove entries that are
#: newer than the last checkpoint without detection.
INTERVAL_S = 60.0


class CheckpointWriter:
    """Signs the last entry of the audit log and appends the checkpoint to every store.

    Runs at intervals, and once more when the gateway stops.
    """

    def __init__(
        self,
        database: Database,
        key: CheckpointKey,
        stores: Sequence[CheckpointStore],
        *,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._database = database
        self._key = key
        self._stores = tuple(stores)
        self._interval_s = interval_s
        self._last_seq = 0
        self._writing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self) -> Checkpoint | None:
        """Append a checkpoint to every store. Returns None if the log has no new entry since the last one."""
        with self._writing:
            with self._database.across_tenants("writing a checkpoint", readonly=True) as tx:
                row = tx.one(audit_log_head)
                at = tx.now()
            if row is None or row.seq <= self._last_seq:
                return None
            checkpoint = self._key.sign(seq=row.seq, hash=row.hash, at=at)
            for store in self._stores:
                store.append(checkpoint)
            self._last_seq = row.seq
            return checkpoint

    def start(self) -> None:
        """Start the thread that writes a checkpoint at every interval."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="audit-checkpoints", daemon=True)
            self._thread.start()

    def stop(self) -> Checkpoint | None:
        """Stop the thread and write a last checkpoint."""
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
                _log.error(
                    "The checkpoint of the audit log was not written. The next attempt follows in %g s: %s",
                    self._interval_s,
                    error,
                )
