"""Who requests an accepted video and for what, from its row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.policy.intended_use import IntendedUse, UseKind, VideoRequester

from .models import Video


def store_use(use: IntendedUse | None) -> dict[str, Any]:
    """The part of an accepted request that `use_of` reads."""
    if use is None:
        return {}
    stated = {"kind": use.kind, "commercial": use.commercial, "territory": use.territory}
    found = {name: value for name, value in stated.items() if value is not None}
    return {"use": found} if found else {}


def use_of(request: Mapping[str, Any]) -> IntendedUse:
    """The use of an accepted request."""
    stored = request.get("use", {})
    kind = stored.get("kind")
    return IntendedUse(
        kind=None if kind is None else UseKind(kind),
        commercial=stored.get("commercial"),
        territory=stored.get("territory"),
    )


def requester_of(video: Video, request: Mapping[str, Any]) -> VideoRequester:
    """The requester of an accepted video. `request` is the stored request."""
    return VideoRequester(account=video.principal_id, end_user=video.end_user, use=use_of(request))
