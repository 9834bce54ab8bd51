"""The share of idioms in the project's prose: per package of `src`, in the pages, and in translated texts.

An idiom is a phrase that a reader whose first language is not English has to guess. The patterns below find
the ones that this project once used most. Their number per 1,000 words has a ceiling per package, which may
only fall. docs/style.md gives the wording to use instead.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pages
import pytest

#: What to avoid, and what finds it.
IDIOMS = {
    "a person in place of a component": r"\b(?:somebody|nobody|anybody|everybody|whoever)\b",
    "told, said, says for reported or returned": r"\b(?:told|said|says)\b",
    "is no X for is not an X": r"\b(?:is|are) no [a-z]+",
    "where for if or when": r"\bwhere (?:it|they|there|that|none|nothing|one|nobody)\b",
    "so many, so long for a number": r"\bso (?:many|much|long|often)\b",
    "beside": r"\bbeside\b",
    "look at for inspect": r"\blook(?:s|ed)? (?:at|into|for)\b",
    "hole for gap": r"\bholes?\b",
    "as far as": r"\bas far as\b",
    "stands in, lies in for is in": (r"\b(?:stands?|lies?|lie) (?:in|at|on|for|there|beside|apart|under)\b"),
    "the way for process": r"\b(?:its|on the|the) way\b",
}
_IDIOM = re.compile("|".join(f"(?:{pattern})" for pattern in IDIOMS.values()), re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z']+")
#: A string literal with this many spaces is a sentence and not an identifier.
_MIN_SPACES_OF_A_SENTENCE = 5

#: Idioms per 1,000 words, as last measured. Lower a ceiling when the figure falls; never raise one.
CEILINGS = {
    "advice": 3.0,
}
#: Ceiling of a package without an entry of its own, and of all prose together.
DEFAULT_CEILING = 1.5
TOTAL_CEILING = 1.5


def _code_prose(source: str) -> Iterator[str]:
    """Docstrings, comments and sentences in string literals."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        sentence = token.type == tokenize.STRING and token.string.count(" ") >= _MIN_SPACES_OF_A_SENTENCE
        if token.type == tokenize.COMMENT or (sentence and '"""' not in token.string):
            yield token.string


def _package(path: Path) -> str:
    parts = path.relative_to(pages.ROOT / "src" / "safelight").parts
    return parts[0] if len(parts) > 1 else "top level"


def _packages() -> list[str]:
    """The keys of `_texts`, which takes seconds and so is not called while tests are collected."""
    source = pages.ROOT / "src" / "safelight"
    return sorted({"docs", "locales", "policies", *map(_package, source.rglob("*.py"))})


@cache
def _texts() -> dict[str, str]:
    """All prose, by package or kind of page."""
    found: dict[str, list[str]] = {}
    source = pages.ROOT / "src" / "safelight"
    for path in sorted(source.rglob("*.py")):
        found.setdefault(_package(path), []).extend(_code_prose(path.read_text(encoding="utf-8")))
    documents = [*pages.ROOT.glob("*.md"), *(pages.ROOT / "docs").rglob("*.md")]
    # Two pages quote the phrases that they advise against.
    quoting = {"style.md", "glossary.md"}
    found["docs"] = [path.read_text(encoding="utf-8") for path in documents if path.name not in quoting]
    found["locales"] = [path.read_text(encoding="utf-8") for path in (source / "i18n").rglob("*.en.yaml")]
    found["policies"] = [
        path.read_text(encoding="utf-8") for path in (source / "policy" / "shipped").rglob("*.yaml")
    ]
    return {name: "\n".join(texts) for name, texts in found.items()}


def _rate(text: str) -> float:
    """Idioms per 1,000 words."""
    return 1000 * len(_IDIOM.findall(text)) / max(len(_WORD.findall(text)), 1)


@pytest.mark.parametrize("name", _packages())
def test_a_package_has_few_idioms(name: str) -> None:
    text = _texts()[name]
    found = [match.group(0) for match in _IDIOM.finditer(text)]
    assert _rate(text) <= CEILINGS.get(name, DEFAULT_CEILING), found


def test_every_package_is_measured() -> None:
    assert _packages() == sorted(_texts())


def test_all_prose_together_has_few_idioms() -> None:
    assert _rate("\n".join(_texts().values())) <= TOTAL_CEILING


@pytest.mark.parametrize(
    ("text", "idioms"),
    [
        ("Nobody is told where it stands.", 3),
        ("Returns the status of the request.", 0),
        ("There are no files.", 1),
    ],
)
def test_the_patterns_find_idioms_and_leave_plain_sentences(text: str, idioms: int) -> None:
    assert len(_IDIOM.findall(text)) == idioms
