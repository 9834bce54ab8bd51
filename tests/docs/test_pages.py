"""Every page: links lead somewhere, code compiles, commands are real, words are chosen."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pages
import pytest
import yaml

PAGES = pages.pages()

#: Folders of somebody's machine. Documentation has no business naming one.
_SOMEBODYS = re.compile(r"(?<![\w.$~:/])/(?:home|root|Users|mnt|tmp|work)/\w")
_CLAIMS = re.compile(r"\b(?:compliant|authentic)\b", re.IGNORECASE)


def test_every_link_has_a_target() -> None:
    broken = []
    for page in PAGES:
        for target in pages.links(page):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                broken.append(f"{pages.name_of(page)}: {target}")
            elif anchor and anchor not in pages.anchors(file):
                broken.append(f"{pages.name_of(page)}: {target}: no such heading")
    assert not broken


def test_every_page_is_in_the_index_or_in_the_guide_for_contributors() -> None:
    index = pages.DOCS / "README.md"
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in (index, pages.ROOT / "CONTRIBUTING.md")
        for target in pages.links(page)
    }
    missing = [page.name for page in pages.DOCS.glob("*.md") if page != index and page not in linked]
    assert not missing


def test_python_compiles_and_data_is_well_formed() -> None:
    for block in (block for page in PAGES for block in pages.blocks(page)):
        where = f"{pages.name_of(block.page)}:{block.line}"
        if block.language == "python":
            compile(block.body, where, "exec")
        elif block.language == "toml":
            tomllib.loads(block.body)
        elif block.language == "yaml":
            yaml.safe_load(block.body)


def _calls(page: Path) -> list[tuple[str, bool]]:
    """Command lines in a page, and whether each is whole: in a block, not only named in a sentence."""
    found = []
    for block in pages.blocks(page):
        if block.language in ("", "console", "sh", "bash"):
            whole = re.sub(r"\\\n\s*", " ", block.body)
            lines = [line.strip().removeprefix("$ ") for line in whole.splitlines()]
            found += [(line, True) for line in lines if line.startswith("safelight ")]
    for line in pages.prose(page).splitlines():
        if re.match(r"    (?:\$ )?safelight ", line):
            found.append((line.strip().removeprefix("$ "), True))
    found += [(code, False) for code in pages.inline_code(page) if code.startswith("safelight ")]
    return [(line, whole) for line, whole in found if line != "safelight COMMAND --help"]


def _parse(line: str, *, whole: bool) -> None:
    """Parse a command line as the real one would; a mere mention needs no arguments."""
    from safelight.cli.commands import build_command

    words = shlex.split(re.split(r"\s(?:\||>|&&|;)\s", line)[0], comments=True)[1:]
    current: Any = build_command()
    context = None
    # The root's own options come before the command.
    while words and words[0] == "--config":
        words = words[2:]
    while getattr(current, "commands", None) and words and not words[0].startswith("-"):
        context = current.make_context(current.name or "safelight", list(words), parent=context)
        _, below, rest = current.resolve_command(context, list(words))
        assert below is not None
        current, words = below, list(rest)
    if getattr(current, "commands", None):
        return
    current.make_context(
        current.name, list(words), parent=context, resilient_parsing=not whole, ignore_unknown_options=False
    )


def test_every_command_exists() -> None:
    wrong = []
    calls = [(page, *call) for page in PAGES for call in _calls(page)]
    for page, line, whole in calls:
        try:
            _parse(line, whole=whole)
        except Exception as error:
            said = error.format_message() if hasattr(error, "format_message") else repr(error)
            wrong.append(f"{pages.name_of(page)}: {line}: {said}")
    assert not wrong


def test_a_command_that_does_not_exist_is_found() -> None:
    for line in (
        "safelight scna file",
        "safelight verify",
        "safelight scan a --no-such",
        "safelight keys made",
    ):
        with pytest.raises(Exception, match=r".+"):
            _parse(line, whole=True)


def test_no_personal_machine_is_named() -> None:
    assert not {
        pages.name_of(page): found for page in PAGES if (found := _SOMEBODYS.findall(pages.read(page)))
    }


def test_no_impossible_property_is_claimed() -> None:
    claims = [
        f"{pages.name_of(page)}: {line}"
        for page in PAGES
        for line in pages.read(page).splitlines()
        if _CLAIMS.search(line) and "never" not in line.lower()
    ]
    assert not claims


def test_a_page_that_cites_law_gives_no_advice() -> None:
    texts = {pages.name_of(page): pages.read(page) for page in PAGES}
    citing = {name for name, text in texts.items() if re.search(r"\bArticle \d", text)}
    assert not {name for name in citing if "not legal advice" not in texts[name]}


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", pages.read(pages.ROOT / "Makefile"), re.M))
    wrong = {}
    for page in PAGES:
        lines = [line for block in pages.blocks(page) for line in block.body.splitlines()]
        code = [*pages.inline_code(page), *lines]
        named = {word for line in code for word in re.findall(r"^(?:\$ )?make ([a-z]+)$", line.strip())}
        if named - targets:
            wrong[pages.name_of(page)] = named - targets
    assert not wrong
