"""Nudity detector of the base install: Yahoo's OpenNSFW model, which gives one score for a whole picture.

Its licence is permissive (BSD-2-Clause), unlike that of NudeNet's model, which looks for single body parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.detectors.models.catalogue import OPEN_NSFW, find_model, store_of
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Category, Finding, Modality

NAME, VERSION = "open-nsfw", "1"
FILE = "open-nsfw.onnx"
#: The model's own score, uncalibrated. Of harmless photographs, almost all score less
#: (docs/benchmarks/pictures.md).
MIN_SCORE = 0.5
#: The model's authors scale a picture to 256 pixels and use the middle 224.
_SCALED_SIDE_PX, _INPUT_SIDE_PX = 256, 224
#: Mean of the training pictures in blue, green and red, which the model expects to be subtracted.
_MEAN_BGR = np.array([104, 117, 123], dtype=np.float32)

CAPABILITIES: tuple[Capability, ...] = (
    Capability(category=Category.SEXUAL.value, modality=Modality.IMAGE),
    Capability(category=Category.SEXUAL.value, modality=Modality.FRAMES),
)


def model_input(pixels: Pixels) -> npt.NDArray[np.float32]:
    """The model's input, (1, 224, 224, 3) in blue, green and red, from RGB pixels of any size."""
    import cv2

    scaled = cv2.resize(pixels, (_SCALED_SIDE_PX, _SCALED_SIDE_PX), interpolation=cv2.INTER_AREA)
    margin = (_SCALED_SIDE_PX - _INPUT_SIDE_PX) // 2
    middle = scaled[margin : margin + _INPUT_SIDE_PX, margin : margin + _INPUT_SIDE_PX]
    return np.ascontiguousarray(middle[None, :, :, ::-1].astype(np.float32) - _MEAN_BGR)


class OpenNsfwDetector:
    """A `FrameDetector` that scores a whole picture. Scores below `min_score` are not reported."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = _SCALED_SIDE_PX
    every_frame = False
    costly = True

    def __init__(self, model: Path, *, min_score: float = MIN_SCORE) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name
        self._min_score = min_score

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        score = self.score(frame.pixels)
        if score < self._min_score:
            return []
        return [
            Finding(
                category=Category.SEXUAL.value,
                score=round(score, 4),
                modality=Modality.FRAMES,
                detector=NAME,
                version=VERSION,
                basis=Basis.LEARNED,
                reason="The picture as a whole resembles sexual content.",
                attributes={"kind": "whole-picture"},
            )
        ]

    def score(self, pixels: Pixels) -> float:
        """The model's score for RGB pixels, 0 to 1. Raises `ValueError` if the model returns no number."""
        output: npt.NDArray[np.float32] = self._session.run(None, {self._input: model_input(pixels)})[0]
        score = float(output[0, 1])
        if not np.isfinite(score):
            raise ValueError("the model returned a value that is not finite")
        return min(max(score, 0.0), 1.0)


def find_model_file(store: Path | None = None) -> Path | None:
    """The model in the folder of models, or shared; None if it is missing."""
    folder = find_model(OPEN_NSFW, store)
    return folder / FILE if folder else None


def _missing(options: PluginOptions) -> str | None:
    if find_model_file(store_of(options)) is None:
        return "The OpenNSFW model is not installed; run: safelight models pull open-nsfw"
    return None


def _load(options: PluginOptions) -> OpenNsfwDetector:
    path = find_model_file(store_of(options))
    if path is None:
        raise FileNotFoundError(_missing(options))
    return OpenNsfwDetector(path, min_score=float(options.get("min_score", MIN_SCORE)))


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    capabilities=CAPABILITIES,
    load=_load,
    missing=_missing,
)
