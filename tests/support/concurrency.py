"""Calls that threads make at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

WAIT_S = 60


def run_together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each call returned or raised. All of them begin at the same time."""
    start = threading.Barrier(len(calls), timeout=WAIT_S)
    outcomes: list[Any] = [None] * len(calls)

    def run(number: int, call: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[number] = call()
        except BaseException as error:
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    return outcomes
