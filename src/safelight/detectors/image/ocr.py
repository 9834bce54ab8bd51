"""Reads text in frames and pictures, for the text pipeline. It decides nothing about what it reads."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, Place, ReadText

NAME, VERSION = "ocr", "ppocr6s-1"

#: At this size 18 px print of a 720p frame is still read, for half of what 960 costs.
_SIDE = 736
_FLOOR = 0.5
_MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx", "ch_ppocr_mobile_v2.0_cls_mobile.onnx")


class TextReader:
    """A `FrameReader`; `longest_side` is the size frames are read at."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    parts = True

    def __init__(self, models: Path, *, longest_side: int = _SIDE, floor: float = _FLOOR) -> None:
        from rapidocr import RapidOCR

        self.longest_side = longest_side
        detector, recogniser, turner = (models / name for name in _MODELS)
        # Paths are given for all three: without one the engine would try to download it.
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.text_score": floor,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                "Det.limit_type": "max",
                "Det.limit_side_len": longest_side,
                "Det.model_path": str(detector),
                "Rec.model_path": str(recogniser),
                "Cls.model_path": str(turner),
            }
        )

    def read_frame(self, frame: Frame) -> Iterable[ReadText]:
        height, width = frame.pixels.shape[:2]
        if min(height, width) < 8:
            return []
        answer = self._engine(np.ascontiguousarray(frame.pixels[:, :, ::-1]))
        if answer.txts is None:
            return []
        texts = []
        for text, score, quad in zip(answer.txts, answer.scores, answer.boxes, strict=True):
            left, top = np.clip(quad.min(axis=0) / (width, height), 0.0, 1.0).tolist()
            right, bottom = np.clip(quad.max(axis=0) / (width, height), 0.0, 1.0).tolist()
            texts.append(
                ReadText(
                    text=text,
                    confidence=round(float(score), 4),
                    frame=frame.index,
                    start_s=frame.time_s,
                    end_s=frame.time_s,
                    box=(round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)),
                )
            )
        return texts


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
        floor=float(options.get("floor", _FLOOR)),
    )


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=Place.CHILD, capabilities=(), load=_load, missing=_missing
)
