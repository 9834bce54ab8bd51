"""Translates sentences that code or documents have in English; the English text is the key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from .messages import DEFAULT, available_languages, load_document, load_messages

_REASONS = "reasons"
_FINDINGS = "findings"
#: The placeholders whose values are texts of this project. A value without a translation is from somewhere
#: else, such as a plugin, so the whole sentence stays English.
_OWN_TEXTS = frozenset(
    {"reason", "claim", "summary", "signs", "sign", "identifiers", "identifier", "symbol", "text"}
)
#: The deepest shipped sentence quotes five others. More are not translated, so that time stays small.
_MAX_DEPTH = 8
#: A name of this project, or a number. An address, a path or a message of another program does not match.
_PLAIN_VALUE = re.compile(r"[\w-]+(?:\.\d+)?")
_VALUE_KEY = re.compile(r"(\w+)=(?=.)")
#: A longer error quotes another program, and the patterns take time that grows with the square of its length.
_MAX_ERROR_CHARACTERS = 2_000
_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) ")
_GAP = re.compile(r"(?<=[。！？]) ")

_Sentences = tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]


def translate_reason(original: str, tag: str) -> str:
    """The translation of a shipped reason. A reason that an operator wrote is returned unchanged."""
    return translate_sentence(_REASONS, original, tag) or original


def translate_finding(original: str, tag: str) -> str:
    """The translation of a detector's reason. A reason of a plugin or of a model is returned unchanged."""
    return translate_sentence(_FINDINGS, original, tag) or original


def translate_error(original: str, tag: str) -> str:
    """The translation of an error or its remedy. Of a text that is not known as a whole, each sentence is
    translated, and one without a translation stays English.
    """
    if len(original) > _MAX_ERROR_CHARACTERS:
        return original
    found = _translate("errors", original, tag) or _translate("commands", original, tag)
    sentences = _END_OF_SENTENCE.split(original)
    if found or tag == DEFAULT or len(sentences) == 1:
        return found or original
    return _GAP.sub("", " ".join(translate_error(sentence, tag) for sentence in sentences))


def name_category(category: str, tag: str) -> str:
    """The category in words. A category of a plugin has no translation and keeps its own name."""
    words = load_messages("console", tag)
    key = f"category.{category.replace('/', '_').replace('-', '_')}"
    return words(key) if words.has(key) else category


def name_categories(categories: Iterable[str], tag: str) -> str:
    """The names of categories as a list in a sentence."""
    separator = load_messages("console", tag)("list.separator")
    return separator.join(name_category(category, tag) for category in categories)


def name_checks(checks: Mapping[str, Iterable[str]], tag: str) -> str:
    """The names of categories by modality, such as "images (Violence, Hate); audio (Hate)"."""
    words = load_messages("console", tag)
    return words("list.groups").join(
        words(
            "list.group",
            name=words(f"modality.{modality}"),
            items=name_categories(categories, tag),
        )
        for modality, categories in checks.items()
    )


def translate_sentence(slice_: str, original: str, tag: str) -> str | None:
    """The translation in a slice whose keys are the English sentences; None if it has none.

    Of the values that were inserted into the sentence, only texts of this project are translated: those of
    `_OWN_TEXTS` as sentences, a `{category}`, and values of `{NAME}` for which the slice has `NAME=VALUE`.
    """
    return _translate(slice_, original, tag)


def has_sentence(slice_: str, original: str) -> bool:
    """Whether a slice has the English sentence, with only names and numbers as its inserted values."""
    tag = next(tag for tag in available_languages(slice_) if tag != DEFAULT)
    exact, patterns = _sentences(slice_, tag).get("", ({}, []))
    matches = (pattern.fullmatch(original) for pattern, _ in patterns)
    return original in exact or any(
        found and all(map(_PLAIN_VALUE.fullmatch, found.groups())) for found in matches
    )


def _translate(slice_: str, original: str, tag: str, placeholder: str = "", depth: int = 0) -> str | None:
    """The translation of a sentence, or of a value of a placeholder that has a key of its own."""
    exact, patterns = _sentences(slice_, tag).get(placeholder, ({}, []))
    if original in exact:
        return exact[original]
    if depth == _MAX_DEPTH:
        return None
    for pattern, text in patterns:
        if found := pattern.fullmatch(original):
            values: dict[str, str] = {}
            for name, value in found.groupdict().items():
                translated = _translate_value(slice_, name, value, tag, depth + 1)
                if translated is None:
                    break
                values[name] = translated
            else:
                return text.format(**values)
    return None


def _translate_value(slice_: str, name: str, value: str, tag: str, depth: int) -> str | None:
    """The value for the translated sentence; None if it needs a translation and has none."""
    if name == "category":
        return name_category(value, tag)
    found = _translate(slice_, value, tag, name, depth)
    if name in _OWN_TEXTS:
        return found or _translate(slice_, value, tag, depth=depth)
    return found or value


@cache
def _sentences(slice_: str, tag: str) -> Mapping[str, _Sentences]:
    """The keys of the slice by placeholder: those of `NAME=VALUE` under `NAME`, whole sentences under "".

    Keys without inserted values are in a dict, the others are patterns.
    """
    tables: dict[str, _Sentences] = {}
    if tag not in available_languages(slice_):
        return tables
    for key, text in load_document(slice_, tag).items():
        found = _VALUE_KEY.match(key)
        placeholder, original = (found[1], key[found.end() :]) if found else ("", key)
        exact, patterns = tables.setdefault(placeholder, ({}, []))
        if "{" in original:
            patterns.append((_pattern(original), text))
        else:
            exact[original] = text
    for _, patterns in tables.values():
        # A key that begins with its own text decides before one that begins with a value; then the longest.
        patterns.sort(key=lambda pair: _rank(pair[0].pattern))
    return tables


def _rank(pattern: str) -> tuple[bool, int]:
    return pattern.startswith("(?P"), -len(re.sub(r"\(\?P.+?\)", "", pattern))


def _pattern(original: str) -> re.Pattern[str]:
    """A pattern that matches the reason after values were inserted for its `{names}`."""
    pieces = re.split(r"\{(\w+)\}", original)
    text = "".join(
        f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
    )
    return re.compile(text)
