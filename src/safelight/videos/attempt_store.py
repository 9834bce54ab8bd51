"""Stores generation attempts. The intent is committed before the submission, the upstream id after it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import msgspec

from safelight.accounts.halts import require_no_halt
from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.policy.steering import Steering
from safelight.providers.attempts.charge_columns import charge_columns
from safelight.providers.attempts.models import is_canary
from safelight.providers.protocol import Billing, Charge, ChargeStatus, GenerationReport
from safelight.store import tables
from safelight.store.database import Database, Transaction

from . import mappers
from .models import Attempt, Video

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttemptStore:
    """Writes attempts, each one in its own transaction."""

    database: Database

    def record_intent(
        self,
        tx: Transaction,
        video: Video,
        number: int,
        *,
        billing: Billing,
        steering: Steering | None = None,
    ) -> Attempt:
        """Record the intent to submit. `tx` must be committed before the request is sent.

        `number` must follow that of the last attempt known to the caller. If another process has recorded
        this number already, the database refuses the row, so that nothing is submitted twice. Raises
        `Halted`.
        """
        require_no_halt(tx, video.model)
        attempt_id = new_id("attempt")
        tx.insert(
            tables.attempts,
            id=attempt_id,
            video_id=video.id,
            number=number,
            generator=video.generator,
            is_canary=is_canary(video.metadata) or None,
            billing=billing.value,
            idempotency_key=f"{video.id}-{number}",
            created_at=tx.now(),
            charge_status="no" if billing is Billing.OWN else "unknown",
            currency="USD",
            charge_source="",
            steering=msgspec.json.encode(steering) if steering is not None else None,
        )
        tx.append_audit(
            "attempt.intended",
            subject=video.id,
            actor="jobs",
            content={"number": number, "generator": video.generator},
        )
        return _attempt(tx, attempt_id)

    def record_upstream_id(self, video: Video, attempt: Attempt, upstream_id: str) -> Attempt:
        """Commit the upstream id, right after the upstream has returned it."""
        with self.database.transaction(tenant=video.tenant) as tx:
            tx.update(
                tables.attempts,
                attempt.id,
                upstream_id=upstream_id,
                submitted_at=tx.now(),
            )
            tx.append_audit(
                "attempt.submitted",
                subject=video.id,
                actor="jobs",
                content={"number": attempt.number, "upstream_id": upstream_id},
            )
            return _attempt(tx, attempt.id)

    def record_search(self, video: Video, attempt: Attempt) -> None:
        """Commit that the upstream is asked about a lost answer, before it is asked."""
        with self.database.transaction(tenant=video.tenant) as tx:
            tx.update(tables.attempts, attempt.id, searches=attempt.searches + 1)

    def record_generated(self, tx: Transaction, video: Video, attempt: Attempt, charge: Charge) -> None:
        """Record that the upstream has finished, and its charge. `tx` must be committed before the clip is
        downloaded.
        """
        if charge.charged is not ChargeStatus.UNKNOWN:
            tx.update(tables.attempts, attempt.id, **charge_columns(charge))
        videos = tables.videos.c
        tx.update(tables.videos, video.id, videos.generated_at.is_(None), generated_at=tx.now())

    def record_failed_download(self, video: Video, problem: str | None) -> None:
        """Record that a download of the finished clip failed; if it is known, why, and what the operator can
        do about it.
        """
        if problem != video.download_problem:
            _log.warning("The finished clip of %s is not downloaded. %s", video.id, problem)
        videos = tables.videos.c
        with self.database.transaction(tenant=video.tenant) as tx:
            tx.update(
                tables.videos,
                video.id,
                failed_downloads=videos.failed_downloads + 1,
                download_problem=problem,
            )

    def record_report(self, video: Video, attempt: Attempt, report: GenerationReport) -> None:
        """Commit what the generator says about steering, before the clip is downloaded."""
        with self.database.transaction(tenant=video.tenant) as tx:
            tx.update(
                tables.attempts,
                attempt.id,
                generation=msgspec.json.encode(report),
            )

    def record_answer(self, video: Video, attempt: Attempt, answer: str) -> None:
        """Keep the upstream's own body of a refusal or a failure."""
        if answer:
            with self.database.transaction(tenant=video.tenant) as tx:
                tx.update(tables.attempts, attempt.id, answer=answer)

    def record_upstream_deletion(self, video: Video, attempt: Attempt, fate: str) -> None:
        """Record whether the upstream deleted its copy of the video: `deleted` or `kept`."""
        with self.database.transaction(tenant=video.tenant) as tx:
            tx.update(tables.attempts, attempt.id, upstream_copy_status=fate)
            tx.append_audit("upstream.copy", subject=video.id, actor="jobs", content={"fate": fate})

    def finish(
        self,
        video: Video,
        attempt: Attempt,
        outcome: str,
        charge: Charge | None = None,
        *,
        retry_after_s: float | None = None,
    ) -> None:
        """Same as `finish_attempt`, but in its own transaction."""
        with self.database.transaction(tenant=video.tenant) as tx:
            finish_attempt(tx, video.id, attempt, outcome, charge=charge, retry_after_s=retry_after_s)


def finish_attempt(
    tx: Transaction,
    video_id: str,
    attempt: Attempt,
    outcome: str,
    *,
    charge: Charge | None = None,
    not_drawn: tuple[str, ...] = (),
    retry_after_s: float | None = None,
) -> None:
    """Record the outcome and the charge of an attempt, what the generator reports as not drawn, and for how
    long the upstream wants no requests.
    """
    changes: dict[str, Any] = {"ended_at": tx.now(), "outcome": outcome}
    if retry_after_s is not None:
        changes["retry_at"] = tx.now() + retry_after_s
    if not_drawn:
        changes["not_drawn"] = canonical_json.encode(not_drawn)
    if charge is not None:
        changes |= charge_columns(charge)
    tx.update(tables.attempts, attempt.id, **changes)
    tx.update(tables.videos, video_id, download_problem=None)
    tx.append_audit(
        "attempt.ended",
        subject=video_id,
        actor="jobs",
        content={
            "number": attempt.number,
            "outcome": outcome,
            "charged": charge.charged.value if charge else None,
        },
    )


def attempts_of(tx: Transaction, video_id: str) -> tuple[Attempt, ...]:
    """The attempts of a video, sorted by number."""
    rows = tx.select(
        tables.attempts, tables.attempts.c.video_id == video_id, order_by=(tables.attempts.c.number,)
    )
    return tuple(mappers.attempt(row) for row in rows)


def last_attempt(tx: Transaction, video_id: str) -> Attempt | None:
    attempts = attempts_of(tx, video_id)
    return attempts[-1] if attempts else None


def _attempt(tx: Transaction, attempt_id: str) -> Attempt:
    row = tx.one(tables.attempts, attempt_id)
    assert row is not None
    return mappers.attempt(row)
