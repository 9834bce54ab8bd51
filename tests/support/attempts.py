"""Attempts as the log has them, and as the gateway stores them."""

from __future__ import annotations

from safelight.core import canonical_json
from safelight.core.ids import new_id
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.providers.protocol import Charge, ChargeStatus
from safelight.store import tables
from safelight.store.database import Database

from .videos import add_video

NOON = 1_790_000_000.0
#: An attempt that passed.
PASSED = AttemptRecord(
    id="attempt_1",
    origin=AttemptOrigin.GATEWAY,
    at=NOON,
    provider="runway",
    model="gen4",
    seconds=5,
    width=None,
    height=None,
    prompt="a lake at dawn",
    error="",
    outcome=AttemptOutcome.PASSED,
    stage="unknown",
    file_came=True,
    charge=Charge(charged=ChargeStatus.NO),
    request_id="",
)


def submitted(database: Database, tenant: str, *, at: float = NOON, **changes: object) -> str:
    """A video of the gateway with one attempt, which a provider refused; returns the attempt's id."""
    video_id, attempt_id = new_id("video"), new_id("attempt")
    explanation = {
        "source": "provider",
        "moderation_stage": "output",
        "provider_code": "SAFETY.OUTPUT.VIDEO",
        "provider_message": "Content moderation failed.",
    }
    video = {
        "state": "blocked",
        "stage": "output",
        "created_at": at,
        "model": "gen4",
        "generator": "my-runway",
        "prompt": "a child alone on a rooftop",
        "seconds": 5,
        "explanation": canonical_json.encode(explanation),
    }
    attempt = {
        "id": attempt_id,
        "video_id": video_id,
        "number": 1,
        "generator": "my-runway",
        "billing": "paid",
        "idempotency_key": video_id,
        "created_at": at,
        "upstream_id": f"task-{video_id}",
        "ended_at": at + 60,
        "outcome": "moderation_blocked",
        "charge_status": "yes",
        "amount": 0.25,
        "currency": "USD",
        "charge_source": "upstream",
    }
    # Both tables have some columns; the changes mean only the attempt's.
    of_attempt = {name: value for name, value in changes.items() if name in tables.attempts.c}
    of_video = {name: value for name, value in changes.items() if name not in of_attempt}
    with database.transaction(tenant=tenant) as tx:
        add_video(tx, id=video_id, **(video | of_video))
        tx.insert(tables.attempts, **(attempt | of_attempt))
    return attempt_id
