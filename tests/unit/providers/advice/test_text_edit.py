from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.providers.advice.text_edit import TextEdit, apply_edits, compare_words


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    edits = [TextEdit(start=text.index(old), end=text.index(old) + len(old), text=new) for old, new in pairs]
    return apply_edits(text, edits)[0]


def test_articles_follow_the_replacement() -> None:
    assert replaced("on a rooftop", ("rooftop", "observation deck")) == "on an observation deck"
    assert replaced("An edge of stone", ("edge", "side")) == "A side of stone"
    assert replaced("a fight", ("fight", "energetic action")) == "an energetic action"
    assert replaced("an ox", ("ox", "unicorn")) == "a unicorn"


def test_a_capital_letter_is_kept() -> None:
    assert replaced("Falling snow", ("Falling", "drifting")) == "Drifting snow"
    assert replaced("NIGHT train", ("NIGHT", "dusk")) == "dusk train"


def test_of_overlapping_edits_the_longest_is_applied() -> None:
    assert (
        replaced("falling snow here", ("falling", "landing"), ("falling snow", "drifting snow"))
        == "drifting snow here"
    )


def test_an_edit_outside_the_text_is_an_error() -> None:
    with pytest.raises(ValueError, match="outside"):
        apply_edits("cat", [TextEdit(start=1, end=9, text="x")])


edits = st.builds(
    lambda start, length, text: TextEdit(start=start, end=start + length, text=text),
    st.integers(0, 20),
    st.integers(0, 10),
    st.text(max_size=8),
)


@given(st.text(min_size=30, max_size=60), st.lists(edits, max_size=6))
def test_the_diff_holds_both_texts(text: str, made: list[TextEdit]) -> None:
    rewritten, diff = apply_edits(text, made)
    assert "".join(part.text for part in diff if part.change != "added") == text
    assert "".join(part.text for part in diff if part.change != "removed") == rewritten


@given(
    st.lists(st.sampled_from(["a ", "fox ", "狐", ", ", "\n", "runs"]), max_size=450),
    st.lists(st.sampled_from(["a ", "fox ", "狐", ", ", "\n", "runs"]), max_size=450),
)
def test_the_diff_by_words_holds_both_texts(words: list[str], others: list[str]) -> None:
    text, other = "".join(words), "".join(others)
    diff = compare_words(text, other)
    assert "".join(part.text for part in diff if part.change != "added") == text
    assert "".join(part.text for part in diff if part.change != "removed") == other


def test_the_diff_by_words_keeps_what_is_the_same_in_between() -> None:
    diff = compare_words("a red fox runs here", "a grey fox sleeps here")
    assert [(part.change, part.text) for part in diff] == [
        ("same", "a "),
        ("removed", "red "),
        ("added", "grey "),
        ("same", "fox "),
        ("removed", "runs "),
        ("added", "sleeps "),
        ("same", "here"),
    ]


def test_the_article_fits_the_word_after_all_edits_that_follow_each_other() -> None:
    edits = [TextEdit(start=2, end=7, text=""), TextEdit(start=7, end=12, text="")]
    assert apply_edits("A wide open road.", edits)[0] == "A road."


def test_the_article_fits_a_replacement_after_what_is_left_out() -> None:
    assert replaced("a yellow umbrella", ("yellow ", ""), ("umbrella", "parasol")) == "a parasol"


def test_an_article_with_a_new_capital_fits_too() -> None:
    assert replaced("video of a farm", ("video of a", "A"), ("farm", "orchard")) == "An orchard"
    assert replaced("video of an old castle", ("video of a", "A"), ("old ", "")) == "A castle"
