"""Built-in attacks. Each one disguises a text in a way that the text pipeline can decode."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from safelight.detectors.text import normalise as emoji
from safelight.detectors.text.chinese import SIMPLIFIED
from safelight.detectors.text.normalise import LOOKALIKES

_LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0", "s": "5"})
_ALIKE = str.maketrans({plain: strange for strange, plain in reversed(LOOKALIKES.items()) if len(plain) == 1})
_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
_TRADITIONAL = str.maketrans({plain: old for old, plain in reversed(SIMPLIFIED.items())})
_INVISIBLE = "\u200b"
_VOWEL = re.compile(r"(?<![aeiou])[aeiou](?![aeiou])", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TextAttack:
    """Transforms the whole text into one variant that a reader or a model still understands."""

    name: str
    rewrite: Callable[[str], str]

    def variants(self, text: str) -> Iterator[str]:
        variant = self.rewrite(text)
        if variant != text:
            yield variant


class Disguise:
    """Four variants of a text. Each one disguises all words of more than three characters in one way:
    digits, homoglyphs, invisible characters, or dots between the letters.
    """

    name = "disguise"

    def variants(self, text: str) -> Iterator[str]:
        for hide in (_leet, _look_alike, _invisible, _spread):
            variant = _words(text, hide)
            if variant != text:
                yield variant


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


def _stretched(word: str) -> str:
    return _VOWEL.sub(lambda hit: hit.group() * 4, word, count=1) if word.isascii() else word


def _pictures(text: str) -> str:
    """Replaces each word that has an emoji with that emoji."""
    return " ".join(emoji.EMOJI_BY_WORD.get(word.lower(), word) for word in text.split(" "))


def _base64(text: str) -> str:
    return base64.b64encode(_encoded(text)).decode("ascii")


def _hex(text: str) -> str:
    return _encoded(text).hex()


def _url(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in _encoded(text))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


DISGUISE = Disguise()
FULLWIDTH = TextAttack(name="fullwidth", rewrite=lambda text: text.translate(_WIDE))
LOOK_ALIKES = TextAttack(name="look-alikes", rewrite=lambda text: text.translate(_ALIKE))
INVISIBLE = TextAttack(name="invisible", rewrite=lambda text: _INVISIBLE.join(text))
LEET = TextAttack(name="leet", rewrite=lambda text: _words(text, _leet))
SPACED = TextAttack(name="spaced", rewrite=lambda text: _words(text, _spread))
REPEATED = TextAttack(name="repeated", rewrite=lambda text: _words(text, _stretched))
EMOJI = TextAttack(name="emoji", rewrite=_pictures)
BASE64 = TextAttack(name="base64", rewrite=_base64)
HEX = TextAttack(name="hex", rewrite=_hex)
ROT13 = TextAttack(name="rot13", rewrite=lambda text: codecs.encode(text, "rot13"))
URL = TextAttack(name="url", rewrite=_url)
OTHER_SCRIPT = TextAttack(name="other-script", rewrite=lambda text: text.translate(_TRADITIONAL))
#: One attack for each step of the normaliser.
REWRITINGS = (
    *(FULLWIDTH, LOOK_ALIKES, INVISIBLE, LEET, SPACED, REPEATED, EMOJI),
    *(BASE64, HEX, ROT13, URL, OTHER_SCRIPT),
)
