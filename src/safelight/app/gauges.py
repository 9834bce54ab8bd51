"""Reads the values of `GET /metrics` that no event counts, such as those of the queue and the upstreams."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, or_, select

from safelight.cases.quality.models import KEEP_ANSWERS_S, MIN_PEOPLE
from safelight.cases.quality.results import count_reconsidered
from safelight.core.errors import SafelightError
from safelight.core.metrics import Gauge, Labels
from safelight.store.database import Transaction
from safelight.store.tables import (
    cases,
    notices,
    outbox,
    quality_answers,
    quality_cases,
    vault_entries,
    videos,
)
from safelight.videos.case_rows import CaseState
from safelight.videos.models import TERMINAL, VideoState
from safelight.videos.vault_entries import OPEN as OPEN_ENTRY

from .background import Background
from .core import CoreParts
from .persistence import PersistenceParts
from .pipeline import PipelineParts

_NO_VIDEOS: dict[Labels, float] = {(state.value,): 0.0 for state in VideoState if state not in TERMINAL}


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
        return (*self._background_parts(), *self._installation(), *self._upstreams())

    def _background_parts(self) -> tuple[Gauge, ...]:
        health = [part.health() for part in self._background.parts]
        return (
            Gauge(
                name="safelight_background_part_up",
                description="1 if a background part does its work, here or in the leader, 0 if it does not.",
                labels=("part",),
                values={(each.name,): float(each.problem is None) for each in health},
            ),
            Gauge(
                name="safelight_leader",
                description="1 if this process leads: it runs the background parts that run once in a fleet.",
                values={(): float(self._pipeline.queue.leader == self._pipeline.worker_name)},
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

    def _installation(self) -> tuple[Gauge, ...]:
        """The disk, and what the database says about the whole installation if it answers."""
        up = 1.0
        try:
            with self._persistence.database.across_tenants("metrics", readonly=True) as tx:
                found = _read(tx)
        except SafelightError:
            up, found = 0.0, ()
        return (
            Gauge(
                name="safelight_database_up",
                description="1 if the database answered this call, else 0.",
                values={(): up},
            ),
            Gauge(
                name="safelight_free_disk_bytes",
                description="Free bytes on the disk of the data directory.",
                values={(): shutil.disk_usage(self._core.settings.data).free},
            ),
            *found,
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


def _read(tx: Transaction) -> tuple[Gauge, ...]:
    now = tx.now()

    def grouped(value: Any, *labels: Any, where: Iterable[Any]) -> dict[Labels, float]:
        rows: Any = tx.execute(select(*labels, value).where(*where).group_by(*labels))
        return {tuple(str(label).lower() for label in key): number for *key, number in rows}

    unfinished = videos.c.state.in_(state for (state,) in _NO_VIDEOS), videos.c.accepted_at.is_not(None)
    return (
        Gauge(
            name="safelight_unfinished_videos",
            description="Videos by state, of all processes of the installation.",
            labels=("state",),
            values=_NO_VIDEOS | grouped(func.count(), videos.c.state, where=unfinished),
        ),
        Gauge(
            name="safelight_longest_unchanged_seconds",
            description="Seconds since the last change of the unfinished video that has waited longest.",
            labels=("state",),
            values=_NO_VIDEOS
            | grouped(now - func.min(videos.c.updated_at), videos.c.state, where=unfinished),
        ),
        Gauge(
            name="safelight_open_cases",
            description="Undecided cases of the installation, and whether their due time is over.",
            labels=("kind", "overdue"),
            values=grouped(
                func.count(),
                cases.c.kind,
                cases.c.due_at < now,
                where=(cases.c.state == CaseState.OPEN.value,),
            ),
        ),
        Gauge(
            name="safelight_vault_entries",
            description="Entries that wait for a vault officer, and whether their due time is over.",
            labels=("kind", "overdue"),
            values=grouped(
                func.count(), vault_entries.c.kind, vault_entries.c.due_at < now, where=(OPEN_ENTRY,)
            ),
        ),
        Gauge(
            name="safelight_overdue_reports",
            description="Reports of the installation that are past their due time and not decided.",
            labels=("lane",),
            values=grouped(
                func.count(), notices.c.lane, where=(notices.c.outcome.is_(None), notices.c.due_at < now)
            ),
        ),
        Gauge(
            name="safelight_oldest_message_seconds",
            description="Age of the oldest event, webhook or mail of the installation that was not sent.",
            labels=("topic",),
            values=grouped(
                now - func.min(outbox.c.created_at),
                outbox.c.topic,
                where=(
                    outbox.c.delivered_at.is_(None),
                    outbox.c.dead_at.is_(None),
                    # Otherwise it is a reminder that is not due yet.
                    or_(outbox.c.due_at <= now, outbox.c.attempts > 0),
                ),
            ),
        ),
        Gauge(
            name="safelight_sample_answers",
            description="Answers of the last 30 days about random samples of delivered videos.",
            labels=("stratum", "answer"),
            values=grouped(
                func.count(),
                quality_cases.c.stratum,
                quality_answers.c.answer,
                where=(
                    quality_cases.c.case_id == quality_answers.c.case_id,
                    quality_cases.c.stratum.is_not(None),
                    quality_answers.c.at >= now - KEEP_ANSWERS_S,
                ),
            ),
        ),
        Gauge(
            name="safelight_reconsidered_decisions",
            description="Decisions that an appeal or a second review judged again in the last 30 days.",
            labels=("kind", "changed"),
            values={
                (kind.value, str(changed).lower()): float(counts[changed])
                for kind, counts in count_reconsidered(
                    tx, now - KEEP_ANSWERS_S, min_people=MIN_PEOPLE
                ).items()
                for changed in (False, True)
            },
        ),
    )
