from __future__ import annotations

import pytest

from safelight_lab.evaluation.suite import peers, word_checker


@pytest.mark.parametrize(
    ("prompt", "level", "warned"),
    [
        # The examples of the articles.
        ("A person standing alone on a rooftop at night", "medium", True),
        ("A person standing alone on a rooftop at night, looking down at the city", "medium", True),
        ("A photographer capturing city lights from an observation deck at dusk", "low", False),
        ("A person sitting alone on the edge of a bridge at night", "medium", True),
        ("The character falls", "high", True),
        # Words within other words, as the code has it.
        ("a waterfall in autumn", "high", True),
        ("a soldier painting a fence", "high", True),
        ("A chef cutting carrots", "high", True),
        ("a night train", "low", False),
        ("tears of joy", "low", True),
        ("a bathroom with a sharp edge", "low", True),
        ("掉下來", "low", False),
    ],
)
def test_the_word_checker_says_what_its_code_says(prompt: str, level: str, warned: bool) -> None:
    assert word_checker.risk_level(prompt) == level
    assert word_checker.is_refused(prompt) == (level == "high")
    assert word_checker.is_warned(prompt) == warned


def test_a_screener_that_is_not_installed_or_cannot_be_used_is_reported_as_such() -> None:
    def broken() -> peers.Peer:
        raise ImportError("another version")

    missing = peers._find("other", "no-such-package-of-anyone", lambda: bool)
    assert (missing.stops, missing.missing) == (None, "not installed")
    failing = peers._find("other", "pytest", broken)  # type: ignore[arg-type]
    assert (failing.stops, failing.missing) == (None, "not usable: ImportError")


def test_the_columns_are_always_named_in_one_order() -> None:
    assert [one.name for one in peers.find_peers()] == [
        "word checker",
        "word checker and its tables",
        "LiteLLM content filter",
        "better-profanity",
    ]
