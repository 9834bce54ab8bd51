from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.normalise import views
from safelight.evaluation.attacks import DISGUISE
from safelight.evaluation.protocol import Attack


def test_it_is_an_attack_and_hides_words_in_four_ways() -> None:
    assert isinstance(DISGUISE, Attack)
    assert len(list(DISGUISE.variants("a beheading on camera"))) == 4
    assert list(DISGUISE.variants("a cat")) == []


@given(st.lists(st.sampled_from(["gunman", "shoots", "people", "market", "lion"]), min_size=2, max_size=6))
def test_the_normaliser_reads_every_variant(words: list[str]) -> None:
    text = " ".join(words)
    for variant in DISGUISE.variants(text):
        assert variant != text
        assert any(view.text == text for view in views(variant))


@given(st.text(max_size=80))
def test_it_takes_any_text(text: str) -> None:
    list(DISGUISE.variants(text))
