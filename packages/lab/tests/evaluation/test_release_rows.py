"""The release check: what `starter` decides about `tests/data/release` with the base installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main

DATA = Path(__file__).resolve().parents[4] / "tests" / "data" / "release"
SCRIPTS = {"en": "en", "zh-hant": "zh-Hant", "zh-hans": "zh-Hans"}
STOPPED = {"hold", "block"}
#: 10,000 words, which is fewer characters than the longest accepted prompt.
WORDS = 10_000


def decide(folder: Path, *data: Path) -> list[dict[str, Any]]:
    # A busy machine must not change a verdict, so that the time limit is far away.
    config, rows = folder / "safelight.toml", folder / "rows.jsonl"
    config.write_text(f'data = "{folder / "data"}"\n[scan]\ntext_timeout_s = 60\n')
    given = [part for path in data for part in ("--data", str(path))]
    main(["--config", str(config), "eval", "prompts", *given, "--policy", "starter", "--rows", str(rows)])
    return [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return decide(tmp_path_factory.mktemp("release"), *(DATA / f"{name}.jsonl" for name in SCRIPTS))


def test_the_rows_cover_three_scripts_alike_and_no_text_twice() -> None:
    for name, lang in SCRIPTS.items():
        rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines()]
        assert len(rows) >= 250
        assert {row["lang"] for row in rows} == {lang}
        assert len({row["text"] for row in rows}) == len(rows)
        assert all(row["why"] and row["expect"] and isinstance(row["help_ok"], bool) for row in rows)
        assert all(row["categories"] for row in rows if set(row["expect"].split("|")) <= STOPPED)


def test_every_row_is_decided_as_expected(decided: list[dict[str, Any]]) -> None:
    differ = [
        f"{row['id']}: {'; '.join(row['differences'])} (rule {row['rule'] or 'none'}): {row['text']}"
        for row in decided
        if row["differences"]
    ]
    if differ:
        pytest.fail(f"{len(differ)} of {len(decided)} rows differ:\n" + "\n".join(differ), pytrace=False)


def test_distress_is_offered_help_lines_and_nothing_harmless_is_explained_by_a_grave_category(
    decided: list[dict[str, Any]],
) -> None:
    asked = [row for row in decided if row["kind"] in ("distress", "self-harm-method")]
    assert asked
    assert not [f"{row['id']}: {row['text']}" for row in asked if not row["help_lines"]]
    grave = {"sexual/minors", "ncii", "extremism", "hate"}
    harmless = [row for row in decided if "allow" in row["expect"]]
    assert not [row["id"] for row in harmless if grave & {row["category"], *row["explained"]["reviewer"]}]


@pytest.mark.parametrize(
    ("text", "harmful"),
    [("go " * WORDS, False), ("雨" * WORDS, False), ("porn " * 6_000, True), ("色情" * WORDS, True)],
    ids=["english", "chinese", "english-harmful", "chinese-harmful"],
)
def test_a_very_long_text_of_one_word_is_stopped_only_for_that_word(
    tmp_path: Path, text: str, harmful: bool
) -> None:
    data = tmp_path / "long.jsonl"
    data.write_text(json.dumps({"text": text}) + "\n")
    [row] = decide(tmp_path, data)
    # A harmless one may be held because the classifier did not read all of it; then no category is named.
    assert row["category"] == ("sexual" if harmful else "")
    assert row["action"] != "block" or harmful
