"""The Simplified Chinese catalogues, converted from the Traditional ones. Written by generated.py.

OpenCC converts to the characters and terms of mainland China; `simplified.yaml` has what it gets wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from opencc import OpenCC
from pages import ROOT

LOCALES = ROOT / "src" / "safelight" / "core" / "i18n" / "locales"
TABLE: dict[str, dict[str, str]] = yaml.safe_load(
    Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
)
_KNOWN = {traditional: text for part in TABLE.values() for traditional, text in part.items()}
_PATTERN = re.compile(f"({'|'.join(map(re.escape, sorted(_KNOWN, key=len, reverse=True)))})")
_convert = OpenCC("tw2sp").convert


def simplify(text: str) -> str:
    """The text for readers in mainland China."""
    return "".join(_KNOWN.get(part) or _convert(part) for part in _PATTERN.split(text))


def catalogues() -> Iterator[tuple[Path, str]]:
    """Every Simplified file, and what it must contain."""
    for source in sorted(LOCALES.glob("*.zh-Hant.yaml")):
        path = source.with_name(source.name.replace("Hant", "Hans"))
        yield path, f"# Written by tests/docs/generated.py.\n{simplify(source.read_text(encoding='utf-8'))}"


def write() -> None:
    for path, text in catalogues():
        path.write_text(text, encoding="utf-8")
