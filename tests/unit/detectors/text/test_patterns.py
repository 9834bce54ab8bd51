from __future__ import annotations

from safelight.detectors.text.ages import find_young_ages
from safelight.detectors.text.patterns import find_identifiers
from support.rows import each_row


@each_row
def test_ages_under_eighteen_are_found_and_other_ages_are_not(what: str, text: str, young: bool) -> None:
    assert bool(list(find_young_ages(text))) is young


@each_row
def test_private_data_is_found_by_its_pattern_and_other_numbers_are_not(text: str, kinds: set[str]) -> None:
    assert {found for found, _start, _end in find_identifiers(text)} == kinds
