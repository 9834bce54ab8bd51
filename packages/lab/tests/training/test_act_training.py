from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.text import acts
from safelight.detectors.text.e5.encoder import SHARED_LAYER
from safelight.detectors.text.minilm.graph import WIDTH, build_top
from safelight_lab.training import act_training
from safelight_lab.training.act_training import CLASSES, ActText, Kind

ACT = "violence/assault"
ACTS = [name for name in CLASSES if name not in acts.NO_FINDING]
#: MiniLM's columns, and a few of E5.
COLUMNS = WIDTH + len(acts.OPINIONS) + WIDTH


def text(random: np.random.Generator, number: int, is_act: bool, kind: Kind, language: str) -> ActText:
    """Random tokens. In an act, one of them has a mark."""
    beside = ACTS[number % len(ACTS)]
    window = random.normal(0, 1, (6, WIDTH)).astype(np.float16)
    if is_act:
        window[1, :40] += 12
    columns = 0 if language == "european" else COLUMNS
    return ActText(
        name=beside if is_act else "none",
        beside=beside if kind is Kind.PAIR else "none",
        kind=kind,
        fold=number % 5,
        language=language,
        length="4-8",
        pair=str(number),
        inputs=random.normal(0, 1, (1, columns)).astype(np.float32),
        tokens=((window,),),
    )


def untuned(random: np.random.Generator) -> dict[str, Any]:
    """One top layer with random weights, as if it had been tuned."""
    name = f"encoder.layer.{SHARED_LAYER + 1}"
    shapes = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
    shapes |= {
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (4 * WIDTH, WIDTH),
        "output.dense": (WIDTH, 4 * WIDTH),
    }
    tensors = {}
    for part, shape in shapes.items():
        tensors[f"{name}.{part}.weight"] = random.normal(0, 0.02, shape).astype(np.float32)
        tensors[f"{name}.{part}.bias"] = np.zeros(shape[0], dtype=np.float32)
    for part in ("attention.output.LayerNorm", "output.LayerNorm"):
        tensors[f"{name}.{part}.weight"] = np.ones(WIDTH, dtype=np.float32)
        tensors[f"{name}.{part}.bias"] = np.zeros(WIDTH, dtype=np.float32)
    return {
        "graph": build_top(tensors, range(SHARED_LAYER + 1, SHARED_LAYER + 2)),
        "head": random.normal(0, 0.5, (2 * WIDTH, len(CLASSES))).astype(np.float32),
        "bias": np.zeros(len(CLASSES), dtype=np.float32),
    }


def test_what_a_run_writes_can_be_loaded_and_keeps_the_budgets_of_european_languages() -> None:
    random = np.random.default_rng(0)
    texts = [
        text(random, number, is_act, kind, language)
        for language in ("en", "european")
        for number in range(60)
        for is_act, kind in ((True, Kind.PAIR), (False, Kind.PAIR), (False, Kind.PLAIN))
    ]
    parts = untuned(random)
    tuned: list[int] = []

    def tune(given: Sequence[ActText]) -> dict[str, Any]:
        tuned.append(len(given))
        return parts

    loaded = acts.load(act_training.fit(texts, "classifiers", tune))
    # All texts, and those without the folds that choose the operating points.
    assert tuned == [360, 216]
    assert loaded.networks[acts.BOTH].centre.shape == (COLUMNS,)
    at = loaded.european
    top = acts.TopLayers(**parts)
    alarms = [
        float(odds.max() >= at.thresholds[int(best[odds.argmax()])])
        for one in texts
        if one.language == "european" and one.name == "none" and one.fold in act_training.HELD_OUT
        for odds, best in [acts.harm_odds(np.exp(top.log_shares(one.tokens)), list(CLASSES))]
    ]
    assert np.mean(alarms) <= act_training.EUROPEAN_TWIN_BUDGET
    [point] = at.points
    assert (point.language, point.length, point.sample) == ("european", "4-8", 48)
    assert point.false_alarm_rate == round(float(np.mean(alarms)), 5)
    assert (at.strict > at.thresholds).all()


def test_a_row_of_pairs_may_be_a_plain_text(tmp_path: Path) -> None:
    rows = [
        {"id": "1a", "pair": "1", "text": "A.", "label": "unsafe", "act": "assault", "lang": "de"},
        {"id": "1b", "pair": "1", "text": "B.", "label": "safe", "act": "assault", "lang": "de"},
        {"id": "2", "text": "C.", "label": "safe", "lang": "de", "kind": "plain"},
    ]
    (tmp_path / "european.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = act_training.read_pairs(tmp_path)
    assert [(example.kind, name, beside) for example, name, beside in found] == [
        ("pair", ACT, ACT),
        ("pair", "none", ACT),
        ("plain", "none", "none"),
    ]
