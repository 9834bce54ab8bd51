"""Parses a pasted error into status, headers, fields and messages. Bounded; never raises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from .python_repr import as_json_text
from .words import words

#: Number of characters read. A short text is read completely; of a long one, both ends and the parts that
#: look like errors.
_SHORT, _END = 32_768, 8_192
_TROUBLE = re.compile(
    r"error|fail|block|moderat|polic|safety|violat|sensitiv|reject|refus|denied|limit|quota|timeout|timed out"
    r"|raimedia|nsfw|exception|support codes|敏感|违规|違規|审核|審核|错误|錯誤",
    re.IGNORECASE,
)
_MAX_PAIRS, _MAX_DOCUMENTS, _MAX_TRIES, _MAX_DEPTH = 4000, 24, 48, 24
#: Larger amounts are not prices.
MAX_AMOUNT = 1e9
_MAX_DOCUMENT, _MAX_PYTHONIC = 40_000, 12_000
_BEGIN = re.compile(r"\{\s{0,9}[\"'\w$}]|\[\s{0,9}[{\[]")
_PAIR = re.compile(
    r"[\"']?\b([A-Za-z_][\w.\-]{1,40})[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?([\w./\-]{1,80})", re.ASCII
)
_HEADER = re.compile(r"^[<*\s]{0,4}([A-Za-z][A-Za-z0-9\-]{1,40}): ?(.{1,300})$", re.MULTILINE)
_STATUSES = (
    re.compile(r"\bHTTP/\d(?:\.\d)?\"?\s+([1-5]\d\d)\b"),
    re.compile(
        r"(?i)\b(?:error code|status code|status_code|statuscode|http error|http status|http|status|failed:|"
        r"failed with|returned|status code was)\s{0,2}[:=]?\s{0,2}\(?([45]\d\d)\b"
    ),
    re.compile(r"(?i)<title>\s{0,5}([45]\d\d)\b"),
    re.compile(r"(?i)\b([45]\d\d) (?:client error|server error|bad request|unauthorized|payment required|"
               r"forbidden|not found|unprocessable|too many requests|internal server error|bad gateway|"
               r"service unavailable|service temporarily unavailable|gateway time-?out)"),
)  # fmt: skip
_MARKUP = re.compile(r"<(?:script|style)\b[^<>]{0,300}>[^<]{0,4000}|<[^<>]{0,300}>", re.IGNORECASE)
_NUMBERS = re.compile(r"[1-5]\d\d")


@dataclass(frozen=True)
class ParsedError:
    """A parsed error of a server or library."""

    #: The text including markup; empty for a parsed body.
    whole: str
    documents: tuple[Any, ...] = ()
    given_status: int | None = None
    given_headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Scalar fields by lower-case name, from the documents first, then from loose `name: value` pairs
        of the text.
        """
        found: list[tuple[str, str]] = []
        for document in self.documents:
            for name, value in _scalars(document):
                if len(found) >= _MAX_PAIRS:
                    return tuple(found)
                if name not in words().echoes:
                    found.append((name, value))
        if not self.is_bare_message:
            for match in _PAIR.finditer(self.whole):
                if len(found) >= _MAX_PAIRS:
                    break
                name = match[1].lower()
                if name not in words().echoes:
                    found.append((name, match[2]))
        return tuple(found)

    @property
    def is_bare_message(self) -> bool:
        """Whether the input was a single body without surrounding text."""
        return self.whole == "" or (len(self.documents) == 1 and self.whole[:1] in "{[" and self._closed)

    @cached_property
    def _closed(self) -> bool:
        try:
            json.loads(self.whole)
        except (ValueError, RecursionError):
            return False
        return True

    @cached_property
    def prose(self) -> str:
        """The messages: from the documents without request content, and from the surrounding text without
        markup.
        """
        parts = [value for name, value in self.pairs if " " in value or len(value) > 3 or not value.isascii()]
        if not self.is_bare_message:
            parts.append(" ".join(_MARKUP.sub(" ", self._outside).split()))
        return "\n".join(parts)[: 2 * _SHORT]

    @cached_property
    def _outside(self) -> str:
        """The text with request content removed."""
        return re.sub(
            r"([\"'](?:prompt|promptText|negative_prompt|positivePrompt|input_text)[\"']\s{0,3}:\s{0,3})"
            r"(?:\"(?:[^\"\\]|\\.){0,8000}\"|'(?:[^'\\]|\\.){0,8000}')",
            r"\1",
            self.whole,
        )

    @cached_property
    def signature(self) -> str:
        """Text in which a provider can be recognized, without prompts: names and values of fields, or the
        surrounding text.
        """
        if not self.is_bare_message:
            return self._outside
        names = (name for document in self.documents for name in _names(document))
        lines = (f'"{name}": "{value}"' for name, value in self.pairs)
        return "\n".join((*islice(names, _MAX_PAIRS), *lines))[: 2 * _SHORT]

    @cached_property
    def by_name(self) -> Mapping[str, tuple[str, ...]]:
        table: dict[str, list[str]] = {}
        for name, value in self.pairs:
            table.setdefault(name, []).append(value)
        return {name: tuple(values) for name, values in table.items()}

    @cached_property
    def empty_lists(self) -> frozenset[str]:
        """Names of the empty lists at the top of the documents."""
        return frozenset(
            str(name)
            for document in self.documents
            if isinstance(document, Mapping)
            for name, value in document.items()
            if value == []
        )

    def values(self, names: str) -> Iterator[str]:
        """Values of fields with one of these names (`code|type`), in the order of the names."""
        for name in names.split("|"):
            yield from self.by_name.get(name.lower(), ())

    def field(self, names: str, pattern: str) -> bool:
        wanted = re.compile(pattern, re.IGNORECASE)
        return any(wanted.fullmatch(value) for value in self.values(names))

    def first(self, names: str) -> str:
        return next(iter(self.values(names)), "")

    @cached_property
    def headers(self) -> Mapping[str, str]:
        found = {match[1].lower(): match[2].strip() for match in _HEADER.finditer(self.whole)}
        return {**found, **{name.lower(): value for name, value in self.given_headers.items()}}

    @cached_property
    def status(self) -> int | None:
        """The HTTP status: as given, as found in the pasted text, or as repeated in a document."""
        if self.given_status is not None:
            return self.given_status
        for pattern in _STATUSES:
            for match in pattern.finditer(self.whole):
                # Skips a proxy's `HTTP/1.1 200 Connection established`, which precedes the real response.
                if not match[1].startswith(("1", "2", "3")):
                    return int(match[1])
        for value in self.values("status_code|statuscode|httpstatus|http_status|status|code"):
            if _NUMBERS.fullmatch(value) and value[0] in "45":
                return int(value)
        return None

    @cached_property
    def html(self) -> bool:
        head = self.whole[:4000].lower()
        return "<html" in head or "<!doctype html" in head


