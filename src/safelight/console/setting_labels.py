"""Labels of settings in words, for the settings page."""

from __future__ import annotations

from safelight.i18n import load_messages

from .formatting import translate_detector
from .translations import Translations


def label_section(name: str, t: Translations) -> str:
    """The section in words. Settings outside a section have the name ""."""
    labels, key = load_messages("settings", t.tag), f"section.{name or 'top'}"
    return labels(key) if labels.has(key) else name


def label_setting(section: str, name: str, t: Translations) -> str:
    """The setting in words. An option without a label, such as one of a plugin, keeps its own name."""
    labels = load_messages("settings", t.tag)
    key = f"{section}.{name}" if section else name
    if labels.has(key):
        return labels(key)
    table, _, option = name.partition(".")
    if section == "generators" and labels.has(f"generator.{option}"):
        option = labels(f"generator.{option}")
    if section == "detectors":
        table = translate_detector(table, t)
    elif labels.has(f"{section}.{table}"):
        table = labels(f"{section}.{table}")
    return t("scan.named", name=table, value=option) if option else table
