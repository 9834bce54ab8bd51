"""Parts of the documentation that are written by the code. Write them anew: python tests/docs/generated.py"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
import types
import typing
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import simplified
from pages import DOCS
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import safelight
from safelight.core.errors import SafelightError
from safelight.detectors.models.catalogue import MODELS


def settings() -> str:
    """Every setting: name, environment variable, type, default, what it does."""
    from safelight.app.settings import Section, Settings

    lines = []
    alone: list[tuple[str, FieldInfo]] = []
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            lines += _section(name, kind)
        else:
            alone.append((name, field))
    return "\n".join(["### At the top", "", *_setting_list(alone), *lines])


def _section(name: str, kind: type[BaseModel]) -> list[str]:
    """A section, and those within it after it."""
    fields = _fields(kind, f"{name}.")
    within = [
        (one, field.annotation)
        for one, field in fields
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ]
    own = [(one, field) for one, field in fields if one not in dict(within)]
    lines = ["", f"### [{name}]", "", *_setting_list(own)] if own else []
    for one, inner in within:
        lines += _section(one, inner)
    return lines


def _fields(kind: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    return [(prefix + name, field) for name, field in kind.model_fields.items()]


def _setting_list(fields: list[tuple[str, FieldInfo]]) -> list[str]:
    lines = []
    for name, field in fields:
        variable = "SAFELIGHT_" + name.upper().replace(".", "__")
        default = field.get_default(call_default_factory=True)
        given = "" if _is_empty(default) else f", default {_value(default)}"
        said = " ".join((field.description or "").split())
        lines.append(f"- `{name}`, `{variable}` ({_type(field)}{given}) {said}")
    return lines


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", {}, frozenset())


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
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return ", ".join(f"`{name}`: {_value(entry)}" for name, entry in value.items())
    if isinstance(value, frozenset):
        return ", ".join(map(_value, sorted(value)))
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def commands() -> str:
    """Every command with its arguments and options, without those that every command has."""
    from safelight.cli.commands import COMMANDS, build_command
    from safelight.cli.language import take_language

    take_language(["--lang", "en"])  # earlier tests of the same process may have chosen another one

    root = build_command()
    lines = [*_options(root), ""]
    for name in COMMANDS:
        with root.make_context("safelight", [name]) as context:
            _, found, _ = root.resolve_command(context, [name])
            lines += [f"### safelight {name}", "", *_command(found, ["safelight", name])]
    return "\n".join(lines).rstrip()


def _command(found: Any, path: list[str]) -> list[str]:
    below = getattr(found, "commands", {})
    words = [
        one.name.upper() if one.required else f"[{one.name.upper()}]"
        for one in found.params
        if one.param_type_name == "argument"
    ]
    # The heading above already has the name of a command without subcommands and arguments.
    name_in_heading = len(path) == len(["safelight", "COMMAND"]) and not words
    lines = [_help(found) if name_in_heading else f"`{' '.join([*path, *words])}`: {_help(found)}", ""]
    if options := _options(found):
        lines += [*options, ""]
    for name, one in below.items():
        lines += _command(one, [*path, name])
    return lines


def _options(found: Any) -> list[str]:
    lines = []
    for one in found.params:
        if one.name in _OF_EVERY_COMMAND or one.hidden:
            continue
        said = " ".join(part for part in (_needed(one), _cell(one.help or "")) if part)
        if said or one.param_type_name != "argument":
            lines.append(f"- {' '.join(f'`{name}`' for name in _names(one))} {said}".rstrip())
    return lines


def _help(found: Any) -> str:
    return _cell(" ".join((found.help or "").split()))


#: Options that the command line library adds by itself, and `--json`, which the page explains once.
_OF_EVERY_COMMAND = frozenset({"help", "install_completion", "show_completion", "as_json", "json"})


def _names(one: Any) -> tuple[str, ...]:
    if one.param_type_name == "argument":
        return (one.name.upper(),)
    return (*one.opts, *one.secondary_opts)


def _needed(one: Any) -> str:
    if one.required:
        return "" if one.param_type_name == "argument" else "(required)"
    words = []
    kind = one.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        words.append(" or ".join(f"`{choice.value}`" for choice in kind))
    default = one.default() if callable(one.default) else one.default
    if not getattr(one, "is_flag", False) and default not in (None, (), [], ""):
        words.append(f"default `{default.value if isinstance(default, Enum) else default}`")
    return f"({', '.join(words)})" if words else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


#: What a person calls a category in the table of cells.md, in its order. The others follow with the names
#: that they have on the pages.
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

    from safelight.core.i18n import name_category
    from safelight.detectors.registry import DetectorRegistry
    from safelight.policy.findings import SHIPPED, Modality
    from safelight.policy.measurements import load_shipped, load_shipped_acts

    looked = {(one.category, one.modality) for _name, one in DetectorRegistry.discover({}).capabilities()}
    own = {(one.category, one.modality.value): one for one in load_shipped().cells}
    own |= {(one.category, "prompt"): one for one in load_shipped_acts().cells}
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
            return f"[figures]({page})"
        return "unmeasured" if (category, places[place]) in looked else "no"

    lines = [
        "| | prompts | reference pictures | frames | text in the picture | spoken words |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    names = {one.name: name_category(one.name, "en").lower() for one in SHIPPED} | ROWS
    for category in dict.fromkeys((*ROWS, *names)):
        name = names[category]
        lines.append(f"| {name} | {' | '.join(said(category, place) for place in places)} |")
    return "\n".join(lines)


def acts() -> str:
    """The figures of each class of acts of harm in prompts."""
    from safelight.policy.measurements import load_shipped_acts
    from safelight.policy.statistics import wilson

    run = load_shipped_acts()
    lines = [
        f"{run.made}; policy {', '.join(f'`{name}` `{sha[:16]}`' for name, sha in run.policy.items())};"
        f" set `{run.data_sha256[:16]}`; networks `{run.model_hash[:16]}`.",
        "",
        "| category | acts | found | stopped | harmless twins with a finding |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in sorted(run.cells, key=lambda one: one.found / one.segments):
        low, high = wilson(one.found, one.segments)
        lines.append(
            f"| {one.category} | {one.segments} | {one.found} ({low:.0%} to {high:.0%}) | {one.stopped} |"
            f" {one.false_alarms} of {one.safe_clips} |"
        )
    return "\n".join(lines)


#: The table of the READMEs: its head, its rows, and what is not measured or not checked.
SUMMARY = {
    "en": (
        "| what is read | harmful: found | harmless: wrongly |",
        "prompts (T2VSafetyBench)",
        "prompts, acts of harm in nine classes",
        "text in the picture",
        "spoken words, transcribed without a mistake",
        "frames: faces, enrolled marks, flicker, content too brief to be noticed",
        "frames and pictures: nudity",
        "{found} of {all} ({share} %)",
        "{found} of {all} ({share} %), {stopped} stopped; worst: {worst}, {worst_found} of {worst_all}",
        "{found} of {all} ({share} %)",
        "{found} of {all} ({share} %); worst: {worst}, {worst_found} of {worst_all}",
        "{n} of {all} stopped",
        "{n} of {all}",
        "at most {n} of {all} a category",
        "unmeasured",
    ),
    "zh-Hant": (
        "| 檢查什麼 | 有害：找出 | 無害：誤判 |",
        "提示詞（T2VSafetyBench）",
        "提示詞：九類有害行為",
        "畫面中的文字",
        "說話內容，假設轉錄無誤",
        "影格：人臉、已登錄的標誌、閃爍、短到無法察覺的內容",
        "影格與圖片：裸露",
        "{all} 則中 {found} 則（{share} %）",
        "{all} 則中 {found} 則（{share} %），攔下 {stopped} 則；"
        "最弱：{worst}，{worst_all} 則中 {worst_found} 則",
        "{all} 段中 {found} 段（{share} %）",
        "{all} 段中 {found} 段（{share} %）；最弱：{worst}，{worst_all} 段中 {worst_found} 段",
        "{all} 則中攔下 {n} 則",
        "{all} 則中 {n} 則",
        "每類最多 {all} 段中 {n} 段",
        "未經測量",
    ),
    "zh-Hans": (
        "| 检查什么 | 有害：找出 | 无害：误判 |",
        "提示词（T2VSafetyBench）",
        "提示词：九类有害行为",
        "画面中的文字",
        "说话内容，假设转写无误",
        "帧：人脸、已登记的标志、闪烁、短到无法察觉的内容",
        "帧与图片：裸露",
        "{all} 条中 {found} 条（{share} %）",
        "{all} 条中 {found} 条（{share} %），拦下 {stopped} 条；"
        "最弱：{worst}，{worst_all} 条中 {worst_found} 条",
        "{all} 段中 {found} 段（{share} %）",
        "{all} 段中 {found} 段（{share} %）；最弱：{worst}，{worst_all} 段中 {worst_found} 段",
        "{all} 条中拦下 {n} 条",
        "{all} 条中 {n} 条",
        "每类最多 {all} 段中 {n} 段",
        "未经测量",
    ),
}


def summary(tag: str) -> str:
    """The six lines of coverage in a README: what is found, and what is found or stopped wrongly."""
    from safelight.core.i18n import name_category
    from safelight.policy.findings import Modality
    from safelight.policy.measurements import load_shipped, load_shipped_acts, load_shipped_prompts

    head, *names, of, of_acts, of_frames, of_words, stopped, wrong, most, unmeasured = SUMMARY[tag]
    prompts, clips = load_shipped_prompts(), load_shipped().cells

    def total(cells: list[Any], text: str) -> str:
        worst = min(cells, key=lambda one: one.found / one.segments)
        name = name_category(worst.category, tag)
        found, everything = sum(one.found for one in cells), sum(one.segments for one in cells)
        return text.format(
            found=found,
            all=everything,
            share=f"{100 * found / everything:.0f}",
            stopped=sum(one.stopped or 0 for one in cells),
            worst=name.lower() if tag == "en" else name,
            worst_found=worst.found,
            worst_all=worst.segments,
        )

    def alarms(cells: list[Any]) -> str:
        return most.format(n=max(one.false_alarms for one in cells), all=cells[0].safe_clips)

    acts = list(load_shipped_acts().cells)
    twins = wrong.format(n=sum(one.false_alarms for one in acts), all=sum(one.safe_clips for one in acts))
    text, audio, frames = (
        [one for one in clips if one.modality is modality]
        for modality in (Modality.TEXT, Modality.AUDIO, Modality.FRAMES)
    )
    share = f"{100 * prompts.found / prompts.harmful:.0f}"
    rows = [
        (
            of.format(found=f"{prompts.found:,}", all=f"{prompts.harmful:,}", share=share),
            stopped.format(n=prompts.stopped, all=prompts.harmless),
        ),
        (total(acts, of_acts), twins),
        (total(text, of_words), alarms(text)),
        (total(audio, of_words), alarms(audio)),
        (total(frames, of_frames), alarms(frames)),
        (unmeasured, unmeasured),
    ]
    lines = [f"| {name} | {found} | {wrongly} |" for name, (found, wrongly) in zip(names, rows, strict=True)]
    return "\n".join([head, "| --- | --- | --- |", *lines])


def roles() -> str:
    """Every role with its scopes and the reach of its decisions."""
    from safelight.accounts import ROLES, KeyScope
    from safelight.core.i18n import load_messages

    duties = load_messages("people")
    lines = ["| role | scopes | decisions | what it is for |", "| --- | --- | --- | --- |"]
    for role, permissions in ROLES.items():
        scopes = ", ".join(f"`{scope.value}`" for scope in KeyScope if scope in permissions.scopes)
        rank = permissions.review_rank.name.lower()
        lines.append(f"| `{role.value}` | {scopes} | {rank} | {duties(f'duty.{role.value}')} |")
    return "\n".join(lines)


def routes() -> str:
    """Every route of the HTTP interface, and every address of a page by what it needs."""
    sys.path.insert(0, str(DOCS.parent / "tests"))
    from app import app

    from support.declared_routes import declared_routes

    whole = app()
    described = {
        (method.upper(), path): operation
        for path, methods in whole.openapi()["paths"].items()
        for method, operation in methods.items()
    }
    lines = ["| route | needs | what it does |", "| --- | --- | --- |"]
    others: dict[str, dict[str, list[str]]] = {}
    for route in declared_routes(whole):
        assert route.access is not None, f"{route.path} does not declare what it needs"
        every, one = sorted(route.access.every), sorted(route.access.any_of)
        needs = ", ".join(f"`{scope}`" for scope in every) or " or ".join(f"`{scope}`" for scope in one)
        if not needs:
            needs = "a session" if route.access.needs_principal else "nothing"
        path = route.path.replace(":path}", "}")
        if operation := described.get((route.method, path)):
            lines.append(f"| `{route.method} {path}` | {needs} | {_operation(operation)} |")
        else:
            others.setdefault(needs, {}).setdefault(path, []).append(route.method)
    lines += ["", "| needs | pages and other addresses |", "| --- | --- |"]
    for needs, found in sorted(others.items()):
        addresses = ", ".join(f"`{'|'.join(methods)} {path}`" for path, methods in found.items())
        lines.append(f"| {needs} | {_cell(addresses)} |")
    return "\n".join(lines)


def _operation(operation: dict[str, Any]) -> str:
    """The summary of an operation, and the names of its parameters in the query."""
    query = [f"`{one['name']}`" for one in operation.get("parameters", ()) if one["in"] == "query"]
    return _cell(operation["summary"]) + (f"; {', '.join(query)}" if query else "")


def metrics() -> str:
    """Every metric with its labels."""
    from safelight.app import gauges
    from safelight.core.metrics import COUNTERS, HISTOGRAMS

    found = {one.name: (one.labels, one.description) for one in (*HISTOGRAMS, *COUNTERS)}
    for node in ast.walk(ast.parse(inspect.getsource(gauges))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Gauge":
            written = {one.arg: one.value for one in node.keywords}
            labels = ast.literal_eval(written["labels"]) if "labels" in written else ()
            found[ast.literal_eval(written["name"])] = labels, ast.literal_eval(written["description"])
    return "\n".join(
        f"- `{name}`{' (' + ', '.join(f'`{label}`' for label in labels) + ')' if labels else ''} {said}"
        for name, (labels, said) in sorted(found.items())
    )


#: The entry of an error in the tree at the top of errors.py: a status, (job), (gap) or an exit code.
_IN_TREE = re.compile(r"(\w+) {2,}(\d{3}|\((?:job|gap)\)|exit \d)")
#: The paragraph of an error's docstring that says what the person who gets it can do.
_REMEDY = "Remedy: "


#: What errors of the HTTP layer mean whose message is Starlette's.
_HTTP_MEANINGS = {408: "The upload stopped.", 415: "The body is neither JSON nor a form."}


def error_classes() -> tuple[list[type[SafelightError]], list[type[SafelightError]]]:
    """The errors of errors.py in its order, and those of other modules by name."""
    from safelight.core import errors

    for module in pkgutil.walk_packages(safelight.__path__, "safelight."):
        # Migration scripts are run by Alembic only, __main__ runs the program, and one module needs `mcp`.
        if not any(
            name in module.name for name in (".migrations", "__main__", "safelight.cli.assistants.server")
        ):
            importlib.import_module(module.name)
    found = _with_subclasses(SafelightError)
    tree = [one for one in vars(errors).values() if isinstance(one, type) and one in found]
    elsewhere = {one for one in found if one.__module__.startswith("safelight.")} - set(tree)
    return tree, sorted(elsewhere, key=lambda one: one.__name__)


def _with_subclasses(error: type[SafelightError]) -> set[type[SafelightError]]:
    return {error}.union(*(_with_subclasses(one) for one in error.__subclasses__()))


def answered(error: type[SafelightError]) -> str:
    """What the tree says about an error, or about the nearest class above it."""
    from safelight.core import errors

    drawn = dict(_IN_TREE.findall(inspect.getdoc(errors) or ""))
    for one in error.__mro__:
        if place := drawn.get(one.__name__):
            return str(place.strip("()"))
    raise AssertionError(f"{error.__name__} is not in the tree of errors.py")


def error_texts(error: type[SafelightError]) -> tuple[str, str]:
    """What an error means, and what the person who gets it can do: the docstring to the end of the remedy.

    What follows the remedy is for programmers.
    """
    paragraphs = [" ".join(one.split()) for one in inspect.cleandoc(error.__doc__ or "").split("\n\n")]
    for number, text in enumerate(paragraphs):
        if text.startswith(_REMEDY):
            return " ".join(paragraphs[:number]), text.removeprefix(_REMEDY)
    return paragraphs[0], ""


def error_codes() -> str:
    """Every code of an error, those of the HTTP layer, and the exit codes of commands."""
    from safelight.cli import output as exit_codes
    from safelight.web.errors import HTTP_CODES

    tree, elsewhere = error_classes()
    heading = "| code | answered | retry | what it means | what you can do |"
    lines = [heading, "| --- | --- | --- | --- | --- |"]
    for error in tree:
        meaning, remedy = (_cell(text) for text in error_texts(error))
        retry = "yes" if error.retry else "no"
        lines.append(f"| `{error.code}` | {answered(error)} | {retry} | {meaning} | {remedy} |")
    for status, (code, _, message) in HTTP_CODES.items():
        if code != "invalid_request":
            lines.append(f"| `{code}` | {status} | no | {message or _HTTP_MEANINGS[status]} | |")
    lines += ["", "| code | raised in | what it means |", "| --- | --- | --- |"]
    lines += [
        f"| `{error.code}` | `{error.__module__}` | {_cell(error_texts(error)[0])} |" for error in elsewhere
    ]
    lines += ["", "| exit code | name | meaning |", "| --- | --- | --- |"]
    listed = re.findall(r"#: (.+)\n +(\w+) = (\d+)", inspect.getsource(exit_codes))
    lines += [f"| {number} | `{name}` | {meaning} |" for meaning, name, number in listed]
    return "\n".join(lines)


def packages() -> str:
    """Every package and module at the top, by the layers of the import contract."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text("utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    lines = ["| row | package | what it is |", "| --- | --- | --- |"]
    for number, layer in enumerate(layers, start=1):
        lines += [f"| {number} | `{name}` | {_first_paragraph(name)} |" for name in re.findall(r"\w+", layer)]
    lines.append(f"| any | `testing` | {_first_paragraph('testing')} |")
    return "\n".join(lines)


