"""The text of a new `safelight.toml`: every setting with its description and default."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from safelight.app.settings import Section, Settings

_HEAD = """\
# Safelight's settings. Every line that begins with "# name =" shows a default; remove the # to change it.
# Environment variables take precedence over this file: SAFELIGHT_SERVER__PORT=8000 is `port` in [server].
# To find problems, run: safelight doctor
"""
#: The line that `init` replaces after it has created the folder of keys.
NO_INSTALLATION = '# installation = ""'
_DEFAULT_GENERATOR_LINE = '# default_generator = "storyboard"'
_UPSTREAM_EXAMPLES = """\
# Set its key in the variable SAFELIGHT_UPSTREAM_KEY, or in `api_key` here.
# seconds = [4, 8, 12]
# sizes = ["832x480", "1280x720"]
# Fields beyond OpenAI's that its model accepts, each with its type; every other field is rejected by name.
# [generators.upstream.extra_fields]
# seed = "int"
# negative_prompt = "str"
""".splitlines()


def settings_toml(data: str, upstream: Mapping[str, Any] | None = None) -> str:
    """The text of a settings file for an installation with this data directory; every setting has a
    comment.

    `upstream` is the table of a generator named `upstream`, which becomes the default generator.
    """
    lines = [_HEAD]
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        if (kind := _section_type(field)) is not None:
            sections += _section_lines(name, kind)
            if name == "generation" and upstream is not None:
                sections[sections.index(_DEFAULT_GENERATOR_LINE)] = 'default_generator = "upstream"'
        elif name == "generators" and upstream is not None:
            sections += ["", f"# {field.description}", *_upstream_lines(name, field, upstream)]
        elif name == "data":
            lines += [f"# {field.description}", f"data = {_toml_value(data)}"]
        else:
            sections += ["", f"# {field.description}", *_table_lines(name, field)]
    return "\n".join([*lines, *sections]) + "\n"


def _upstream_lines(name: str, field: FieldInfo, table: Mapping[str, Any]) -> list[str]:
    """The default generators, followed by the table of the upstream and examples of common options."""
    lines = [line.removeprefix("# ") for line in _table_lines(name, field)]
    lines += [
        "",
        f"[{name}.upstream]",
        *(f"{option} = {_toml_value(value)}" for option, value in table.items()),
    ]
    return [*lines, *_UPSTREAM_EXAMPLES]


def _section_lines(section: str, kind: type[Section]) -> list[str]:
    """The lines of a section, followed by those of its nested sections."""
    lines, within = ["", f"[{section}]"], []
    for name, field in kind.model_fields.items():
        if (inner := _section_type(field)) is not None:
            within += _section_lines(f"{section}.{name}", inner)
            continue
        lines.append(f"# {field.description}")
        default = field.get_default(call_default_factory=True)
        lines.append(f"# {name} = {_toml_value(default)}" if default is not None else f"# {name} =")
    # A section may have nothing but nested sections.
    return [*(lines if len(lines) > 2 else ()), *within]


def _section_type(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _table_lines(name: str, field: FieldInfo) -> list[str]:
    """The lines of a table that contains tables: its default entries, or an empty example."""
    default: dict[str, Any] = field.get_default(call_default_factory=True) or {}
    if not default:
        return [f"# [{name}]"]
    lines = []
    for entry, options in default.items():
        lines.append(f"# [{name}.{entry}]")
        lines += [f"# {option} = {_toml_value(value)}" for option, value in options.items()]
    return lines


def _toml_value(value: Any) -> str:
    """Format a value as TOML. Supports the types that settings use."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, str | Path):
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml_value(entry)}" for key, entry in value.items()) + " }"
    return "[" + ", ".join(_toml_value(entry) for entry in sorted(value)) + "]"
