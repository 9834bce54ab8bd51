"""Detector for symbols of hate movements: a small neural network, trained by us on drawings that code
made.

It recognises shapes, not context: it cannot tell whether a hooked cross is in a temple or on an armband.
Shapes in the form that only religions use are not reported, and a reviewer decides.
"""

from __future__ import annotations

from pathlib import Path

from safelight.detectors.protocol import Detector, DetectorPlugin, PluginOptions

from .identity import CAPABILITIES, NAME, VERSION

MODEL = Path(__file__).parent / "net.onnx"


def _load(options: PluginOptions) -> Detector:
    from .detector import MIN_SCORE, SymbolDetector

    return SymbolDetector(MODEL, min_score=float(options.get("min_score", MIN_SCORE)))


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, capabilities=CAPABILITIES, load=_load)
