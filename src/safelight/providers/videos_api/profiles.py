"""What known servers with `/v1/videos` accept besides OpenAI's fields, and how to recognize them.

Sources: `packages/steer` of this repository; vLLM-Omni's documentation of its Videos API; SGLang's
`runtime/entrypoints/openai/video_api.py`; LiteLLM's `videos` types. A server that is in none
of them needs no profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

#: The profile of our own server, which steers and watches.
STEER = "safelight-steer"
#: That of vLLM-Omni, whose workers steer and watch with our extension.
OMNI = "vllm-omni"
_SAMPLING = {
    "seed": "int",
    "negative_prompt": "str",
    "num_inference_steps": "int",
    "guidance_scale": "float",
    "num_frames": "int",
    "fps": "int",
}


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Options that the settings of a server get unless they have their own."""

    title: str
    #: `owned_by` in the server's list of models.
    owned_by: frozenset[str] = frozenset()
    #: A header that only this server sends.
    header: str = ""
    options: Mapping[str, Any] = {}


PROFILES: Mapping[str, Profile] = {
    STEER: Profile(
        title="safelight-steer",
        owned_by=frozenset({STEER}),
        options={
            "billing": "own",
            "extra_fields": {
                name: kind for name, kind in _SAMPLING.items() if name not in ("num_frames", "fps")
            },
            "reference_field": "",
            "idempotency_metadata_key": "safelight_key",
            "list_lag_s": 0.1,
            "steering": True,
        },
    ),
    OMNI: Profile(
        title="vLLM-Omni",
        owned_by=frozenset({"vllm", OMNI}),
        options={
            "extra_fields": {
                **_SAMPLING,
                "guidance_scale_2": "float",
                "flow_shift": "float",
                "control_type": "str",
            },
            # `audio_reference` is not here: sound cannot be screened as a reference.
            "media_fields": {
                "image_reference": "json",
                "video_reference": "json",
                "control_reference": "file",
            },
        },
    ),
    "sglang": Profile(
        title="SGLang Diffusion",
        owned_by=frozenset({"sglang"}),
        options={
            "extra_fields": _SAMPLING,
            "media_fields": {"reference_url": "url"},
            # Some versions accept a request without a file only as JSON.
            "request_encoding": "json",
        },
    ),
    "litellm": Profile(
        title="LiteLLM",
        header="x-litellm-version",
        options={"extra_fields": {"user": "str"}, "text_fields": ["user"]},
    ),
}


def with_profile(table: Mapping[str, Any]) -> dict[str, Any]:
    """The settings table with what its profile adds. An option of the table replaces that of the profile."""
    profile = PROFILES.get(str(table.get("profile", "")))
    return {**(profile.options if profile else {}), **table}


def recognize(owners: Iterable[str], headers: Mapping[str, str]) -> str:
    """The name of the profile of a server, from its list of models; empty if it is none of them."""
    owned = {owner.lower() for owner in owners}
    return next(
        (
            name
            for name, profile in PROFILES.items()
            if (profile.header and profile.header in headers) or owned & profile.owned_by
        ),
        "",
    )
