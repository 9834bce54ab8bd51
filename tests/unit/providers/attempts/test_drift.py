"""Drift: its kind, its start, and what is no drift."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.core.i18n import load_messages
from safelight.providers.attempts.drift import Drift, DriftKind, DriftReport, find_drift
from safelight.providers.attempts.models import AttemptOutcome, AttemptRecord
from safelight.providers.protocol import Charge, ChargeStatus
from support import attempts

Kind: TypeAlias = dict[str, object]
START, HOUR_S = attempts.NOON, 3_600.0
REFUSED = "SAFETY.INPUT.TEXT: the request was refused"
ATTEMPT = replace(
    attempts.PASSED,
    prompt=None,
    charge=Charge(charged=ChargeStatus.YES, amount=0.5, currency="USD"),
)
PASSED: Kind = {"outcome": AttemptOutcome.PASSED}
REFUSAL: Kind = {
    "outcome": AttemptOutcome.REFUSED,
    "error": REFUSED,
    "file_came": False,
    "charge": Charge(charged=ChargeStatus.NO),
}
CHARGED: Kind = {**REFUSAL, "charge": Charge(charged=ChargeStatus.YES, amount=0.5, currency="USD")}
OUTAGE: Kind = {
    "outcome": AttemptOutcome.FAILED,
    "error": "503 Service Unavailable",
    "file_came": False,
    "charge": Charge(charged=ChargeStatus.NO),
}


def series(*kinds: Kind) -> list[AttemptRecord]:
    """One attempt per hour."""
    return [
        replace(ATTEMPT, id=f"attempt_{number:05}", at=START + number * HOUR_S, **kind)  # type: ignore[arg-type]
        for number, kind in enumerate(kinds)
    ]


def every(count: int, step: int, kind: dict[str, object]) -> list[dict[str, object]]:
    """Passed attempts, and in every `step`th place another one."""
    return [kind if number % step == step - 1 else PASSED for number in range(count)]


def found(attempts: Sequence[AttemptRecord]) -> list[DriftKind]:
    return [one.kind for one in find_drift(attempts).drifts]


def only(attempts: Sequence[AttemptRecord]) -> Drift:
    (drift,) = find_drift(attempts).drifts
    return drift


def test_a_provider_that_refuses_more_is_named_with_the_time() -> None:
    drift = only(series(*every(300, 30, REFUSAL), *every(40, 2, REFUSAL)))
    assert drift.kind is DriftKind.REFUSES_MORE
    assert abs(drift.since - (START + 300 * HOUR_S)) <= 10 * HOUR_S
    assert drift.until is None
    assert drift.before.total + drift.after.total == 340
    assert drift.after.count > 15


def test_an_outage_is_no_refusal_and_ends() -> None:
    kinds = [*every(300, 30, REFUSAL), *[OUTAGE] * 20, *every(200, 30, REFUSAL)]
    end, outage = find_drift(series(*kinds)).drifts
    assert (outage.kind, end.kind) == (DriftKind.FAILS_MORE, DriftKind.FAILS_LESS)
    assert outage.since == START + 300 * HOUR_S
    assert outage.until == end.since


def test_tries_of_one_prompt_on_a_day_count_once() -> None:
    passed = [{**PASSED, "prompt": f"a lake, {chr(97 + number % 26)}{number}"} for number in range(300)]
    refused = [{**REFUSAL, "prompt": f"a red balloon, take {number}"} for number in range(20)]
    assert found(series(*passed, *refused)) == []


def test_only_what_the_provider_decides_is_drift() -> None:
    stopped: Kind = {"outcome": AttemptOutcome.STOPPED}
    longer: Kind = {"seconds": 10.0, "charge": Charge(charged=ChargeStatus.YES, amount=1.0, currency="USD")}
    team: Kind = {**REFUSAL, "error": "blocked by your organization"}
    plan: Kind = {**OUTAGE, "error": "Your plan does not have access to the model gen4."}
    strict = every(300, 2, REFUSAL)
    assert find_drift(()) == DriftReport()
    assert found(series(*strict, *every(150, 30, REFUSAL))) == [DriftKind.REFUSES_LESS]
    assert found(series(*strict, *[stopped] * 100)) == [DriftKind.REFUSES_LESS]
    charged = series(*every(600, 3, REFUSAL), *every(200, 3, CHARGED))
    assert found(charged) == [DriftKind.CHARGES_MORE]
    for others in ([longer] * 30, [*[team] * 30, *[plan] * 30]):
        assert found(series(*[PASSED] * 300, *others)) == []


def test_providers_and_models_are_compared_apart() -> None:
    kinds = [*every(300, 30, REFUSAL), *every(60, 2, REFUSAL)]
    other = [
        replace(one, id=f"{one.id}_b", model="other", outcome=AttemptOutcome.PASSED, error="", file_came=True)
        for one in series(*kinds)
    ]
    drift = only([*series(*kinds), *other])
    assert drift.model == "gen4"
    report = find_drift([*series(*kinds), *other])
    assert report.watched == {("runway", "gen4"): 360, ("runway", "other"): 360}


def chance(count: int, share: float, seed: int, *, words: int = 0, ids: bool = False) -> list[Kind]:
    """Refusals by chance. The error of each one has other words, another id, or neither."""
    chosen = random.Random(seed)
    kinds: list[Kind] = []
    for _number in range(count):
        refused = chosen.random() < share
        others = " ".join(chosen.choice("abcdefgh") * chosen.randint(2, 9) for _word in range(words))
        mark = f" (request id: {chosen.getrandbits(128):032x}) " if ids else " "
        kinds.append({**REFUSAL, "error": f"{REFUSED}{mark}{others}"} if refused else PASSED)
    return kinds


def test_errors_with_ids_give_the_drift_that_errors_without_them_give() -> None:
    def rise(*, ids: bool) -> DriftReport:
        kinds = [*chance(1_800, 0.2, 1, ids=ids), *chance(200, 0.6, 2, ids=ids)]
        return find_drift(series(*kinds))

    assert found(series(*chance(1_800, 0.2, 1, ids=True))) == []
    assert [one.kind for one in rise(ids=True).drifts] == [DriftKind.REFUSES_MORE]
    assert rise(ids=True).watched == {("runway", "gen4"): 2_000}


def test_errors_too_many_to_be_read_make_no_provider_laxer() -> None:
    """Older attempts are left out together, those that passed too."""
    steady = find_drift(series(*chance(1_500, 0.3, 3, words=50)))
    assert steady.drifts == ()
    assert 300 < steady.watched["runway", "gen4"] < 1_500


def test_errors_too_many_to_be_read_do_not_hide_a_rise() -> None:
    kinds = [*chance(1_400, 0.1, 3, words=50), *chance(100, 0.6, 4, words=50)]
    assert found(series(*kinds))[0] is DriftKind.REFUSES_MORE


def test_outcomes_without_a_change_give_at_most_about_one_alarm_a_year() -> None:
    """20 calls a day for a year: refusals and failures by chance."""
    chosen = random.Random(7)
    alarms, years = 0, 2
    for _year in range(years):
        kinds = chosen.choices((PASSED, REFUSAL, OUTAGE), (0.75, 0.2, 0.05), k=7_300)
        attempts = [replace(one, at=START + number * 4_320) for number, one in enumerate(series(*kinds))]
        alarms += len(found(attempts))
    assert alarms <= years


def test_the_alarm_comes_later_the_more_outcomes_a_year_there_are() -> None:
    kinds = [*every(300, 30, REFUSAL), *every(40, 2, REFUSAL)]
    fast = [replace(one, at=START + number) for number, one in enumerate(series(*kinds))]
    slow, late = only(series(*kinds)), only(fast)
    assert (slow.found_at - START) / HOUR_S < late.found_at - START


@given(st.lists(st.sampled_from([0, 1, 2]), max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_of_reading_and_of_equal_times_does_not_matter(
    places: list[int], shuffled: random.Random
) -> None:
    steps: tuple[Kind, ...] = (PASSED, REFUSAL, OUTAGE)
    kinds: list[Kind] = [
        *every(60, 20, REFUSAL),
        *(steps[one] for one in places),
    ]
    attempts = [replace(one, at=START + number // 4 * HOUR_S) for number, one in enumerate(series(*kinds))]
    mixed = list(attempts)
    shuffled.shuffle(mixed)
    assert find_drift(mixed) == find_drift(attempts)


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("kind", DriftKind)
def test_each_kind_has_a_sentence_in_each_language(kind: DriftKind, language: str) -> None:
    drift = replace(only(series(*every(300, 30, REFUSAL), *every(40, 2, REFUSAL))), kind=kind)
    text = drift.text(load_messages("attempts", language))
    assert "runway/gen4" in text
    assert "{" not in text
