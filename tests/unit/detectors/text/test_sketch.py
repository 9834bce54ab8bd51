"""Text sketches recognise a paraphrase and no other text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.detectors.text.sketch import Sketch, similarity, sketch

BLOCKED = "A recruitment film that praises the armed group and calls on everyone who watches to join its war"


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_has_a_sketch_that_is_most_similar_to_itself(text: str) -> None:
    made = sketch(text)
    assert len(made.letters) == 1024
    assert not made.embedding
    assert similarity(made, made) == 0 or similarity(made, made) == pytest.approx(1 / 0.45, rel=0.01)


@pytest.mark.parametrize(
    "other",
    [
        "A recruiting film praising the armed group, calling on everyone watching to join its war",
        "The recruitment film praises an armed group and calls on all who watch: join the war",
        "A r e c r u i t m e n t film that pr4ises the armed gr0up and calls on everyone to join its w4r",
        "Join its war! A film that praises the armed group and calls on everyone, a recruitment film",
    ],
)
def test_a_paraphrase_is_recognised(other: str) -> None:
    assert similarity(sketch(BLOCKED), sketch(other)) >= 1


@pytest.mark.parametrize(
    "other",
    [
        "A quiet lake at dawn, mist over the water, a heron waits",
        "A film about a recruit who learns to bake bread in an army kitchen",
        "一部招募影片,号召大家加入志愿者",
        "",
    ],
)
def test_another_text_is_not_recognised(other: str) -> None:
    assert similarity(sketch(BLOCKED), sketch(other)) < 1


def test_embeddings_count_if_there_is_a_model() -> None:
    direction = np.ones(384, dtype=np.float32)
    one = sketch("one way to say it", lambda _text: direction)
    other = sketch("quite differently put", lambda _text: direction)
    assert similarity(one, other) >= 1
    assert similarity(one, Sketch(letters=other.letters)) < 1
