"""Parts of the documentation that are written by the code. Write them anew: python tests/docs/generated.py"""

from __future__ import annotations

import importlib.util
import re
import sys
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pages import DOCS
from pydantic import BaseModel
from pydantic.fields import FieldInfo


def settings() -> str:
    """Every setting: name, type, default, environment variable, what it does."""
    from safelight.settings import Section, Settings

    lines = []
    alone: list[tuple[str, FieldInfo]] = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            lines += _section(name, kind)
        else:
            alone.append((name, field))
    return "\n".join(["### At the top", "", *_setting_table(alone), *lines])


def _section(name: str, kind: type[BaseModel]) -> list[str]:
    """A section, and those within it after it."""
    fields = _fields(kind, f"{name}.")
    within = [
        (one, field.annotation)
        for one, field in fields
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    own = [(one, field) for one, field in fields if one not in dict(within)]
    lines = ["", f"### [{name}]", "", *_setting_table(own)] if own else []
    for one, inner in within:
        lines += _section(one, inner)
    return lines


def _fields(kind: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    return [(prefix + name, field) for name, field in kind.model_fields.items()]


def _setting_table(fields: list[tuple[str, FieldInfo]]) -> list[str]:
    lines = ["| setting | type | default | environment | what it does |", "| --- | --- | --- | --- | --- |"]
    for name, field in fields:
        variable = "SAFELIGHT_" + name.upper().replace(".", "__")
        default = _value(field.get_default(call_default_factory=True))
        said = _cell(field.description or "")
        lines.append(f"| `{name}` | {_type(field)} | {default} | `{variable}` | {said} |")
    return lines


def _type(field: FieldInfo) -> str:
    limits = [
        f"{sign} {value:g}"
        for name, sign in (("gt", ">"), ("ge", "at least"), ("lt", "<"), ("le", "at most"))
        for rule in field.metadata
        if (value := getattr(rule, name, None)) is not None
    ]
    return ", ".join([_kind(field.annotation), *limits])


_KINDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    Path: "path",
    Any: "any value",
}


def _kind(annotation: Any) -> str:
    if annotation in _KINDS:
        return _KINDS[annotation]
    origin, inside = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return _kind(inside[0])
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in inside)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(one) for one in inside if one is not type(None))
    if origin is dict:
        return f"table of {_kind(inside[1])}" if inside[1] is not Any else "table"
    if origin is frozenset:
        return f"list of {_kind(inside[0])}"
    raise TypeError(f"a setting of the type {annotation} has no words yet")


