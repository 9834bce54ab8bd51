"""Create requests: fields, types and limits, and the steering that a request asks for. Needs no torch."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from safelight_steer.steering_field import InvalidSteering, read_steering

from .settings import ServerSettings

#: Longer prompts are cut off by every supported encoder (Wan's reads 512 tokens).
MAX_PROMPT_CHARACTERS = 8000
MAX_METADATA_PAIRS, MAX_METADATA_CHARACTERS = 16, 512
_FIELDS = frozenset(
    {
        "prompt", "model", "seconds", "size", "metadata", "seed", "num_inference_steps", "guidance_scale",
        "negative_prompt", "steering",
    }
)  # fmt: skip


class InvalidRequest(ValueError):
    """A wrong field of a request; `param` is its name."""

    def __init__(self, message: str, *, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    prompt: str
    seconds: int
    width: int
    height: int
    steps: int
    seed: int | None = None
    guidance_scale: float | None = None
    negative_prompt: str = ""
    categories: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def read_request(fields: Mapping[str, Any], settings: ServerSettings, known: frozenset[str]) -> VideoRequest:
    """The request. `known` are the categories with a concept. Raises `InvalidRequest`."""
    if unknown := sorted(fields.keys() - _FIELDS):
        raise InvalidRequest(
            f"This server has no field {unknown[0]!r}.", param=unknown[0], code="unsupported_field"
        )
    if fields.get("model") not in (None, "", settings.name):
        raise InvalidRequest(f"This server has the model {settings.name!r}.", param="model")
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidRequest("A prompt is required.", param="prompt")
    negative = fields.get("negative_prompt", "")
    for name, text in (("prompt", prompt), ("negative_prompt", negative)):
        if not isinstance(text, str) or len(text) > MAX_PROMPT_CHARACTERS:
            raise InvalidRequest(
                f"A text of at most {MAX_PROMPT_CHARACTERS} characters is expected.", param=name
            )
    seconds = _integer(fields, "seconds", settings.seconds[0])
    if seconds not in settings.seconds:
        raise InvalidRequest(f"seconds is one of {', '.join(map(str, settings.seconds))}.", param="seconds")
    width, height = _size(fields, settings)
    steps = _integer(fields, "num_inference_steps", settings.steps)
    if steps is None or not 1 <= steps <= settings.max_steps:
        raise InvalidRequest(
            f"num_inference_steps is between 1 and {settings.max_steps}.", param="num_inference_steps"
        )
    seed = _integer(fields, "seed", None)
    if seed is not None and not 0 <= seed < 2**63:
        raise InvalidRequest("seed is a number of 63 bits.", param="seed")
    try:
        steering = read_steering(fields.get("steering"), always=settings.always, known=known)
    except InvalidSteering as error:
        raise InvalidRequest(str(error), param="steering", code=error.code) from None
    return VideoRequest(
        prompt=prompt,
        seconds=seconds or settings.seconds[0],
        width=width,
        height=height,
        steps=steps,
        seed=seed,
        guidance_scale=_scale(fields, settings),
        negative_prompt=negative,
        categories=steering.categories,
        methods=tuple(sorted(steering.methods)),
        required=tuple(sorted(steering.required)),
        metadata=_metadata(fields.get("metadata")),
    )


def _integer(fields: Mapping[str, Any], name: str, default: int | None) -> int | None:
    value = fields.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,19}", str(value)):
        raise InvalidRequest(f"{name} is a whole number.", param=name)
    return int(value)


def _scale(fields: Mapping[str, Any], settings: ServerSettings) -> float | None:
    value = fields.get("guidance_scale")
    if value is None or value == "":
        return settings.guidance_scale
    try:
        scale = float(value)
    except (TypeError, ValueError):
        scale = math.nan
    if isinstance(value, bool) or not 1 <= scale <= 30:
        raise InvalidRequest("guidance_scale is a number from 1 to 30.", param="guidance_scale")
    return scale


def _size(fields: Mapping[str, Any], settings: ServerSettings) -> tuple[int, int]:
    text = fields.get("size")
    if text is None or text == "":
        return settings.sizes[0]
    sizes = {f"{width}x{height}": (width, height) for width, height in settings.sizes}
    if not isinstance(text, str) or text not in sizes:
        raise InvalidRequest(f"size is one of {', '.join(sizes)}.", param="size")
    return sizes[text]


def _metadata(value: Any) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if (
        not isinstance(value, dict)
        or len(value) > MAX_METADATA_PAIRS
        or not all(
            isinstance(text, str) and len(text) <= MAX_METADATA_CHARACTERS
            for pair in value.items()
            for text in pair
        )
    ):
        raise InvalidRequest(
            f"metadata is an object of at most {MAX_METADATA_PAIRS} texts.", param="metadata"
        )
    return tuple(value.items())
