"""Reads text in frames and pictures, for the text pipeline. It decides nothing about what it reads."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from safelight.detectors.image.region_cache import CachedRegions, Sizes, Window, cut
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, MediaText, RunLocation

NAME, VERSION = "ocr", "ppocr6s-2"

Pixels = npt.NDArray[np.uint8]

#: At this size 18 px print of a 720p frame is still read, for half of what 960 costs.
_SIDE = 736
_FLOOR = 0.5
_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")


#: A part of the picture is read where only that changed; after so many looks all of it is read again.
_SIZES = Sizes(stride=32, margin=48, most=0.5, renew=10)


class _Line(NamedTuple):
    """A line of text, and where it is in pixels of the frame at the size it was read."""

    text: str
    score: float
    place: Window


class TextReader:
    """A `FrameReader`; `longest_side` is the size frames are read at."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    parts = True

    def __init__(self, models: Path, *, longest_side: int = _SIDE, min_score: float = _FLOOR) -> None:
        from rapidocr import RapidOCR

        self.longest_side = longest_side
        self._watch = CachedRegions(_SIZES, look=self._read, place=lambda line, _width, _height: line.place)
        detector, recogniser, turner = (models / name for name in _MODELS)
        # Paths are given for all three: without one the engine would try to download it.
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
            lines = self._read(pixels, (0, 0, width, height))
        else:
            lines = self._watch.things(frame.index, pixels)
        return [_told(line, frame) for line in lines]

    def _read(self, pixels: Pixels, window: Window) -> list[_Line]:
        part = cut(pixels, window)
        answer = self._engine(np.ascontiguousarray(part[:, :, ::-1]))
        if answer.txts is None:
            return []
        height, width = part.shape[:2]
        across, down = window[:2]
        lines = []
        for text, score, quad in zip(answer.txts, answer.scores, answer.boxes, strict=True):
            left, top = np.clip(quad.min(axis=0), 0, (width, height)).tolist()
            right, bottom = np.clip(quad.max(axis=0), 0, (width, height)).tolist()
            place = (int(left) + across, int(top) + down, int(right) + across, int(bottom) + down)
            lines.append(_Line(text, round(float(score), 4), place))
        return lines


def _told(line: _Line, frame: Frame) -> MediaText:
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


def models_folder() -> Path | None:
    """Where the installed package keeps its models, found without importing it; None: not all there."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "models"
    return folder if all((folder / name).is_file() for name in _MODELS) else None


def _missing(_options: dict[str, Any]) -> str | None:
    if models_folder() is None:
        return "The package `rapidocr` with its models is not installed: pip install 'safelight[server]'."
    return None


def _load(options: dict[str, Any]) -> TextReader:
    folder = models_folder()
    if folder is None:
        raise FileNotFoundError(_missing(options))
    return TextReader(
        folder,
        longest_side=int(options.get("longest_side", _SIDE)),
        min_score=float(options.get("min_score", _FLOOR)),
    )


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=RunLocation.CHILD, capabilities=(), load=_load, missing=_missing
)
