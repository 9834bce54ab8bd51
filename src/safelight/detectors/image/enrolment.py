"""Pictures of a mark as what is kept of them; runs in the sandboxed child."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from safelight.media.images import ImageLimits, read_image

from .template_matching import view_of

if TYPE_CHECKING:
    from safelight.sandbox.child_main import ChildChannel


def views_in_child(argument: Any, _link: ChildChannel) -> list[Any]:
    """The views of the picture at `path`: one, or of one with transparency the one that shows most."""
    import cv2

    _, pictures = read_image(Path(argument["path"]), ImageLimits(longest_side=512))
    greys = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in pictures[:2]]
    best = max(greys, key=lambda grey: float(grey.std()))
    view = view_of(best)
    return [] if view is None else [msgspec.to_builtins(view, builtin_types=(bytes,))]
