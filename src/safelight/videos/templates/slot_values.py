"""The values that Safelight ships for slots with a type, by language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

from safelight.core import yaml_loader

from .models import SlotType

#: The languages of templates.
LANGUAGES = ("en", "zh-Hant", "zh-Hans")


@cache
def shipped_values() -> Mapping[SlotType, Mapping[str, tuple[str, ...]]]:
    """The values of each type that has some, by language."""
    text = resources.files(__package__).joinpath("slot_values.yaml").read_text(encoding="utf-8")
    return {
        SlotType(name): {tag: tuple(values) for tag, values in by_language.items()}
        for name, by_language in yaml_loader.load(text).items()
    }
