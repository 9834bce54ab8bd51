"""Removes from a prompt what it says is absent: "no dogs", "without any parked cars", 没有小狗."""

from __future__ import annotations

import re

from safelight_storyboard.function_words import BREAKS, STARTS
from safelight_storyboard.noun_phrases import HAN, english_subjects, vocabulary_word
from safelight_storyboard.traditional import simplified

#: After "not" and "never" without an article, as in "does not see a cat", only one word is denied.
_DENIED = re.compile(
    r"\b(?:(?:(?:no longer|no|without)\s+(?:(?:an?|any|the)\s+)?"
    r"|(?:not|never|isn't|aren't)\s+(?:an?|any|the)\s+)"
    rf"(?P<words>[a-z-]+(?:\s+(?!(?:{'|'.join(sorted(BREAKS | STARTS))})\b)[a-z-]+){{0,2}})"
    r"|(?:not|never|isn't|aren't)\s+[a-z-]+)"
)
#: Not 无人机 (a drone), 无尾熊 (a koala), 无声 (silent).
_DENIED_HAN = re.compile(rf"(?:没有|无(?!人机|尾熊|声))(?:任何|一[只个位名辆架艘座栋条头匹点])?(?=[{HAN}])")
_ADJECTIVES_HAN = re.compile(r"[小大老白黑红黄灰花棕]{1,2}色?的?")


def without_denied(text: str) -> str:
    """A lower-case prompt without the things that it denies. The characters that remain are not changed."""
    text = _DENIED.sub(_rest, text)
    folded = simplified(text)
    kept, at = "", 0
    for match in _DENIED_HAN.finditer(folded):
        if match.start() >= at:
            kept += text[at : match.start()] + " "
            at = _han_end(folded, match.end())
    return kept + text[at:]


def _rest(match: re.Match[str]) -> str:
    """What remains of a denial: the words after the subject that is denied, or else after its first word."""
    if match["words"] is None:
        return " "
    first, *after = match["words"].split(maxsplit=1)
    subject = None if first in BREAKS | STARTS else english_subjects().search(match["words"])
    return " " + ("".join(after) if subject is None else match["words"][subject.end() :])


def _han_end(text: str, at: int) -> int:
    """The end of the word at a place: a word of the vocabulary, also after an adjective, or one character."""
    known = vocabulary_word(text, at, len(text))
    adjectives = _ADJECTIVES_HAN.match(text, at)
    if known == 0 and adjectives is not None:
        at = adjectives.end()
        known = vocabulary_word(text, at, len(text))
    return at + max(known, 1)
