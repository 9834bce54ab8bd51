"""Tiny random weights in the real library and the real child: what they hear is noise, the mechanism is
real. Words that are really heard: test_spoken_words.py.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from safelight.core.installation import install_command
from safelight.detectors.audio.whisper import PLUGIN
from safelight.detectors.models import catalogue
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.plugins import WORDS
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Cell, Modality
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.speech import SpeechAnalyzer
from safelight.testing.speech import SpeechMissing, synthesize
from support.clips import RATE, hum, make_clip
from support.optional_tools import leave_out
from support.rows import each_row
from support.tiny_whisper import make_tiny_whisper


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("faster_whisper") is None:
        leave_out("faster-whisper", install_command("transcription"))
    return make_tiny_whisper(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        voice = synthesize("The market opens at nine in the morning.").at(RATE)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))
    sound = hum(6.0)
    sound[RATE : RATE + voice.size] += 0.6 * voice
    return make_clip(tmp_path_factory.mktemp("clip") / "said.mp4", frames=48, fps=8, sound=sound)


def hate(cells: Iterable[Cell]) -> Cell:
    return next(cell for cell in cells if (cell.category, cell.modality) == ("hate", Modality.AUDIO))


def test_noise_of_random_weights_is_no_text_but_a_gap_with_the_times_of_the_speech(
    weights: Path, clip: Path, sandbox: Sandbox
) -> None:
    options = {"model": str(weights)}
    assert PLUGIN.missing(options) is None
    scanner = Scanner(
        sandbox, (("vad", {}), ("whisper", options)), ScannerOptions(warm_children=0, video_timeout_s=120.0)
    )
    report = scanner.scan_video(clip)
    run = report.find_run("whisper")
    assert (run.complete, run.note, run.calls > 0) == (True, "", True)
    assert report.audio is not None
    assert report.audio.speech
    assert report.transcript == ()
    first, last = report.audio.speech[0].start_s, report.audio.speech[-1].end_s
    assert report.audio.unreadable
    for span in report.audio.unreadable:
        assert first - 0.3 <= span.start_s <= span.end_s <= last + 0.3
    # A transcript fills no cell before a text detector has read it.
    assert report.coverage.cell("hate", Modality.AUDIO) is None
    heard = SpeechAnalyzer().analyze(report, TextPipeline([]))
    assert (heard.transcript, heard.cells) == (report.transcript, ())
    words = TextPipeline([WORDS.load({})], budget_s=20.0)  # type: ignore[list-item]
    cell = hate(SpeechAnalyzer().analyze(report, words).cells)
    # As if there were no transcriber, so that a waiver excuses it.
    assert (cell.available, cell.complete) == (False, False)
    assert "could not be transcribed reliably" in cell.note


def test_broken_weights_are_a_gap(weights: Path, clip: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"broken")
    scanner = Scanner(
        sandbox,
        (("vad", {}), ("whisper", {"model": str(tmp_path)})),
        ScannerOptions(warm_children=0, video_timeout_s=60.0),
    )
    report = scanner.scan_video(clip)
    words = TextPipeline([WORDS.load({})], budget_s=20.0)  # type: ignore[list-item]
    cell = hate(SpeechAnalyzer().analyze(report, words).cells)
    assert (cell.available, cell.complete) == (True, False)
    assert "whisper failed" in cell.note


@each_row
def test_missing_parts_are_reported(
    options: dict[str, str], word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(catalogue, "shared_folder", lambda: tmp_path)
    sentence = PLUGIN.missing(options)
    assert sentence is not None
    assert word in sentence
