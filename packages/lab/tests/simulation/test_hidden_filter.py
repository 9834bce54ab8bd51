"""Hidden filters: the same seed gives the same filter, and each family reacts to what it is named after."""

from __future__ import annotations

import numpy as np
import pytest

from safelight_lab.simulation import dictionary
from safelight_lab.simulation.hidden_filter import FilterFamily, HiddenFilter, make_filter
from safelight_lab.simulation.scene_grammar import find_words, scene_grammar

#: Reading the dictionary takes seconds.
GROUPS = {
    "火": frozenset({"fire", "burns", "candle", "smoke"}),
    "水": frozenset({"boat", "lake", "rain", "swims"}),
    "刀": frozenset({"knife", "sword", "scissors"}),
}


@pytest.fixture(autouse=True)
def _small_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = {character: GROUPS.get(character, frozenset()) for character in dictionary.CHARACTERS}
    monkeypatch.setattr("safelight_lab.simulation.hidden_filter.word_groups", lambda: groups)


def test_a_seed_gives_its_prompts_of_up_to_about_eighty_words() -> None:
    grammar = scene_grammar()
    prompts = grammar.prompts(300, 3)
    assert prompts == grammar.prompts(300, 3) != grammar.prompts(300, 2)
    lengths = [len(prompt.split()) for prompt in prompts]
    assert 4 <= min(lengths) < 20 < max(lengths) <= 80


@pytest.mark.parametrize("family", [FilterFamily.LEXICON, FilterFamily.INTERACTIONS])
def test_the_same_seed_gives_the_same_filter(family: FilterFamily) -> None:
    prompts = scene_grammar().prompts(50, 5)
    first, again = make_filter(family, 7), make_filter(family, 7)
    assert [first.probability(one) for one in prompts] == [again.probability(one) for one in prompts]


def test_the_share_of_refusals_is_the_one_asked_for() -> None:
    hidden = make_filter(FilterFamily.LEXICON, 2, rate=0.2, noise=0.05)
    chances = [hidden.probability(one) for one in scene_grammar().prompts(1500, 977)]
    assert np.mean(chances) == pytest.approx(0.2, abs=0.01)
    assert min(chances) >= 0.05
    assert max(chances) <= 0.95


def test_one_word_of_a_pair_passes_and_both_together_are_refused() -> None:
    def score(prompt: str) -> float:
        return float({"knife", "boat"} <= find_words(prompt))

    hidden = HiddenFilter.calibrate(score, rate=0.03, noise=0.01)
    assert hidden.probability("a knife on a table") < 0.1 > hidden.probability("a boat on a lake")
    assert hidden.probability("a knife in a boat") > 0.8


def test_the_dictionary_groups_words_by_a_character() -> None:
    groups = dictionary.word_groups()
    assert "knife" in groups["刀"]
    assert "knife" not in groups["鸟"]
