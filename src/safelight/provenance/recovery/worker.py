"""Compares the picture of a file with those of registered videos. Runs only inside a sandboxed child."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from safelight.provenance.fingerprints.fingerprinter import sample_file
from safelight.provenance.fingerprints.picture_comparison import (
    Comparison,
    RegisteredPicture,
    compare_pictures,
)

#: Frames of the file that are compared.
_FRAMES = 6


class ComparisonTask(msgspec.Struct, frozen=True, kw_only=True):
    """Argument of `compare_in_child`."""

    source: str
    registered: tuple[RegisteredPicture, ...]


def compare_in_child(argument: Any, _link: object) -> list[Comparison]:
    """Entry point: one result for each registered picture, in their order."""
    task = msgspec.convert(argument, ComparisonTask)
    frames = list(sample_file(Path(task.source), _FRAMES))
    return [compare_pictures(frames, one) for one in task.registered]
