"""Answers about attempts for commands, the HTTP API and pages: the party that refused, and second charges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from safelight.core.i18n import Messages
from safelight.providers.protocol import ChargeStatus

from .attempt_log import AttemptLog
from .charges import find_second_charges
from .drift import Drift, DriftKind
from .gate import Gate, GateAnswer, GateEvidence, GateSign, find_gate
from .models import MAX_ATTEMPTS, AttemptFilter, AttemptRecord

#: Attempts up to this time before and after one are evidence about it, and at most this number on each side.
_GATE_WINDOW_S, _MAX_EVIDENCE = 14 * 86_400.0, 2_000
#: The first one of two charges is searched up to this time before the oldest attempt.
_FIRST_CHARGE_S = 90 * 86_400.0
#: What a drift shows about an attempt, by the party that refused it, and the kind that shows it.
_DRIFT_SIGNS = {
    Gate.PROVIDER_FILTER: GateSign.REFUSES_MORE,
    Gate.PROVIDER_DOWN: GateSign.FAILS_MORE,
    Gate.UNKNOWN: GateSign.FAILS_MORE,
}
_DRIFTS = {
    GateSign.REFUSES_MORE: DriftKind.REFUSES_MORE,
    GateSign.FAILS_MORE: DriftKind.FAILS_MORE,
}


@dataclass(frozen=True, kw_only=True)
class ChosenAttempts:
    """The attempts of a filter, and those that are searched for the first one of two charges."""

    attempts: tuple[AttemptRecord, ...]
    #: All attempts that were read, each one once; these are more than the attempts of the filter.
    searched: tuple[AttemptRecord, ...]
    #: Whether there are more attempts of the filter than were read.
    incomplete: bool

    @property
    def second_charges(self) -> frozenset[str]:
        """The ids of all attempts that are second charges."""
        return find_second_charges(self.searched)


def answer_gate(
    log: AttemptLog,
    tenant: str,
    attempt: AttemptRecord,
    *,
    find_drifts: Callable[[str], Sequence[Drift]] = lambda _tenant: (),
) -> GateAnswer | None:
    """The party that refused an attempt, with the evidence of other attempts; None if it was not refused.

    `find_drifts` takes the tenant. It is called only if the provider may be the party.
    """
    answer = _read_gate(log, tenant, attempt)
    sign = None if answer is None else _DRIFT_SIGNS.get(answer.gate)
    if answer is None or sign is None:
        return answer
    evidence = tuple(
        GateEvidence(sign=sign, at=one.since, provider=one.provider, count=one.after.count, until=one.until)
        for one in find_drifts(tenant)
        if (one.provider, one.model) == (attempt.provider, attempt.model)
        and one.kind is _DRIFTS[sign]
        and one.since <= attempt.at < (one.until or math.inf)
    )
    return replace(answer, evidence=(*answer.evidence, *evidence))


def _read_gate(log: AttemptLog, tenant: str, attempt: AttemptRecord) -> GateAnswer | None:
    before = AttemptFilter(since=attempt.at - _GATE_WINDOW_S, until=attempt.at)
    earlier = log.page(tenant, before, limit=_MAX_EVIDENCE).items
    window_s = _GATE_WINDOW_S
    while True:
        later = log.page(
            tenant, AttemptFilter(since=attempt.at, until=attempt.at + window_s), limit=_MAX_EVIDENCE
        )
        # The newest come first, but the evidence has to follow the attempt without a gap.
        if not later.has_more or window_s < 1:
            return find_gate(attempt, (*earlier, *later.items))
        window_s /= 2


def attempt_answer(
    attempt: AttemptRecord, gate: GateAnswer | None, provider_answer: str | None, t: Messages
) -> dict[str, Any]:
    """One attempt as JSON, with the party that refused it and the provider's own body."""
    return {
        **attempt.as_json(),
        "gate": None if gate is None else gate.as_json(t),
        "provider_answer": provider_answer,
    }


def choose_attempts(log: AttemptLog, tenant: str, wanted: AttemptFilter) -> ChosenAttempts:
    """The wanted attempts, at most `MAX_ATTEMPTS`."""
    page = log.page(tenant, wanted, limit=MAX_ATTEMPTS)
    chosen = page.items
    # Only a charge with a request id can be a second one.
    charged = [one.at for one in chosen if one.request_id and one.charge.charged is ChargeStatus.YES]
    around: tuple[AttemptRecord, ...] = ()
    if charged:
        # The first charge can be before the period, or that of the gateway, which has another name for the
        # provider.
        period = AttemptFilter(since=min(charged) - _FIRST_CHARGE_S, until=max(charged) + 1)
        around = log.all(tenant, period)
    searched = {one.id: one for one in (*around, *chosen)}
    return ChosenAttempts(attempts=chosen, searched=tuple(searched.values()), incomplete=page.has_more)
