"""Classifies the role of a named brand or character: subject of the video, or mentioned in passing."""

from __future__ import annotations

import re
from typing import Literal

_CONTEXT_CHARS = 40
_SUBJECT_WORDS = re.compile(
    r"\b(?:logo|commercial|advert|advertisement|ad|mascot|campaign|product shot|starring|featuring|"
    r"in the style of|as)\b|广告|廣告|标志|標誌|商标|商標"
)
_PASSING_WORDS = re.compile(
    r"\b(?:t-shirt|shirt|hoodie|cap|hat|mug|cup|can|bottle|toy|toys|figurine|plush|poster|sticker|costume|"
    r"backpack|lunchbox|bag|laptop|phone|sign|billboard|background|sneakers|shoes|wearing|drinks|drinking|"
    r"holding|parked|eating)\b|杯|瓶|玩具|海报|海報|背景"
)
#: A studio or label whose style is imitated: "in the style of ...", "... style", 风格.
_STYLE_BEFORE = re.compile(r"\b(?:in (?:the )?style of|inspired by|reminiscent of)(?: (?:the|a|studio))?\s?$")
_STYLE_AFTER = re.compile(
    r"^(?:'s)?[\s-]?(?:animation |film |movie |cartoon |anime )?(?:style|styled|aesthetic|inspired|vibes?)\b"
    r"|^(?:工作室)?(?:动画|动漫|电影)?(?:式的?|的?画?风格|画风|风)"
)
_STYLE_WITHIN = re.compile(r"(?:\bstyle|风格)$")


def is_style(text: str, start: int, end: int) -> bool:
    """Whether the name at this place only says whose style the picture imitates."""
    return (
        _STYLE_BEFORE.search(text[max(0, start - _CONTEXT_CHARS) : start]) is not None
        or _STYLE_AFTER.match(text[end : end + _CONTEXT_CHARS]) is not None
        or _STYLE_WITHIN.search(text[start:end]) is not None
    )


def classify_role(text: str, start: int, end: int, *, brand: bool = False) -> Literal["subject", "passing"]:
    """The role of the name at this place. Advertising words nearby mean `subject`. A brand whose style is
    imitated is not shown: `passing`.

    Otherwise, a nearby word for an object that bears the name, such as a poster, means `passing`. Without
    such words, a name near the start of the text is the subject.
    """
    if brand and is_style(text, start, end):
        return "passing"
    before = text[max(0, start - _CONTEXT_CHARS) : start]
    after = text[end : end + _CONTEXT_CHARS]
    if _SUBJECT_WORDS.search(before) or _SUBJECT_WORDS.search(after):
        return "subject"
    if _PASSING_WORDS.search(before) or _PASSING_WORDS.search(after):
        return "passing"
    return "subject" if start <= _CONTEXT_CHARS else "passing"
