from __future__ import annotations

import pytest
from pydantic import BaseModel

from safelight.app.settings import Settings
from safelight.core.i18n import load_messages
from safelight.web.console.settings_pages import label_section, label_setting
from safelight.web.translations import load_languages
from support.rows import each_row

EN = load_languages()["en"]


def setting_names(section: type[BaseModel], prefix: str = "") -> list[str]:
    """Every setting by its dotted name; a table of free keys counts as one."""
    names: list[str] = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += setting_names(kind, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_every_setting_and_section_has_a_label_in_every_language(tag: str) -> None:
    labels = load_messages("settings", tag)
    names = setting_names(Settings)
    assert len(names) > 50
    assert [name for name in names if not labels.has_own(name)] == []
    sections = {name.partition(".")[0] for name in names if "." in name} | {"top", "generators", "detectors"}
    assert [name for name in sections if not labels.has_own(f"section.{name}")] == []


def test_no_label_is_left_of_a_setting_that_does_not_exist() -> None:
    known = set(setting_names(Settings))
    own = load_messages("settings").keys
    assert {key for key in own if not key.startswith(("section.", "generator."))} == known


@each_row
def test_a_setting_is_named_in_words_and_an_unknown_option_by_its_key(
    section: str, name: str, label: str
) -> None:
    assert label_setting(section, name, EN) == label


def test_a_section_without_a_label_keeps_its_name() -> None:
    assert label_section("server", EN) == "Server"
    assert label_section("", EN) == "General"
    assert label_section("plugin", EN) == "plugin"
