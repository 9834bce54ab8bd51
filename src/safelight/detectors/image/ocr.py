"""OCR of frames and images. It only reads text; the text pipeline checks it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from safelight.core.arrays import Pixels
from safelight.core.installation import find_package_folder, install_command
from safelight.detectors.image.region_cache import CachedRegions, Window, WindowSizes, crop
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, MediaText, PluginOptions
from safelight.policy.findings import Category, Modality

NAME, VERSION = "ocr", "ppocr6s-3"
#: Words in one frame or two: the scan compares what is read. What words say is the text detectors' check.
_CAPABILITIES = (Capability(category=Category.DECEPTION_SUBLIMINAL.value, modality=Modality.FRAMES),)


#: With this longest side, print of 18 px in a 720p frame is still read, at half the cost of 960.
_LONGEST_SIDE_PX = 736
_MIN_SCORE = 0.5
#: Rows of windows, grain and stripes are read as `II` or `wwww`. A line with fewer different letters needs a
#: higher score: docs/benchmarks/pictures.md.
_FEW_LETTERS, _MIN_SCORE_FEW_LETTERS = 4, 0.9
_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")


#: If only a part of the frame changed, only that part is read. After ten frames, the whole frame is read
#: again.
_WINDOWS = WindowSizes(stride=32, margin=48, max_share=0.5, max_age_frames=10)


class _Line(NamedTuple):
    """A line of text, with its box in pixels of the inspected frame."""

    text: str
    score: float
    place: Window


class RapidOcrReader:
    """An `OcrReader`. `longest_side` is the longest side to which frames are scaled before they are read."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = _CAPABILITIES
    parts = True

    def __init__(
        self, models: Path, *, longest_side: int = _LONGEST_SIDE_PX, min_score: float = _MIN_SCORE
    ) -> None:
        from rapidocr import RapidOCR

        self.longest_side = longest_side
        self._cache = CachedRegions(
            _WINDOWS, inspect=self._read_window, locate=lambda line, _width, _height: line.place
        )
        detector, recogniser, turner = (models / name for name in _MODELS)
        # All three paths are set, because the engine tries to download a model that has no path.
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": min_score,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.limit_type": "max",
                "Det.limit_side_len": longest_side,
                "Det.model_path": str(detector),
                "Rec.model_path": str(recogniser),
                "Cls.model_path": str(turner),
            }
        )

    def read_frame(self, frame: Frame) -> Iterable[MediaText]:
        pixels = frame.pixels
        height, width = pixels.shape[:2]
        if min(height, width) < 8:
            return []
        if frame.part is not None:
            lines = self._read_window(pixels, (0, 0, width, height))
        else:
            lines = self._cache.detect(frame.index, pixels)
        return [_to_media_text(line, frame) for line in lines]

    def _read_window(self, pixels: Pixels, window: Window) -> list[_Line]:
        part = crop(pixels, window)
        answer = self._engine(np.ascontiguousarray(part[:, :, ::-1]))
        if answer.txts is None:
            return []
        height, width = part.shape[:2]
        across, down = window[:2]
        lines = []
        for text, score, quad in zip(answer.txts, answer.scores, answer.boxes, strict=True):
            if is_texture(text, score):
                continue
            left, top = np.clip(quad.min(axis=0), 0, (width, height)).tolist()
            right, bottom = np.clip(quad.max(axis=0), 0, (width, height)).tolist()
            place = (int(left) + across, int(top) + down, int(right) + across, int(bottom) + down)
            lines.append(_Line(text, round(float(score), 4), place))
        return lines


def is_texture(text: str, score: float) -> bool:
    """Whether a line is probably no writing: few different letters, read with little confidence."""
    letters = {char for char in text.casefold() if char.isalnum()}
    return len(letters) < _FEW_LETTERS and score < _MIN_SCORE_FEW_LETTERS


def _to_media_text(line: _Line, frame: Frame) -> MediaText:
    height, width = frame.pixels.shape[:2]
    left, top, right, bottom = line.place
    return MediaText(
        text=line.text,
        confidence=line.score,
        frame=frame.index,
        start_s=frame.time_s,
        end_s=frame.time_s,
        box=(
            round(left / width, 4),
            round(top / height, 4),
            round((right - left) / width, 4),
            round((bottom - top) / height, 4),
        ),
    )


def find_models_folder() -> Path | None:
    """Folder of the models in the installed package; None if a model is missing. The package is not
    imported.
    """
    package = find_package_folder("rapidocr")
    if package is None:
        return None
    folder = package / "models"
    return folder if all((folder / name).is_file() for name in _MODELS) else None


def _missing(_options: PluginOptions) -> str | None:
    if find_models_folder() is None:
        return f"The package `rapidocr` with its models is not installed: {install_command('server')}."
    return None


def _load(options: PluginOptions) -> RapidOcrReader:
    folder = find_models_folder()
    if folder is None:
        raise FileNotFoundError(_missing(options))
    return RapidOcrReader(
        folder,
        longest_side=int(options.get("longest_side", _LONGEST_SIDE_PX)),
        min_score=float(options.get("min_score", _MIN_SCORE)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    capabilities=_CAPABILITIES,
    load=_load,
    missing=_missing,
)
