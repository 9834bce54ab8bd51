"""What a scripted upstream says about steering, in the format of `packages/steer`."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import msgspec

#: What it says about its model, in `GET /v1/models`.
PROBE: dict[str, Any] = {
    "pipeline": "ScriptedPipeline",
    "architecture": "scripted",
    "gaps": [{"name": "lora_loaded", "affects": ["guidance"], "reason": "A LoRA is loaded."}],
    "watches": ["violence/graphic"],
    "categories": ["likeness", "sexual", "violence/graphic"],
}
#: The errors of the endings that only such a server has.
ENDINGS: dict[str, dict[str, Any]] = {
    "stopped": {
        "code": "moderation_blocked",
        "message": "The generation was stopped by a safety check.",
    },
    "unsteered": {
        "code": "steering_unavailable",
        "message": "Steering is required, and this pipeline does not allow it: it is compiled.",
    },
}
_STEPS, _STOPPED_AT = 40, 10


@cache
def preview_picture() -> bytes:
    """The preview of a stopped generation: a plain picture, as a PNG."""
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (96, 54), (128, 64, 32)).save(file, "PNG")
    return file.getvalue()


def generation_record(steering: object, ending: str) -> dict[str, Any]:
    """The record of a generation that ended. `steering`: the field of the request."""
    asked: dict[str, Any] = msgspec.json.decode(steering) if isinstance(steering, str) else {}
    methods = [*asked.get("methods", ()), *(["watching"] if asked.get("watch") else [])]
    categories = asked.get("categories", [])
    done = {"stopped": _STOPPED_AT, "unsteered": 0}.get(ending, _STEPS)
    return {
        "pipeline": PROBE["pipeline"],
        "architecture": PROBE["architecture"],
        "concepts": [name for name in categories if name in PROBE["categories"]],
        "asked": methods,
        "applied": [] if ending == "unsteered" else methods,
        "gates": [],
        "gaps": [],
        "steps": _STEPS,
        "steps_done": done,
        "denoiser_calls": 2 * done,
        "safety_calls": 0,
        "checks": [
            {"step": step, "detector": PROBE["watches"][0], "score": 0.9, "statistic": 1.0}
            for step in range(4, done, 4)
            if "watching" in methods
        ],
        "false_abort_rates": {},
        "outcome": {"completed": "completed", "stopped": "moderation_blocked"}.get(ending, "failed"),
        "saved_share": 1 - done / _STEPS if ending == "stopped" else 0.0,
        "unknown_categories": [name for name in categories if name not in PROBE["categories"]],
    }
