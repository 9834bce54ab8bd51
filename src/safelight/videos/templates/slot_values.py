"""The values that Safelight ships for slots with a type, by language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from safelight.core import yaml_loader

from .models import SlotType

#: The languages of templates.
LANGUAGES = ("en", "zh-Hant", "zh-Hans")


@cache
def shipped_values() -> Mapping[SlotType, Mapping[str, tuple[str, ...]]]:
    """The values of each type that has some, by language."""
    return {
        SlotType(name): {tag: tuple(values) for tag, values in by_language.items()}
        for name, by_language in yaml_loader.load_shipped(__package__, "slot_values.yaml").items()
    }
