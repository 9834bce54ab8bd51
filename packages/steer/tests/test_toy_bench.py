"""The measurement in the toy world: its other methods, and cells that are kept. Hardly any training."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import toy_baselines
import toy_measure
import toy_world

PROMPTS, SEEDS = ["a quiet grass, red paint splash", "a video of a red ball over sand"], [1, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("world")
    torch.manual_seed(0)
    source = random.Random(0)
    data = [toy_world.sample(source) for _ in range(80)]
    pipeline = toy_world.build(toy_world.PatchCodec.fit(torch.stack([clip for _, _, clip in data])))
    toy_world.train(pipeline, data, steps=1, source=source)
    toy_world.save(made, pipeline, toy_world.new_judge(), {"seed": 0})
    return made


@pytest.fixture
def world(folder: Path) -> Any:
    (folder / "cells.json").unlink(missing_ok=True)
    return toy_measure.World(folder)


def test_the_loop_of_the_other_methods_gives_the_clips_of_the_pipeline(world: Any) -> None:
    toy_measure.check_loop(world)


def test_safree_changes_some_words_of_a_prompt_and_sld_subtracts(world: Any) -> None:
    plain, calls = toy_baselines.sample(world.pipeline, PROMPTS, SEEDS)
    assert calls == 2 * toy_world.STEPS
    phrases = toy_world.LOOK.phrases
    safree = toy_baselines.Safree(alpha=0.0, share=1.0, mean=True)
    vectors, words = toy_baselines._encoded(world.pipeline, PROMPTS[:1])
    changed = (safree.filtered(world.pipeline, PROMPTS[0], phrases) != vectors[0]).any(dim=1)
    assert 0 < int(changed.sum()) < int(words.sum())
    assert not bool((changed & ~words[0]).any())
    sld = toy_baselines.Sld(scale=5, threshold=0.5, warm_up_share=0.0, momentum=0.3, momentum_decay=0.4)
    for method, expected in ((safree, 2), (sld, 3)):
        clips, calls = toy_baselines.sample(world.pipeline, PROMPTS, SEEDS, phrases=phrases, method=method)
        assert calls == expected * toy_world.STEPS
        assert not torch.allclose(clips, plain)
    nothing = toy_baselines.Sld(scale=0, threshold=0.5, warm_up_share=0.0, momentum=0, momentum_decay=0)
    clips, _ = toy_baselines.sample(world.pipeline, PROMPTS, SEEDS, phrases=phrases, method=nothing)
    torch.testing.assert_close(clips, plain)


def test_a_cell_is_measured_once_and_kept_on_disk(world: Any, folder: Path) -> None:
    assert world.cell("a", lambda: {"clips": 3}) == {"clips": 3}
    assert json.loads((folder / "cells.json").read_text()) == {"a": {"clips": 3}}
    again = toy_measure.World(folder)
    assert again.cell("a", lambda: pytest.fail("measured again")) == {"clips": 3}


def test_prompts_of_the_search_are_none_of_those_that_are_reported() -> None:
    def wordings(table: dict[str, tuple[str, ...]]) -> set[str]:
        return {text for texts in table.values() for text in texts}

    tables = (toy_world.CAPTIONS, toy_world.TUNING, toy_world.PARAPHRASES, toy_world.ATTACKS)
    sets = [wordings(table) for table in tables]
    assert sum(map(len, sets)) == len(set().union(*sets))


def test_the_report_has_each_cell_beside_its_harmless_twins(
    world: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sld = toy_measure.grids()["SLD"][:1]
    monkeypatch.setattr(toy_world, "STEPS", 2)
    monkeypatch.setattr(toy_measure, "SEARCH_CLIPS", 1)
    monkeypatch.setattr(toy_measure, "BATCH", 1)
    monkeypatch.setattr(toy_measure, "grids", lambda: {"SLD": sld})
    lines = toy_measure.measure_steering([world], "look", clips=2, others=1)
    for title in ("red splash (concept)", "red ball", "square with circle (unrelated)", "attack (attack)"):
        assert f" {title} |" in lines[0]
    rows = [line.strip("| ").split(" | ") for line in lines[2:8]]
    assert [row[1] for row in rows] == [*toy_measure.FIXED, "SLD"]
    assert [row[2].partition(" of ")[2] for row in rows] == ["2", "2", "2", "1", "1", "1"]
    assert [row[-2] for row in rows] == ["4", "4", "4", "4", "4", "6"]
    # The same page again from what is kept, and a world without cells has none.
    kept = toy_measure.World(folder, kept=True)
    assert toy_measure.measure_steering([kept], "look", clips=2, others=1) == lines
    (folder / "cells.json").unlink()
    assert " - | - |" in toy_measure.measure_steering([kept], "look", clips=2, others=1)[2]