def _first_paragraph(name: str) -> str:
    """What the docstring of a package or module begins with. Parsed: `client` is not always installed."""
    place = DOCS.parent / "src" / "safelight" / name
    file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    found = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return _cell(" ".join(found.partition("\n\n")[0].split()))


def documented_rules() -> str:
    """What each provider documents, by topic, with page and date."""
    from safelight.providers.advice.advice_data import AdviceSource
    from safelight.providers.advice.provider_rules import Topic, documents, list_titles

    known, titles = documents(), list_titles()
    lines = []
    for name in sorted(known, key=lambda name: titles[name].lower()):
        document = known[name]
        lines += ["", f"### {document.title}", "", "| topic | documented | page |", "| --- | --- | --- |"]
        for topic in Topic:
            for rule in document.about(topic):
                url = AdviceSource(title=rule.source).url
                page = f"[{rule.source}]({url})" if url else rule.source
                lines.append(f"| {topic} | {_cell(rule.statement)} | {_cell(page)}, {rule.read} |")
            if topic in document.undocumented:
                lines.append(f"| {topic} | no documented rule known | |")
    others = [title for name, title in titles.items() if name not in known]
    lines += ["", f"No documented rule known at all: {', '.join(others)}."]
    return "\n".join(lines).strip()


def models() -> str:
    """The models of the catalogue."""
    lines = ["| name | detector | weights | sources | licence of the weights, and where it was read |"]
    lines.append("| --- | --- | --- | --- | --- |")
    for name, one in sorted(MODELS.items()):
        sources = [f"hub: {one.repo}"] if one.repo and all(file.on_hub for file in one.files) else []
        sources += [f"`{package.requirement}`" for package in one.packages]
        size = f"{one.size / 1e6:.0f} MB"
        read = f"{one.licence}: {one.licence_source}"
        lines.append(f"| `{name}` | `{one.detector}` | {size} | {', '.join(sources)} | {_cell(read)} |")
    return "\n".join(lines)


