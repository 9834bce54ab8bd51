from __future__ import annotations

import importlib.util

import pytest

from safelight_lab.training.generated_texts import frame_texts, joined_texts, word_texts
from safelight_lab.training.training_run import with_generated


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_frames_give_many_different_harmless_texts_without_open_slots(lang: str) -> None:
    texts = frame_texts(lang)
    assert texts == frame_texts(lang)
    assert len({one.text for one in texts}) > 2000
    assert len({one.family for one in texts}) > 120
    assert not any(one.categories or "{" in one.text for one in texts)


def test_joined_texts_consist_of_short_ones_and_are_one_family() -> None:
    short = frame_texts("en")[:200]
    joined = joined_texts(short, 30, "a label")
    assert len(joined) == 30
    assert len({one.family for one in joined}) == 1
    assert all(any(one.text.startswith(part.text.rstrip(" .")) for part in short) for one in joined)


@pytest.mark.skipif(importlib.util.find_spec("wordfreq") is None, reason="wordfreq is not installed")
def test_words_that_are_not_allowed_are_left_out() -> None:
    found = word_texts("en", lambda word: word != "people")
    assert "time" in {one.text for one in found}
    assert not any("people" in one.text.split() for one in found)


@pytest.mark.skipif(importlib.util.find_spec("wordfreq") is None, reason="wordfreq is not installed")
def test_no_joined_text_mixes_folds() -> None:
    every = with_generated([], lambda _word: True)
    assert {one.source for one in every if one.source.startswith("joined")} == {"joined-en", "joined-zh"}
    assert all(one.kind == "generated" for one in every)
