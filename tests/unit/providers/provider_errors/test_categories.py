from __future__ import annotations

import pytest

from safelight.providers.advice.help_gate import GATED
from safelight.providers.provider_errors.categories import GRAVEST, all_named, of_names
from safelight.providers.provider_errors.parse import read_body


def test_every_category_in_which_nobody_gets_help_is_graver_than_the_others() -> None:
    assert set(GRAVEST) >= GATED


@pytest.mark.parametrize(
    ("words", "category"),
    [
        (["violence", "sexual"], "sexual"),
        (["hate", "violence/graphic"], "violence/graphic"),
        (["sexual", "minors"], "sexual/minors"),
        (["violence", "hate"], "violence"),
        (["anything else"], ""),
    ],
)
def test_the_gravest_category_of_a_list_counts(words: list[str], category: str) -> None:
    assert of_names(words) == category


def test_the_categories_of_lists_and_messages_are_all_named() -> None:
    error = {"message": "Blocked because of nudity.", "categories": ["violence", "child_abuse"]}
    assert all_named(read_body({"error": error})) == {"violence", "sexual", "minors"}
