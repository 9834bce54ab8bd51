"""Limits of consents: a request that does not state what is limited is never covered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.core.errors import InvalidField
from safelight.policy.intended_use import (
    WORLD,
    ConsentLimits,
    IntendedUse,
    Shortfall,
    UseKind,
    VideoRequester,
    find_shortfall,
    normalize_territory,
)
from support.rows import each_row

LIMITS = ConsentLimits(
    accounts=frozenset({"key_1"}), kinds=frozenset({UseKind.EDUCATION}), commercial=False, territory="EU"
)
FITS = IntendedUse(kind=UseKind.EDUCATION, commercial=False, territory="DE, FR")


def shortfall(limits: ConsentLimits, use: IntendedUse | None) -> Shortfall | None:
    return find_shortfall(limits, VideoRequester(account="key_1", use=use), may_speak=False)


@each_row
def test_what_a_consent_limits_must_be_stated_and_fit(use: IntendedUse, found: Shortfall | None) -> None:
    assert shortfall(LIMITS, use) is found


def test_advertising_is_commercial_whatever_the_request_states() -> None:
    use = IntendedUse(kind=UseKind.ADVERTISING, commercial=False)
    assert shortfall(ConsentLimits(accounts=frozenset({"key_1"})), use) is Shortfall.COMMERCIAL


def test_a_character_is_compared_with_the_requester_only() -> None:
    assert shortfall(LIMITS, None) is None
    stranger = VideoRequester(account="key_2", use=None)
    assert find_shortfall(LIMITS, stranger, may_speak=False) is Shortfall.REQUESTER


@given(st.sets(st.sampled_from(["DE", "FR", "US", "IS", "EU", "EEA"]), min_size=1))
def test_every_territory_is_within_itself_and_within_the_world(places: set[str]) -> None:
    territory = normalize_territory(", ".join(places).lower(), "territory")
    use = replace(FITS, territory=territory)
    for allowed in (territory, WORLD):
        assert shortfall(replace(LIMITS, territory=allowed), use) is None


@each_row
def test_a_territory_in_other_words_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        normalize_territory(text, "territory")


def test_the_request_comes_before_the_terms() -> None:
    terms = IntendedUse(kind=UseKind.NEWS, commercial=True, territory=WORLD)
    assert IntendedUse(commercial=False).filled_from(terms) == replace(terms, commercial=False)
