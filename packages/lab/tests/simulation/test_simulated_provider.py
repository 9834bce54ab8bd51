"""The simulated provider: stages, charges, refunds, hanging requests and drift, all marked as simulated."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from safelight.providers.provider_errors import ErrorKind, ErrorSource, decode
from safelight.testing.upstream import ScenarioRule
from safelight_lab.simulation.hidden_filter import HiddenFilter
from safelight_lab.simulation.simulated_provider import (
    ProviderBehaviour,
    SimulatedDrift,
    SimulatedProvider,
    make_upstream,
)

HIDDEN = HiddenFilter(score=lambda prompt: 10.0 * ("kite" in prompt), mean=0, spread=1, threshold=5, noise=0)
PROVIDER = SimulatedProvider(
    hidden=HIDDEN, behaviour=ProviderBehaviour(output_share=0.0, price=0.1), clock=lambda: 1_000.0
)
KITE, LAMP = {"prompt": "a kite", "seconds": "8"}, {"prompt": "a lamp", "seconds": "8"}


def _with(**changes: object) -> SimulatedProvider:
    return replace(PROVIDER, behaviour=replace(PROVIDER.behaviour, **changes))  # type: ignore[arg-type]


def _refused(provider: SimulatedProvider, count: int = 300) -> float:
    rules = [provider.choose_rule(LAMP, number) for number in range(count)]
    return sum(rule.submit.do == "status" for rule in rules) / count


def kind_of(rule: ScenarioRule) -> tuple[ErrorKind, ErrorSource]:
    error = {"message": rule.submit.message, "code": rule.submit.code}
    found = decode(json.dumps({"error": error}), provider="upstream")
    return found.kind, found.source


def test_a_refused_request_costs_nothing_and_says_that_it_is_simulated() -> None:
    rule = PROVIDER.choose_rule(KITE, 1)
    assert (rule.submit.status, rule.charge) == (400, None)
    assert rule.submit.message.startswith("Simulated")
    assert kind_of(rule) == (ErrorKind.CONTENT_BLOCK, ErrorSource.PROVIDER)


def test_a_passed_request_is_completed_charged_and_marked_unless_it_hangs() -> None:
    rule = PROVIDER.choose_rule(LAMP, 1)
    assert (rule.ends, rule.charge, rule.fields) == ("completed", 0.8, {"simulated": True})
    assert _with(hang_share=1.0).choose_rule(LAMP, 1).ends == "never"
    for seconds in ("", "many", None, [4]):
        assert PROVIDER.choose_rule({"prompt": "a lamp", "seconds": seconds}, 1).charge == 0.4


def test_each_kind_of_drift_changes_only_what_it_names() -> None:
    words = _drifted(SimulatedDrift.WORDS, drift_share=1.0, drift_words=frozenset({"lamp"}))
    assert words.probability("a lamp") == pytest.approx(1.0)
    assert words.probability("a boat") < 0.001
    laxer = _drifted(SimulatedDrift.LESS, drift_share=0.9)
    assert laxer.probability("a kite") == pytest.approx(0.1)
    assert PROVIDER.probability("a kite") == pytest.approx(1.0)
    outage = _drifted(SimulatedDrift.ERRORS, drift_share=1.0).choose_rule(LAMP, 1)
    assert (outage.submit.do, outage.submit.status, outage.charge) == ("status", 500, None)
    assert kind_of(outage)[0] is ErrorKind.TRANSIENT
    charged = _drifted(SimulatedDrift.CHARGES).choose_rule(KITE, 1)
    assert (charged.ends, charged.charge) == ("refused", 0.8)
    assert _drifted(SimulatedDrift.PRICE).choose_rule(LAMP, 1).charge == pytest.approx(1.2)


def test_a_refused_output_is_charged_and_may_be_refunded() -> None:
    rule = _with(output_share=1.0, refund_share=1.0).choose_rule(KITE, 1)
    assert (rule.ends, rule.charge, rule.refund) == ("refused", 0.8, True)
    assert rule.error is not None
    assert "Simulated" in rule.error["message"]


def test_the_same_request_gets_the_same_decision_and_a_later_one_its_own() -> None:
    noisy = replace(PROVIDER, hidden=replace(HIDDEN, noise=0.4))
    decisions = [noisy.choose_rule(KITE, number) for number in range(40)]
    assert decisions == [noisy.choose_rule(KITE, number) for number in range(40)]
    assert len({rule.submit.do for rule in decisions}) == 2


def test_more_is_refused_after_the_drift() -> None:
    before = _with(drift_at=2_000.0, drift_share=0.5)
    after = replace(before, clock=lambda: 2_000.0)
    assert _refused(before) == 0
    assert _refused(after) == pytest.approx(0.5, abs=0.1)


def test_a_key_is_needed_and_a_huge_video_is_refused() -> None:
    with make_upstream(PROVIDER, "simulated-1", api_key="sk-1", host="127.0.0.1", port=0) as upstream:
        counts = upstream.url.removesuffix("/v1") + "/_safelight/counts"
        for url in (f"{upstream.url}/models", counts):
            assert httpx.get(url).status_code == 401
        headers = {"authorization": "Bearer sk-1"}
        assert httpx.get(counts, headers=headers).status_code == 200
        for huge in ({"seconds": "86400"}, {"size": "99999x720"}):
            answer = httpx.post(f"{upstream.url}/videos", json={"prompt": "a lamp", **huge}, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")


def _drifted(kind: SimulatedDrift, **changes: object) -> SimulatedProvider:
    return _with(drift_at=900.0, drift_kind=kind, **changes)
