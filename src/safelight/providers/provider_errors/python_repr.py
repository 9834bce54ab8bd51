"""Converts Python's dictionary notation, as exceptions print it, to JSON. One pass, no evaluation."""

from __future__ import annotations

import json
import re

_TOKENS = re.compile(
    r"(?P<open>[{\[(])|(?P<close>[}\])])|(?P<string>[rbu]?'(?:[^'\\]|\\.)*'|[rbu]?\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>None|True|False|nan|null|true|false|undefined)\b|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<key>[A-Za-z_$][\w$]*)(?=\s{0,4}:)|(?P<mark>[:,])|(?P<space>\s+)",
    re.DOTALL,
)
_WORDS = {"None": "null", "True": "true", "False": "false", "nan": "null", "undefined": "null"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)


def as_json_text(text: str) -> tuple[str, int] | None:
    """The JSON of the Python or JavaScript literal at the start of `text`, and the number of characters
    read; None if there is none.
    """
    parts: list[str] = []
    position, depth = 0, 0
    while position < len(text):
        token = _TOKENS.match(text, position)
        if token is None:
            return None
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
            parts.append(json.dumps(_unquoted(found)))
        elif kind == "word":
            parts.append(_WORDS.get(found, found))
        elif kind == "key":
            parts.append(json.dumps(found))
        elif kind != "space":
            parts.append(found)
    return None


def _unquoted(literal: str) -> str:
    body = literal.lstrip("rbu")[1:-1]
    return _ESCAPE.sub(_escaped, body)


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)
