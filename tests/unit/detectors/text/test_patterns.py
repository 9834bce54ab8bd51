from __future__ import annotations

import pytest

from safelight.detectors.text.ages import find_young_ages
from safelight.detectors.text.pii import find_identifiers


@pytest.mark.parametrize(
    "text",
    [
        "a 9-year-old girl",
        "aged 12",
        "a boy turning six",
        "15 yo skater",
        "十二岁的女孩",
        "一個8歲的男孩",
        "twelve years old",
    ],
)
def test_ages_under_eighteen_are_found(text: str) -> None:
    assert list(find_young_ages(text))


@pytest.mark.parametrize(
    "text",
    [
        "a 15 year old oak",
        "aged 45",
        "a 21-year-old student",
        "turns 5 degrees",
        "三十岁的男人",
        "a 1.5 year old",
        "二十岁",
    ],
)
def test_other_ages_are_not_found(text: str) -> None:
    assert not list(find_young_ages(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call 555-123-4567 now", "telephone number"),
        ("+44 20 7946 0958", "telephone number"),
        ("手机 13812345678", "telephone number"),
        ("4111 1111 1111 1111", "card number"),
        ("ssn 123-45-6789", "social security number"),
        ("write to someone@example.com", "mail address"),
    ],
)
def test_private_data_is_found_by_its_pattern(text: str, kind: str) -> None:
    assert kind in {found for found, _start, _end in find_identifiers(text)}


@pytest.mark.parametrize(
    "text", ["2001-2005, 1920x1080, 24 fps", "1234 5678 9012 3456", "0000 0000 0000 0000", "year 1999"]
)
def test_other_numbers_are_not_private_data(text: str) -> None:
    assert not list(find_identifiers(text))
