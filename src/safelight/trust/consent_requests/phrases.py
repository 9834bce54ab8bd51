"""Random phrases that a subject writes on paper and holds before the camera."""

from __future__ import annotations

import secrets

#: Short common words that cannot be confused in handwriting. Four of them and a number give 20 million
#: phrases, so that a clip that was recorded before does not show the right one.
_WORDS = {
    "en": (
        *("apple", "bridge", "candle", "desert", "engine", "flower", "garden", "hammer", "island", "jacket"),
        *(
            "kitchen",
            "ladder",
            "market",
            "needle",
            "orange",
            "pencil",
            "rabbit",
            "silver",
            "tunnel",
            "window",
        ),
    ),
    "zh-Hant": (
        *("蘋果", "大橋", "蠟燭", "沙漠", "引擎", "花朵", "花園", "鐵鎚", "小島", "外套"),
        *("廚房", "梯子", "市場", "縫針", "橘子", "鉛筆", "兔子", "銀色", "隧道", "窗戶"),
    ),
    "zh-Hans": (
        *("苹果", "大桥", "蜡烛", "沙漠", "引擎", "花朵", "花园", "铁锤", "小岛", "外套"),
        *("厨房", "梯子", "市场", "缝针", "橘子", "铅笔", "兔子", "银色", "隧道", "窗户"),
    ),
}
_WORD_COUNT = 4


def new_phrase(language: str) -> str:
    """Four different words and a number of three digits, in the language of the subject."""
    words = secrets.SystemRandom().sample(_WORDS[language], _WORD_COUNT)
    return " ".join([*words, str(100 + secrets.randbelow(900))])
