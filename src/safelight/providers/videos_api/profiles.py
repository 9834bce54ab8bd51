"""What known servers with `/v1/videos` accept besides OpenAI's fields, and how to recognize them.

Sources: `packages/steer` of this repository; vLLM-Omni's documentation of its Videos API; SGLang's
`runtime/entrypoints/openai/video_api.py`; LiteLLM's `videos` types. A server that is in none
of them needs no profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from safelight.core import yaml_loader

#: The profile of our own server, which steers and watches.
STEER = "safelight-steer"
#: That of vLLM-Omni, whose workers steer and watch with our extension.
OMNI = "vllm-omni"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Options that the settings of a server get unless they have their own."""

    title: str
    #: `owned_by` in the server's list of models.
    owned_by: frozenset[str] = frozenset()
    #: A header that only this server sends.
    header: str = ""
    options: Mapping[str, Any] = {}


PROFILES = msgspec.convert(yaml_loader.load_shipped(__package__, "profiles.yaml"), dict[str, Profile])


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
