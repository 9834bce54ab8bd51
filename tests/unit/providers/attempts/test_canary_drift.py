"""Drift in canaries: a series of its own beside the attempts of clients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from safelight.core.i18n import load_messages
from safelight.providers.attempts.drift import DriftKind, DriftSource, find_drift
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord
from safelight.providers.protocol import Charge, ChargeStatus
from support import attempts

HOUR_S, START = 3_600.0, 1_780_000_000.0
PASSED = replace(
    attempts.PASSED,
    id="",
    origin=AttemptOrigin.CANARY,
    at=START,
    seconds=4.0,
    prompt="A quiet lake at dawn",
    charge=Charge(charged=ChargeStatus.YES, amount=0.4, currency="USD"),
)


def calls(outcomes: str, *, origin: AttemptOrigin = AttemptOrigin.CANARY) -> list[AttemptRecord]:
    """One an hour: P passed, R refused, F failed, U unknown."""
    ends: dict[str, dict[str, Any]] = {
        "P": {},
        "R": {"outcome": AttemptOutcome.REFUSED, "error": "SAFETY.OUTPUT.VIDEO", "file_came": False},
        "F": {"outcome": AttemptOutcome.FAILED, "error": "HTTP 503: overloaded", "file_came": False},
        "U": {"outcome": AttemptOutcome.UNKNOWN, "error": "The answer was lost.", "file_came": None},
    }
    return [
        replace(
            PASSED, id=f"attempt_{origin}{number:06}", at=START + number * HOUR_S, origin=origin, **ends[one]
        )
        for number, one in enumerate(outcomes)
    ]


def test_each_call_counts_also_of_one_prompt_on_one_day() -> None:
    (drift,) = find_drift(calls("P" * 30 + "R" * 7)).drifts
    assert (drift.kind, drift.found_in) == (DriftKind.REFUSES_MORE, DriftSource.CANARIES)
    assert (drift.since, drift.after.count) == (START + 30 * HOUR_S, 7)


def test_an_outage_is_found_and_ends() -> None:
    newest, first = find_drift(calls("P" * 30 + "F" * 12 + "P" * 40)).drifts
    assert (first.kind, newest.kind) == (DriftKind.FAILS_MORE, DriftKind.FAILS_LESS)
    assert first.until == newest.since


@pytest.mark.parametrize("outcomes", ["P" * 200, "P" * 50 + "R" + "P" * 50, "P" * 30 + "U" * 20])
def test_a_single_refusal_and_lost_answers_are_no_drift(outcomes: str) -> None:
    assert find_drift(calls(outcomes)).drifts == ()


def test_canaries_that_begin_make_the_provider_of_the_clients_no_laxer() -> None:
    clients = [
        replace(one, prompt=None, at=one.at - 400 * HOUR_S)
        for one in calls("PPPR" * 100, origin=AttemptOrigin.GATEWAY)
    ]
    assert find_drift(clients).drifts == ()
    assert find_drift([*clients, *calls("P" * 200)]).drifts == ()


def test_the_sentence_says_that_canaries_found_it() -> None:
    (drift,) = find_drift(calls("P" * 30 + "R" * 7)).drifts
    assert drift.as_json(load_messages("attempts"))["found_in"] == "canaries"
    for language, words in (("en", "by canaries"), ("zh-Hant", "定期探測"), ("zh-Hans", "定期探测")):
        assert words in drift.text(load_messages("attempts", language))
