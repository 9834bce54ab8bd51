"""Claims: what is summed, what is listed apart, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.i18n import load_messages
from safelight.providers.attempts.claim import (
    ClaimReason,
    LeftOut,
    build_claim,
    find_second_charges,
    sum_charges,
)
from safelight.providers.attempts.claim_text import CLAIM_COLUMNS, claim_table, write_markdown
from safelight.providers.attempts.export import ATTEMPT_COLUMNS, write_csv
from safelight.providers.attempts.models import AttemptOrigin, AttemptOutcome, AttemptRecord, AttemptRefund
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
UNKNOWN = Charge(charged=ChargeStatus.UNKNOWN, currency="")

AMOUNTS = st.integers(0, 10**6).map(lambda cents: cents / 100)
CHARGES = st.builds(
    lambda status, amount, currency: Charge(
        charged=status, amount=amount if status is ChargeStatus.YES else None, currency=currency
    ),
    st.sampled_from(ChargeStatus),
    st.none() | AMOUNTS,
    st.sampled_from(["USD", "CNY", "CREDITS"]),
)
REFUNDS = st.lists(st.builds(AttemptRefund, amount=st.none() | AMOUNTS, currency=st.just("USD")), max_size=2)
RECORDS = st.lists(
    st.builds(
        lambda outcome, charge, refunds, request: replace(
            REFUSED, outcome=outcome, charge=charge, refunds=tuple(refunds), request_id=request
        ),
        st.sampled_from(AttemptOutcome),
        CHARGES,
        REFUNDS,
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=12,
).map(lambda found: [replace(one, id=f"attempt_{n}", at=NOW + n) for n, one in enumerate(found)])


@given(RECORDS)
def test_every_attempt_is_claimed_listed_apart_or_left_out_once(records: list[AttemptRecord]) -> None:
    claim = build_claim(records, now=NOW)
    assert len(claim.rows) + len(claim.unknown) + sum(claim.left_out.values()) == len(records)
    for row in (*claim.rows, *claim.unknown):
        assert not row.attempt.is_refunded
        assert row.attempt.outcome is not AttemptOutcome.STOPPED
        assert row.attempt.charge.charged is not ChargeStatus.NO


@given(RECORDS)
def test_unknown_charges_change_no_sum(records: list[AttemptRecord]) -> None:
    def is_known(one: AttemptRecord) -> bool:
        return one.charge.charged is ChargeStatus.YES and one.charge.amount is not None

    # A request id that two attempts share is a second charge, whatever the amounts.
    single = [one if is_known(one) else replace(one, request_id="") for one in records]
    known = [one for one in single if is_known(one)]
    assert build_claim(single, now=NOW).totals == build_claim(known, now=NOW).totals


@given(RECORDS)
def test_the_sum_is_exact_and_never_below_zero(records: list[AttemptRecord]) -> None:
    claim = build_claim(records, now=NOW)
    for total in claim.totals:
        rows = [row.attempt for row in claim.rows if row.attempt.charge.currency == total.currency]
        assert total.charged == sum((Decimal(repr(one.charge.amount)) for one in rows), Decimal())
        assert 0 <= total.refunded <= total.charged


@given(RECORDS)
def test_a_whole_refund_takes_the_row_out(records: list[AttemptRecord]) -> None:
    refund = AttemptRefund(amount=None, currency="")
    claim = build_claim([replace(one, refunds=(refund,)) for one in records], now=NOW)
    assert (claim.rows, claim.unknown, claim.totals) == ((), (), ())


def test_sums_are_exact_and_a_partial_refund_lowers_what_is_left() -> None:
    tenth = replace(REFUSED, charge=Charge(charged=ChargeStatus.YES, amount=0.1))
    refunded = replace(REFUSED, refunds=(AttemptRefund(amount=0.1, currency="USD"),))
    (total,) = sum_charges([tenth, tenth, refunded])
    assert (total.charged, total.left) == (Decimal("0.45"), Decimal("0.35"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"outcome": AttemptOutcome.FAILED, "file_came": None, "is_own_error": True}, LeftOut.OWN_FAILURE),
        ({"outcome": AttemptOutcome.STOPPED, "file_came": True}, LeftOut.OWN_POLICY),
        ({"outcome": AttemptOutcome.PASSED, "file_came": True}, LeftOut.FILE_CAME),
        ({"outcome": AttemptOutcome.RUNNING, "file_came": None}, LeftOut.RUNNING),
        ({"outcome": AttemptOutcome.UNKNOWN, "file_came": None}, LeftOut.OUTCOME_UNKNOWN),
        ({"charge": Charge(charged=ChargeStatus.NO)}, LeftOut.NOT_CHARGED),
        ({"refunds": (AttemptRefund(amount=0.25, currency="USD"),)}, LeftOut.REFUNDED),
    ],
)
def test_what_is_left_out_is_counted_with_its_reason(change: dict[str, object], reason: LeftOut) -> None:
    claim = build_claim([replace(REFUSED, **change)], now=NOW)  # type: ignore[arg-type]
    assert (claim.rows, claim.unknown, claim.left_out) == ((), (), {reason: 1})


def test_a_provider_that_charges_twice_owes_the_second_charge() -> None:
    delivered = replace(REFUSED, outcome=AttemptOutcome.PASSED, file_came=True)
    again = replace(delivered, id="attempt_2", at=NOW + 5)
    assert find_second_charges([again, delivered]) == {"attempt_2"}
    claim = build_claim([again, delivered], now=NOW)
    assert [(row.attempt.id, row.reason) for row in claim.rows] == [("attempt_2", ClaimReason.SECOND_CHARGE)]
    other = replace(again, request_id="task-2")
    assert build_claim([other, delivered], now=NOW).rows == ()


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
    billed = replace(REFUSED, outcome=AttemptOutcome.UNKNOWN, file_came=None, origin=AttemptOrigin.IMPORTED)
    first = replace(billed, refunds=(AttemptRefund(amount=0.25, currency="USD"),))
    again = replace(billed, id="attempt_2", at=NOW + 5)
    claim = build_claim([first, again], now=NOW)
    assert (claim.rows, claim.left_out) == ((), {LeftOut.REFUNDED: 1, LeftOut.OUTCOME_UNKNOWN: 1})


def test_a_claim_quotes_only_the_provider() -> None:
    own = replace(REFUSED, error="Ask my-runway for a refund.", is_own_error=True)
    said = document(own)
    assert "Ask my-runway" not in said
    assert "Error: not known" in said
    (row,) = claim_table(build_claim([own], now=NOW), withhold_prompts=False)
    assert row["error"] is None


def test_a_claim_of_some_attempts_still_sees_second_charges_of_others() -> None:
    again = replace(REFUSED, id="attempt_2", at=NOW + 5)
    claim = build_claim([REFUSED, again], now=NOW, wanted=lambda one: one.id == "attempt_2")
    assert [row.reason for row in claim.rows] == [ClaimReason.SECOND_CHARGE]


def document(attempt: AttemptRecord) -> str:
    claim = build_claim([attempt], now=NOW)
    return write_markdown(claim, load_messages("attempts"), withhold_prompts=False)


def test_the_document_has_what_a_support_team_asks_for() -> None:
    exact = replace(REFUSED, charge=Charge(charged=ChargeStatus.YES, amount=1234567.25))
    assert "Charge: $1234567.25" in document(exact)
    said = document(REFUSED)
    for words in ("task-1", "2026-09-21T14:13:20+00:00", "gen4", "5 s 1280x720", "$0.25", "upstream"):
        assert words in said
    assert "```text\nSAFETY.OUTPUT.VIDEO\n```" in said
    assert "A file came: no" in said
    assert "一個孩子 alone on a rooftop" in said


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_unknown_charges_have_a_part_of_their_own_in_every_language(tag: str) -> None:
    t = load_messages("attempts", tag)
    claim = build_claim([REFUSED, replace(REFUSED, id="attempt_2", charge=UNKNOWN, request_id="")], now=NOW)
    said = write_markdown(claim, t, withhold_prompts=True)
    first, second = said.split(f"## {t('claim.unknown_title')}")
    assert "$0.25" in first
    assert "attempt\\_2" in second
    assert t("withheld") in said
    assert "rooftop" not in said


def test_an_error_cannot_end_its_block_or_add_markup() -> None:
    hostile = replace(REFUSED, error="```\n# Paid\n````", request_id="[x](http://evil) <b>", prompt="\x1b[2J")
    said = document(hostile)
    assert "`````text\n```\n# Paid\n````\n`````" in said
    assert "\\[x\\](http://evil) \\<b\\>" in said
    assert "\x1b" not in said


def test_the_table_has_no_amount_for_an_unknown_charge_and_no_formula() -> None:
    strange = replace(REFUSED, id="attempt_2", charge=UNKNOWN, error="=cmd()", request_id="+1")
    rows = claim_table(build_claim([REFUSED, strange], now=NOW), withhold_prompts=True)
    assert [(row["status"], row["amount"], row["prompt"]) for row in rows] == [
        ("claimed", 0.25, None),
        ("unknown", None, None),
    ]
    written = write_csv(rows, CLAIM_COLUMNS)
    assert written.startswith("status,reason,provider,request_id,")
    assert ",'=cmd()," in written
    assert ",'+1," in written
    assert tuple(REFUSED.as_json()) == ATTEMPT_COLUMNS
