"""Computes the stored views of a logo from its picture. Runs in the sandboxed child process."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from safelight.media.images import ImageLimits, read_image

from .template_matching import make_view

if TYPE_CHECKING:
    from safelight.media.sandbox.child_main import ChildChannel


def make_views(argument: Any, _link: ChildChannel) -> list[Any]:
    """Compute the view of the picture at `path`. Returns no view if the picture has nothing to match.

    A picture with transparency has two candidates: on a white background, and with the transparency ignored.
    The one with the higher contrast is used.
    """
    import cv2

    _, pictures = read_image(Path(argument["path"]), ImageLimits(longest_side=512))
    greys = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in pictures[:2]]
    best = max(greys, key=lambda grey: float(grey.std()))
    view = make_view(best)
    return [] if view is None else [msgspec.to_builtins(view, builtin_types=(bytes,))]
