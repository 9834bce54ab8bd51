"""`safelight eval clips` over a folder of clips, in an installation made for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def evaluated(folder: Path, *, settings: str = "", marks: Mapping[Path, str] | None = None) -> dict[str, Any]:
    """The report of one run under `starter`, with the waiver that `safelight init` asks for.

    `settings`: more lines of `safelight.toml`; `marks`: pictures to enrol, each with its kind.
    """
    path = folder / "installation" / "safelight.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'data = "{(path.parent / "data").absolute()}"\n{settings}', encoding="utf-8")

    def safelight(*words: str) -> str:
        command = [sys.executable, "-m", "safelight", "--config", str(path), *words]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode not in (0, 5, 6):
            raise SystemExit(f"safelight {words[0]} ended with {done.returncode}")
        return done.stdout

    who = ("--waiver-by", "Whoever runs this", "--waiver-reason", "A measurement, nothing is delivered")
    safelight("init", *who)
    for picture, kind in (marks or {}).items():
        safelight("logos", "add", picture.stem, str(picture), "--kind", kind)
    page = folder / "report.html"
    told = safelight("eval", "clips", "--data", str(folder), "--json", "--html", str(page))
    report: dict[str, Any] = json.loads(told)
    return report


def into(path: Path, page: str, writer: str) -> None:
    """Write the tables between the marks of a page that is there, or as a page of their own."""
    begin, end = f"<!-- written by {writer} -->\n", "<!-- end -->"
    if not path.is_file():
        path.write_text(page, encoding="utf-8")
        return
    before, found, rest = path.read_text("utf-8").partition(begin)
    if not found:
        raise SystemExit(f"{path} has no line {begin.strip()!r}")
    path.write_text(f"{before}{begin}\n{page}\n{end}{rest.partition(end)[2]}", encoding="utf-8")
