"""Compares the picture of a file with those of registered videos, and hashes its frames. Runs only inside a
sandboxed child.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from safelight.detectors.image.pdq import hexadecimal, pdq, square
from safelight.provenance.fingerprints.fingerprinter import is_picture, sample_clip, sample_file
from safelight.provenance.fingerprints.moment_comparison import (
    MAX_SAMPLED,
    SAMPLED_STEP_S,
    Moments,
    compare_moments,
)
from safelight.provenance.fingerprints.picture_comparison import (
    Comparison,
    RegisteredPicture,
    compare_pictures,
)

#: Frames of the file that are compared.
_FRAMES = 6
#: Frames of a removed file that are hashed for the stay-down list.
_HASHED_FRAMES = 24


class ComparisonTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `compare_in_child`."""

    source: str
    registered: tuple[RegisteredPicture, ...]
    confirms_difference: bool


def compare_in_child(argument: Any, _link: object) -> list[Comparison]:
    """Entry point: one result for each registered picture, in their order."""
    task = msgspec.convert(argument, ComparisonTask)
    frames = list(sample_file(Path(task.source), _FRAMES))
    return [
        compare_pictures(frames, one, confirms_difference=task.confirms_difference) for one in task.registered
    ]


class MomentTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `compare_moments_in_child`."""

    source: str
    registered: RegisteredPicture


def compare_moments_in_child(argument: Any, _link: object) -> Moments:
    """Entry point: whether a file shows the same moments as a registered video."""
    task = msgspec.convert(argument, MomentTask)
    path = Path(task.source)
    if is_picture(path):
        return Moments.UNDECIDED
    frames = list(sample_clip(path, MAX_SAMPLED, least_step_s=SAMPLED_STEP_S))
    return compare_moments(frames, task.registered)


class FrameHash(msgspec.Struct, frozen=True, kw_only=True):
    """The PDQ hash of one frame, in the size at which frames are compared with lists."""

    hash: str
    quality: int


def hash_in_child(argument: Any, _link: object) -> list[FrameHash]:
    """Entry point: the hashes of the sampled frames of a file."""
    hashed = (pdq(square(pixels)) for pixels in sample_file(Path(argument["source"]), _HASHED_FRAMES))
    return [FrameHash(hash=hexadecimal(value), quality=quality) for value, quality in hashed]
