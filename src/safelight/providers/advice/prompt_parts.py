"""The parts of a prompt that can be left out: a word with the articles and prepositions before it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from safelight.detectors.text.word_grams import chinese_words

#: A word of a script with letters; Chinese words are cut by a dictionary.
_WORD = re.compile(r"[^\W_\u3400-\u9fff]+(?:['’][^\W_\u3400-\u9fff]+)?")
#: Words that are left out only together with the next word: a text without them alone is hardly different.
_BOUND = re.compile(
    "an?|the|this|that|these|those|of|in|on|at|to|for|from|with|without|by|and|or|but|as|is|are|was|were|be|been"
    "|being|its?|his|her|their|my|our|your|he|she|they|we|i|you|into|onto|over|under|near|next|while|very|so"
    "|just|some|any|each|every|no|not"
    "|的|了|着|著|在|是|有|和|与|與|或|也|都|就|很|把|被|对|對|从|從|到|向|一|[一这這那][个個]|这|這|那|[他她它你我您]们?|[他她它你我您]們"
    "|[不没沒之其]|[没沒]有|里|裡|裏|上|下|中"
)
#: Punctuation that belongs to the part before it.
_CLOSING = re.compile(r"[\s,.;:!?，。；：！？、…)\]）】」』”’\"']*")


@dataclass(frozen=True, kw_only=True)
class PromptPart:
    """Characters `start` to `end` (exclusive) of a prompt, and the one word in them that carries meaning."""

    start: int
    end: int
    word: str


def split_parts(text: str, known: Iterable[tuple[int, int]] = ()) -> tuple[PromptPart, ...]:
    """The parts of a text, in order. Together they are the whole text.

    `known` are the starts and ends of words that are known to be one, such as Chinese words of our tables.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    spans += [(start, end) for _, start, end in chinese_words(text)]
    for start, end in known:
        spans = [span for span in spans if span[1] <= start or end <= span[0]] + [(start, end)]
    spans.sort()
    carrying = [span for span in spans if not _BOUND.fullmatch(text[slice(*span)].lower())] or spans
    parts: list[PromptPart] = []
    begin = 0
    for number, (start, end) in enumerate(carrying):
        is_last = number + 1 == len(carrying)
        closed = _CLOSING.match(text, end)
        finish = len(text) if is_last or closed is None else closed.end()
        parts.append(PromptPart(start=begin, end=finish, word=text[start:end]))
        begin = finish
    return tuple(parts)


def keep_parts(text: str, parts: tuple[PromptPart, ...], kept: Collection[int]) -> str:
    """The text with only the parts whose numbers are in `kept`."""
    return "".join(text[part.start : part.end] for n, part in enumerate(parts) if n in kept).strip()
