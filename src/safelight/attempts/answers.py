"""Answers about attempts for commands, the HTTP API and pages: the party that refused, and claims."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from safelight.i18n import Messages

from .attempt_log import AttemptLog
from .claim import Claim, build_claim
from .gate import GateAnswer, find_gate
from .models import MAX_ATTEMPTS, AttemptFilter, AttemptRecord

#: Attempts up to this time before and after one are evidence about it, and at most so many on each side.
_GATE_WINDOW_S, _MAX_EVIDENCE = 14 * 86_400.0, 2_000


def answer_gate(log: AttemptLog, tenant: str, attempt: AttemptRecord) -> GateAnswer | None:
    """The party that refused an attempt, with the evidence of other attempts; None if it was not refused."""
    before = AttemptFilter(since=attempt.at - _GATE_WINDOW_S, until=attempt.at)
    earlier = log.page(tenant, before, limit=_MAX_EVIDENCE).attempts
    window_s = _GATE_WINDOW_S
    while True:
        later = log.page(
            tenant, AttemptFilter(since=attempt.at, until=attempt.at + window_s), limit=_MAX_EVIDENCE
        )
        # The newest come first, but the evidence has to follow the attempt without a gap.
        if not later.has_more or window_s < 1:
            return find_gate(attempt, (*earlier, *later.attempts))
        window_s /= 2


def attempt_answer(attempt: AttemptRecord, gate: GateAnswer | None, t: Messages) -> dict[str, Any]:
    """One attempt as JSON, with the party that refused it."""
    return {**attempt.as_json(), "gate": None if gate is None else gate.as_json(t)}


def claim_of(
    log: AttemptLog, tenant: str, wanted: AttemptFilter, *, ids: Collection[str] = (), now: float
) -> Claim:
    """The claim for the wanted attempts, or for those of `ids`. Raises `NotFound` for an unknown id."""
    chosen = {log.get(tenant, one).id for one in ids}
    # The first charge of a second one can be that of the gateway, which has another name for the provider.
    page = log.page(tenant, AttemptFilter(since=wanted.since, until=wanted.until), limit=MAX_ATTEMPTS)
    made = build_claim(
        page.attempts,
        now=now,
        wanted=lambda one: (not chosen or one.id in chosen) and wanted.provider in ("", one.provider),
    )
    return replace(made, incomplete=page.has_more)