def read_text(text: str) -> ParsedError:
    """Parses pasted text: JSON, JSON in a log line, curl output, a traceback, a web page, anything."""
    if len(text) > _SHORT and text.lstrip()[:1] in ("{", "["):
        try:
            return ParsedError(whole="", documents=(json.loads(text),))
        except (ValueError, RecursionError):
            pass
    considered = _considered(text)
    return ParsedError(whole=considered, documents=tuple(_documents(considered)))


def read_body(
    body: object, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ParsedError:
    """Parses a body with status and headers."""
    documents = [body]
    for _name, value in _scalars(body):
        if "{" in value and len(documents) < _MAX_DOCUMENTS:
            documents += _documents(value[:_MAX_DOCUMENT])
    return ParsedError(whole="", documents=tuple(documents), given_status=status, given_headers=headers or {})


def _considered(text: str) -> str:
    if len(text) <= _SHORT:
        return text
    parts, length, end = [text[:_END]], _END, _END
    for match in _TROUBLE.finditer(text, _END, len(text) - _END):
        if match.start() < end:
            continue
        piece = text[max(end, match.start() - 500) : match.start() + 1500]
        parts.append(piece)
        length += len(piece)
        end = match.start() + 1500
        if length > _SHORT - _END:
            break
    return "\n".join([*parts, text[max(end, len(text) - _END) :]])


def _documents(text: str, depth: int = 0) -> Iterator[Any]:
    """JSON values in a text and inside the strings of these values, also in Python notation."""
    decoder = json.JSONDecoder()
    position, found = 0, 0
    for _try in range(_MAX_TRIES):
        begin = _BEGIN.search(text, position)
        if begin is None or found >= _MAX_DOCUMENTS:
            return
        value, length = _value(text[begin.start() : begin.start() + _MAX_DOCUMENT], decoder)
        if length == 0:
            position = begin.start() + 1
            continue
        position = begin.start() + length
        if isinstance(value, dict) or (isinstance(value, list) and any(isinstance(x, dict) for x in value)):
            found += 1
            yield value
            if depth < 3:
                for _name, inner in _scalars(value):
                    if "{" in inner:
                        yield from _documents(inner[:_MAX_DOCUMENT], depth + 1)


def _value(part: str, decoder: json.JSONDecoder) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(part)
    except (ValueError, RecursionError):
        pass
    spelled = as_json_text(part[:_MAX_PYTHONIC])
    if spelled is None:
        return None, 0
    text, length = spelled
    try:
        return json.loads(text), length
    except (ValueError, RecursionError):
        return None, 0


def _names(value: Any, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _names(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:200]:
            yield from _names(inner, depth + 1)


def _scalars(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
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
        yield name, value[:8000]
    elif isinstance(value, int | float):
        try:
            yield name, str(value)
        except ValueError:
            # Python does not convert a number with this many digits.
            return


def read_amount(details: Mapping[str, object]) -> tuple[float | None, str]:
    """Amount and currency that `moderation_details` states as charged."""
    cost = details.get("charged")
    amount = cost.get("amount") if isinstance(cost, Mapping) else None
    if not isinstance(cost, Mapping) or isinstance(amount, bool) or not isinstance(amount, int | float):
        return None, ""
    currency = cost.get("currency")
    valid = 0 <= amount < MAX_AMOUNT and isinstance(currency, str) and re.fullmatch("[A-Z]{3}", currency)
    return (float(amount), str(currency)) if valid else (None, "")
