from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from safelight.detectors.text import classifiers
from safelight.detectors.text.classifiers import Mode
from safelight.detectors.text.minilm.encoder import TokenWindow
from safelight.detectors.text.training import Array, Trainer, fit_examples, refit, trainable_categories
from safelight.detectors.text.training_data import load_committed


def embed(text: str) -> tuple[Sequence[TokenWindow], Array]:
    """Replaces MiniLM: words are hashed to 384 numbers, so that no weights are needed."""
    row = np.zeros((1, 384), dtype=np.float32)
    for word in text.lower().split():
        row[0, zlib.crc32(word.encode()) % 384] += 1
    row /= max(float(np.linalg.norm(row)), 1e-9)
    return [TokenWindow(ids=(1,), start=0, end=len(text))], row


def test_the_same_data_gives_the_same_classifiers_which_find_their_examples() -> None:
    own = [
        one
        for number, one in enumerate(load_committed())
        if one.source in ("prompts", "en-b")
        and one.lang == "en"
        and (("violence" in one.categories) or (not one.categories and number % 4 == 0))
    ]
    categories = trainable_categories(own)
    trainer = Trainer(embed)
    fitting = trainer.make_training_set(own, categories, "0" * 64)
    data = classifiers.dump(fitting.fit(np.ones(len(own), dtype=np.bool_)))
    again = Trainer(embed).make_training_set(own, categories, "0" * 64)
    loaded = classifiers.load(data)
    assert (
        loaded.sha256
        == classifiers.load(classifiers.dump(again.fit(np.ones(len(own), dtype=np.bool_)))).sha256
    )
    column = loaded.categories.index("violence")
    bad, good = (
        np.mean(
            trainer.scores(
                loaded, Mode.GRAMS, [one for one in own if ("violence" in one.categories) is wanted]
            )[:, column]
        )
        for wanted in (True, False)
    )
    assert bad > good + 1

    folds = trainer.train_folds(fitting, own)
    assert set(folds) == {"prompts", "en-b"}
    across = trainer.score_held_out(folds, own)
    assert across[Mode.FUSED].shape == (len(own), len(categories))
    assert not across[Mode.GRAMS_CHINESE].any()
    operated = classifiers.with_operating_points(
        loaded, {"classifiers": loaded.sha256, **trainer.choose_operating_points(loaded, own, across, own)}
    )
    safe = [one for one in own if not one.categories]
    assert trainer.is_found(operated, safe).mean() < 0.05
    figures = trainer.count_held_out(folds, own, own)
    assert figures["prompts, en, safe"]["n"] > figures["prompts, en, safe"]["found"]


def test_refitting_needs_only_the_stored_embeddings() -> None:
    own = [one for one in load_committed() if one.source == "prompts"]
    taken = fit_examples(own)
    fitting = Trainer(embed).make_training_set(taken, trainable_categories(taken), "1" * 64)
    made = classifiers.load(classifiers.dump(fitting.fit(np.ones(len(taken), dtype=np.bool_))))
    assert refit(own, made.example_levels, "1" * 64).sha256 == made.sha256
    assert refit(own, made.example_levels, "2" * 64).sha256 != made.sha256
