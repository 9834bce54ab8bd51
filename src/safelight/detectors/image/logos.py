"""Detects enrolled brands, logos and characters in images and sampled frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from safelight.detectors.list_folder import configured_folder
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Basis, Category, Finding, ImageBox, Match, Modality

from .logo_store import SUFFIX, LogoStore
from .template_matching import TemplateMatch, extract_features, find_logos

NAME, VERSION = "logos", "sift-1"

#: Weaker matches are not reported. Measured: docs/benchmarks/pictures.md.
MIN_STRENGTH = 1.20
#: From this strength on, a match has the highest score.
_FULL_SCORE_STRENGTH = 1.60
#: A logo that covers at least this fraction of the picture is the subject of the picture.
_MIN_SUBJECT_AREA = 0.12
_MEASURED = "enrolled logos only: 132 of 164 found, false alarms in 1 of 155 scenes, benchmarks/pictures.md"

CAPABILITIES = tuple(
    Capability(category=category.value, modality=modality, measured=_MEASURED)
    for category in (Category.IP_BRAND, Category.IP_CHARACTER)
    for modality in (Modality.IMAGE, Modality.FRAMES)
)


class LogoDetector:
    """A `FrameDetector`. Added and removed logos apply at once."""

    name = NAME
    version = VERSION
    capabilities = CAPABILITIES
    longest_side = 960
    picture_side = 1280
    every_frame = False
    costly = True

    def __init__(self, folder: Path, *, min_score: float = MIN_STRENGTH) -> None:
        self._logos = LogoStore(folder)
        self._min_score = min_score

    @property
    def idle(self) -> str:
        """Why there is nothing to search for; otherwise empty."""
        return (
            ""
            if any(logo.views for logo in self._logos.all())
            else "No logo is enrolled: safelight logos add."
        )

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        import cv2

        logos = self._logos.all()
        if not logos:
            return []
        scene = extract_features(np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_RGB2GRAY), np.uint8))
        height, width = frame.pixels.shape[:2]
        return [
            _finding(one, width, height) for one in find_logos(scene, logos, min_strength=self._min_score)
        ]


def _finding(found: TemplateMatch, width: int, height: int) -> Finding:
    size = np.array([width, height], np.float64)
    left, top = np.clip(found.corners.min(axis=0) / size, 0, 1).tolist()
    right, bottom = np.clip(found.corners.max(axis=0) / size, 0, 1).tolist()
    area = (right - left) * (bottom - top)
    logo = found.logo
    certainty = (found.strength - MIN_STRENGTH) / (_FULL_SCORE_STRENGTH - MIN_STRENGTH)
    return Finding(
        category=logo.kind.category,
        score=round(min(max(0.6 + 0.38 * certainty, 0.3), 0.98), 4),
        modality=Modality.FRAMES,
        detector=NAME,
        version=VERSION,
        basis=Basis.MATCHED,
        reason=f"The enrolled {logo.kind.value} {logo.name!r} is in the picture.",
        evidence=(
            ImageBox(x=round(left, 4), y=round(top, 4), w=round(right - left, 4), h=round(bottom - top, 4)),
            Match(list=NAME, entry=logo.name, distance=round(1 - found.agreement, 4)),
        ),
        attributes={
            "kind": f"logo:{logo.name}",
            "area": round(area, 5),
            "role": "subject" if area >= _MIN_SUBJECT_AREA else "passing",
        },
    )


def _load(options: PluginOptions) -> LogoDetector:
    return LogoDetector(configured_folder(options), min_score=float(options.get("min_score", MIN_STRENGTH)))


def _idle(options: PluginOptions) -> str | None:
    if any(configured_folder(options).glob(f"*{SUFFIX}")):
        return None
    return "No logo has been added. Add one: safelight logos add NAME FILE..."


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, capabilities=CAPABILITIES, load=_load, idle=_idle)
