"""Text sketches recognise a paraphrase and no other text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.detectors.text.sketch import Sketch, similarity, sketch
from support.rows import each_row

BLOCKED = "A recruitment film that praises the armed group and calls on everyone who watches to join its war"


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_sketch_that_is_most_similar_to_itself(text: str) -> None:
    made = sketch(text)
    assert len(made.letters) == 1024
    assert not made.embedding
    assert similarity(made, made) == 0 or similarity(made, made) == pytest.approx(1 / 0.45, rel=0.01)


@each_row
def test_a_paraphrase_is_recognised_and_another_text_is_not(what: str, other: str, paraphrase: bool) -> None:
    assert (similarity(sketch(BLOCKED), sketch(other)) >= 1) is paraphrase


def test_embeddings_count_if_there_is_a_model() -> None:
    direction = np.ones(384, dtype=np.float32)
    one = sketch("one way to say it", lambda _text: direction)
    other = sketch("quite differently put", lambda _text: direction)
    assert similarity(one, other) >= 1
    assert similarity(one, Sketch(letters=other.letters)) < 1
