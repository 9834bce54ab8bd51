"""Risk history: which attempts are outcomes of a provider's filter, and how long a model is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from safelight.attempts.attempt_log import AttemptLog
from safelight.attempts.models import (
    AttemptFilter,
    AttemptOrigin,
    AttemptOutcome,
    AttemptPage,
    AttemptRecord,
)
from safelight.attempts.risk_history import KEEP_S, RiskHistory, judged_requests
from safelight.generation.protocol import Charge, ChargeStatus

ATTEMPT = AttemptRecord(
    id="attempt_1",
    origin=AttemptOrigin.GATEWAY,
    at=1_790_000_000.0,
    provider="main",
    model="veo-3.1",
    seconds=8,
    width=1280,
    height=720,
    prompt="a lake at dawn",
    error="",
    outcome=AttemptOutcome.PASSED,
    stage="unknown",
    file_came=True,
    charge=Charge(charged=ChargeStatus.NO),
    request_id="",
)
REFUSED = replace(ATTEMPT, outcome=AttemptOutcome.REFUSED, file_came=False)


class _Log:
    """A log with these attempts for one tenant, which counts how often it is read."""

    def __init__(self, attempts: Sequence[AttemptRecord]) -> None:
        self.attempts, self.reads = attempts, 0

    def page(self, tenant: str, _wanted: AttemptFilter, **_options: Any) -> AttemptPage:
        self.reads += 1
        return AttemptPage(attempts=tuple(self.attempts) if tenant == "mine" else (), has_more=False)


def judged(*attempts: AttemptRecord, asked: str = "veo") -> list[bool]:
    return [one.refused for one in judged_requests(attempts, asked)]


def many(count: int) -> list[AttemptRecord]:
    return [
        replace(REFUSED if at % 4 == 0 else ATTEMPT, prompt=f"a scene {'with a kite' * (at % 4 == 0)} {at}")
        for at in range(count)
    ]


def test_passed_and_refused_attempts_are_outcomes() -> None:
    assert judged(ATTEMPT, REFUSED) == [False, True]


@pytest.mark.parametrize("outcome", [AttemptOutcome.STOPPED, AttemptOutcome.FAILED, AttemptOutcome.RUNNING])
def test_what_our_policy_stopped_and_what_failed_is_no_outcome_of_the_provider(
    outcome: AttemptOutcome,
) -> None:
    assert judged(replace(ATTEMPT, outcome=outcome)) == []


def test_a_rule_of_a_team_is_no_outcome_of_the_provider() -> None:
    error = (
        '{"error": {"code": "content_policy_violation", "message": "Blocked by your organization blocklist"}}'
    )
    assert judged(replace(REFUSED, error=error)) == []


def test_a_withheld_prompt_is_left_out() -> None:
    assert judged(replace(REFUSED, prompt=None)) == []


def test_reported_attempts_count_and_are_marked() -> None:
    (found,) = judged_requests([replace(REFUSED, origin=AttemptOrigin.REPORTED)], "veo")
    assert found.reported


def test_a_model_has_its_own_outcomes_and_a_provider_those_of_all_its_models() -> None:
    fast = replace(ATTEMPT, model="veo-3.1-fast")
    other = replace(ATTEMPT, model="gen4", provider="runway")
    assert len(judged(ATTEMPT, fast, other, asked="veo-3.1")) == 1
    assert len(judged(ATTEMPT, fast, other, asked="veo")) == 2
    assert len(judged(ATTEMPT, fast, other, asked="main")) == 2


def test_outcomes_of_other_tenants_are_never_used() -> None:
    history = RiskHistory(cast(AttemptLog, _Log(many(60))))
    assert history.estimate("mine", "veo", "a scene") is not None
    assert history.estimate("another", "veo", "a scene") is None


def test_fewer_than_fifty_outcomes_give_no_estimate() -> None:
    assert RiskHistory(cast(AttemptLog, _Log(many(49)))).estimate("mine", "veo", "a scene") is None


def test_a_model_is_kept_and_fitted_again_later() -> None:
    now = 0.0
    log = _Log(many(49))
    history = RiskHistory(cast(AttemptLog, log), monotonic=lambda: now)
    assert history.estimate("mine", "veo", "a scene") is None
    log.attempts = many(60)
    now = KEEP_S - 1
    assert history.estimate("mine", "veo", "a scene") is None
    now = KEEP_S
    assert history.estimate("mine", "Veo ", "a scene") is not None
    assert log.reads == 2
