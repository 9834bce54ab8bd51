"""Holds work back while this process may have lost its worker lease."""

from __future__ import annotations

import threading

from .interruptions import ShutdownRequested

#: How often work that waits for the lease looks whether the process stops.
_POLL_S = 0.5


class LeaseFence:
    """Without a lease, as on SQLite, nothing is held back."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        #: Set while this process holds its lease, to its knowledge. The queue sets the event at its start.
        self.held: threading.Event | None = None

    def wait(self) -> None:
        """Wait until this process holds its worker lease. Raises `ShutdownRequested` if it stops before."""
        while self.held is not None and not self.held.wait(_POLL_S):
            if self._stopping.is_set():
                raise ShutdownRequested
