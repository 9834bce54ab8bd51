"""Symbols of hate movements, by a small network of our own, trained on drawings made by code.

It sees shapes. Whether a hooked cross hangs in a temple or on an armband it cannot see: what is drawn the way
faiths draw it is reported with little certainty, and people decide.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.detectors.protocol import Detector, DetectorPlugin, RunLocation

from .identity import CAPABILITIES, NAME, VERSION

MODEL = Path(__file__).parent / "net.onnx"


def _load(options: dict[str, Any]) -> Detector:
    from .detector import FLOOR, SymbolDetector

    return SymbolDetector(MODEL, min_score=float(options.get("min_score", FLOOR)))


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=RunLocation.CHILD, capabilities=CAPABILITIES, load=_load
)
