"""Whether a process can accept work, with the reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from safelight.errors import SafelightError

from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

if TYPE_CHECKING:
    from safelight.background.part import BackgroundPart
    from safelight.jobs.upstream_gate import UpstreamGate


class ProcessReadiness:
    """The state of the database, the queue, the background parts and the upstreams of this process."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        *,
        background_parts: Callable[[], tuple[BackgroundPart, ...]],
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._background_parts = background_parts

    def describe(self) -> dict[str, Any]:
        """Whether this process can accept work: the body of `GET /readyz`.

        `unready` has the names of the parts that do not work, `problems` the reasons, and `parked` the rows
        that a part has left out after several failures.
        """
        began = time.monotonic()
        problems: dict[str, str] = {}
        try:
            with self._persistence.database.across_tenants("readiness", readonly=True) as tx:
                tx.now()
        except SafelightError as error:
            problems["database"] = str(error)
        try:
            self._pipeline.queue.check()
        except SafelightError as error:
            problems["queue"] = str(error)
        database_ms = round((time.monotonic() - began) * 1000, 2)
        health = [part.health() for part in self._background_parts()]
        problems |= {each.name: each.problem for each in health if each.problem is not None}
        if self._core.shutdown_event.is_set():
            problems["process"] = "it shuts down"
        parked = {each.name: list(each.parked) for each in health if each.parked}
        down, paused = self._core.upstream_health.down(), _describe_pauses(self._pipeline.context.upstreams)
        clock = self._describe_clock_jump()
        reasons_are_shown = self._core.settings.server.loopback and "database" not in problems
        refusals = self._pipeline.context.refusals.describe() if reasons_are_shown else {}
        return {
            "ready": not problems,
            "unready": sorted(problems),
            "database_ms": database_ms,
            **({"problems": problems} if problems else {}),
            **({"parked": parked} if parked else {}),
            **({"clock": clock} if clock else {}),
            "worker": self._pipeline.worker_name,
            # Requests wait for an upstream that is down, so this process stays ready and only reports it.
            **({"upstreams_down": dict(down)} if down else {}),
            **({"upstreams_paused": paused} if paused else {}),
            **({"refusal_budgets": refusals} if refusals else {}),
        }

    def _describe_clock_jump(self) -> dict[str, int]:
        """The last jump of the clock, while nothing expires because of it."""
        watch = self._pipeline.context.clock_watch
        held_s, jump = watch.held_for_s(), watch.last_jump()
        if jump is None or not held_s:
            return {}
        return {"jumped_by_s": round(jump.by_s), "nothing_expires_for_s": round(held_s)}


def _describe_pauses(gates: Mapping[str, UpstreamGate]) -> dict[str, str]:
    """The upstreams that are not called for a time, because calls failed, with the reason."""
    return {
        name: f"{failures} calls in a row failed; one call after a pause tests it"
        for name, gate in gates.items()
        if (failures := gate.failures_of_pause())
    }
