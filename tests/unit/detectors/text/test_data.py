from __future__ import annotations

import json
from importlib.resources import files

from safelight.detectors.text import training
from safelight.detectors.text.lists import Lexicon, read_list, shipped
from safelight.detectors.text.normalise import views
from safelight.policy.categories import SHIPPED

ROWS = [
    json.loads(line)
    for line in (files("safelight.detectors.text") / "data" / "prompts.jsonl").read_text("utf-8").splitlines()
]


def test_every_example_is_labelled_with_known_categories() -> None:
    assert len({row["text"] for row in ROWS}) == len(ROWS) >= 800
    for row in ROWS:
        assert row["label"] in {"safe", "unsafe"}
        assert bool(row["categories"]) == (row["label"] == "unsafe")
        assert all(category in SHIPPED for category in row["categories"])
        assert row["lang"] in {"en", "zh"}


def test_no_example_joins_sexual_content_with_a_minor() -> None:
    young = Lexicon(
        entry for text in shipped() for entry in read_list(text) if entry.category == "minors-present"
    )
    for row in ROWS:
        assert "sexual/minors" not in row["categories"]
        if {"sexual", "ncii"} & set(row["categories"]):
            assert not any(list(young.find(view)) for view in views(row["text"])[1:]), row["text"]


def test_the_folds_and_the_kept_part_are_told_by_the_text_alone() -> None:
    folds = {example.fold for example in training.committed()}
    assert folds == {-1, 0, 1, 2, 3, 4}


def test_augmenting_keeps_the_labels() -> None:
    own = training.committed()
    made = training.augmented(own)
    assert len(made) == 4 * len(own)
    for number, example in enumerate(made):
        assert example.categories == own[number // 4].categories
        assert own[number // 4].text in example.text
