from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from safelight_steer.plan import Concept
from safelight_steer.text_embedding import REFERENCE_PROMPTS, ConceptVectors, EncodedText, PooledDirections

WIDTH = 64
CONCEPT = Concept(
    id="splash",
    phrases=("red paint splash",),
    near_misses=("red ball", "blue splash", "wet red paint"),
    anchor="blue water splash",
)


def word_vector(word: str) -> torch.Tensor:
    seed = int.from_bytes(word.encode()[:8].ljust(8, b"\0"), "little") % (2**31)
    return torch.randn(WIDTH, generator=torch.Generator().manual_seed(seed))


def encode(texts: Sequence[str]) -> list[EncodedText]:
    """An encoder with a vector per word, a large common part, and some of the neighbours' meaning."""
    found = []
    for text in texts:
        words = text.lower().replace(",", " ").split()
        own = torch.stack([word_vector(word) for word in words])
        mixed = own + 0.15 * (own.sum(dim=0) - own) / max(1, len(own) - 1) + 5.0
        padding = torch.zeros(40 - len(words), WIDTH)
        mask = torch.zeros(40, dtype=torch.bool)
        mask[: len(words)] = True
        found.append(EncodedText(vectors=torch.cat([mixed, padding]), words=mask))
    return found


@pytest.fixture(scope="module")
def vectors() -> ConceptVectors:
    return ConceptVectors(CONCEPT, encode)


@pytest.mark.parametrize(
    "prompt",
    [
        *REFERENCE_PROMPTS[:6],
        "a red ball on a table",
        "blue splash in a pool",
        "a red car near a lake",
        "a red ball rolls over the long grass behind the old house while far away a boat makes a blue splash "
        "and someone sells paint",
    ],
)
def test_prompts_without_the_concept_keep_their_vectors_as_the_same_object(
    vectors: ConceptVectors, prompt: str
) -> None:
    (text,) = encode([prompt])
    outcome = vectors.suppress(text, substitute=True)
    assert not outcome.opened
    assert outcome.vectors is text.vectors


@pytest.mark.parametrize(
    "prompt",
    [
        "a red paint splash on the wall",
        "paint splash, red, slow motion",
        "a splash of red paint hits a window",
    ],
)
def test_the_concept_is_removed_from_its_own_positions_only(vectors: ConceptVectors, prompt: str) -> None:
    (text,) = encode([prompt])
    outcome = vectors.suppress(text)
    assert outcome.opened
    changed = torch.nonzero((outcome.vectors != text.vectors).any(dim=1)).flatten().tolist()
    words = prompt.replace(",", "").split()
    assert changed == [i for i, word in enumerate(words) if word in {"red", "paint", "splash"}]
    left = (outcome.vectors[changed] - vectors.mean) @ vectors.basis
    before = (text.vectors[changed] - vectors.mean) @ vectors.basis
    assert left.norm() < 1e-3 * before.norm()


def test_the_anchor_stands_where_the_concept_was(vectors: ConceptVectors) -> None:
    (text,) = encode(["a red paint splash on the wall"])
    outcome = vectors.suppress(text, substitute=True)
    (anchor,) = encode(["blue water splash"])
    cosine = torch.nn.functional.cosine_similarity
    for at, position in enumerate(outcome.positions):
        own = outcome.vectors[position] - vectors.mean
        assert cosine(own, anchor.vectors[at] - vectors.mean, dim=0) > 0.8
    assert torch.equal(outcome.vectors[4:], text.vectors[4:])


def test_begin_end_and_padding_positions_are_never_changed(vectors: ConceptVectors) -> None:
    (text,) = encode(["red paint splash"])
    shifted = EncodedText(
        vectors=torch.cat([torch.full((1, WIDTH), 9.0), text.vectors[:-1]]),
        words=torch.cat([torch.tensor([False]), text.words[:-1]]),
    )
    outcome = vectors.suppress(shifted)
    assert outcome.positions == (1, 2, 3)
    assert torch.equal(outcome.vectors[0], shifted.vectors[0])
    assert torch.equal(outcome.vectors[4:], shifted.vectors[4:])


def test_padding_that_carries_the_text_loses_the_concept_too() -> None:
    """In a causal encoder without a mask."""

    def causal(texts: Sequence[str]) -> list[EncodedText]:
        found = encode(texts)
        for text in found:
            text.vectors[text.tail] = text.word_vectors.mean(dim=0)
        return found

    (text,) = causal(["red paint splash"])
    own = ConceptVectors(CONCEPT, causal, tail=True).suppress(text)
    assert own.opened
    assert own.positions == (0, 1, 2)
    kept = ConceptVectors(CONCEPT, causal).suppress(text)
    assert torch.equal(kept.vectors[text.tail], text.vectors[text.tail])
    # The phrase alone loses all by which it differs from everyday prompts.
    everyday = torch.stack([each.vectors[each.tail].mean(dim=0) for each in causal(REFERENCE_PROMPTS)])
    expected = everyday.mean(dim=0).expand_as(text.vectors[text.tail])
    torch.testing.assert_close(own.vectors[text.tail], expected, rtol=1e-3, atol=1e-3)


def test_the_threshold_is_above_every_near_miss_and_reference(vectors: ConceptVectors) -> None:
    assert vectors.separable
    assert vectors.highest_harmless < vectors.threshold < vectors.lowest_own


def test_a_concept_that_equals_a_near_miss_is_not_separable_and_does_not_open_for_it() -> None:
    found = ConceptVectors(
        Concept(id="splash", phrases=("red paint splash",), near_misses=("splash of red paint",)), encode
    )
    assert not found.separable
    (text,) = encode(["a splash of red paint"])
    assert not found.suppress(text).opened


def test_a_text_without_words_is_unchanged(vectors: ConceptVectors) -> None:
    text = EncodedText(vectors=torch.zeros(4, WIDTH), words=torch.zeros(4, dtype=torch.bool))
    assert vectors.suppress(text).vectors is text.vectors


def test_half_precision_stays_half_precision(vectors: ConceptVectors) -> None:
    (text,) = encode(["a red paint splash"])
    half = EncodedText(vectors=text.vectors.to(torch.bfloat16), words=text.words)
    assert vectors.suppress(half, substitute=True).vectors.dtype == torch.bfloat16


def test_a_pooled_vector_loses_the_concept_and_keeps_the_rest() -> None:
    references = torch.randn(30, 8, generator=torch.Generator().manual_seed(1))
    direction, other = torch.eye(8)[0], torch.eye(8)[1]
    pooled = PooledDirections((references.mean(dim=0) + 3 * direction)[None], references)
    vector = references.mean(dim=0) + 2 * direction + 2 * other
    steered = pooled.suppress(vector) - references.mean(dim=0)
    assert abs(float(steered[0])) < 1e-4
    assert float(steered[1]) == pytest.approx(2.0, abs=1e-4)


def test_a_concept_needs_a_phrase() -> None:
    with pytest.raises(ValueError, match="at least one phrase"):
        Concept(id="splash", phrases=())
