from __future__ import annotations

from typing import Any

from safelight.policy.findings import SHIPPED
from safelight.policy.verdicts import WaiverTerms
from safelight.policy.waivers import Waiver, applicable_waivers, covers
from support.rows import each_row


def waiver(**changes: object) -> Waiver:
    given: dict[str, Any] = {
        "id": "waiver_1",
        "name": "demo",
        "decided_by": "Ada",
        "reason": "A demonstration.",
        "categories": ("*",),
        "created_at": 100.0,
        **changes,
    }
    return Waiver(**given)


@each_row
def test_a_waiver_is_in_force_until_its_expiry_at_permitted_addresses_even_if_the_clock_went_back(
    changes: dict[str, object], now: float, loopback: bool, holds: bool
) -> None:
    assert waiver(**changes).in_force(now, loopback=loopback) is holds


def test_a_star_covers_exactly_the_mandatory_set() -> None:
    star = waiver().terms
    assert covers(star, "violence/graphic", SHIPPED)
    assert not covers(star, "hate", SHIPPED)


def test_one_waiver_is_named_for_a_gap_the_first_by_name() -> None:
    two = [WaiverTerms(id=f"waiver_{name}", name=name, categories=("ncii",)) for name in ("b", "a")]
    assert [terms.name for terms in applicable_waivers(two, "ncii", SHIPPED)] == ["a"]
    assert applicable_waivers(two, "sexual", SHIPPED) == ()
