"""The templates of the pages, with what they make of the values of records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup, escape

from safelight.core.envelopes import format_iso
from safelight.core.i18n import load_messages
from safelight.detectors.text.minilm.cache import default_folder
from safelight.web.translations import (
    format_date,
    format_datetime,
    format_duration,
    translate_category,
    truncate,
)
from safelight_client.money import format_money, usd


@pass_context
def _moment(context: Context, at: float | None) -> str:
    return "" if at is None else format_datetime(at, context["t"])


@pass_context
def _day(context: Context, at: float | None) -> str:
    return "" if at is None else format_date(at, context["t"])


@pass_context
def _category(context: Context, name: str) -> str:
    return translate_category(name, context["t"])


@pass_context
def _duration(context: Context, seconds: float) -> str:
    return format_duration(seconds, context["t"])


def _money(micros: int, currency: str = "USD") -> str:
    return format_money(usd(micros), currency)


def _named(
    values: Iterable[str], texts: Callable[[str], str] = str, prefix: str = ""
) -> list[tuple[str, str]]:
    """The values with their texts, as the options of a field."""
    return [(value, texts(prefix + value)) for value in values]


def _label_cells(cells: Markup, heads: list[str]) -> Markup:
    """The cells of a row, each with the head of its column as `data-label`."""
    labels = iter(heads[cells.count("<th ") :])

    def label(found: re.Match[str]) -> str:
        head = next(labels, None)
        return found[0] if head is None else f'<td data-label="{escape(head)}"'

    return Markup(re.sub(r"<td(?=[ >])", label, cells))  # noqa: S704


def _attributes(**given: object) -> Markup:
    """Attributes of an element. Those without a value (`none` or `false`) are left out; `true` has none."""
    return Markup("").join(
        Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)
        for name, value in ((name.replace("_", "-"), value) for name, value in given.items())
        if value is not None and value is not False
    )


@pass_context
def _texts(context: Context, name: str) -> Callable[..., str]:
    """A set of messages in the language of the page."""
    return load_messages(name, context["t"].tag)


class _CompiledTemplates(FileSystemBytecodeCache):
    """Templates as an earlier start compiled them, in the cache folder of the user: compiling takes seconds.

    A folder that cannot be written costs this time, and nothing else.
    """

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


@cache
def compile_templates() -> Environment:
    """All templates, compiled once per process, so that the first page renders as fast as later ones."""
    environment = Environment(
        loader=PackageLoader("safelight.web.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_CompiledTemplates(str(default_folder() / "templates")),
    )
    environment.filters |= {
        "moment": _moment,
        "day": _day,
        "category": _category,
        "duration": _duration,
        "iso": format_iso,
        "money": _money,
        "shorten": truncate,
        "named": _named,
        "label_cells": _label_cells,
    }
    environment.globals |= {"attributes": _attributes, "texts": _texts}
    for name in environment.list_templates(extensions=["html"]):
        environment.get_template(name)
    return environment


def render_template(name: str, values: Mapping[str, Any]) -> str:
    """A page or a part of it, with the macros of `parts.html` as `ui`."""
    environment = compile_templates()
    shown = {**values, "lang_en": _attributes(lang=None if values["t"].tag == "en" else "en")}
    parts = environment.get_template("parts.html").make_module(shown)
    return environment.get_template(name).render(shown, ui=parts)
