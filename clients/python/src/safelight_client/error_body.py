"""Reads the body of an error: its fields and messages, also those of JSON inside its texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

#: The server reads longer texts; here a caller may wait in an event loop.
_MAX_DEPTH, _MAX_PAIRS, _MAX_DOCUMENTS, _MAX_TRIES = 24, 4000, 24, 16
_MAX_VALUE, _MAX_TEXT = 8000, 16_384
_BEGIN = re.compile(r"\{\s{0,9}[\"'\w$}]|\[\s{0,9}[{\[]")
#: Tokens of a literal of Python or JavaScript.
_TOKENS = re.compile(
    r"(?P<open>[{\[(])|(?P<close>[}\])])|(?P<string>[rbu]?'(?:[^'\\]|\\.)*'|[rbu]?\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>None|True|False|nan|null|true|false|undefined)\b|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<key>[A-Za-z_$][\w$]*)(?=\s{0,4}:)|(?P<mark>[:,])|(?P<space>\s+)",
    re.DOTALL,
)
_WORDS = {"None": "null", "True": "true", "False": "false", "nan": "null", "undefined": "null"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class ErrorBody:
    """The body of an error with its status and headers, as the rules see it."""

    def __init__(
        self, body: object, status: int | None, headers: Mapping[str, str], echoes: frozenset[str]
    ) -> None:
        """`echoes`: names of the fields in which a response repeats the request."""
        self.headers = headers
        self.documents = [body]
        for _name, value in _scalars(body):
            if "{" in value and len(self.documents) < _MAX_DOCUMENTS:
                self.documents += _read_documents(value)
        every = (pair for document in self.documents for pair in _scalars(document) if pair[0] not in echoes)
        self._pairs = list(islice(every, _MAX_PAIRS))
        self._by_name: dict[str, list[str]] = {}
        for name, value in self._pairs:
            self._by_name.setdefault(name, []).append(value)
        self.status = self._repeated_status() if status is None else status

    def _repeated_status(self) -> int | None:
        names = "status_code|statuscode|httpstatus|http_status|status|code"
        numbers = (value for value in self.values(names) if re.fullmatch(r"[45]\d\d", value))
        return next((int(value) for value in numbers), None)

    @cached_property
    def prose(self) -> str:
        """The messages."""
        words = (value for _, value in self._pairs if len(value) > 3 or " " in value or not value.isascii())
        return "\n".join(words)[:_MAX_TEXT]

    @cached_property
    def signature(self) -> str:
        """Names and values of fields, in which a provider can be recognized."""
        names = (name for document in self.documents for name in _names(document))
        lines = (f'"{name}": "{value}"' for name, value in self._pairs)
        return "\n".join((*islice(names, _MAX_PAIRS), *lines))[:_MAX_TEXT]

    @cached_property
    def empty_lists(self) -> frozenset[str]:
        """Names of the empty lists at the top of the documents."""
        objects = (document for document in self.documents if isinstance(document, Mapping))
        return frozenset(str(name) for found in objects for name, value in found.items() if value == [])

    def values(self, names: str) -> Iterator[str]:
        """Values of fields with one of these names (`code|type`), in the order of the names."""
        for name in names.split("|"):
            yield from self._by_name.get(name.lower(), ())

    def first(self, names: str) -> str:
        return next(self.values(names), "")


def _names(value: object, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:200]:
            yield from _names(inner, depth + 1)


def _scalars(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _scalars(inner, str(key).lower(), depth + 1)
    elif isinstance(value, list):
        for inner in value[:200]:
            yield from _scalars(inner, name, depth + 1)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, str):
        yield name, value[:_MAX_VALUE]
    elif isinstance(value, int | float):
        try:
            yield name, str(value)
        except ValueError:
            return  # Python does not convert a number with this many digits.


def _read_documents(text: str, depth: int = 0) -> Iterator[Any]:
    """Objects in a text, also in the notation of Python, and inside the texts of these objects."""
    position, found = 0, 0
    for _try in range(_MAX_TRIES):
        begin = _BEGIN.search(text, position)
        if begin is None or found >= _MAX_DOCUMENTS:
            return
        value, length = _read_value(text[begin.start() :])
        position = begin.start() + max(length, 1)
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(x, dict) for x in value)):
            found += 1
            yield value
            if depth < 3:
                for _name, inner in _scalars(value):
                    if "{" in inner:
                        yield from _read_documents(inner, depth + 1)


def _read_value(text: str) -> tuple[Any, int]:
    """The value at the start of a text, and its length; None and 0 if there is none."""
    try:
        return json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        pass
    try:
        converted, length = _convert_literal(text)
        return json.loads(converted), length
    except (ValueError, RecursionError):
        return None, 0


def _convert_literal(text: str) -> tuple[str, int]:
    """The JSON of a literal of Python or JavaScript, and its length. Raises `ValueError` if there is none."""
    parts: list[str] = []
    position, depth = 0, 0
    while token := _TOKENS.match(text, position):
        position = token.end()
        kind, found = token.lastgroup, token.group()
        if kind == "open":
            depth += 1
            parts.append("[" if found == "(" else found)
        elif kind == "close":
            depth -= 1
            if parts and parts[-1] == ",":
                parts.pop()
            parts.append("]" if found == ")" else found)
            if depth == 0:
                return "".join(parts), position
        elif kind == "string":
            parts.append(json.dumps(_ESCAPE.sub(_unescape, found.lstrip("rbu")[1:-1])))
        elif kind == "key":
            parts.append(json.dumps(found))
        elif kind != "space":
            parts.append(_WORDS.get(found, found))
    raise ValueError(text[:80])


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPES.get(code, code)
