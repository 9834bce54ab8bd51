"""Every sentence with which the source raises an error is in the catalogue of errors, in both scripts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

import safelight
from safelight.core import errors
from safelight.core.i18n import translate_error
from safelight.core.i18n.messages import load_document

TAGS = ("zh-Hant", "zh-Hans")
ROOT = Path(safelight.__file__).parents[2]
SOURCES = (ROOT / "src", ROOT / "packages/lab/src", ROOT / "packages/storyboard/src")
#: Stands for every inserted value. It is a sentence of the catalogue, because a value may be one.
VALUE = "Skip it."
#: Their sentences are for the log and the record of a gap: the tree of errors marks them.
GAPS = set(re.findall(r"(\w+) +\(gap\)", errors.__doc__ or ""))
#: What a sentence has of its own, without its values. Less is a separator or a field with a sentence.
LEAST_WORDS = re.compile(r"[A-Za-z]{2}")


@cache
def modules() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for source in SOURCES for path in sorted(source.rglob("*.py"))]


def last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


@cache
def error_classes() -> frozenset[str]:
    """`SafelightError` and its descendants, of all files."""
    found, before = {"SafelightError"}, 0
    classes = [node for module in modules() for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
    while len(found) > before:
        before = len(found)
        found |= {node.name for node in classes if found & set(map(last_name, node.bases))}
    return frozenset(found - GAPS)


@cache
def returned() -> dict[str, list[ast.expr]]:
    """What the functions of one name return, of all files."""
    known: dict[str, list[ast.expr]] = {}
    for module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                values = [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
                known.setdefault(node.name, []).extend(values)
    return known


def assigned(module: ast.Module, name: str) -> Iterator[ast.expr]:
    for node in ast.walk(module):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if name in map(last_name, targets):
                yield node.value


def texts(node: ast.expr, module: ast.Module, depth: int = 3) -> list[str]:
    """The texts that an expression can be, with `VALUE` for each part that the source does not state.

    Empty if it is only a value, such as the message of another error.
    """
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return ["".join(one) for one in product(*(inserted(part, module) for part in parts))]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = texts(left, module, depth), texts(right, module, depth)
            return ["".join(one) for one in product(*(one or [VALUE] for one in both))] if any(both) else []
        case ast.IfExp(body=first, orelse=second):
            return texts(first, module, depth) + texts(second, module, depth)
        case ast.BoolOp(values=values):
            return [text for value in values for text in texts(value, module, depth)]
        case ast.Name(id=name) if depth:
            return [text for value in assigned(module, name) for text in texts(value, module, depth - 1)]
        case ast.Call(func=ast.Name(id=name)) if depth:
            return [text for value in returned().get(name, []) for text in texts(value, module, depth - 1)]
    return []


def inserted(part: ast.expr, module: ast.Module) -> list[str]:
    """The texts of a part of an f-string: its own text, or the alternatives of a value that states them."""
    if isinstance(part, ast.FormattedValue):
        stated = isinstance(part.value, ast.IfExp | ast.BoolOp)
        return (texts(part.value, module, depth=0) if stated else []) or [VALUE]
    return texts(part, module)


@cache
def sentences() -> frozenset[str]:
    return frozenset(stated_sentences())


def stated_sentences() -> Iterator[str]:
    for module in modules():
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and last_name(call.func) in error_classes():
                named = [one.value for one in call.keywords if one.arg in ("message", "remedy")]
                for argument in [*call.args[:1], *named]:
                    yield from texts(argument, module)


def test_the_source_has_errors() -> None:
    assert {"Unauthenticated", "InvalidField", "SettingsError"} <= error_classes()
    assert len(sentences()) > 1000


@pytest.mark.parametrize("tag", TAGS)
def test_every_error_and_remedy_is_translated(tag: str) -> None:
    wanted = {text for text in sentences() if LEAST_WORDS.search(text.replace(VALUE, ""))}
    missing = {text for text in wanted if not CHINESE.search(said(text, tag)) and not COMMAND(text)}
    assert missing == set()


def said(text: str, tag: str) -> str:
    """The translation without that of the values."""
    return translate_error(text, tag).replace(translate_error(VALUE, tag), "")


#: A letter or a mark of Chinese.
CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")
#: A command that is typed as it is.
COMMAND = re.compile(r"(safelight|pip install) \S.*").fullmatch


@pytest.mark.parametrize("tag", TAGS)
def test_no_entry_of_the_catalogue_matches_any_sentence(tag: str) -> None:
    other = "The quick brown fox, at night: it jumps over 13 lazy dogs (all of them)."
    assert translate_error(other, tag) == other
    for original in load_document("errors", tag):
        own = re.sub(r"\{\w+\}", "", original.partition("=")[2] or original)
        assert LEAST_WORDS.search(own) or "{text}" in original or "=" in original, original


def test_a_text_of_several_sentences_is_translated_one_by_one() -> None:
    assert (
        translate_error("Skip it. Qwerty asdf. Send it again.", "zh-Hant")
        == "請略過。Qwerty asdf. 請再次傳送。"
    )
    assert translate_error("Skip it. Send it again.", "en") == "Skip it. Send it again."
    assert translate_error("Line 3: The prompt is empty.", "zh-Hans") == "第 3 行：提示词是空的。"