def _value(value: Any) -> str:
    if value is None or value == {} or value == frozenset():
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}`: {_value(entry)}" for name, entry in value.items())
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def commands() -> str:
    """Every command with its arguments and options."""
    from safelight.cli.commands import COMMANDS, build_command
    from safelight.cli.language import take_language

    take_language(["--lang", "en"])  # earlier tests of the same process may have chosen another one

    root = build_command()
    lines = ["### safelight", "", *_usage(root, ["safelight"]), ""]
    for name, line in COMMANDS.items():
        lines += [f"### safelight {name}", ""]
        if importlib.util.find_spec(f"safelight.cli.{name.replace('-', '_')}") is None:
            lines += [line, "", "Not there yet.", ""]
            continue
        with root.make_context("safelight", [name]) as context:
            _, found, _ = root.resolve_command(context, [name])
            lines += [_help(found) or line, ""]
            lines += _command(found, ["safelight", name])
    return "\n".join(lines).rstrip()


def _command(found: Any, path: list[str]) -> list[str]:
    lines = [*_usage(found, path), ""]
    for name, below in getattr(found, "commands", {}).items():
        here = [*path, name]
        lines += [f"#### {' '.join(here)}", "", _help(below), "", *_usage(below, here), ""]
    return lines


def _help(found: Any) -> str:
    return _cell(" ".join((found.help or "").split()))


def _usage(found: Any, path: list[str]) -> list[str]:
    shown = [one for one in found.params if one.name not in _OF_THE_LIBRARY and not one.hidden]
    words = [
        one.name.upper() if one.required else f"[{one.name.upper()}]"
        for one in shown
        if one.param_type_name == "argument"
    ]
    more = " COMMAND" if getattr(found, "commands", None) else ""
    lines = ["```text", " ".join([*path, *words]) + " [OPTIONS]" + more, "```"]
    rows = [
        f"| {' '.join(f'`{name}`' for name in _names(one))} | {_needed(one)} | {_cell(one.help or '')} |"
        for one in shown
    ]
    return [*lines, "", "| | | |", "| --- | --- | --- |", *rows] if rows else lines


#: Options that the command line library adds by itself.
_OF_THE_LIBRARY = frozenset({"help", "install_completion", "show_completion"})


def _names(one: Any) -> tuple[str, ...]:
    if one.param_type_name == "argument":
        return (one.name.upper(),)
    return (*one.opts, *one.secondary_opts)


def _needed(one: Any) -> str:
    if one.required:
        return "required"
    words = []
    kind = one.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        words.append(" or ".join(f"`{choice.value}`" for choice in kind))
    default = one.default() if callable(one.default) else one.default
    if not getattr(one, "is_flag", False) and default not in (None, (), []):
        words.append(f"default `{default.value if isinstance(default, Enum) else default}`")
    return ", ".join(words)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


#: What a person calls each category in the table of the README, in its order.
ROWS = {
    "sexual": "nudity and sexual content",
    "ncii": "intimate imagery without consent",
    "likeness": "a real person: by name in text, as a face in pictures (without identification)",
    "violence": "violence",
    "violence/graphic": "blood and gore",
    "hate": "hatred",
    "hate/symbols": "hate symbols",
    "harassment": "harassment",
    "extremism": "extremism",
    "self-harm": "self-harm",
    "self-harm/intent": "intent to self-harm",
    "self-harm/instructions": "instructions for self-harm",
    "illicit": "illicit trade and crime",
    "deception": "deception",
    "deception/speech": "invented speech, claims of identity",
    "deception/subliminal": "content too brief to be noticed",
    "privacy": "private data",
    "ip/character": "characters: by name, enrolled in pictures",
    "ip/brand": "brands: by name, enrolled in pictures",
    "minors-present": "presence of a child: stated ages",
    "sexual/minors": "sexual content with a sign of a child",
    "photosensitive": "flicker",
}


def cells() -> str:
    """Category by place: found of how many, or the page with figures, or unmeasured, or no."""
    import claims

    from safelight.detectors.registry import DetectorRegistry
    from safelight.evaluation.measurements import load_shipped
    from safelight.policy.findings import Modality

    looked = {(one.category, one.modality) for _name, one in DetectorRegistry.discover({}).capabilities()}
    own = {(one.category, one.modality.value): one for one in load_shipped().cells}
    elsewhere = claims.elsewhere()
    #: Words are read by the same detectors wherever they stand.
    places = {
        "prompt": Modality.TEXT,
        "image": Modality.IMAGE,
        "frames": Modality.FRAMES,
        "text": Modality.TEXT,
        "audio": Modality.TEXT,
    }

    def said(category: str, place: str) -> str:
        if figure := own.get((category, place)):
            return f"{figure.found} of {figure.segments}"
        if page := elsewhere.get((category, place)):
            return f"[figures](docs/benchmarks/{page})"
        return "unmeasured" if (category, places[place]) in looked else "no"

    lines = [
        "| | prompts | reference pictures | frames | text in the picture | spoken words |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for category, name in ROWS.items():
        lines.append(f"| {name} | {' | '.join(said(category, place) for place in places)} |")
    return "\n".join(lines)


def reported_words() -> str:
    """Every row of the word table: the drivers and what can be written instead, in three scripts."""
    from safelight.advice import driver_tables
    from safelight.i18n import load_messages

    messages = load_messages("advice")
    forms: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for row in driver_tables.read_rows("words.en"):
        cell = forms.setdefault(row["row"], {}).setdefault("en", [])
        cell.append((row["form"], row["alternatives"]))
    for row in driver_tables.read_rows("words.zh"):
        for script in ("zh-Hant", "zh-Hans"):
            cell = forms.setdefault(row["row"], {}).setdefault(script, [])
            cell.append((row[script], row[f"{script} alternatives"]))
    lines = ["| row | kind | script | words | instead | advice |", "| --- | --- | --- | --- | --- | --- |"]
    for name, row in driver_tables.word_rows().items():
        advice = _cell(messages(f"suggestion.{row.advice}")) if row.advice else ""
        for script, words in forms[name].items():
            instead = dict.fromkeys(one for _, cell in words for one in cell.split("|") if one)
            lines.append(
                f"| `{name}` | `{row.kind.value}` | {script} | {', '.join(form for form, _ in words)} "
                f"| {', '.join(instead)} | {advice} |"
            )
    return "\n".join(lines)


def reported_scenes() -> str:
    """Every scenario and every reference risk: what is found, and the advice, in three scripts."""
    from safelight.advice import driver_tables
    from safelight.i18n import load_messages

    lines = ["| row | script | found together | advice |", "| --- | --- | --- | --- |"]
    for script in driver_tables.LANGUAGES:
        messages = load_messages("advice", script)
        for name in driver_tables.scenarios():
            parts = [row[script] for row in driver_tables.read_rows("scenarios") if row["scenario"] == name]
            found = " + ".join(f"({part.replace('|', ', ')})" for part in parts)
            lines.append(f"| `{name}` | {script} | {found} | {messages(f'suggestion.scene_{name}')} |")
    lines += ["", "| reference | level | script | question | remedy |", "| --- | --- | --- | --- | --- |"]
    for script in driver_tables.LANGUAGES:
        messages = load_messages("advice", script)
        for name, risk in driver_tables.reference_risks().items():
            question, remedy = messages(f"question.{name}"), messages(f"suggestion.reference_{name}")
            lines.append(f"| `{name}` | {risk.level} | {script} | {question} | {remedy} |")
    return "\n".join(lines)


def roles() -> str:
    """Every role with its scopes and the reach of its decisions."""
    from safelight.i18n import load_messages
    from safelight.trust.accounts import ROLES, KeyScope

    duties = load_messages("people")
    lines = ["| role | scopes | decisions | what it is for |", "| --- | --- | --- | --- |"]
    for role, permissions in ROLES.items():
        scopes = ", ".join(f"`{scope.value}`" for scope in KeyScope if scope in permissions.scopes)
        rank = permissions.review_rank.name.lower()
        lines.append(f"| `{role.value}` | {scopes} | {rank} | {duties(f'duty.{role.value}')} |")
    return "\n".join(lines)


def routes_by_role() -> str:
    """Every route, by what it needs, with the roles that reach it."""
    sys.path.insert(0, str(DOCS.parent / "tests"))
    from app import app

    from safelight.api.declared_routes import declared_routes
    from safelight.trust.accounts import ROLES

    rows: dict[tuple[str, str], list[str]] = {}
    for route in declared_routes(app()):
        assert route.access is not None, f"{route.path} does not declare what it needs"
        every, one = sorted(route.access.every), sorted(route.access.any_of)
        needs = ", ".join(f"`{scope}`" for scope in every) or " or ".join(f"`{scope}`" for scope in one)
        if not route.access.needs_principal:
            needs, reached = "nothing", "all, and without an account"
        else:
            needs = needs or "a session"
            found = [role.value for role in ROLES if route.access.allows(ROLES[role].scopes)]
            reached = "all" if len(found) == len(ROLES) else ", ".join(f"`{role}`" for role in found)
        rows.setdefault((needs, reached), []).append(f"`{route.method} {route.path}`")
    lines = ["| needs | roles | routes |", "| --- | --- | --- |"]
    lines += [
        f"| {needs} | {reached} | {', '.join(found)} |" for (needs, reached), found in sorted(rows.items())
    ]
    return "\n".join(lines)


#: The page and the name of the part, and what writes it.
PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("configuration.md", "settings"): settings,
    ("cli.md", "commands"): commands,
    ("../README.md", "cells"): cells,
    ("advice.md", "words"): reported_words,
    ("advice.md", "scenes"): reported_scenes,
    ("people.md", "roles"): roles,
    ("people.md", "routes"): routes_by_role,
}


def part(page: str, name: str) -> re.Pattern[str]:
    """The pattern of a part: between its two marks."""
    begin, end = f"<!-- written by tests/docs/generated.py: {name} -->\n", "\n<!-- end -->"
    return re.compile(rf"(?P<begin>{re.escape(begin)})(?P<body>.*?)(?P<end>{end})", re.S)


def write() -> None:
    for (page, name), make in PARTS.items():
        path = DOCS / page
        body = make()
        text = part(page, name).sub(
            lambda found, body=body: f"{found['begin']}\n{body}\n{found['end']}", path.read_text("utf-8")
        )
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.exit(0)
