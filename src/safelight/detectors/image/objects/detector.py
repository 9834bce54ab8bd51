"""Detector of things that matter with words of harm: firearms, heavy weapons and syringes.

Two networks of ImageNet's classes name what a picture shows. They see a thing that is the subject of the
picture and hardly one inside a scene (docs/benchmarks/pictures.md), so the detector fills no coverage cell:
a picture in which it finds nothing is not checked for weapons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels
from safelight.detectors.models.catalogue import OBJECTS, find_model, store_of
from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Category, Finding, Modality

from .conversion import NETWORKS

NAME, VERSION = "objects", "1"
#: The numbers of ImageNet's classes for each thing: assault rifle, revolver, rifle; cannon, missile,
#: projectile, tank; syringe. ImageNet has no class for knives; its other blades are too often pliers.
THINGS: Mapping[str, tuple[int, ...]] = {
    "firearm": (413, 763, 764),
    "heavy weapon": (471, 657, 744, 847),
    "syringe": (845,),
}
#: Both networks must give a thing more than this. Set before it was measured.
MIN_PROBABILITY = 0.2
#: The score of a finding: a thing is a sign of harm only beside words. No rule stops from here.
SIGN_SCORE = 0.1
_LONGEST_SIDE_PX = 480
#: What the networks expect: RGB from -1 to 1, as they were trained.
_MEAN, _SCALE = 127.0, 128.0


class ObjectDetector:
    """A `FrameDetector` that names the thing that a picture shows."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    longest_side = _LONGEST_SIDE_PX
    every_frame = False
    costly = True

    def __init__(self, folder: Path, *, min_probability: float = MIN_PROBABILITY) -> None:
        self._networks = [
            (side, open_session(folder / f"{name}.onnx")) for name, (side, _depth) in NETWORKS.items()
        ]
        self._min_probability = min_probability

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        return [
            Finding(
                category=Category.VIOLENCE.value,
                score=SIGN_SCORE,
                modality=Modality.FRAMES,
                detector=NAME,
                version=VERSION,
                basis=Basis.LEARNED,
                reason=f"The picture shows a {thing}.",
                attributes={"kind": "object", "object": thing, "certainty": round(certainty, 4)},
            )
            for thing, certainty in self.find_things(frame.pixels).items()
            if certainty > self._min_probability
        ]

    def find_things(self, pixels: Pixels) -> dict[str, float]:
        """For each thing, the lower of the two networks' probabilities that the picture shows it.

        Raises `ValueError` if a network returns no number.
        """
        scores = [self._read(side, session, pixels) for side, session in self._networks]
        return {thing: min(float(one[list(rows)].sum()) for one in scores) for thing, rows in THINGS.items()}

    def _read(self, side: int, session: Any, pixels: Pixels) -> npt.NDArray[np.float32]:
        import cv2

        scaled = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        given = (scaled.astype(np.float32) - _MEAN) / _SCALE
        output: npt.NDArray[np.float32] = session.run(None, {"pixels": given.transpose(2, 0, 1)[None]})[0][0]
        if not np.isfinite(output).all():
            raise ValueError("a network returned a value that is not finite")
        return output


def _missing(options: PluginOptions) -> str | None:
    if find_model(OBJECTS, store_of(options)) is None:
        return f"The networks are not installed; run: safelight models pull {OBJECTS}"
    return None


def _load(options: PluginOptions) -> ObjectDetector:
    folder = find_model(OBJECTS, store_of(options))
    if folder is None:
        raise FileNotFoundError(_missing(options))
    return ObjectDetector(folder, min_probability=float(options.get("min_probability", MIN_PROBABILITY)))


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, load=_load, missing=_missing)
