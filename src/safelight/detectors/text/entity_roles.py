"""Whether a named brand or character is what the video is about, or only passes through it."""

from __future__ import annotations

import re
from typing import Literal

_NEARBY = 40
_ABOUT = re.compile(
    r"\b(?:logo|commercial|advert|advertisement|ad|mascot|campaign|product shot|starring|featuring|"
    r"in the style of|as)\b|广告|廣告|标志|標誌|商标|商標"
)
_ON_A_THING = re.compile(
    r"\b(?:t-shirt|shirt|hoodie|cap|hat|mug|cup|can|bottle|toy|toys|figurine|plush|poster|sticker|costume|"
    r"backpack|lunchbox|bag|laptop|phone|sign|billboard|background|sneakers|shoes|wearing|drinks|drinking|"
    r"holding|parked|eating)\b|杯|瓶|玩具|海报|海報|背景"
)


def role(text: str, start: int, end: int) -> Literal["subject", "passing"]:
    """A simple rule: an advert, a logo or a name at the start is about it; a thing that bears it is not."""
    before = text[max(0, start - _NEARBY) : start]
    after = text[end : end + _NEARBY]
    if _ABOUT.search(before) or _ABOUT.search(after):
        return "subject"
    if _ON_A_THING.search(before) or _ON_A_THING.search(after):
        return "passing"
    return "subject" if start <= _NEARBY else "passing"
