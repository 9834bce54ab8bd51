from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safelight.core.errors import InvalidField, SafelightError
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight_lab.evaluation import provenance_eval, tuning_clips
from safelight_lab.evaluation.provenance_eval import UNMARKED, ProvenanceEvaluation, find_clips
from safelight_lab.evaluation.provenance_report import bootstrap_interval, build_report


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("clips")
    (made / "drawn").mkdir()
    scene = np.random.default_rng(1).normal(128, 30, (360, 700, 1)).clip(0, 255).astype(np.uint8)
    scene = scene.repeat(3, axis=2)
    with Mp4Writer(made / "drawn" / "noise--1.mp4", VideoFormat(width=640, height=360, fps=10)) as writer:
        for number in range(12):
            writer.add_frame(scene[:, 4 * number : 4 * number + 640].copy())
    return made


def _run(folder: Path, results: Path) -> list[dict[str, Any]]:
    evaluation = ProvenanceEvaluation(find_clips(folder), ["mirror", "delivered"], 1, results)
    return evaluation.run(lambda _number: None)


def test_a_clip_is_marked_attacked_and_read_back_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(5, 0.0012)
    monkeypatch.setattr(time, "process_time", lambda: next(clock))
    rows = _run(folder, tmp_path / "rows.jsonl")
    assert {row["mark_s_per_frame"] for row in rows} == {0.0001}, "a reading of the clock for 12 frames"
    assert [row["attack"] for row in rows] == ["delivered", "mirror", UNMARKED]
    assert [row["recovered"] for row in rows] == [True, True, False]
    report = build_report(rows)
    assert report["kinds"][0]["kind"] == "drawn"
    assert report["attacks"][0]["recovered_registry"] == 1.0
    assert report["sources"] == 1
    assert report["quality"]["psnr_db"]["least"] >= 42.5
    assert 0 < report["quality"]["visibility"]["mean"] <= report["quality"]["visibility"]["most"]
    assert 0 < report["quality"]["flicker"]["mean"] <= report["quality"]["flicker"]["most"]
    assert report["unmarked"] == {"searches": 1, "accepts": 0, "accepts_registry": 0, "wrong_ids": 0}

    def fail(*_arguments: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(provenance_eval, "measure", fail)
    assert _run(folder, tmp_path / "rows.jsonl") == rows


def test_rows_of_other_code_are_measured_again(folder: Path, tmp_path: Path) -> None:
    results = tmp_path / "rows.jsonl"
    sha256 = find_clips(folder)[0].sha256
    old = {"clip": sha256, "key": 0, "attack": "delivered", "recovered": False, "code": "old"}
    results.write_text(json.dumps(old) + "\n")
    assert _run(folder, results)[0]["recovered"] is True


def test_a_clip_used_for_tuning_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = find_clips(folder)[0].sha256
    monkeypatch.setitem(tuning_clips.TUNING_CLIPS, sha256, "a test")
    with pytest.raises(InvalidField, match=r"noise--1.mp4 was used to develop the watermark \(a test\)"):
        find_clips(folder)


def test_a_folder_without_clips_and_an_unknown_attack_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="no video files"):
        find_clips(tmp_path)
    with pytest.raises(InvalidField, match="Unknown attack 'x'; attacks: delivered, "):
        ProvenanceEvaluation(find_clips(folder), ["x"], 1, tmp_path / "rows.jsonl")


def test_a_file_of_results_that_is_something_else_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    results = tmp_path / "notes.txt"
    results.write_text("my notes\n")
    with pytest.raises(SafelightError, match="cannot be read as results"):
        _run(folder, results)
    assert results.read_text() == "my notes\n"


def test_intervals_are_wider_if_the_rows_are_of_few_sources() -> None:
    many = [{"source": str(number), "recovered": number % 4 != 0} for number in range(40)]
    few = [{"source": str(number % 4), "recovered": number % 4 != 0} for number in range(40)]
    (low, high), (low_few, high_few) = (bootstrap_interval(each, "recovered") for each in (many, few))
    assert 0 < high - low < high_few - low_few
