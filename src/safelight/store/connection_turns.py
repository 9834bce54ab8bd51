"""Connections go to waiting threads in the order in which they came.

The pool of SQLAlchemy does not do that: a thread that gives a connection back and wants one again gets it
before those that wait, which then wait for seconds under load.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout


class ConnectionTurns:
    """As many places as the pool has connections."""

    def __init__(self, places: int, *, wait_s: float) -> None:
        self._free = places
        self._wait_s = wait_s
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a place. Raises `sqlalchemy.exc.TimeoutError` if none was free in time."""
        with self._lock:
            turn = None if self._free else threading.Event()
            if turn is None:
                self._free -= 1
            else:
                self._waiting.append(turn)
        if turn is not None and not turn.wait(self._wait_s):
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    raise PoolTimeout("no connection was free in time")
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().set()
                else:
                    self._free += 1
