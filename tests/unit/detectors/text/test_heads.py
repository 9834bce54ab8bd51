from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from safelight.detectors.protocol import TextContent
from safelight.detectors.text import heads, plugins
from safelight.detectors.text.learned import NgramDetector, gram_probabilities
from safelight.detectors.text.normalise import views
from safelight.policy.findings import Finding, TextSpan

SHIPPED = heads.load()
DETECTOR = NgramDetector(SHIPPED)


def inspect(text: str) -> list[Finding]:
    return list(DETECTOR.inspect_text(TextContent(field="prompt", text=text, views=views(text))))


def test_the_plugins_say_what_the_heads_were_trained_for() -> None:
    assert DETECTOR.capabilities == plugins.NGRAMS.capabilities == plugins.MINILM.capabilities


def test_the_shipped_heads_are_small() -> None:
    assert SHIPPED.gram_levels.nbytes < 1_000_000
    assert SHIPPED.gram_levels.shape == (len(SHIPPED.categories) + 1, 2**15)


def test_every_score_is_a_probability_also_for_no_words_at_all() -> None:
    for text in ("", "…", "a cat", "死", "x" * 5000):
        scores = gram_probabilities(SHIPPED, text)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


def test_a_harmful_part_of_a_long_harmless_text_is_found_with_its_window() -> None:
    text = "a quiet lake at dawn. " * 40 + "the killer stabs his victim and beats him to death. " * 3
    found = [finding for finding in inspect(text) if finding.category == "violence"]
    assert found
    assert all(isinstance(span, TextSpan) and span.start > 300 for span in found[0].evidence)


def test_the_same_arrays_give_the_same_bytes_and_other_features_are_refused() -> None:
    arrays = {"categories": np.array(["hate"]), "gram_bias": np.zeros(1, dtype=np.float32)}
    assert heads.dump(arrays) == heads.dump(arrays)
    with pytest.raises(KeyError):
        heads.load(heads.dump(arrays))


def test_operating_points_of_other_heads_are_refused() -> None:
    points = {mode.name: dict.fromkeys(SHIPPED.categories, 1.5) for mode in heads.Mode}
    moved = heads.operated(SHIPPED, {"heads": SHIPPED.sha256, "points": points})
    assert moved.probabilities(moved.points[0], heads.Mode.GRAMS) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="other heads"):
        heads.operated(SHIPPED, {"heads": "0" * 64, "points": points})


def test_the_model_card_names_the_file_it_describes() -> None:
    card = (files("safelight.detectors.text") / "heads" / "card.md").read_text("utf-8")
    assert SHIPPED.sha256 in card
    assert all(category in card for category in SHIPPED.categories)
