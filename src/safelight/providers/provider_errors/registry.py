"""The providers and their rules, read from `providers/*.yaml`, in the order in which they are tried."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

import msgspec

from safelight.core import yaml_loader

from .rules import ErrorRule, Provider
from .words import alternation

#: Hosts that offer other makers' models come before the makers, so that their rules are tried first.
_PROVIDERS = (
    "fal",
    "replicate",
    "wavespeed",
    "runware",
    "higgsfield",
    "nova_reel",
    "azure",
    # The same support codes stand in errors of both; Gemini is known by the fields of its response.
    "gemini",
    "veo",
    "runway",
    "seedance",
    "dashscope",
    "kling",
    "minimax",
    "luma",
    "bfl",
    "xai",
    "vidu",
    "pixverse",
    "pika",
    "stability",
    "openai",
    "self_hosted",
)
_RELAYS = ("litellm", "openrouter", "venice", "new_api")
#: Sets of rules that belong to no provider. The first is tried before all others, the last after them.
FIRST, SHAPED, LAST = "filter_down", "shaped", "http"


@cache
def load_rules(name: str) -> Provider:
    """The provider or set of rules in the file with this name."""
    content = yaml_loader.load_shipped(__package__, f"providers/{name}.yaml")
    sources: dict[str, str] = content.pop("sources", {})
    content["signs"] = alternation(content.get("signs", ""))
    content["rules"] = tuple(_rule(row, sources) for row in content["rules"])
    return msgspec.convert(content, Provider)


def _rule(row: dict[str, Any], sources: dict[str, str]) -> ErrorRule:
    """One rule. A list of patterns is their alternation, and a name in `sources` stands for its text.

    `status` is a list, or a range as in `500-599`.
    """
    row["text"] = alternation(row.get("text", ""))
    row["fields"] = {name: alternation(pattern) for name, pattern in row.get("fields", {}).items()}
    if isinstance(status := row.get("status"), str):
        first, last = status.split("-")
        row["status"] = list(range(int(first), int(last) + 1))
    documented = row["documented"]
    pages: list[str] = documented if isinstance(documented, list) else [documented]
    row["documented"] = "; ".join(sources.get(page, page) for page in pages)
    charge_source = row.get("charge_source", "")
    row["charge_source"] = sources.get(charge_source, charge_source)
    return msgspec.convert(row, ErrorRule)


@cache
def providers() -> tuple[Provider, ...]:
    return tuple(load_rules(name) for name in _PROVIDERS)


@cache
def relays() -> tuple[Provider, ...]:
    return tuple(load_rules(name) for name in _RELAYS)


@cache
def products() -> tuple[tuple[Provider, re.Pattern[str]], ...]:
    """Providers, also those of which only the name is known, and patterns of their products' names."""
    by_name = {one.name: one for one in (*providers(), *relays())}
    return tuple(
        (
            Provider(name=row["name"], title=row["title"]) if "title" in row else by_name[row["name"]],
            re.compile(row["words"], 0 if row.get("cased") else re.IGNORECASE),
        )
        for row in yaml_loader.load_shipped(__package__, "product_names.yaml")
    )


def everybody() -> tuple[Provider, ...]:
    """All sets of rules, those of no provider among them."""
    return (load_rules(FIRST), *providers(), *relays(), load_rules(SHAPED), load_rules(LAST))


@cache
def known_providers() -> tuple[Provider, ...]:
    """The one list of providers: makers, hosts and relays with rules, then those of which only the name is
    known.
    """
    ruled = (*providers(), *relays())
    taken = {name for one in ruled for name in (one.name, *one.aliases)}
    named_only = {one.name: one for one, _words in products() if one.name not in taken}
    return (*ruled, *named_only.values())


def plain_name(word: str) -> str:
    """A name as names are compared: "Google Veo", `google_veo` and `google-veo` are one."""
    return re.sub(r"[\s_]+", "-", unicodedata.normalize("NFKC", word).strip().lower())


@cache
def _by_name() -> dict[str, Provider]:
    names: dict[str, Provider] = {}
    for one in known_providers():
        for name in (one.name, *one.aliases, one.title):
            names.setdefault(plain_name(name), one)
    return names


def exactly_named(word: str) -> Provider | None:
    """The provider with this name, alias or title, or whose product has this name; None if it is unknown."""
    if (found := _by_name().get(plain_name(word))) is not None:
        return found
    return next((one for one, words in products() if words.fullmatch(word.strip())), None)


def named(word: str | None) -> Provider | None:
    """The provider that is exactly named so, or by the first part of a model name; None if it is unknown."""
    if not word or not (plain := plain_name(word)):
        return None
    first = plain.split("-")[0].split("/")[0]
    return exactly_named(word) or (exactly_named(first) if first else None)