def system_card() -> str:
    """The card of the settings as they are shipped, with an empty database, without its title."""
    from safelight.app.container import Container
    from safelight.app.settings import Settings
    from safelight_lab.governance.card_page import markdown
    from safelight_lab.governance.system_card import make_card

    with TemporaryDirectory() as folder:
        container = Container(Settings(data=Path(folder) / "data"))
        page = markdown(make_card(container))
        container.persistence.database.close()
    return page.partition("\n\n")[2].rstrip().replace("\n## ", "\n### ")


def outcomes() -> str:
    """What becomes of a video, by adapter and by what the provider does: the rows of a test."""
    sys.path.insert(0, str(DOCS.parent / "tests"))
    from support.provider_outcomes import OUTCOMES, TITLES, Expected, read_expected

    def cell(row: Expected | None) -> str:
        if row is None:
            return "cannot happen"
        charge = {"yes": "charged", "no": "not charged", "unknown": "charge unknown"}[row.charged]
        parts = [f"`{row.code}`" if row.code else row.state, charge, *filter(None, (row.category,))]
        if row.retry:
            parts.append(f"retry: {row.retry.replace('_', ' ')}")
        return ", ".join([*parts, *([f"copy {row.copy}"] if row.copy else [])])

    rows = {(row.adapter, row.outcome): row for row in read_expected()}
    lines = [f"| the provider | {' | '.join(TITLES.values())} |", "| --- |" + " --- |" * len(TITLES)]
    lines += [
        f"| {outcome.name} | {' | '.join(cell(rows.get((name, outcome.name))) for name in TITLES)} |"
        for outcome in OUTCOMES
    ]
    return "\n".join(lines)


