"""Repeats: what counts as sending a request again, what it brought, and what it cost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from safelight.core.i18n import load_messages
from safelight.providers.attempts.models import AttemptOutcome, AttemptRecord, AttemptRefund
from safelight.providers.attempts.repeats import find_repeats
from safelight.providers.protocol import Charge, ChargeStatus
from support.attempts import NOON, PASSED
from support.rows import each_row

HOUR_S = 3600.0
PAID = Charge(charged=ChargeStatus.YES, amount=0.25, currency="USD")
OUTCOMES = {
    "R": AttemptOutcome.REFUSED,
    "P": AttemptOutcome.PASSED,
    "F": AttemptOutcome.FAILED,
    # The provider passed it, and a policy of Safelight blocked the file.
    "S": AttemptOutcome.STOPPED,
}


def tries(
    outcomes: str, *, prompt: str | None = "a lake at dawn", hours: float = 1, charge: Charge = PAID
) -> list[AttemptRecord]:
    """Attempts with one prompt, one after the other."""
    return [
        replace(
            PASSED,
            id=f"attempt_{prompt}_{number}",
            at=NOON + number * hours * HOUR_S,
            prompt=prompt,
            outcome=OUTCOMES[one],
            stage="output" if one == "R" else "unknown",
            file_came=one in "PS",
            charge=charge,
        )
        for number, one in enumerate(outcomes)
    ]


def test_the_repeats_of_a_refused_request_are_counted_until_it_passes_with_their_cost() -> None:
    attempts = (
        tries("RRPP") + tries("RP", prompt="a city") + tries("R", prompt="a wood") + tries("P", prompt="b")
    )
    (found,) = find_repeats(attempts)
    assert (found.provider, found.stage, found.refused, found.repeated) == ("runway", "output", 3, 2)
    assert (found.passed_first, found.passed, found.tries) == (1, 2, 3)
    assert [(one.currency, float(one.left)) for one in found.charges] == [("USD", 0.75)]


@each_row
def test_every_repeat_that_was_charged_is_in_the_cost(
    outcomes: str, judged: tuple[int, int], unanswered: int, cost: float
) -> None:
    (found,) = find_repeats(tries(outcomes))
    assert (found.passed_first, found.tries) == judged
    assert (found.unanswered, [float(one.left) for one in found.charges]) == (unanswered, [cost])


def test_refunds_lower_the_cost_and_unknown_charges_are_apart() -> None:
    first, second, third = tries("RRR")
    second = replace(second, refunds=(AttemptRefund(amount=0.2, currency="USD"),))
    third = replace(third, charge=Charge(charged=ChargeStatus.UNKNOWN))
    (found,) = find_repeats([first, second, third])
    assert ([float(one.left) for one in found.charges], found.unknown_charges) == ([0.05], 1)


def test_another_day_another_length_a_withheld_prompt_and_an_outage_are_no_repeats() -> None:
    assert find_repeats(tries("RP", hours=25)) == ()
    refused, passed = tries("RP")
    (found,) = find_repeats([refused, replace(passed, prompt="A lake, at dawn!")])
    assert found.passed == 1, "it is the same prompt"
    assert find_repeats([refused, replace(passed, seconds=8)]) == ()
    assert find_repeats([refused, replace(passed, model="gen3")]) == ()
    assert find_repeats(tries("RP", prompt=None)) == ()
    (found,) = find_repeats(tries("RFP"))
    assert (found.tries, found.passed_first) == (1, 1)


def test_below_twenty_requests_the_text_has_no_share() -> None:
    few = find_repeats(tries("RP"))[0].text(load_messages("attempts"))
    assert few.startswith("1 of 1 passed at the first repeat")
    assert "too few for a share" in few
    assert "%" not in few
    attempts = [one for number in range(20) for one in tries("RP", prompt=f"a lake {number}")]
    many = find_repeats(attempts)[0].text(load_messages("attempts"))
    assert "95 % interval 84 to 100 %" in many
    assert many.endswith("The repeats cost $5.00.")


@given(st.lists(st.text("RPFS", min_size=1, max_size=6), max_size=12))
def test_the_numbers_fit_together(sequences: list[str]) -> None:
    attempts = [one for number, each in enumerate(sequences) for one in tries(each, prompt=f"scene {number}")]
    for found in find_repeats(attempts):
        assert 0 <= found.passed_first <= found.passed <= found.repeated <= found.refused
        assert found.repeated <= found.tries
        assert found.tries + found.unanswered > 0
        assert found.refused <= sum("R" in each for each in sequences)
        assert found.interval[0] <= found.passed_first / (found.repeated or 1) <= found.interval[1]
