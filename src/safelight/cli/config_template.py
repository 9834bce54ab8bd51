"""The text of a fresh `safelight.toml`: every setting with its default, from the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from safelight.settings import Section, Settings

_HEAD = """\
# Safelight's settings. Every line that begins with "# name =" shows a default; remove the # to change it.
# The environment goes before this file: SAFELIGHT_SERVER__PORT=8000 is `port` under [server].
# See what is wrong or missing with: safelight doctor
"""
_DEFAULT = '# default_generator = "storyboard"'
_UPSTREAM_MORE = """\
# Its key stands in the environment, SAFELIGHT_UPSTREAM_KEY, or in `api_key` here.
# seconds = [4, 8, 12]
# sizes = ["832x480", "1280x720"]
# Fields beyond OpenAI's that its model takes, each with its type; every other field is refused by name.
# [generators.upstream.extra_fields]
# seed = "int"
# negative_prompt = "str"
""".splitlines()


def settings_toml(data: str, upstream: Mapping[str, Any] | None = None) -> str:
    """A commented settings file for an installation whose files lie in `data`.

    `upstream` is the table of a generator `upstream`, which then is the default one.
    """
    lines = [_HEAD]
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        if (kind := _section(field)) is not None:
            sections += _fields(name, kind)
            if name == "generation" and upstream is not None:
                sections[sections.index(_DEFAULT)] = 'default_generator = "upstream"'
        elif name == "generators" and upstream is not None:
            sections += ["", f"# {field.description}", *_upstream(name, field, upstream)]
        elif name == "data":
            lines += [f"# {field.description}", f"data = {_value(data)}"]
        else:
            sections += ["", f"# {field.description}", *_tables(name, field)]
    return "\n".join([*lines, *sections]) + "\n"


def _upstream(name: str, field: FieldInfo, table: Mapping[str, Any]) -> list[str]:
    """The generators by default, then the upstream's table, with what it most often needs besides."""
    lines = [line.removeprefix("# ") for line in _tables(name, field)]
    lines += ["", f"[{name}.upstream]", *(f"{option} = {_value(value)}" for option, value in table.items())]
    return [*lines, *_UPSTREAM_MORE]


def _fields(section: str, kind: type[Section]) -> list[str]:
    """A section, and those within it after it."""
    lines, within = ["", f"[{section}]"], []
    for name, field in kind.model_fields.items():
        if (inner := _section(field)) is not None:
            within += _fields(f"{section}.{name}", inner)
            continue
        lines.append(f"# {field.description}")
        default = field.get_default(call_default_factory=True)
        lines.append(f"# {name} = {_value(default)}" if default is not None else f"# {name} =")
    return [*lines, *within]


def _section(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _tables(name: str, field: FieldInfo) -> list[str]:
    """A table of tables: what is there by default, or an example."""
    default: dict[str, Any] = field.get_default(call_default_factory=True) or {}
    if not default:
        return [f"# [{name}]"]
    lines = []
    for entry, options in default.items():
        lines.append(f"# [{name}.{entry}]")
        lines += [f"# {option} = {_value(value)}" for option, value in options.items()]
    return lines


def _value(value: Any) -> str:
    """TOML for the few types that settings have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(entry)}" for key, entry in value.items()) + " }"
    return "[" + ", ".join(_value(entry) for entry in sorted(value)) + "]"
