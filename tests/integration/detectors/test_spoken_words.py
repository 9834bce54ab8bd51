"""Whisper base behind the speech detector, in the real child, on synthetic speech."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt
import pytest

from safelight.core.installation import install_command
from safelight.detectors.models.catalogue import WHISPER, find_model
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.plugins import WORDS
from safelight.media.sandbox.sandbox import Sandbox
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight.screening.speech import SpeechAnalyzer, SpeechResult
from safelight.testing.speech import SpeechMissing, synthesize
from support.clips import RATE, hum, make_clip
from support.optional_tools import leave_out

SENTENCE = "The children bring fresh bread to the old man every Sunday."
Sound = npt.NDArray[np.float32]
Hear = Callable[[Sound], ScanReport]


@pytest.fixture(scope="module")
def hear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hear]:
    """Scan a clip with this sound."""
    if importlib.util.find_spec("faster_whisper") is None:
        leave_out("faster-whisper", install_command("transcription"))
    if find_model(WHISPER, None) is None:
        leave_out("Whisper base", f"safelight models pull {WHISPER} --shared")
    sandbox, folder = Sandbox(), tmp_path_factory.mktemp("clips")
    scanner = Scanner(
        sandbox, (("vad", {}), ("whisper", {})), ScannerOptions(warm_children=0, video_timeout_s=300.0)
    )

    def scan(sound: Sound) -> ScanReport:
        path = folder / f"{len(list(folder.iterdir()))}.mp4"
        return scanner.scan_video(make_clip(path, frames=8, fps=8, sound=sound))

    yield scan
    sandbox.close()


def say(text: str, voice: str = "en", *, fresh: bool = False) -> Sound:
    """`fresh`: in a new process, because what espeak-ng makes of a text depends on what it said before."""
    try:
        if not fresh:
            return 0.6 * synthesize(text, voice=voice).at(RATE)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            return 0.6 * process.submit(synthesize, text, voice=voice).result().at(RATE)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))


def words(report: ScanReport) -> str:
    return " ".join(line.text for line in report.transcript or ()).lower()


def judged(report: ScanReport) -> SpeechResult:
    pipeline = TextPipeline([WORDS.load({})], budget_s=20.0)  # type: ignore[list-item]
    return SpeechAnalyzer().analyze(report, pipeline)


def is_gap(report: ScanReport) -> bool:
    return not next(cell for cell in judged(report).cells if cell.category == "hate").complete


def test_words_are_heard_with_their_times_alone_and_under_music(hear: Hear) -> None:
    voice = say(SENTENCE)
    silence = np.zeros(2 * RATE, np.float32)
    report = hear(np.concatenate([silence, voice, silence]))
    assert "fresh bread" in words(report)
    assert not is_gap(report)
    [line, *_] = report.transcript or ()
    assert 1.5 <= line.start_s <= 3.0
    music = sum(np.sin(2 * np.pi * note * np.arange(voice.size) / RATE) for note in (220, 277, 330))
    loud = np.asarray(music * np.std(voice) / np.std(music) / 2, np.float32)
    assert "bread" in words(hear(voice + loud))


def test_many_short_remarks_share_a_call_and_keep_their_times(hear: Hear) -> None:
    parts, starts = [], []
    for remark in (
        "The children are playing in the garden.",
        "My brother works at the hospital.",
        "We will drink coffee in the kitchen.",
    ):
        starts.append(sum(part.size for part in parts) / RATE)
        parts += [say(remark), np.zeros(2 * RATE, np.float32)]
    report = hear(np.concatenate(parts))
    assert report.find_run("whisper").calls == 1
    heard = {word.text.lower().strip(".,"): word for line in report.transcript or () for word in line.words}
    assert {"children", "hospital", "coffee"} <= heard.keys()
    for said, start in zip(("children", "hospital", "coffee"), starts, strict=True):
        assert start - 0.3 <= heard[said].start_s <= start + 3.5


@pytest.mark.parametrize("kind", ["reversed", "a fragment"])
def test_what_cannot_be_heard_is_a_gap_and_no_invented_text(kind: str, hear: Hear) -> None:
    sound = say(SENTENCE)[::-1] if kind == "reversed" else say(SENTENCE)[RATE // 2 : RATE * 9 // 10]
    report = hear(np.concatenate([sound, np.zeros(RATE, np.float32)]))
    assert words(report) == ""
    if report.audio is not None and report.audio.speech:
        assert is_gap(report)


def test_a_loop_is_a_gap(hear: Hear) -> None:
    report = hear(np.tile(say("go home now", fresh=True), 20)[: 25 * RATE])
    assert words(report) == ""
    assert is_gap(report)
    assert any("could not be transcribed reliably" in cell.note for cell in judged(report).cells)


@pytest.mark.parametrize("delay_s", [0.0, 0.7])
def test_two_voices_at_once_give_words_that_were_said_or_a_gap(delay_s: float, hear: Hear) -> None:
    first, second = say(SENTENCE), say("My brother works at the hospital until late.", "en+f3")
    sound = np.zeros(max(first.size, second.size) + 2 * RATE, np.float32)
    sound[RATE // 2 :][: first.size] += first
    sound[RATE // 2 + round(delay_s * RATE) :][: second.size] += second
    report = hear(sound)
    assert report.audio is not None
    assert report.audio.speech
    assert words(report) or is_gap(report)


def test_a_third_language_is_transcribed_as_it_is_spoken(hear: Hear) -> None:
    report = hear(say("Guten Morgen, wir fahren heute mit dem Zug nach Hamburg.", "de"))
    assert "guten morgen" in words(report)


def test_a_clip_without_speech_has_no_text_and_costs_no_call(hear: Hear) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32)
    for sound in (noise, hum(4.0)):
        report = hear(sound)
        assert report.transcript == ()
        assert report.find_run("whisper").calls == 0
        assert not is_gap(report)
