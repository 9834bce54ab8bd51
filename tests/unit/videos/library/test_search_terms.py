from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.videos.library import index_terms, query_terms, rank

MIXED = st.text("ab cd 早晨的市場市场豆腐カメラ.,", max_size=30)


def test_words_and_pairs_of_chinese_characters_are_terms() -> None:
    assert index_terms("A Cook, cooking") == {"a", "cook", "cooking"}
    assert index_terms("早晨市場") == {"早", "晨", "市", "场", "早晨", "晨市", "市场"}


def test_traditional_and_simplified_script_find_each_other() -> None:
    assert query_terms("市場") == query_terms("市场") == {"市场"}


def test_one_chinese_character_is_found() -> None:
    assert query_terms("水") <= index_terms("流水")


@given(MIXED, MIXED)
def test_a_text_has_the_terms_of_every_query_that_it_contains_as_words(before: str, query: str) -> None:
    assert query_terms(query) <= index_terms(f"{before} {query} {before}")


def test_a_rare_term_counts_more_and_more_terms_count_more() -> None:
    found = {"rare": frozenset({"a"}), "usual": frozenset({"a", "b", "c"}), "none": frozenset()}
    points = rank(found, entries=3)
    assert points["a"] > points["b"] == points["c"] > 0
    assert rank({"rare": frozenset({"x"}), "usual": frozenset({"y", "z", "w"})}, 4)["x"] > points["b"]
