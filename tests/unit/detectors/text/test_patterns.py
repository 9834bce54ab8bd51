from __future__ import annotations

import pytest

from safelight.detectors.text.ages import find_young_ages
from safelight.detectors.text.pii import find_identifiers
from support.rows import each_row


@each_row
def test_ages_under_eighteen_are_found(text: str) -> None:
    assert list(find_young_ages(text))


@each_row
def test_other_ages_are_not_found(text: str) -> None:
    assert not list(find_young_ages(text))


@each_row
def test_private_data_is_found_by_its_pattern(text: str, kind: str) -> None:
    assert kind in {found for found, _start, _end in find_identifiers(text)}


@pytest.mark.parametrize(
    "text", ["2001-2005, 1920x1080, 24 fps", "1234 5678 9012 3456", "0000 0000 0000 0000", "year 1999"]
)
def test_other_numbers_are_not_private_data(text: str) -> None:
    assert not list(find_identifiers(text))
