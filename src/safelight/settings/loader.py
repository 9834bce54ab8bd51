"""Reads settings from `safelight.toml`, the environment and the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)
from pydantic_settings.exceptions import SettingsError as UnreadableVariable

from safelight.errors import SettingsError

from .models import Settings
from .sources import SettingSource, find_sources

FILE_NAME = "safelight.toml"


def read_settings(path: Path | None = None, **flags: Any) -> Settings:
    """Settings from `flags` (sections as dicts), the environment and the file, in order of precedence.

    The file is `path`, or `safelight.toml` in the working directory if it exists. Relative paths in the file
    are relative to its folder. Raises `SettingsError`, which lists file, field and reason of every problem.
    """
    source = path or Path(FILE_NAME)
    document = _read_toml(source) if path is not None or source.is_file() else {}
    _resolve_paths(source.parent, document, Settings)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=document)

    layers = {
        SettingSource.FILE: document,
        SettingSource.ENVIRONMENT: _read_environment(),
        SettingSource.COMMAND_LINE: flags,
    }
    sources = find_sources(layers)
    try:
        settings: Settings = FromFile(**flags)
    except ValidationError as error:
        raise SettingsError(_describe_problems(error, source, sources)) from None
    settings.sources.update(sources)
    return settings


def _read_environment() -> dict[str, Any]:
    try:
        return EnvSettingsSource(Settings)()
    except UnreadableVariable as error:
        raise SettingsError(
            f"A variable of the environment cannot be read: {error}.",
            remedy="A single setting is SAFELIGHT_SECTION__NAME; lists and tables are written as JSON.",
        ) from None


def _resolve_paths(folder: Path, document: dict[str, Any], model: type[BaseModel]) -> None:
    """Resolve the relative paths of a settings file against its folder."""
    for name, field in model.model_fields.items():
        value, kind = document.get(name), field.annotation
        if isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, BaseModel):
            _resolve_paths(folder, value, kind)
        elif isinstance(value, str) and kind in (Path, Path | None):
            document[name] = str(folder / value)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file.", remedy="Run `safelight init` to create it.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from None


def _describe_problems(error: ValidationError, path: Path, sources: Mapping[str, SettingSource]) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        prefix = _describe_source(name, path, sources)
        if problem["type"] == "renamed_keys":
            lines += [
                f"{prefix}{old}: is now called {new}." for old, new in problem["ctx"]["renamed"].items()
            ]
            continue
        name = name or "settings"
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            reason = "unknown setting; docs/configuration.md lists all settings"
        lines.append(f"{prefix}{name}: {reason}.")
    return "\n".join(lines)


def _describe_source(name: str, path: Path, sources: Mapping[str, SettingSource]) -> str:
    """The file or the variable that sets `name`, for the start of a message.

    A problem of a whole section names the file if all its settings are from there.
    """
    source = sources.get(name)
    if source is SettingSource.ENVIRONMENT:
        return f"{Settings.model_config['env_prefix']}{name.replace('.', '__').upper()}: "
    section = f"{name}." if name else ""
    found = {source} if source else {sources[each] for each in sources if each.startswith(section)}
    return f"{path}: " if found == {SettingSource.FILE} else ""
