"""Attempts of other programs, as the log has them."""

from __future__ import annotations

from safelight.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.generation.protocol import Charge, ChargeStatus

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
