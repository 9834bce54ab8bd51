"""Models that are worth a look, by name. Nobody here could reach the hub: nothing is pinned beforehand."""

from __future__ import annotations

from dataclasses import dataclass

UNPINNED = "unpinned: recorded at first pull"


@dataclass(frozen=True, kw_only=True)
class Recommended:
    """One model of a hub."""

    repo: str
    #: As third parties quote its card in November 2026; what the hub says is recorded at the pull.
    licence: str
    about: str
    revision: str = UNPINNED


RECOMMENDED = {
    "siglip2-base": Recommended(
        repo="google/siglip2-base-patch16-224",
        licence="apache-2.0",
        about="Zero-shot, many languages, 375 M parameters, 1.5 GB. Needs prompts and a calibration.",
    ),
    "clip-base": Recommended(
        repo="openai/clip-vit-base-patch32",
        licence="not stated in the hub's licence field; MIT for the code it came with",
        about="Zero-shot, English, 151 M parameters, 0.6 GB. Needs prompts and a calibration.",
    ),
    "nsfw-vit": Recommended(
        repo="Falconsai/nsfw_image_detection",
        licence="apache-2.0",
        about="Image classifier with the labels normal and nsfw, 86 M parameters, 0.3 GB. Calibrate it, too.",
    ),
}
