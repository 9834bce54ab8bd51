from __future__ import annotations

import json
from pathlib import Path

from safelight_lab.training.distress_meaning_training import read_examples
from safelight_lab.training.training_data import Example


def test_acts_of_harm_are_not_fitted_and_a_repeated_text_is_that_of_the_pairs(tmp_path: Path) -> None:
    rows = {
        "distress": [{"id": "1a", "pair": "1", "text": "I am done", "label": "distress", "lang": "en"}],
        "assault": [
            {"id": "2a", "pair": "2", "text": "He hits her", "label": "unsafe", "lang": "en"},
            {"id": "2b", "pair": "2", "text": "He hits the drum", "label": "safe", "lang": "en"},
        ],
    }
    for name, found in rows.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, found)))
    committed = [
        Example(text="i am done", categories=frozenset(), source="own", lang="en", family="3", kind="pair")
    ]
    examples = [one for one in read_examples(tmp_path, committed) if not one.source.startswith("frames")]
    assert {(one.text, one.source) for one in examples} == {
        ("I am done", "acts/distress"),
        ("He hits the drum", "acts/assault"),
    }
    assert len(examples) == 2
