"""Risk history: which attempts are outcomes of a provider's filter, and how long a model is kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

import pytest

from safelight.providers.advice.risk_model import JudgedRequest, RiskModel, fit_risk
from safelight.providers.attempts import gate as gates
from safelight.providers.attempts import risk_history
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.gate import MAX_ALL_ERROR_CHARS, MAX_ERROR_CHARS, Gate
from safelight.providers.attempts.models import AttemptFilter, AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.providers.attempts.risk_history import KEEP_S, MAX_READ, RiskHistory, judged_requests
from safelight.store.pages import Page
from support.attempts import PASSED

ATTEMPT = replace(PASSED, provider="main", model="veo-3.1")
REFUSED = replace(ATTEMPT, outcome=AttemptOutcome.REFUSED, file_came=False)


class _Log:
    """A log with these attempts for one tenant, which counts how often it is read."""

    def __init__(self, attempts: Sequence[AttemptRecord]) -> None:
        self.attempts, self.reads = attempts, 0

    def page(
        self, tenant: str, _wanted: AttemptFilter, *, after: str | None = None, limit: int
    ) -> Page[AttemptRecord]:
        self.reads += 1
        start = int(after) + 1 if after else 0
        left = self.attempts[start:] if tenant == "mine" else ()
        page = [replace(one, id=str(start + at)) for at, one in enumerate(left[:limit])]
        return Page(tuple(page), len(left) > limit)


def judged(*attempts: AttemptRecord, asked: str = "veo") -> list[bool]:
    return [one.refused for one in judged_requests(attempts, asked)]


def word(number: int) -> str:
    """A different word for each number: digits are no words."""
    return str(number).translate(str.maketrans("0123456789", "bcdfghjklm"))


def many(count: int) -> list[AttemptRecord]:
    return [
        replace(
            REFUSED if at % 4 == 0 else ATTEMPT, prompt=f"a scene {'with a kite' * (at % 4 == 0)} {word(at)}"
        )
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


def test_an_empty_name_is_no_model_of_attempts_without_one() -> None:
    log = _Log([replace(one, model="") for one in many(60)])
    assert RiskHistory(cast(AttemptLog, log)).estimate("mine", " ", "a scene") is None
    assert log.reads == 0


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


def test_a_fit_in_progress_stops_no_other_check(monkeypatch: pytest.MonkeyPatch) -> None:
    started, ends, fits = threading.Event(), threading.Event(), []

    def fit(judged: Iterable[JudgedRequest]) -> RiskModel | None:
        fits.append(threading.current_thread().name)
        if fits[-1] == "slow":
            started.set()
            assert ends.wait(60)
        return fit_risk(judged)

    monkeypatch.setattr(risk_history, "fit_risk", fit)
    now = 0.0
    history = RiskHistory(cast(AttemptLog, _Log(many(60))), monotonic=lambda: now)
    assert history.estimate("mine", "veo", "a scene") is not None
    now = KEEP_S
    slow = threading.Thread(name="slow", target=history.estimate, args=("mine", "veo", "a scene"))
    slow.start()
    try:
        assert started.wait(60)
        # Until then, the old model of this provider and none of others; other tenants do not wait.
        assert history.estimate("mine", "veo", "a scene") is not None
        assert history.estimate("mine", "main", "a scene") is None
        assert len(fits) == 2
        assert history.estimate("another", "veo", "a scene") is None
        assert len(fits) == 3
    finally:
        ends.set()
        slow.join(60)
    assert history.estimate("mine", "main", "a scene") is not None


def test_a_failed_fit_does_not_stop_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    log = _Log(many(60))
    history = RiskHistory(cast(AttemptLog, log))
    with monkeypatch.context() as broken:
        broken.setattr(risk_history, "fit_risk", lambda _judged: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            history.estimate("mine", "veo", "a scene")
    assert history.estimate("mine", "veo", "a scene") is not None


def test_a_tenant_keeps_four_models_and_does_not_evict_those_of_others() -> None:
    log = _Log([replace(one, model=f"model-{at % 8}") for at, one in enumerate(many(480))])
    history = RiskHistory(cast(AttemptLog, log))
    history.estimate("another", "veo", "a scene")
    for at in range(8):
        assert history.estimate("mine", f"model-{at}", "a scene") is not None
    before = log.reads
    for at in range(4, 8):
        history.estimate("mine", f"model-{at}", "a scene")
    history.estimate("another", "veo", "a scene")
    assert log.reads == before
    history.estimate("mine", "model-0", "a scene")
    assert log.reads > before


def test_attempts_are_read_in_small_pages_up_to_the_limit() -> None:
    log = _Log([replace(ATTEMPT, provider="other", model="")] * (MAX_READ + 500))
    assert RiskHistory(cast(AttemptLog, log)).estimate("mine", "veo", "a scene") is None
    assert log.reads == 10


def test_errors_are_read_up_to_a_number_of_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def count(_provider: str, text: str) -> Gate:
        lengths.append(len(text))
        return Gate.PROVIDER_FILTER

    monkeypatch.setattr(gates, "gate_of_text", count)
    hostile = [replace(REFUSED, prompt=word(at), error=f"{at} {'model ' * 5_000}") for at in range(1_000)]
    found = list(judged_requests([ATTEMPT, *hostile], "veo"))
    assert (max(lengths), sum(lengths)) == (MAX_ERROR_CHARS, MAX_ALL_ERROR_CHARS)
    assert len(found) == 1 + len(lengths)
    lengths.clear()
    assert len(list(judged_requests([REFUSED] * 1_000, "veo"))) == 1_000
    assert len(lengths) == 1


def test_several_prompts_are_estimated_by_one_model() -> None:
    history = RiskHistory(cast(AttemptLog, _Log(many(60))))
    risks = history.estimate_all("mine", "veo", ["a scene", "another scene"])
    assert risks is not None
    assert len(risks) == 2
    assert all(0 < risk < 1 for risk in risks)
    assert history.estimate_all("mine", "", ["a scene"]) is None
