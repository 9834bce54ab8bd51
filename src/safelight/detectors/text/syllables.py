"""Pinyin and zhuyin in a text: which words are syllables, and which sounds they are."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence
from functools import lru_cache
from importlib import resources

import msgspec

_TABLES = msgspec.json.decode(
    resources.files(__package__).joinpath("syllables.json").read_bytes(), type=dict[str, dict[str, str]]
)
_ZHUYIN_TONES = "ˊˇˋ˙ˉ"
ZHUYIN = re.compile(f"[ㄅ-ㄙ]?[ㄧㄨㄩ]?[ㄚ-ㄦ]?[{_ZHUYIN_TONES}]?")
#: Southern accents, by the sound as it is heard: both are the same sound for a reading with accents.
_ACCENTS = (
    (re.compile("^([zcs])h"), r"\1"),
    (re.compile("^n"), "l"),
    (re.compile("^hu?(?=[aeiou])"), "f"),
    (re.compile("^r"), "l"),
    (re.compile("(?<=[aeiu]n)g$"), ""),
)
LONGEST_SYLLABLE = 6
#: Share of the letters of a text that are in words of pinyin.
_PINYIN_SHARE = 0.9
#: The syllables of pinyin, or nearly: what is more than they are is no reading for the lexicon.
SYLLABLES = re.compile(
    r"(?:[bpmf](?:a|o|e|i|u|ai|ei|ao|ou|an|en|ang|eng|ian|iao|ie|in|ing|iu)"
    r"|[dtnl](?:a|e|i|u|v|ai|ei|ao|ou|an|en|ang|eng|ong|ia|ian|iang|iao|ie|in|ing|iu|uan|un|uo|ve|ue)"
    r"|(?:[gkh]|zh|ch|sh|[rzcs])(?:a|e|i|u|ai|ei|ao|ou|an|en|ang|eng|ong|ua|uai|uan|uang|ui|un|uo)"
    r"|[jqx](?:i|u|ia|ian|iang|iao|ie|in|ing|iong|iu|ue|uan|un)"
    r"|y(?:a|an|ang|ao|e|i|in|ing|ong|ou|u|ue|uan|un)|w(?:a|ai|an|ang|ei|en|eng|o|u)"
    r"|ai|ei|ao|ou|an|en|ang|er|a|e|o)+"
)


@lru_cache(maxsize=4_096)
def without_accent(sound: str) -> str:
    """The sound in which a speaker with a southern accent merges it with others."""
    for shape, merged in _ACCENTS:
        sound = shape.sub(merged, sound)
    return sound


def sound_of_zhuyin(signs: str) -> str:
    """The pinyin of one zhuyin syllable without its tone; empty if it is none."""
    signs = signs.strip(_ZHUYIN_TONES)
    initial = _TABLES["initials"].get(signs[:1], "")
    final = "".join(_TABLES["finals"].get(sign, "") for sign in signs[bool(initial) :])
    # Pinyin writes some endings in another way, after an initial and without one.
    if not initial:
        other = {"i": "y", "u": "w", "v": "yu"}.get(final[:1], "")
        return _TABLES["alone"].get(final, other + final[bool(other) :])
    final = _TABLES["after_initial"].get(final, final)
    if initial in ("j", "q", "x"):
        final = final.replace("v", "u")
    return initial + (final or "i")


def is_mostly_pinyin(words: Sequence[str]) -> bool:
    """Whether most letters of words in small letters are in words that are pinyin."""
    pinyin = sum(len(word) for word in words if SYLLABLES.fullmatch(word))
    return pinyin > _PINYIN_SHARE * sum(map(len, words))


def split_pinyin(word: str, sounds: Container[str]) -> tuple[str, ...]:
    """The fewest syllables of a word of Latin letters; empty if it is not pinyin."""
    best: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(word) + 1):
        found: tuple[str, ...] | None = None
        for start in range(max(0, end - LONGEST_SYLLABLE), end):
            before = best[start]
            if (
                before is not None
                and word[start:end] in sounds
                and (found is None or len(before) + 1 < len(found))
            ):
                found = (*before, word[start:end])
        best.append(found)
    return best[-1] or ()
