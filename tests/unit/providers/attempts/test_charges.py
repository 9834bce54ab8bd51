"""Charges: their sums, second charges, and what a provider may owe."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from safelight.providers.attempts.charges import find_second_charges, is_owed, sum_charges
from safelight.providers.attempts.export import ATTEMPT_COLUMNS, CHARGED_COLUMNS, write_csv
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRefund
from safelight.providers.protocol import Charge, ChargeStatus
from support.attempts import NOON as NOW
from support.attempts import PASSED

REFUSED = replace(
    PASSED,
    provider="my-runway",
    width=1280,
    height=720,
    prompt="一個孩子 alone on a rooftop",
    error="SAFETY.OUTPUT.VIDEO",
    outcome=AttemptOutcome.REFUSED,
    stage="output",
    file_came=False,
    charge=Charge(charged=ChargeStatus.YES, amount=0.25, source="upstream"),
    request_id="task-1",
)


def test_sums_are_exact_and_a_partial_refund_lowers_what_is_left() -> None:
    tenth = replace(REFUSED, charge=Charge(charged=ChargeStatus.YES, amount=0.1))
    refunded = replace(REFUSED, refunds=(AttemptRefund(amount=0.1, currency="USD"),))
    (total,) = sum_charges([tenth, tenth, refunded])
    assert (total.charged, total.left) == (Decimal("0.45"), Decimal("0.35"))


@pytest.mark.parametrize(
    ("change", "owed"),
    [
        ({}, True),
        ({"outcome": AttemptOutcome.FAILED}, True),
        ({"refunds": (AttemptRefund(amount=0.1, currency="USD"),)}, True),
        ({"outcome": AttemptOutcome.FAILED, "file_came": None, "is_own_error": True}, False),
        ({"outcome": AttemptOutcome.STOPPED, "file_came": True}, False),
        ({"outcome": AttemptOutcome.PASSED, "file_came": True}, False),
        ({"outcome": AttemptOutcome.UNKNOWN, "file_came": None}, False),
        ({"charge": Charge(charged=ChargeStatus.NO)}, False),
        ({"charge": Charge(charged=ChargeStatus.UNKNOWN, currency="")}, False),
        ({"refunds": (AttemptRefund(amount=0.25, currency="USD"),)}, False),
    ],
)
def test_only_a_charge_for_what_the_provider_refused_or_failed_is_owed(
    change: dict[str, object], owed: bool
) -> None:
    assert is_owed(replace(REFUSED, **change)) is owed  # type: ignore[arg-type]


def test_a_second_charge_for_a_request_id_is_found() -> None:
    delivered = replace(REFUSED, outcome=AttemptOutcome.PASSED, file_came=True)
    again = replace(delivered, id="attempt_2", at=NOW + 5)
    assert find_second_charges([again, delivered]) == {"attempt_2"}


def test_the_same_request_id_at_another_provider_is_no_second_charge() -> None:
    billed = replace(
        REFUSED, origin=AttemptOrigin.IMPORTED, provider="runway", outcome=AttemptOutcome.UNKNOWN
    )
    other = replace(billed, id="attempt_2", at=NOW + 5, provider="kling")
    assert find_second_charges([billed, other]) == frozenset()
    own = replace(REFUSED, id="attempt_0", at=NOW - 5)
    assert find_second_charges([own, billed]) == {"attempt_1"}, (
        "the gateway's name for the provider is its own"
    )


def test_after_a_refund_of_the_first_charge_the_second_one_is_the_only_one() -> None:
    first = replace(REFUSED, refunds=(AttemptRefund(amount=0.25, currency="USD"),))
    assert find_second_charges([first, replace(REFUSED, id="attempt_2", at=NOW + 5)]) == frozenset()


def test_the_table_for_a_refund_has_no_formula() -> None:
    strange = replace(REFUSED, error="=cmd()", request_id="+1")
    written = write_csv([strange.as_json(withhold_prompt=True)], CHARGED_COLUMNS)
    assert written.startswith("time,provider,request_id,prompt,error,amount,currency,source\n")
    assert ",'+1,,'=cmd(),0.25,USD,upstream" in written
    assert tuple(REFUSED.as_json()) == ATTEMPT_COLUMNS
