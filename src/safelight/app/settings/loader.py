"""Reads settings from `safelight.toml`, the environment and the command line."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

from safelight.core.errors import SettingsError

from .models import Settings
from .sources import SettingSource, find_sources

FILE_NAME = "safelight.toml"
#: Settings that were removed, and what to do instead.
REMOVED = {
    "limits.stored_batches": "removed, because the server runs no batches any more: delete this setting",
    "canaries": "removed; `--max-cost` of `safelight check --try` and the terms of its key limit the cost",
    "access.invitations": "removed; use `access.requests`, `safelight keys create` or `safelight people add`",
    "ledger": "removed; limits of the cost use `usd_per_second` of each generator",
    "tracing": "removed; set OTEL_EXPORTER_OTLP_ENDPOINT in the environment: see docs/operations.md",
    "likeness.voice": "removed, because voices are not compared any more: delete this section",
}


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
        SettingSource.ENVIRONMENT: _Environment(Settings)(),
        SettingSource.COMMAND_LINE: flags,
    }
    sources = find_sources(layers)
    try:
        settings: Settings = FromFile(**flags)
    except ValidationError as error:
        raise SettingsError(_describe_problems(error, source, sources)) from None
    settings.sources.update(sources)
    return settings


class _Environment(EnvSettingsSource):
    """The variables of the environment. An error names those that cannot be read, but not their values."""

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        try:
            return super().prepare_field_value(field_name, field, value, value_is_complex)
        except ValueError as error:
            raise SettingsError(
                f"{', '.join(_find_variables(field_name))}: not valid JSON: {error}.",
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
        name = _name_setting(problem, sources)
        prefix = _describe_source(name, path, sources)
        name = name or "settings"
        reason = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            reason = REMOVED.get(name, "unknown setting; docs/reference.md lists all settings")
        lines.append(f"{prefix}{name}: {reason}.")
    return "\n".join(lines)


def _name_setting(problem: ErrorDetails, sources: Mapping[str, SettingSource]) -> str:
    """The dotted name of a wrong setting, with the place in its list.

    If a setting may have values of several types, pydantic adds the type to the location. It is left out.
    """
    parts = [str(part) for part in problem["loc"]]
    for end in range(1, len(parts)):
        setting, following = ".".join(parts[:end]), problem["loc"][end]
        if setting in sources and isinstance(following, str) and problem["type"] != "missing":
            return setting
    return ".".join(parts)


def _describe_source(name: str, path: Path, sources: Mapping[str, SettingSource]) -> str:
    """The file and the variables that set `name`, for the start of a message.

    `name` is a setting, a place in its list, or a section. A problem of all settings names only the file.
    """
    parts = name.split(".")
    settings = {".".join(parts[:end]) for end in range(1, len(parts) + 1)} & sources.keys()
    section = f"{name}." if name else ""
    found = {sources[each] for each in settings or {each for each in sources if each.startswith(section)}}
    if SettingSource.COMMAND_LINE in found or (not name and found != {SettingSource.FILE}):
        return ""
    places = [str(path)] if SettingSource.FILE in found else []
    places += _find_variables(name) if SettingSource.ENVIRONMENT in found else []
    return f"{', '.join(places)}: " if places else ""


def _find_variables(name: str) -> list[str]:
    """The variables that set `name`: its own, those of the settings in it, or one with a table around it."""
    variables = sorted(variable.upper() for variable in os.environ)
    parts = name.upper().split(".")
    for end in range(len(parts), 0, -1):
        wanted = Settings.model_config["env_prefix"] + "__".join(parts[:end])
        if found := [each for each in variables if each == wanted or each.startswith(f"{wanted}__")]:
            return found
    return []
