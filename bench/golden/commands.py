"""Runs commands in order, as text and with `--json`, and writes output and exit code as a masked block."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from .installation import Answer, Installation
from .masks import mask_text, masked_json
from .player import Player
from .recording import Blocks

LANGUAGES = ("en", "zh-Hant", "zh-Hans")
#: Commands that do not depend on each other run at the same time; each loads the whole product.
AT_ONCE = 6
MAX_LINES = 1500


def help_texts(here: Installation, languages: tuple[str, ...]) -> Blocks:
    """The help of every command, found by reading the help of its group."""
    found: Blocks = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        level: list[tuple[str, ...]] = [()]
        while level:
            texts = list(pool.map(lambda path: here.run(*path, "--help"), level))
            found |= {
                _name(*path, "--help"): _described(here, text)
                for path, text in zip(level, texts, strict=True)
            }
            level = [
                (*path, name)
                for path, text in zip(level, texts, strict=True)
                for name in commands_in(text.out)
            ]
        paths = [tuple(name.split()[1:]) for name in found]
        for language in languages:
            texts = list(pool.map(lambda path: here.run(*path, language=language), paths))  # noqa: B023
            for path, text in zip(paths, texts, strict=True):
                found[f"{_name(*path)} ({language})"] = _described(here, text)
    return found


def commands_in(text: str) -> list[str]:
    """The names in the lists of commands of a help text, which may have several groups."""
    found, listed = [], False
    for line in text.splitlines():
        if re.match(r"\S", line):
            listed = not line.startswith(("Options", "Arguments", "Usage"))
        elif listed and (name := re.match(r"  ([a-z][\w-]*)", line)):
            found.append(name[1])
    return found


def run_commands(player: Player, path: Path) -> Blocks:
    """Run the commands of a file, in each of their forms and languages."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["run"].partition(" ")[0], []).append(row)
    reading = [[row] for group in groups.values() if all(row.get("reads") for row in group) for row in group]
    changing = [group for group in groups.values() if not all(row.get("reads") for row in group)]
    found: Blocks = {}
    for chains in (reading, changing):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for blocks in pool.map(lambda chain: _run_chain(player, chain), chains):
                found |= blocks
    titles = [_title(row, *form) for row in rows for form in _forms(row)]
    return {title: found[title] for title in titles}


def _run_chain(player: Player, rows: list[dict[str, Any]]) -> Blocks:
    return {
        _title(row, form, language): _run(player, row, form, language)
        for row in rows
        for form, language in _forms(row)
    }


def _forms(row: dict[str, Any]) -> list[tuple[str, str]]:
    forms = [("text", "en")]
    if row.get("json", True):
        forms.append(("json", "en"))
    if row.get("languages"):
        forms += [("text", language) for language in LANGUAGES[1:]]
    return forms


def _title(row: dict[str, Any], form: str, language: str) -> str:
    return f"{row['run']}{' --json' if form == 'json' else ''}{'' if language == 'en' else f' ({language})'}"


def _run(player: Player, row: dict[str, Any], form: str, language: str) -> str:
    words = [_filled(player, word, form) for word in _words(row["run"])]
    if form == "json":
        words.append("--json")
    for name, content in row.get("files", {}).items():
        _write(player, name, content)
    answer = player.here.run(
        *words,
        language=language,
        stdin=row.get("stdin"),
        extra={"SAFELIGHT_API_KEY": player.here.keys["key"], **row.get("environment", {})},
    )
    for name, pattern in row.get("save", {}).items():
        if matched := re.search(pattern, answer.out):
            player.saved[f"{name}_{form}"] = matched[1] if matched.groups() else matched[0]
    return _described(player.here, answer)


def _filled(player: Player, word: str, form: str) -> str:
    """The word with `${name}` filled in; `{form}` keeps the objects of the two forms of a command apart."""
    return str(player.fill(word.replace("{form}", form)))


def _write(player: Player, name: str, content: str) -> None:
    if content.startswith("@"):
        (player.here.folder / name).write_bytes(player.saved[content.removeprefix("@")])
    else:
        (player.here.folder / name).write_text(content, encoding="utf-8")


def _words(line: str) -> list[str]:
    return [quoted or plain for quoted, plain in re.findall(r"'([^']*)'|(\S+)", line)]


def _name(*path: str) -> str:
    return " ".join(("safelight", *path))


def _described(here: Installation, answer: Answer) -> str:
    parts = [f"exit code {answer.code}"]
    for title, text in (("output", answer.out), ("errors", answer.err)):
        if text.strip():
            parts += [f"{title}:", *_printed(text, here.places).split("\n")[:MAX_LINES]]
    return "\n".join(parts)


def _printed(text: str, places: tuple[tuple[str, str], ...]) -> str:
    try:
        return masked_json(json.loads(text), places)
    except ValueError:
        return mask_text(text.strip("\n"), places)
