"""Training data of the classifiers: labelled prompts in `data/` and in folders that an operator adds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any

#: Categories that state a fact and that a safe prompt may have. No classifier is trained on them.
FACTS = frozenset({"likeness", "ip/character", "ip/brand", "minors-present"})
#: An example of the first category (key) is also an example of the second (value).
PARENTS = {
    "violence/graphic": "violence",
    "self-harm/intent": "self-harm",
    "self-harm/instructions": "self-harm",
    "deception/speech": "deception",
}


class Split(StrEnum):
    """The use of an example. All examples of one family have the same use."""

    FIT = "fit"
    REPORT = "report"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A labelled prompt and its family."""

    text: str
    #: Empty for a safe prompt.
    categories: frozenset[str]
    source: str
    lang: str
    family: str
    kind: str = "plain"

    @property
    def split(self) -> Split:
        number = int(hashlib.sha256(self.family.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) % 100
        return Split.FIT if number < 88 else Split.REPORT

    @property
    def chinese(self) -> bool:
        return self.lang.startswith("zh")


def load_committed() -> list[Example]:
    """The examples that are shipped with the code."""
    return parse_examples(sorted(_files(), key=lambda one: one[0]))


def load_distress() -> list[Example]:
    """Texts of people in distress and their harmless twins, which only the distress classifier is trained on.

    `acts-fit.jsonl` has the pairs of bench/acts/fit/distress.jsonl whose hash is even; the others measure.
    """
    folder = files(__package__) / "data" / "distress"
    named = ((file.name, file.read_text(encoding="utf-8")) for file in folder.iterdir())
    return parse_examples(sorted(named))


def hash_committed() -> str:
    """One hash over all committed examples, ordered by file name."""
    digest = hashlib.sha256()
    for name, text in sorted(_files()):
        digest.update(f"{name}\n".encode() + text.encode())
    return digest.hexdigest()


def read_folder(folder: Path) -> list[Example]:
    """Examples from every JSONL file of a folder."""
    return parse_examples(
        [(path.name, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.jsonl"))]
    )


def parse_examples(named: Iterable[tuple[str, str]]) -> list[Example]:
    """Examples from JSONL texts, which are given with their file names. A repeated text is used only once."""
    texts: set[str] = set()
    found = []
    for name, text in named:
        for line in text.splitlines():
            if line.strip():
                one = _example(json.loads(line), name.removesuffix(".jsonl"))
                if one.text.casefold() not in texts:
                    texts.add(one.text.casefold())
                    found.append(one)
    return found


def _files() -> list[tuple[str, str]]:
    folder = files(__package__) / "data"
    return [
        (file.name, file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".jsonl")
    ]


def _example(row: dict[str, Any], name: str) -> Example:
    unsafe = row["label"] == "unsafe"
    given = {str(category) for category in row["categories"]} if unsafe else set()
    given |= {PARENTS[category] for category in given if category in PARENTS}
    source = str(row.get("source") or name)
    return Example(
        text=row["text"],
        categories=frozenset(given),
        source=name if source == "safelight" else source,
        lang=str(row["lang"]),
        family=f"{name}/{row['family']}" if row.get("family") else row["text"].casefold(),
        kind=str(row.get("kind", "plain")),
    )
