from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.detectors.text.normalise import (
    VIEWS,
    deleet,
    final_views,
    folded,
    joined_after_article,
    plain,
    squeezed,
    view_of_kind,
    views,
)
from support.rows import each_row

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=200)
SLY_TEXT = st.text(alphabet="nude k1ll.-_ \u200b\u200d\u0301\ud800аеＡﷺ🙂裸 @$!", max_size=80)


@given(ANY_TEXT | SLY_TEXT)
def test_every_view_has_offsets_into_the_original_text(text: str) -> None:
    for view in views(text):
        assert len(view.offsets) == len(view.text) + 1
        assert list(view.offsets) == sorted(view.offsets)
        assert all(0 <= offset <= len(text) for offset in view.offsets)
        for start in range(len(view.text)):
            first, end = view.span(start, start + 1)
            assert 0 <= first < end <= len(text)


@given(ANY_TEXT)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    once = folded(plain(text)).text
    assert folded(plain(once)).text == once


@given(ANY_TEXT)
def test_the_plain_view_comes_first_and_the_folded_one_is_always_there(text: str) -> None:
    found = views(text)
    assert found[0].text == text
    assert found[1].kind == "folded"


@each_row
def test_disguised_words_are_read(typed: str, read: str) -> None:
    found = views(f"a {typed}; b")
    hit = next(view for view in found if read in view.text)
    at = hit.text.index(read)
    start, end = hit.span(at, at + len(read))
    assert f"a {typed}; b"[start:end].rstrip() == typed


@each_row
def test_digits_that_mean_numbers_are_kept(text: str) -> None:
    assert view_of_kind(views(text), "deleet").text == text.casefold()


def test_sixty_thousand_characters_of_any_kind_are_accepted() -> None:
    for unit in ("a ", "a.b", "\u0301", "aaaa", "1a", "ﷺ", ".-", "n u d e "):
        text = (unit * 60_000)[:60_000]
        assert views(text)[0].text == text
    assert len(VIEWS) == 4


def test_both_chinese_scripts_read_the_same_and_emoji_read_as_words() -> None:
    assert view_of_kind(views("漢語與簡體"), "folded").text == "汉语与简体"
    view = view_of_kind(views("a 🔪 and 🩸"), "folded")
    assert view.text.split() == ["a", "knife", "and", "blood"]
    start = view.text.index("knife")
    assert view.span(start, start + 5) == (2, 3)
    assert len(view_of_kind(views("😀" * 10_000), "folded").text) < 20_000


def test_a_fully_encoded_text_is_read_only_as_its_decoded_text() -> None:
    code = b"the masked gunman shoots into the crowd".hex()
    assert [one.kind for one in final_views(views(code))] == ["hex"]
    beside = f"{code} and a plain sentence beside it"
    assert [one.kind for one in final_views(views(beside))][1:] == ["hex"]


@each_row
def test_a_word_of_one_letter_before_separated_letters_is_also_read_alone(typed: str, read: str) -> None:
    assert read in [view.text for view in views(typed)]
    assert any(view.text == read for view in final_views(views(typed)))


@each_row
def test_other_texts_have_no_view_for_that(text: str) -> None:
    assert "joined_after_article" not in [view.kind for view in views(text)]


@given(st.text(alphabet="ai wrd.-03e|", max_size=40))
def test_the_other_reading_goes_through_all_steps_and_is_there_if_it_differs(text: str) -> None:
    found = views(text)
    read = squeezed(deleet(joined_after_article(found[1]))).text
    others = {view.text for view in found if view.kind in ("plain", "folded", "joined", "deleet", "squeezed")}
    assert [view.text for view in found if view.kind == "joined_after_article"] == [read] * (
        read not in others
    )


def test_less_frequent_traditional_letters_are_folded_and_no_folded_letter_is_folded_again() -> None:
    assert folded(plain("床墊、可恥、姪女、臥底、潛艦")).text == "床垫、可耻、侄女、卧底、潜舰"
    assert not SIMPLIFIED.keys() & set(SIMPLIFIED.values())
    assert all(len(letter) == len(simple) == 1 for letter, simple in SIMPLIFIED.items())
