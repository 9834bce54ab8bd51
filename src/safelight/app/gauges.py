"""Reads the values of `GET /metrics` that no event counts: the queue, the background parts, the upstreams."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from safelight.core.errors import SafelightError
from safelight.core.metrics import Gauge
from safelight.store.tables import videos
from safelight.videos.models import TERMINAL, VideoState

from .background import Background
from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

_UNFINISHED = tuple(state for state in VideoState if state not in TERMINAL)


class Gauges:
    """The gauges of one process."""

    def __init__(
        self,
        core: CoreParts,
        persistence: PersistenceParts,
        pipeline: PipelineParts,
        background: Background,
    ) -> None:
        self._core = core
        self._persistence = persistence
        self._pipeline = pipeline
        self._background = background

    def read(self) -> tuple[Gauge, ...]:
        return (*self._background_parts(), *self._queue(), *self._upstreams())

    def _background_parts(self) -> tuple[Gauge, ...]:
        health = [part.health() for part in self._background.parts]
        return (
            Gauge(
                name="safelight_background_part_up",
                description="1 if a background part does its work, 0 if it does not.",
                labels=("part",),
                values={(each.name,): float(each.problem is None) for each in health},
            ),
            Gauge(
                name="safelight_background_part_errors",
                description="Errors of a background part since the start of the process.",
                labels=("part",),
                values={(each.name,): float(each.errors) for each in health},
            ),
            Gauge(
                name="safelight_background_part_parked_rows",
                description="Rows that failed again and again and are left out for now.",
                labels=("part",),
                values={(each.name,): float(len(each.parked)) for each in health},
            ),
        )

    def _queue(self) -> tuple[Gauge, ...]:
        """The unfinished videos of the installation; no values if the database does not answer."""
        counts: dict[tuple[str, ...], float] = {}
        ages: dict[tuple[str, ...], float] = {}
        up = 1.0
        query = (
            select(
                videos.c.state,
                func.count().label("number"),
                func.min(videos.c.updated_at).label("oldest"),
            )
            .where(videos.c.state.in_(_UNFINISHED), videos.c.accepted_at.is_not(None))
            .group_by(videos.c.state)
        )
        try:
            with self._persistence.database.across_tenants("metrics", readonly=True) as tx:
                found: dict[str, Any] = {row.state: row for row in tx.execute(query)}
                for state in _UNFINISHED:
                    row = found.get(state)
                    counts[state.value,] = float(row.number) if row else 0.0
                    ages[state.value,] = max(0.0, tx.now() - row.oldest) if row else 0.0
        except SafelightError:
            up = 0.0
        return (
            Gauge(
                name="safelight_database_up",
                description="1 if the database answered this call, else 0.",
                values={(): up},
            ),
            Gauge(
                name="safelight_unfinished_videos",
                description="Videos by state, of all processes of the installation.",
                labels=("state",),
                values=counts,
            ),
            Gauge(
                name="safelight_longest_unchanged_seconds",
                description="Seconds since the last change of the unfinished video that has waited longest.",
                labels=("state",),
                values=ages,
            ),
        )

    def _upstreams(self) -> tuple[Gauge, ...]:
        down = self._core.upstream_health.down()
        gates = self._pipeline.context.upstreams
        return (
            Gauge(
                name="safelight_upstream_up",
                description="1 if a configured upstream answers, 0 if it does not.",
                labels=("generator",),
                values={(name,): float(name not in down) for name in self._core.generators},
            ),
            Gauge(
                name="safelight_upstream_paused",
                description="1 if an upstream is not called for a time because calls failed, else 0.",
                labels=("generator",),
                values={(name,): float(gate.failures_of_pause() > 0) for name, gate in gates.items()},
            ),
        )
