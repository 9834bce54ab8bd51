from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from safelight.app.settings import Section, Settings, read_settings
from safelight.cli.config_template import settings_toml


def test_the_generated_file_is_accepted_and_changes_no_default(tmp_path: Path) -> None:
    path = tmp_path / "safelight.toml"
    path.write_text(settings_toml("data"))
    assert read_settings(path).model_dump(exclude={"data"}) == Settings().model_dump(exclude={"data"})


def test_every_default_shown_is_the_real_default(tmp_path: Path) -> None:
    shown = re.sub(r"^# (\w+ = .+|\[\w+(\.\w+)?\])$", r"\1", settings_toml("data"), flags=re.M)
    path = tmp_path / "safelight.toml"
    path.write_text(shown)
    assert read_settings(path).model_dump(exclude={"data"}) == Settings().model_dump(exclude={"data"})


def test_every_setting_is_listed_with_its_description() -> None:
    text = settings_toml("data")

    def is_in_it(name: str, field: FieldInfo) -> None:
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            for inner, one in kind.model_fields.items():
                is_in_it(inner, one)
        else:
            assert f"# {field.description}" in text, name
            assert name in text

    for name, field in Settings.model_fields.items():
        is_in_it(name, field)


@pytest.mark.parametrize("data", ["data", "/var/lib/safe light", 'odd"name', "back\\slash"])
def test_any_folder_name_is_escaped_correctly(data: str) -> None:
    assert tomllib.loads(settings_toml(data))["data"] == data
