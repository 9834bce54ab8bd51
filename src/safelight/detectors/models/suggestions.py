"""Models of a public hub that we suggest. Their commits are not pinned, because we could not reach the hub
from here.
"""

from __future__ import annotations

from dataclasses import dataclass

UNPINNED = "unpinned: recorded at first pull"


@dataclass(frozen=True, kw_only=True)
class SuggestedModel:
    """One suggested model of a hub."""

    repo: str
    #: The licence that third parties quoted from the model card in November 2026. `pull` records the licence
    #: that the hub reports.
    licence: str
    about: str
    revision: str = UNPINNED


SUGGESTED_MODELS = {
    "siglip2-base": SuggestedModel(
        repo="google/siglip2-base-patch16-224",
        licence="apache-2.0",
        about="Zero-shot, many languages, 375 M parameters, 1.5 GB. Needs prompts and a calibration.",
    ),
    "clip-base": SuggestedModel(
        repo="openai/clip-vit-base-patch32",
        licence="not stated in the hub's licence field; MIT for the code it came with",
        about="Zero-shot, English, 151 M parameters, 0.6 GB. Needs prompts and a calibration.",
    ),
    "nsfw-vit": SuggestedModel(
        repo="Falconsai/nsfw_image_detection",
        licence="apache-2.0",
        about="Image classifier with the labels normal and nsfw, 86 M parameters, 0.3 GB. Calibrate it.",
    ),
}
