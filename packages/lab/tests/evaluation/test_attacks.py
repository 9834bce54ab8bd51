from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.normalise import final_views, folded, plain, views
from safelight_lab.evaluation.attacks import DISGUISE, REWRITINGS, TextAttack
from safelight_lab.evaluation.protocol import ATTACKS, Attack, load_installed


def test_disguise_has_four_variants_per_listed_word() -> None:
    assert isinstance(DISGUISE, Attack)
    assert len(list(DISGUISE.variants("a beheading on camera"))) == 4
    assert list(DISGUISE.variants("a cat")) == []


@given(st.lists(st.sampled_from(["gunman", "shoots", "people", "market", "lion"]), min_size=2, max_size=6))
def test_the_normaliser_reverses_every_variant(words: list[str]) -> None:
    text = " ".join(words)
    for variant in DISGUISE.variants(text):
        assert variant != text
        assert any(view.text == text for view in views(variant))


def test_every_rewriting_is_a_registered_attack() -> None:
    found = load_installed(ATTACKS, Attack)  # type: ignore[type-abstract]
    assert set(found) == {"disguise", *(one.name for one in REWRITINGS)}
    assert all(found[one.name] is one for one in REWRITINGS)


@pytest.mark.parametrize("rewriting", REWRITINGS, ids=lambda one: one.name)
def test_the_normaliser_reverses_each_rewriting(rewriting: TextAttack) -> None:
    text = {
        "other-script": "两个人在车站开枪",
        "emoji": "a man with a knife follows the other man home",
    }.get(rewriting.name, "the masked gunman shoots into the crowd at the market")
    (variant,) = rewriting.variants(text)
    assert variant != text
    read = " ".join(" ".join(one.text.split()) for one in final_views(views(variant)))
    assert folded(plain(text)).text in read


@given(st.text(max_size=80), st.sampled_from(REWRITINGS))
def test_every_attack_accepts_any_text(text: str, rewriting: TextAttack) -> None:
    list(DISGUISE.variants(text))
    assert all(variant != text for variant in rewriting.variants(text))
