"""An operator measures the guard model; from then on coverage carries the figures and their date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.app.container import load
from safelight.cli.output import Exit
from support.commands import Run, Say
from support.fake_gateway import serving

ROWS = [
    ("two people, plainlyso", "unsafe", ["sexual"]),
    ("two people, hardly so", "unsafe", ["sexual"]),
    ("somebody is told off, plainlyso", "unsafe", ["of somebody else"]),
    ("a waterfall in autumn", "safe", []),
    ("a baker, plainlyso", "safe", []),
    ("a cat, mumbled", "safe", []),
]


def guard(_method: str, _path: str, body: str, _key: str) -> tuple[int, dict[str, Any]]:
    """The part of Llama Guard that this test needs."""
    said = "unsafe\nS12" if "plainlyso" in body else "mumble" if "mumbled" in body else "safe"
    return 200, {"choices": [{"message": {"content": said}}]}


@pytest.fixture
def settings(folder: Path) -> Iterator[Path]:
    (folder / "mine.jsonl").write_text(
        "".join(
            json.dumps({"text": text, "label": label, "categories": categories, "lang": "en"}) + "\n"
            for text, label, categories in ROWS
        )
    )
    with serving(guard) as url:
        file = folder / "safelight.toml"
        file.write_text(
            f'[detectors]\nminilm = false\n[detectors.text-guard]\nurl = "{url}"\n'
            'model = "Llama-Guard-3-8B"\nformat = "llama-guard"\n'
        )
        yield file


def measured() -> dict[str, str | None]:
    """The measured figure per category in the coverage of the guard."""
    (guard,) = [one for one in load(None).core.text_pipeline.detectors if one.name == "text-guard"]
    return {one.category: one.measured for one in guard.capabilities}


def test_figures_are_stored_with_date_and_gaps_and_hold_for_evaluated_categories_and_model_only(
    run: Run, settings: Path
) -> None:
    assert set(measured().values()) == {None}
    said = run("eval", "guard", "--data", "mine.jsonl")
    assert said["categories"] == {"sexual": {"found": 1, "n": 2}}
    assert said["harmless"] == {"found": 1, "n": 2}
    assert said["unanswered"] == 1
    kept = json.loads((settings.parent / "data" / "measurements" / "text-guard.json").read_text())
    assert kept["date"] == said["date"]
    after = measured()
    assert "1 of 2 (50.0 %) found" in (after["sexual"] or "")
    assert after["hate"] is None
    settings.write_text(settings.read_text().replace("Llama-Guard-3-8B", "Llama-Guard-4-12B"))
    assert set(measured().values()) == {None}


def test_without_a_guard_the_message_explains_how_to_configure_one(say: Say, settings: Path) -> None:
    settings.write_text("[detectors]\nminilm = false\n")
    assert "format" in say("eval", "guard", "--data", "mine.jsonl", code=Exit.CONFIGURATION).err
