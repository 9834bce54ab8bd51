"""Looks up images and frames in the operator's PDQ lists.

It fills no coverage cell, because a list does not cover a whole category.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from safelight.detectors.list_folder import configured_folder
from safelight.detectors.protocol import Capability, DetectorPlugin, Frame, PluginOptions
from safelight.policy.findings import Finding, Modality

from .hash_lists import NAME, SUFFIX, VERSION, HashKind, HashLists, make_finding
from .pdq import MIN_QUALITY, rotations, square


class HashDetector:
    """A `FrameDetector`. Changes to the hash lists in the folder apply at once."""

    name = NAME
    version = VERSION
    capabilities: tuple[Capability, ...] = ()
    #: Another detector already uses frames of this size.
    longest_side = 320
    picture_side = 512
    every_frame = True

    def __init__(self, folder: Path) -> None:
        self._lists = HashLists(folder)

    @property
    def idle(self) -> str:
        """Why there is nothing to search for; otherwise empty."""
        if self._lists.broken or any(one.counts.get(HashKind.PDQ) for one in self._lists.all()):
            return ""
        return "No hash list with PDQ hashes is imported: safelight hash-lists import."

    def inspect_frame(self, frame: Frame) -> Iterable[Finding]:
        if self._lists.broken:
            raise ValueError(f"these hash lists cannot be read: {', '.join(self._lists.broken)}")
        lists = [one for one in self._lists.all() if one.counts.get(HashKind.PDQ)]
        if not lists:
            return []
        hashes, quality = rotations(square(frame.pixels))
        if quality < MIN_QUALITY:
            return []
        found = []
        for one in lists:
            nearest = min((match for hashed in hashes if (match := one.nearest(hashed))), default=None)
            if nearest is not None:
                found.append(make_finding(one, nearest[1], nearest[0], modality=Modality.FRAMES))
        return found


def _load(options: PluginOptions) -> HashDetector:
    return HashDetector(configured_folder(options))


def _idle(options: PluginOptions) -> str | None:
    if any(configured_folder(options).glob(f"*{SUFFIX}")):
        return None
    command = "safelight hash-lists import FILE --list NAME --category CATEGORY"
    return f"No hash list is imported. Import one: {command}."


PLUGIN = DetectorPlugin(name=NAME, version=VERSION, load=_load, idle=_idle)
