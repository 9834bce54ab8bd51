"""Failures of single rows. A row that fails again and again is parked, so that the others go on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from safelight.core.errors import Conflict, DatabaseDamaged, Unavailable

_log = logging.getLogger(__name__)
#: Failures in a row after which a row is parked.
MAX_TRIES = 5
#: A parked row is tried again after this time, because its cause may be gone, for example a bad disk.
PARKED_S = 600.0
#: Errors of the database or the storage as a whole. They say nothing about one row.
_NOT_THE_ROW = (Unavailable, DatabaseDamaged)


class RowFailures:
    """The failures of the rows that one background part reads, in memory."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}
        self._parked: dict[str, float] = {}

    @contextmanager
    def attempt(self, row: str) -> Iterator[None]:
        """The work on one row. Its error is logged and counted, and the next row may follow.

        A `Conflict` is not a failure: another writer was first, and the next round reads the row again.
        An error of the whole database or storage is raised.
        """
        try:
            yield
        except Conflict as error:
            _log.info("%s is left to the next round: %s", row, error)
        except _NOT_THE_ROW:
            raise
        except Exception:
            self._count(row)
        else:
            with self._lock:
                self._failures.pop(row, None)
                self._parked.pop(row, None)

    def parked(self) -> frozenset[str]:
        """The rows that are left out for now. A row whose time is over is tried again once."""
        now = self._monotonic()
        with self._lock:
            return frozenset(row for row, until in self._parked.items() if until > now)

    def _count(self, row: str) -> None:
        with self._lock:
            failures = self._failures[row] = self._failures.get(row, 0) + 1
            if failures >= MAX_TRIES:
                self._parked[row] = self._monotonic() + PARKED_S
        if failures >= MAX_TRIES:
            _log.exception("%s failed %d times and is parked for %g s.", row, failures, PARKED_S)
        else:
            _log.exception("%s failed and is tried again.", row)
