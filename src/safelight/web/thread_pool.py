"""Runs blocking service calls in threads, with a limit on concurrent calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio.to_thread import run_sync

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    def __init__(self, most: int) -> None:
        self._most = most
        self._limiter: anyio.CapacityLimiter | None = None

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in a thread; waits for a free thread. A call that has started is never cancelled."""
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._most)
        return await run_sync(partial(function, *args, **kwargs), limiter=self._limiter)
