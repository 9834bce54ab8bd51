from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from safelight.detectors.text import heads
from safelight.detectors.text.examples import committed
from safelight.detectors.text.heads import Mode
from safelight.detectors.text.minilm.encoder import Window
from safelight.detectors.text.training import Array, Trainer, train


def embed(text: str) -> tuple[Sequence[Window], Array]:
    """Stands for MiniLM: words thrown onto 384 numbers, so that no weights are needed."""
    row = np.zeros((1, 384), dtype=np.float32)
    for word in text.lower().split():
        row[0, zlib.crc32(word.encode()) % 384] += 1
    row /= max(float(np.linalg.norm(row)), 1e-9)
    return [Window(ids=(1,), start=0, end=len(text))], row


def test_the_same_data_gives_the_same_heads_which_know_their_examples() -> None:
    own = [
        one
        for number, one in enumerate(committed())
        if one.source == "prompts"
        and one.lang == "en"
        and (("violence" in one.categories) or (not one.categories and number % 4 == 0))
    ]
    trainer = Trainer(embed)
    arrays, figures = train(trainer, own)
    again, _figures = train(Trainer(embed), own)
    data = heads.dump(arrays)
    assert data == heads.dump(again)
    assert figures["en, safe"]["n"] > 0
    loaded = heads.load(data)
    column = loaded.categories.index("violence")
    bad, good = (
        np.mean(
            [
                loaded.probabilities(heads.combined(loaded.gram_scores(one.text)), Mode.GRAMS)[column]
                for one in own
                if ("violence" in one.categories) is wanted
            ]
        )
        for wanted in (True, False)
    )
    assert bad > 2 * good

    points = trainer.points(loaded, own, own)
    operated = heads.operated(loaded, {"heads": loaded.sha256, "points": points})
    safe = [one for one in own if not one.categories]
    assert trainer.found(operated, safe).mean() < 0.05
