"""Writes checkpoints of the audit log while the gateway runs, and a last one when it stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safelight.core.background.part import BackgroundPart
from safelight.store.database import Database, Row
from safelight.store.tables import audit_log_head

from .checkpoints import Checkpoint, CheckpointKey, CheckpointStore

#: Pause between two checkpoints. An attacker with write access to the database can remove entries that are
#: newer than the last checkpoint without detection.
INTERVAL_S = 60.0


class CheckpointWriter:
    """Signs the last entry of the audit log and appends the checkpoint to every store.

    Runs when the gateway starts, at intervals, and once more when the gateway stops.
    """

    def __init__(
        self,
        database: Database,
        key: CheckpointKey,
        stores: Sequence[CheckpointStore],
        *,
        interval_s: float = INTERVAL_S,
        stopping: threading.Event | None = None,
    ) -> None:
        self._database = database
        self._key = key
        self._stores = tuple(stores)
        self._last_seq = 0
        self._writing = threading.Lock()
        self.part = BackgroundPart(
            "audit-checkpoints",
            {"write": self.write},
            interval_s=interval_s,
            stopping=stopping or threading.Event(),
        )

    def write(self) -> Checkpoint | None:
        """Append a checkpoint to every store. Returns None if the log has no new entry since the last one."""
        with self._database.across_tenants("writing a checkpoint", readonly=True) as tx:
            row, at = tx.one(audit_log_head), tx.now()
        return self._append(row, at)

    @contextmanager
    def closed_log(self) -> Iterator[Checkpoint | None]:
        """Write the last checkpoint. Inside the `with` block no entry can be added after it."""
        with self._database.across_tenants("the last checkpoint") as tx:
            yield self._append(tx.one(audit_log_head, lock=True), tx.now())

    def _append(self, head: Row | None, at: float) -> Checkpoint | None:
        with self._writing:
            if head is None or head.seq <= self._last_seq:
                return None
            checkpoint = self._key.sign(seq=head.seq, hash=head.hash, at=at)
            for store in self._stores:
                store.append(checkpoint)
            self._last_seq = head.seq
            return checkpoint
