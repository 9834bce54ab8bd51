"""The language of the command line's output: `--lang`, else `SAFELIGHT_LANG`, else the locale."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from safelight.core.i18n import (
    DEFAULT,
    LANGUAGES,
    language_of_environment,
    load_messages,
    match_language,
    name_category,
    translate_error,
    translate_sentence,
)

if TYPE_CHECKING:
    from safelight.core.i18n import Messages

OPTION = "--lang"


class _Chosen:
    """The language of this process. Not a context variable: threads of `serve` print too."""

    tag = DEFAULT


def take_language(arguments: list[str]) -> list[str]:
    """Set the language of this process, and return the arguments without `--lang`.

    `--lang` may stand before or after the command. Raises `ConfigurationError` for an unknown language.
    """
    from safelight.core.errors import ConfigurationError

    _Chosen.tag = _encodable(language_of_environment(os.environ))
    rest: list[str] = []
    given = iter(arguments)
    for argument in given:
        if argument == "--":
            return [*rest, argument, *given]
        name, equals, value = argument.partition("=")
        if name != OPTION:
            rest.append(argument)
            continue
        wanted = value if equals else next(given, "")
        found = match_language(wanted)
        if found is None:
            raise ConfigurationError(f"Unknown language: {wanted!r}.", remedy=f"Use {', '.join(LANGUAGES)}.")
        _Chosen.tag = _encodable(found)
    return rest


def _encodable(tag: str) -> str:
    """English if standard output cannot show the language, because escapes of every letter are unreadable."""
    if tag == DEFAULT:
        return tag
    sample = load_messages("cli", tag)("check.none")
    try:
        sample.encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return DEFAULT
    return tag


def language() -> str:
    """The tag of the language in use."""
    return _Chosen.tag


def texts(catalogue: str = "cli") -> Messages:
    """The messages of the command line, or of another catalogue, in the language in use."""
    return load_messages(catalogue, _Chosen.tag)


def join_sentences(sentences: Iterable[str]) -> str:
    """The sentences as one text, with the separator of the language in use."""
    return texts("explanations")("join").join(sentences)


def translate(sentence: str) -> str:
    """A sentence or name of `doctor` or `coverage` in the language in use, or else in English."""
    return translate_sentence("doctor", sentence, _Chosen.tag) or sentence


def translate_help(text: str) -> str:
    """The help of a command or option in the language in use. Paragraphs without one stay English."""
    if _Chosen.tag == DEFAULT:
        return text
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(_command_sentence(paragraph) for paragraph in paragraphs)


def translate_lines(text: str, *, error: bool = False) -> str:
    """The result of a command, or an error, in the language in use. Lines without a translation stay
    English.
    """
    lines = []
    for line in text.split("\n"):
        words = line.lstrip(" ")
        said = translate_error(words, _Chosen.tag) if error else _command_sentence(words)
        lines.append(line.removesuffix(words) + said)
    return "\n".join(lines)


def _command_sentence(sentence: str) -> str:
    return translate_sentence("commands", sentence, _Chosen.tag) or sentence


def category_name(category: str) -> str:
    """The category in words. A category of a plugin has no translation and keeps its own name."""
    return name_category(category, _Chosen.tag)


def modality_name(modality: str) -> str:
    """The modality in words."""
    return texts("console")(f"modality.{modality}")


def detector_name(detector: str) -> str:
    """The detector in words. A detector of a plugin has no translation and keeps its own name."""
    words = texts("detectors")
    return words(detector) if words.has(detector) else detector
