"""Encoders without a side effect on the process that calls them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keep_scheduling() -> Iterator[None]:
    """Restore the scheduling of this thread afterwards.

    SVT-AV1 puts the thread that opens it, and with it all its later children, under real-time scheduling if
    root calls it: they then starve every other process of the machine.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, parameters)
