"""The risk with an estimate from own outcomes: level, sentence, and when there is none."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from safelight.core.i18n import load_messages
from safelight.providers.advice.drivers import find_drivers
from safelight.providers.advice.help_gate import HelpRefusal
from safelight.providers.advice.provider_risk import ProviderRisk, RiskLevel, assess_risk
from safelight.providers.advice.provider_rules import advise
from safelight.providers.advice.risk_model import RiskEstimate
from support.prompt_advice import advised
from support.rows import each_row
from support.verdicts import seen

ESTIMATE = RiskEstimate(
    probability=0.234,
    interval=(0.118, 0.376),
    prompts=130,
    attempts=150,
    reported=0,
    since=dt.datetime(2026, 10, 1, tzinfo=dt.UTC).timestamp(),
    until=dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp(),
)


def wire(risk: ProviderRisk, locale: str = "en") -> dict[str, Any]:
    return risk.as_wire(load_messages("advice", locale))


def test_an_estimate_has_percent_interval_number_and_dates() -> None:
    told = wire(assess_risk(advise("veo", ()), (), estimate=ESTIMATE))
    assert told["estimate"] == {
        "percent": 23,
        "interval": [12, 38],
        "prompts": 130,
        "attempts": 150,
        "reported": 0,
        "since": "2026-10-01",
        "until": "2026-11-20",
    }
    for part in ("130", "23 %", "12 to 38 %", "2026-10-01", "2026-11-20"):
        assert part in told["reason"]


def test_without_an_estimate_there_is_no_percentage() -> None:
    drivers = find_drivers({"prompt": "alone on a rooftop at night"}, ())
    for provider in ("veo", "runway", "some-server"):
        told = wire(assess_risk(advise(provider, ()), drivers))
        assert told["estimate"] is None
        assert "%" not in told["reason"]


@each_row
def test_the_level_follows_the_probability(probability: float, level: RiskLevel) -> None:
    drivers = find_drivers({"prompt": "alone on a rooftop at night"}, ())
    risk = assess_risk(advise("veo", ()), drivers, estimate=replace(ESTIMATE, probability=probability))
    assert risk.level is level


def test_a_documented_refusal_keeps_its_level() -> None:
    finding = seen("likeness", public_figure=True)
    risk = assess_risk(advise("veo", [finding]), (), estimate=replace(ESTIMATE, probability=0.02))
    assert (risk.level, risk.estimate is not None) == (RiskLevel.HIGH, True)
    assert "documentation says it would refuse this" in wire(risk)["reason"]


def test_reported_outcomes_are_marked_in_every_language() -> None:
    reported = replace(ESTIMATE, reported=20)
    for locale in ("en", "zh-Hant", "zh-Hans"):
        told = wire(assess_risk(advise("veo", ()), (), estimate=reported), locale)
        assert "20" in told["reason"].replace("2026-11-20", "")
        assert told["estimate"]["reported"] == 20


def test_a_provider_that_was_shut_down_has_no_estimate() -> None:
    told = wire(assess_risk(advise("sora-2", ()), (), estimate=ESTIMATE))
    assert (told["shut_down"], told["estimate"], told["level"]) == (True, None, "unknown")
    unreadable = assess_risk(advise("veo", ()), (), readable=False, estimate=ESTIMATE)
    assert unreadable.estimate is None


@each_row
def test_an_estimate_is_computed_only_if_it_is_shown(provider: str, had_block: bool, calls: int) -> None:
    made = []

    def estimate() -> RiskEstimate:
        made.append(ESTIMATE)
        return ESTIMATE

    found = advised("a paper boat on a lake", provider, estimate=estimate, had_block=had_block)
    refusal = HelpRefusal.RECENT_BLOCK if had_block else None
    assert (found.refusal, len(made), found.risk.estimate is not None) == (refusal, calls, bool(calls))
