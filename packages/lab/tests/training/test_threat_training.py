from __future__ import annotations

import json
from pathlib import Path

from safelight_lab.training.threat_training import THREATS, read_examples
from safelight_lab.training.training_data import Example


def committed(text: str, *categories: str) -> Example:
    return Example(text=text, categories=frozenset(categories), source="own", lang="en", family=text)


def test_threats_are_fitted_those_to_choose_on_only_chosen_on_and_those_of_the_report_not_read(
    tmp_path: Path,
) -> None:
    for name in ("fit_en", "choose_en", "test_en"):
        rows = [
            {"id": f"{name}-{label}", "text": f"{name} {label}", "label": label, "lang": "en"}
            for label in ("unsafe", "safe")
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = {one.text: one for one in read_examples(tmp_path, []) if one.source.startswith("threats/")}
    assert set(found) == {"fit_en unsafe", "fit_en safe", "choose_en unsafe", "choose_en safe"}
    for text, one in found.items():
        assert (THREATS.category in one.categories) == text.endswith("unsafe")
        assert THREATS.fits(one) == (not THREATS.calibrates(one)) == text.startswith("fit")


def test_committed_texts_that_may_be_threats_are_not_fitted_as_harmless(tmp_path: Path) -> None:
    scene, insult = committed("I saw a man stab a guard", "violence"), committed("I say pig", "harassment")
    assert [one for one in read_examples(tmp_path, [scene, insult]) if one.source == "own"] == [scene]
