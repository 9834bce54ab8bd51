"""The probe: what a loaded pipeline allows, found without running it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .architectures import Architecture, architecture_of
from .clean_image import UnknownPrediction, prediction_type
from .gaps import Gap, GapName
from .plan import Method

#: Names of components that predict the noise or the velocity.
_DENOISERS = ("transformer", "transformer_2", "unet")
#: Arguments of a pipeline that carry an image or a clip.
IMAGE_ARGUMENTS = frozenset(
    {
        "image",
        "last_image",
        "video",
        "conditions",
        "reference_images",
        "control_video",
        "pose_video",
        "face_video",
        "ip_adapter_image",
        "ip_adapter_image_embeds",
    }
)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The result for one pipeline."""

    pipeline: str
    architecture: Architecture | None
    gaps: tuple[Gap, ...]

    def blocking(self, methods: frozenset[Method]) -> tuple[Gap, ...]:
        """The gaps that affect one of the methods."""
        return tuple(gap for gap in self.gaps if gap.affects & methods)


def denoisers(pipeline: Any) -> list[Any]:
    """The modules that predict; Wan 2.2 has two."""
    found = [getattr(pipeline, name, None) for name in _DENOISERS]
    return [module for module in found if hasattr(module, "register_forward_hook")]


def probe(pipeline: Any) -> Probe:
    architecture = architecture_of(pipeline)
    names = [name for name, present in _findings(pipeline, architecture).items() if present]
    return Probe(
        pipeline=type(pipeline).__name__,
        architecture=architecture,
        gaps=tuple(Gap(name) for name in names),
    )


def describe(pipeline: Any, *, watches: Iterable[str], categories: Iterable[str]) -> dict[str, Any]:
    """What a pipeline allows and what is configured for it, as JSON values."""
    found = probe(pipeline)
    return {
        "pipeline": found.pipeline,
        "architecture": found.architecture.name if found.architecture else None,
        "gaps": [gap.as_json() for gap in found.gaps],
        "watches": list(watches),
        "categories": sorted(categories),
    }


def _findings(pipeline: Any, architecture: Architecture | None) -> dict[GapName, bool]:
    modules = denoisers(pipeline)
    return {
        GapName.UNKNOWN_ARCHITECTURE: architecture is None,
        GapName.NO_TEXT_ENCODING: not callable(getattr(pipeline, "encode_prompt", None)),
        GapName.NO_DENOISER: not modules,
        GapName.NO_NEGATIVE_BRANCH: not _has_negative_branch(pipeline),
        GapName.NO_CLEAN_IMAGE: not _has_clean_image(pipeline),
        GapName.NO_PREVIEW: architecture is None
        or not hasattr(getattr(pipeline, "vae", None), "decode")
        # From an image, a packed pipeline gives its scheduler unpacked latents without their first frame.
        or (architecture.packed and _requires_image(pipeline)),
        GapName.COMPILED: any(_is_compiled(module) for module in modules),
        GapName.CACHED: any(getattr(module, "is_cache_enabled", False) for module in modules),
        GapName.OFFLOADED: any(hasattr(module, "_hf_hook") for module in modules),
        GapName.SEVERAL_DEVICES: bool(getattr(pipeline, "hf_device_map", None)),
        GapName.FREE_NOISE: getattr(pipeline, "free_init_enabled", False)
        or getattr(pipeline, "free_noise_enabled", False),
        GapName.LORA_LOADED: any(getattr(module, "peft_config", None) for module in modules),
        GapName.IMAGE_INPUT: _requires_image(pipeline),
        GapName.SECOND_TEXT_ENCODER: architecture is not None and architecture.second_encoder,
    }


def _has_clean_image(pipeline: Any) -> bool:
    scheduler = getattr(pipeline, "scheduler", None)
    if not callable(getattr(scheduler, "step", None)):
        return False
    try:
        prediction_type(scheduler)
    except UnknownPrediction:
        return False
    return True


def _has_negative_branch(pipeline: Any) -> bool:
    """Whether the pipeline has one at all. Whether a generation uses it depends on its guidance scale."""
    names = inspect.signature(type(pipeline).__call__).parameters
    return "negative_prompt" in names


def _is_compiled(module: Any) -> bool:
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def _requires_image(pipeline: Any) -> bool:
    parameters = inspect.signature(type(pipeline).__call__).parameters
    name = type(pipeline).__name__
    return bool(IMAGE_ARGUMENTS & parameters.keys()) and ("Image" in name or "VideoToVideo" in name)