def statuses() -> str:
    """How a status is interpreted, by its word, its other fields, and the charge: the rows of a test."""
    from support.status_matrix import read_rows

    def cell(charged: str) -> str:
        return {"yes": "charged", "no": "not charged", "unknown": "unknown"}.get(charged, charged)

    lines = [
        "| status word | other fields | interpreted as | charge: own hardware | a stated cost "
        "| a price in the settings | nothing known |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{row.word}` | {row.says} | {row.taken_for} | "
        + " | ".join(map(cell, (row.own, row.stated, row.price, row.silent)))
        + " |"
        for row in read_rows()
    ]
    return "\n".join(lines)


#: The page and the name of the part, and what writes it.
PARTS: dict[tuple[str, str], Callable[[], str]] = {
    ("reference.md", "commands"): commands,
    ("reference.md", "settings"): settings,
    ("reference.md", "routes"): routes,
    ("reference.md", "metrics"): metrics,
    ("reference.md", "errors"): error_codes,
    ("../README.md", "coverage"): partial(summary, "en"),
    ("../README.zh-Hant.md", "coverage"): partial(summary, "zh-Hant"),
    ("../README.zh-Hans.md", "coverage"): partial(summary, "zh-Hans"),
    ("benchmarks/cells.md", "cells"): cells,
    ("benchmarks/cells.md", "acts"): acts,
    ("people.md", "roles"): roles,
    ("architecture.md", "packages"): packages,
    ("dependencies.md", "models"): models,
    ("providers.md", "rules"): documented_rules,
    ("generators.md", "outcomes"): outcomes,
    ("generators.md", "statuses"): statuses,
    ("system-card.md", "system card"): system_card,
}


def part(page: str, name: str) -> re.Pattern[str]:
    """The pattern of a part: between its two marks."""
    begin, end = f"<!-- written by tests/docs/generated.py: {name} -->\n", "\n<!-- end -->"
    return re.compile(rf"(?P<begin>{re.escape(begin)})(?P<body>.*?)(?P<end>{end})", re.S)


def write() -> None:
    simplified.write()
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
