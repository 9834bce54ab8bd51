"""Named gaps: what a pipeline does not allow, and which methods that affects. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .plan import Method

_STEERING = frozenset({Method.EMBEDDING, Method.ANCHOR, Method.GUIDANCE, Method.NEGATIVE})
_TEXT = frozenset({Method.EMBEDDING, Method.ANCHOR})


class GapName(StrEnum):
    UNKNOWN_ARCHITECTURE = "unknown_architecture"
    NO_TEXT_ENCODING = "no_text_encoding"
    NO_DENOISER = "no_denoiser"
    NO_NEGATIVE_BRANCH = "no_negative_branch"
    OTHER_GUIDANCE = "other_guidance"
    NO_CLEAN_IMAGE = "no_clean_image"
    NO_PREVIEW = "no_preview"
    COMPILED = "compiled"
    CACHED = "cached"
    OFFLOADED = "offloaded"
    SEVERAL_DEVICES = "several_devices"
    FREE_NOISE = "free_noise"
    LORA_LOADED = "lora_loaded"
    IMAGE_INPUT = "image_input"
    SECOND_TEXT_ENCODER = "second_text_encoder"
    NOT_SEPARABLE = "not_separable"
    FALSE_ABORT_RATE_UNKNOWN = "false_abort_rate_unknown"
    NO_DETECTOR = "no_detector"


#: Each gap with the methods that it makes impossible or unreliable, and the reason. A gap without methods
#: is only reported.
GAPS: dict[GapName, tuple[frozenset[Method], str]] = {
    GapName.UNKNOWN_ARCHITECTURE: (
        _TEXT | {Method.GUIDANCE},
        "The architecture is not known, so positions of words and inputs of the denoiser are not known "
        "either.",
    ),
    GapName.NO_TEXT_ENCODING: (
        _STEERING,
        "The pipeline has no method encode_prompt, so its text vectors cannot be changed.",
    ),
    GapName.NO_DENOISER: (
        frozenset({Method.GUIDANCE}),
        "The pipeline has no denoiser under a known name, so no third prediction can be made.",
    ),
    GapName.NO_NEGATIVE_BRANCH: (
        frozenset({Method.GUIDANCE, Method.NEGATIVE}),
        "The generation has no unconditional prediction (a distilled model, or a guidance scale of 1 or "
        "less), so negative prompts and the safety arm have no effect.",
    ),
    GapName.OTHER_GUIDANCE: (
        frozenset({Method.GUIDANCE}),
        "The pipeline combines its two predictions by another formula than classifier-free guidance, so "
        "the scale of the correction is not known.",
    ),
    GapName.NO_CLEAN_IMAGE: (
        frozenset({Method.WATCHING}),
        "What the scheduler's model predicts is not known, so no clean image can be estimated.",
    ),
    GapName.NO_PREVIEW: (
        frozenset(),
        "Latents of this pipeline cannot be decoded for detectors of frames; detectors of latents still run.",
    ),
    GapName.COMPILED: (
        frozenset({Method.GUIDANCE}),
        "The denoiser is compiled; hooks on compiled modules were not measured.",
    ),
    GapName.CACHED: (
        frozenset({Method.GUIDANCE}),
        "The denoiser reuses parts of earlier steps (a cache is on); the third prediction was not "
        "measured there.",
    ),
    GapName.OFFLOADED: (
        frozenset({Method.GUIDANCE}),
        "Components are moved between devices during the generation; the third prediction was not "
        "measured there.",
    ),
    GapName.SEVERAL_DEVICES: (
        _TEXT | {Method.GUIDANCE},
        "Components are spread over several devices; steering was not measured there.",
    ),
    GapName.FREE_NOISE: (
        _TEXT | {Method.GUIDANCE, Method.WATCHING},
        "FreeInit or FreeNoise is on, which makes the clip in several passes or from several texts; steering "
        "was not measured there.",
    ),
    GapName.LORA_LOADED: (
        frozenset({Method.GUIDANCE}),
        "A LoRA is loaded, which can bring a concept back that the text no longer names.",
    ),
    GapName.IMAGE_INPUT: (
        _TEXT | {Method.STYLE},
        "The generation starts from an image or a clip, whose content steering of the text does not reach.",
    ),
    GapName.SECOND_TEXT_ENCODER: (
        frozenset(),
        "A second text encoder, for words to be shown in the picture, is not steered.",
    ),
    GapName.NOT_SEPARABLE: (
        frozenset(),
        "Under this encoder a concept scores no higher than its near misses, so the gate opens only for "
        "its own phrases.",
    ),
    GapName.FALSE_ABORT_RATE_UNKNOWN: (
        frozenset(),
        "A watch has a limit chosen by hand, or is checked in other steps than the clips that fitted its "
        "limit, so its rate of false aborts is not known.",
    ),
    GapName.NO_DETECTOR: (
        frozenset({Method.WATCHING}),
        "No detector is configured, so the watcher reads nothing.",
    ),
}


@dataclass(frozen=True)
class Gap:
    name: GapName

    @property
    def affects(self) -> frozenset[Method]:
        return GAPS[self.name][0]

    @property
    def reason(self) -> str:
        return GAPS[self.name][1]

    def as_json(self) -> dict[str, Any]:
        return {"name": str(self.name), "affects": sorted(map(str, self.affects)), "reason": self.reason}
