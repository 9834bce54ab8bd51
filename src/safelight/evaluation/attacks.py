"""Attacks that come with Safelight: the readings of the text pipeline, the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from safelight.detectors.text.lookalikes import LOOKALIKES

_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5"})
_ALIKE = str.maketrans({plain: strange for strange, plain in reversed(LOOKALIKES.items()) if len(plain) == 1})
_INVISIBLE = "\u200b"


class Disguise:
    """Each variant hides all longer words in one way: digits, look-alikes, invisible signs, spread."""

    name = "disguise"

    def variants(self, text: str) -> Iterator[str]:
        for hide in (_leet, _look_alike, _invisible, _spread):
            variant = _words(text, hide)
            if variant != text:
                yield variant


DISGUISE = Disguise()


def _words(text: str, hide: Callable[[str], str]) -> str:
    return " ".join(hide(word) if len(word) > 3 else word for word in text.split(" "))


def _leet(word: str) -> str:
    return word[0] + word[1:].translate(_LEET)


def _look_alike(word: str) -> str:
    return word.translate(_ALIKE)


def _invisible(word: str) -> str:
    return _INVISIBLE.join(word)


def _spread(word: str) -> str:
    return ".".join(word) if word.isalpha() and word.isascii() else word
