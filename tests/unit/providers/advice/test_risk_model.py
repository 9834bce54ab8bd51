"""The risk model: what outcomes change, when there is no estimate, and what every fit must satisfy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.providers.advice.risk_features import MAX_CHARS, find_features
from safelight.providers.advice.risk_model import (
    MIN_PROMPTS,
    JudgedRequest,
    RiskEstimate,
    RiskModel,
    fit_risk,
    fit_sparse_logistic,
)

_SCENES = [
    f"A {colour} {thing} {place}"
    for colour in ("red", "blue", "green", "grey", "white")
    for thing in ("boat", "kite", "bicycle", "lamp", "drum")
    for place in ("by the lake", "at noon", "in the market", "on a table")
]


def _judged(refused_word: str = "kite", count: int = 100, **fields: object) -> list[JudgedRequest]:
    return [
        JudgedRequest(prompt=prompt, refused=refused_word in prompt.split(), at=1000.0 + at, **fields)  # type: ignore[arg-type]
        for at, prompt in enumerate(_SCENES[:count])
    ]


def _model(judged: list[JudgedRequest]) -> RiskModel:
    model = fit_risk(judged)
    assert model is not None
    return model


def _estimate(model: RiskModel, prompt: str, **fields: float) -> RiskEstimate:
    found = model.estimate(find_features(prompt, **fields))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_tries_of_one_prompt_count_once() -> None:
    assert fit_risk(_judged(count=MIN_PROMPTS - 1)) is None
    assert fit_risk(_judged(count=MIN_PROMPTS)) is not None
    assert fit_risk(_judged(count=10) * 20) is None
    shouted = [
        JudgedRequest(prompt=one.prompt.upper() + "!", refused=one.refused, at=one.at) for one in _judged()
    ]
    assert _model(_judged() + shouted).prompts == 100


def test_one_prompt_with_a_counter_is_one_prompt() -> None:
    counted = [
        JudgedRequest(prompt=f"A red boat, take {at}", refused=False, at=float(at)) for at in range(100)
    ]
    assert fit_risk(counted) is None
    assert fit_risk(_judged(count=MIN_PROMPTS - 1) + counted[:1]) is not None
    assert fit_risk(_judged(count=MIN_PROMPTS - 2) + counted) is None


def test_a_word_that_is_always_refused_raises_the_risk_and_unknown_words_the_uncertainty() -> None:
    model = _model(_judged())
    refused = _estimate(model, "A kite on a hill")
    passed = _estimate(model, "A boat on a hill")
    assert refused.probability > 0.7 > 0.3 > passed.probability
    assert refused.interval[0] > passed.interval[1]
    low, high = _estimate(model, "A red kite").interval
    assert high - low > 0.6, "a wide interval around a clear level is an estimate"
    known, unknown = (
        _estimate(model, prompt).interval for prompt in ("A red boat", "A red boat with zebras and violins")
    )
    assert unknown[1] - unknown[0] > known[1] - known[0]
    back = _estimate(_model(_judged()[::-1]), "A kite on a hill")
    assert back.probability == pytest.approx(refused.probability, abs=1e-9), "the order is of no effect"


def test_the_estimate_states_what_it_is_from() -> None:
    found = _estimate(_model(_judged(count=60) + _judged(count=5, reported=True)), "A lamp")
    assert (found.prompts, found.attempts, found.reported) == (60, 65, 5)
    assert (found.since, found.until) == (1000.0, 1059.0)


@pytest.mark.parametrize("unseen", [0.5, 1.0])
def test_a_text_of_unknown_words_has_no_estimate(monkeypatch: pytest.MonkeyPatch, unseen: float) -> None:
    monkeypatch.setattr("safelight.providers.advice.risk_model._MAX_UNSEEN", unseen)
    model = _model(_judged(refused_word="never"))
    assert _estimate(model, "A red boat").probability < 0.1
    # Without the limit of unknown words, their variance alone would make the level medium.
    text = "清晨的湖面上飄著薄霧,一位老漁夫划著木船緩緩駛向遠方的小島,岸邊的柳樹隨風輕輕擺動"
    text += ",孩子們在沙灘放風箏,遠處傳來教堂鐘聲和海鷗叫喊"
    assert model.estimate(find_features(text)) is None


def test_a_driver_of_the_tables_raises_the_risk_before_it_was_tried() -> None:
    model = _model(_judged())
    assert (
        _estimate(model, "A red boat, and blood on a table").probability
        > _estimate(model, "A red boat, and soup on a table").probability
    )


def test_outcomes_replace_what_the_tables_expect() -> None:
    passed = [
        JudgedRequest(prompt=f"{prompt}, with fake blood", refused=False, at=2000.0 + at)
        for at, prompt in enumerate(_SCENES)
    ]
    model = _model(passed)
    assert _estimate(model, "A red boat, with fake blood").probability < 0.1


def test_length_and_aspect_are_learned() -> None:
    judged = [
        JudgedRequest(
            prompt=prompt,
            refused=bool(at % 2),
            at=float(at),
            seconds=12 if at % 2 else 4,
            width=1280,
            height=720,
        )
        for at, prompt in enumerate(_SCENES)
    ]
    model = _model(judged)
    long = _estimate(model, "A red boat", seconds=12, width=1280, height=720)
    short = _estimate(model, "A red boat", seconds=4, width=1280, height=720)
    assert long.probability > short.probability + 0.3


def test_a_model_is_fitted_to_the_newest_requests_and_their_most_frequent_features(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("safelight.providers.advice.risk_model.MAX_COLUMNS", 3)
    words = {name for name in _model(_judged()).columns if name.startswith("word:")}
    assert len(words) == 3
    assert words < {"word:by", "word:lake", "word:noon", "word:market", "word:table"}
    assert {"word:風箏", "word:風"} <= find_features("湖邊的風箏")
    monkeypatch.setattr("safelight.providers.advice.risk_model.MAX_REQUESTS", 60)
    assert _model(_judged()).since == 1040.0


def test_a_long_prompt_of_characters_that_become_many_is_cut() -> None:
    judged = JudgedRequest(prompt="\ufdfa" * 32_000, refused=True, at=0.0)
    assert max(map(len, judged.words)) <= MAX_CHARS
    assert judged.words <= find_features("\ufdfa" * 32_000)
    assert len(judged.words) < 10


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_every_fit_is_finite_and_its_variance_at_most_that_of_the_prior(data: st.DataObject) -> None:
    examples, columns = data.draw(st.integers(1, 25)), data.draw(st.integers(1, 12))
    values = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rows = (values.random((examples, columns)) < 0.4).astype(float)
    outcomes = np.asarray(data.draw(st.lists(st.floats(0, 1), min_size=examples, max_size=examples)))
    fitted = fit_sparse_logistic(rows, outcomes, np.zeros(columns))
    means, variances = fitted.predict(rows)
    prior = 4.0 + (rows - fitted.centre) ** 2 @ fitted.variances
    assert np.isfinite(means).all()
    assert ((variances >= 0) & (variances <= prior + 1e-9)).all()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_without_features_the_mean_is_close_to_the_share_of_refusals(seed: int, share: float) -> None:
    outcomes = (np.random.default_rng(seed).random(200) < share).astype(float)
    fitted = fit_sparse_logistic(np.zeros((200, 1)), outcomes, np.zeros(1))
    means, _variances = fitted.predict(np.zeros((1, 1)))
    assert 1 / (1 + np.exp(-means[0])) == pytest.approx(outcomes.mean(), abs=0.02)
