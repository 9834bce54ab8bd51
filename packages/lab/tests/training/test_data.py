from __future__ import annotations

import json
from importlib.resources import files

from safelight.detectors.text.lists import Lexicon, read_list, shipped
from safelight.detectors.text.normalise import views
from safelight.policy.findings import SHIPPED
from safelight_lab.training import training_data

ROWS = [
    json.loads(line)
    for file in sorted((files("safelight_lab.training") / "data").iterdir(), key=lambda one: one.name)
    if file.name.endswith(".jsonl")
    for line in file.read_text("utf-8").splitlines()
]


def test_every_example_is_labelled_with_known_categories() -> None:
    assert len(ROWS) >= 1000
    for row in ROWS:
        assert row["label"] in {"safe", "unsafe"}
        assert all(category in SHIPPED for category in row["categories"]), row["categories"]
        if row["label"] == "safe":
            assert set(row["categories"]) <= training_data.FACTS
        assert row["lang"] in {"en", "zh", "zh-Hant", "zh-Hans"}


def test_no_example_combines_sexual_content_with_a_minor() -> None:
    young = Lexicon(
        entry for text in shipped() for entry in read_list(text) if entry.category == "minors-present"
    )
    for row in ROWS:
        assert "sexual/minors" not in row["categories"]
        if {"sexual", "ncii"} & set(row["categories"]):
            assert not any(list(young.find(view)) for view in views(row["text"])[1:]), row["family"]


def test_each_family_is_in_one_split() -> None:
    own = training_data.load_committed()
    pairs = {(one.family, one.split) for one in own}
    assert {split for _, split in pairs} == set(training_data.Split)
    assert len(pairs) == len({one.family for one in own})


def test_a_repeated_text_is_used_once_and_a_safe_one_has_no_category() -> None:
    line = '{"text": "A b", "label": "safe", "categories": ["likeness"], "lang": "en", "family": "f"}'
    found = training_data.parse_examples(
        [("one.jsonl", f"{line}\n{line}\n"), ("two.jsonl", line.replace("A b", "a B"))]
    )
    assert [(one.text, one.categories, one.source) for one in found] == [("A b", frozenset(), "one")]
