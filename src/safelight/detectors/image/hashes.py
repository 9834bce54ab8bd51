"""Looks pictures and frames up in the operator's PDQ lists. It fills no cell: a list knows what it lists."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, Place
from safelight.policy.findings import Finding, Modality

from .hash_lists import NAME, SUFFIX, VERSION, HashKind, HashLists, matched
from .pdq import QUALITY, turned

#: Frames are hashed at this size: a fifth of a millisecond, and a few bits off what the whole frame has.
_FRAME_SIDE = 128


class HashDetector:
    """A `FrameDetector`; sees what changes in the folder at once."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    #: The size that frames are had at anyway, for another detector.
    longest_side = 320
    picture_side = 512
    every_frame = True

    def __init__(self, folder: Path) -> None:
        self._lists = HashLists(folder)

    @property
    def idle(self) -> str:
        """Why there is nothing to look for; empty where there is."""
        if any(one.counts.get(HashKind.PDQ) for one in self._lists.all()):
            return ""
        return "No hash list with PDQ hashes is imported: safelight hashes import."

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        import cv2

        lists = [one for one in self._lists.all() if one.counts.get(HashKind.PDQ)]
        if not lists:
            return []
        pixels = frame.pixels
        height, width = pixels.shape[:2]
        if max(height, width) <= self.longest_side:
            scale = min(_FRAME_SIDE / max(height, width), 1.0)
            size = (max(round(width * scale), 1), max(round(height * scale), 1))
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        hashes, quality = turned(pixels)
        if quality < QUALITY:
            return []
        found = []
        for one in lists:
            near = min((match for hashed in hashes if (match := one.nearest(hashed))), default=None)
            if near is not None:
                found.append(matched(one, near[1], near[0], modality=Modality.FRAMES))
        return found


def _load(options: dict[str, Any]) -> HashDetector:
    return HashDetector(Path(options["folder"]))


def _idle(options: dict[str, Any]) -> str | None:
    folder = options.get("folder")
    if folder and any(Path(folder).glob(f"*{SUFFIX}")):
        return None
    return "No hash list is imported: safelight hashes import FILE --list NAME --category CATEGORY."


PLUGIN = DetectorPlugin(
    name=NAME, version=VERSION, place=Place.CHILD, capabilities=(), load=_load, idle=_idle
)
