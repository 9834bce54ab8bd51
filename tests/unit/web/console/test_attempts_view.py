"""The chart and the sums of the page of attempts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from safelight.cli.attempts import format_pattern
from safelight.core.i18n import load_messages
from safelight.providers.advice.driver_tables import scenarios, word_rows
from safelight.providers.attempts.models import AttemptOutcome, AttemptRefund
from safelight.providers.attempts.patterns import RefusalPattern, RefusalRate
from safelight.providers.protocol import Charge, ChargeStatus
from safelight.videos.refusal_budget import RefusalCount
from safelight.web.console.attempts_view import (
    CHART_HEIGHT,
    budget_lines,
    chart_bars,
    losses,
    lost_attempts,
    pattern_rows,
    with_unknown_charge,
)
from safelight.web.translations import load_languages
from support.attempts import NOON as NOW
from support.attempts import PASSED

DAY_S = 86_400.0
T = load_languages()["en"]
ATTEMPT = replace(
    PASSED,
    model="",
    seconds=None,
    prompt=None,
    outcome=AttemptOutcome.REFUSED,
    file_came=False,
    charge=Charge(charged=ChargeStatus.YES, amount=0.1, currency="USD"),
)


def test_stopped_attempts_and_second_charges_are_losses_and_passed_ones_are_not() -> None:
    passed = replace(ATTEMPT, outcome=AttemptOutcome.PASSED, request_id="r")
    attempts = [
        passed,
        replace(passed, id="attempt_2", at=NOW + 1),
        replace(ATTEMPT, id="attempt_3", outcome=AttemptOutcome.STOPPED),
    ]
    lost = lost_attempts(attempts, {"attempt_2"})
    assert [one.id for one in lost] == ["attempt_2", "attempt_3"]
    (loss,) = losses(lost)
    assert loss.net == "$0.20"
    undelivered = replace(passed, is_undelivered=True)
    assert lost_attempts([undelivered], ()) == [undelivered]


def test_a_charge_without_an_amount_is_unknown_until_it_is_refunded() -> None:
    unknown = replace(ATTEMPT, charge=Charge(charged=ChargeStatus.YES))
    refunded = replace(unknown, refunds=(AttemptRefund(amount=None, currency=""),))
    not_charged = replace(ATTEMPT, charge=Charge(charged=ChargeStatus.NO))
    assert with_unknown_charge([ATTEMPT, unknown, refunded, not_charged]) == [unknown]


def test_each_bar_is_a_day_and_the_highest_one_fills_the_chart() -> None:
    attempts = [
        ATTEMPT,
        replace(ATTEMPT, outcome=AttemptOutcome.PASSED),
        replace(ATTEMPT, at=NOW - 2 * DAY_S),
        replace(ATTEMPT, outcome=AttemptOutcome.FAILED),
    ]
    bars = chart_bars(attempts, since=NOW - 6 * DAY_S, now=NOW, t=T)
    assert [(bar.refused, bar.passed) for bar in bars] == [(0, 0)] * 4 + [(1, 0), (0, 0), (1, 1)]
    assert [bar.first_day for bar in bars[-2:]] == [bar.last_day for bar in bars[-2:]]
    assert bars[-1].passed_y == 0
    assert bars[-1].refused_y + bars[-1].refused_height == CHART_HEIGHT


def test_long_periods_and_wrong_clocks_have_few_bars_that_hold_all_attempts() -> None:
    attempts = [replace(ATTEMPT, at=NOW - days * DAY_S) for days in (-3, 0, 400, 1000)]
    bars = chart_bars(attempts, since=None, now=NOW, t=T)
    assert len(bars) <= 30
    assert (bars[0].first_day, bars[-1].last_day) == ("26 Dec 2023", "24 Sep 2026")
    assert all(bar.first_day != bar.last_day for bar in bars[:-1])
    assert sum(bar.refused for bar in bars) == 4
    assert chart_bars([], since=None, now=NOW, t=T) == ()


def test_a_budget_of_refusals_is_named_from_half_on_without_its_counts() -> None:
    a = load_messages("attempts")
    budgets = {
        name: RefusalCount(refused=refused, limit=4, until=1_790_035_200.0)
        for name, refused in (("few", 1), ("half", 2), ("used", 4))
    }
    half, used = budget_lines(budgets, T, a)
    assert half.startswith("half has refused at least half")
    assert used == (
        "used has refused as many requests as it may refuse today (UTC). "
        "Nothing is sent to it until 22 Sep 2026, 00:00 UTC."
    )


@pytest.mark.parametrize(("total", "has_interval"), [(3, False), (19, False), (20, True)])
def test_a_share_of_few_prompts_is_not_stated(total: int, has_interval: bool) -> None:
    rate = RefusalRate(refused=1, total=total, attempts=total)
    pattern = RefusalPattern(kind="provider", value="openai", rate=rate, others=rate)
    (row,) = pattern_rows([pattern], "provider", load_messages("attempts", "en"))
    assert row.text.startswith(f"1 of {total} prompts refused")
    assert ("%" in row.text) is has_interval


def test_a_share_has_its_interval_in_percent() -> None:
    rate = RefusalRate(refused=20, total=20, attempts=20)
    pattern = RefusalPattern(kind="provider", value="openai", rate=rate, others=rate)
    (row,) = pattern_rows([pattern], "provider", load_messages("attempts", "en"))
    assert re.findall(r"\d+(?= %|%|\D)", row.text)[-2:] == ["84", "100"], row.text


@pytest.mark.parametrize("tag", ["en", "zh-Hans", "zh-Hant"])
def test_no_identifier_is_shown_as_the_label_of_a_driver(tag: str) -> None:
    rate = RefusalRate(refused=1, total=3, attempts=3)
    rows = [*word_rows(), *scenarios(), "looking_down+rooftop"]
    patterns = [
        RefusalPattern(kind="driver", value=f"context_word:{row}", rate=rate, others=rate) for row in rows
    ]
    for pattern in patterns:
        (shown,) = pattern_rows([pattern], "driver", load_messages("attempts", tag))
        assert "_" not in shown.value
        assert "_" not in format_pattern(pattern, load_messages("attempts", tag))
        assert all(
            load_messages("advice", tag).has_own(f"driver.{row}") for row in pattern.value[13:].split("+")
        )
