"""Parses `safelight.use` of a request: what the video is made for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safelight.errors import InvalidField
from safelight.policy.intended_use import IntendedUse, normalize_territory, read_kind

_USE = "safelight.use"
_KNOWN = {"kind", "commercial", "territory"}
#: A form sends words, and an empty text for what is not stated.
_FORM_WORDS = {"true": True, "false": False, "": None}


def read_intended_use(ours: Any) -> IntendedUse:
    """The use that the field `safelight` states. Raises `InvalidField`."""
    if ours is None:
        return IntendedUse()
    if not isinstance(ours, Mapping) or not ours.keys() <= {"use"}:
        raise InvalidField("`safelight` must be an object with this field: use.", param="safelight")
    given = ours.get("use")
    if given is None:
        return IntendedUse()
    if not isinstance(given, Mapping) or not given.keys() <= _KNOWN:
        raise InvalidField(
            f"`{_USE}` must be an object with these fields: {', '.join(sorted(_KNOWN))}.", param=_USE
        )
    commercial = given.get("commercial")
    commercial = _FORM_WORDS.get(commercial, commercial) if isinstance(commercial, str) else commercial
    if commercial is not None and not isinstance(commercial, bool):
        raise InvalidField(f"`{_USE}.commercial` must be true or false.", param=f"{_USE}.commercial")
    kind, territory = _text(given, "kind"), _text(given, "territory")
    return IntendedUse(
        kind=None if kind is None else read_kind(kind, f"{_USE}.kind"),
        commercial=commercial,
        territory=None if territory is None else normalize_territory(territory, f"{_USE}.territory"),
    )


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidField(f"`{_USE}.{name}` must be text.", param=f"{_USE}.{name}")
    return value or None
