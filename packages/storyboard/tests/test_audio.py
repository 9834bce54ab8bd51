from __future__ import annotations

import numpy as np
import pytest

from safelight_storyboard import audio, tts
from safelight_storyboard.scene import read


@pytest.mark.parametrize(
    "prompt",
    [
        "storm at sea",
        "a forest at dawn",
        "a city in the rain",
        "a man walks on a beach",
        "a tram",
        "a quiet room",
    ],
)
def test_the_ambience_is_audible_does_not_loop_and_never_clips(prompt: str) -> None:
    scene = read(prompt)
    track = audio.compose(scene, 2.0, np.random.default_rng(1), voice=None)
    again = audio.compose(scene, 2.0, np.random.default_rng(1), voice=None)
    assert track.shape == (2, 2 * audio.RATE)
    assert np.array_equal(track, again)
    assert np.isfinite(track).all()
    assert 0.005 < float(np.abs(track).max()) < 1.0
    assert float(np.abs(track[:, 0]).max()) < 0.01
    assert float(np.abs(track[:, -1]).max()) < 0.01


def test_silence_is_silent() -> None:
    track = audio.compose(read("the sea, no people, silence"), 1.0, np.random.default_rng(1), voice=None)
    assert not track.any()


def test_a_voice_is_louder_than_the_ambience() -> None:
    voice = np.sin(np.arange(audio.RATE, dtype=np.float32) * 0.1)
    quiet = audio.compose(read("silence"), 2.0, np.random.default_rng(1), voice=voice)
    assert float(np.abs(quiet).max()) > 0.4


@pytest.mark.skipif(tts.synthesiser() is None, reason="no espeak-ng on this machine")
def test_spoken_lines_fit_the_clip() -> None:
    voice = tts.speak("Good morning, and welcome to a rather long sentence", audio.RATE, seconds=1.5)
    assert voice is not None
    assert 0 < voice.size <= 1.5 * audio.RATE
    assert float(np.abs(voice).max()) > 0.05


def test_nothing_is_spoken_without_spoken_lines() -> None:
    assert tts.speak(" \n", audio.RATE, seconds=2) is None
