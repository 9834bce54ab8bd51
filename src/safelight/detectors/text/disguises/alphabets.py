"""Letters of other alphabets as Latin letters: styled letters by their Unicode names, turned letters, other
keyboards, Braille, Morse, and spoken spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def read_table(packed: str) -> dict[str, str]:
    """A table from entries "key:value"; the key has at least one character, which may be a colon."""
    return {entry[:1] + key: value for entry in packed.split() for key, value in [entry[1:].split(":", 1)]}


_LETTER_NAME = re.compile(
    r"(?:LETTER|CAPITAL|SMALL|SYMBOL|MODIFIER|SUBSCRIPT|TURNED|REVERSED|INVERTED|OPEN|SCRIPT|BARRED|SIDEWAYS|DOTLESS"
    r"|CLOSED|TOP HALF|BOTTOM HALF|LONG|INSULAR|STRETCHED) ([A-Z])(?: WITH .*| ROTUNDA| SYMBOL)?$"
)
#: Signs that resemble a letter, and neither have it in their name nor are folded to it.
_SHAPES = (
    "ƨsʃsꝆlʒzƷzɣyʊuθo∂d∆aΛaλlπn∩n∪u⊂c∑e√v×x¢c£l¥y€e§sßb†tðdþpæaœo∀a∃e∨vժdҽehզqꭇr"
    "ϲcүyաwηnяrиnдdЯrИnшwщwцuчyфoэeыbЬbъbзeжxлnпn"
    "ᎪaᏴbᏟcᎠdᎬeᏀgᎻhᎥiᎫjᏦkᏞlᎷmᏢpᏒrᏚsᎢtᏙvᎳwᏃzᏗaᏰbፈcᎴdᏋeᎦfᎶgᏂhᏠjᏝlᏁnᎧoᎮpᎤqᏕsᏖtᏬuᏉvᏇwጀxᎩyፚz"
    "ꓮaꓐbꓚcꓓdꓰeꓝfꓖgꓧhꓲiꓙjꓗkꓡlꓟmꓠnꓳoꓑpꓣrꓢsꓔtꓴuꓦvꓪwꓫxꓬyꓜz"
    "ᗅaᗷbᑕcᗞdᗪdᗴeᖴfᘜgᕼhᒍjᛕkᒪlᗰmᑎnᗝoᑭpᖇrᔕsᑌuᐯvᗯw᙭x"
    "คa๒bςc๔dєeŦfﻮgђhเiןl๓mภn๏oקpợqรsยuשvฬwץyאx"
)
_SIGNS: dict[str, str] = dict(re.findall("([^a-z])([a-z])", _SHAPES))
_TURNED = "ɐqɔpǝɟƃɥᴉɾʞןɯuodbɹsʇnʌʍxʎz"
_TURN_BACK = {
    **dict(zip(_TURNED, LETTERS, strict=True)),
    **dict(zip("∀ᗺƆᗡƎℲ⅁⅄Ԁᴚ⊥∩ΛƖɪıᴉꞁlɓɡƒ˥ɿ", "abcdefgyprtuviiiillggflr", strict=False)),
    "l": "l",
    "¡": "!",
    "¿": "?",
    "˙": ".",
    "'": ",",
}
#: Letters that only occur in text that is turned by half a circle.
_ONLY_TURNED = frozenset("ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ∀ƆƎℲ⅁˙")
#: What the keys of a Latin keyboard write, from the top left, in other layouts.
_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,."
_LAYOUTS = (
    "йцукенгшщзхъфывапролджэячсмитьбю",
    "йцукенгшщзхїфівапролджєячсмитьбю",
    ";ςερτυθιοπ[]ασδφγηξκλ΄'ζχψωβνμ,.",
    "/'קראטוןםפ][שדגכעיחלךף,זסבהנמצתץ",
    "ضصثقفغعهخحجدشسيبلاتنمكطئءؤر\0ىةوز",
    "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ[]ㅁㄴㅇㄹㅎㅗㅓㅏㅣ;'ㅋㅌㅊㅍㅠㅜㅡ,.",
    "ㄆㄊㄍㄐㄔㄗㄧㄛㄟㄣ「」ㄇㄋㄎㄑㄕㄘㄨㄜㄠㄤ'ㄈㄌㄏㄒㄖㄙㄩㄝㄡ",
    "ๆไำพะัีรนยบลฟหกดเ้่าสวงผปแอิืทมใ",
    "',.pyfgcrl/=aoeuidhtns-;qjkxbmwv",
    "azertyuiop^$qsdfghjklmùwxcvbn,;:",
    "qwfpgjluy;[]arstdhneio'zxcvbkm,.",
    "wertyuiop[]\\sdfghjkl;'\nxcvbnm,./",
    "\tqwertyuiop[`asdfghjkl;\tzxcvbnm,",
    "1234567890-=qwertyuiop[asdfghjkl",
)
_BRAILLE = dict(
    zip("⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", LETTERS, strict=True),
    **{
        "⠯": "and",
        "⠷": "of",
        "⠮": "the",
        "⠿": "for",
        "⠾": "with",
        "⠫": "ed",
        "⠡": "ch",
        "⠩": "sh",
        "⠹": "th",
        "⠱": "wh",
    },
)
_MORSE = dict(
    zip(
        re.findall(
            r"\S+",
            ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- "
            "-..- -.-- --..",
        ),
        LETTERS,
        strict=True,
    )
)
_SPOKEN = frozenset(
    re.findall(
        r"\S+",
        "alfa alpha able adam bravo baker boy charlie charles delta dog david echo easy edward foxtrot fox "
        "frank golf george hotel how henry india item ida ink juliet juliett john jig kilo king lima love "
        "lincoln lewis mike mary november nan nora nancy oscar oboe ocean papa peter paul quebec queen romeo "
        "roger robert sierra sugar sam tango tare thomas tom uniform uncle union victor whiskey whisky "
        "william xray x-ray yankee yoke young zulu zebra ",
    )
)


@lru_cache(maxsize=16_384)
def _latin(character: str) -> str:
    """The Latin letter that the character shows, by its name; otherwise the character."""
    if character.isascii() or character in _SIGNS:
        return _SIGNS.get(character, character)
    name = unicodedata.name(character, "")
    is_latin = unicodedata.category(character) == "So" or re.search("LATIN|MATHEMATICAL|WIDTH", name)
    found = _LETTER_NAME.search(name) if is_latin else None
    return str(found.group(1)).lower() if found else character


def read_styles(text: str, fold: Callable[[str], str]) -> str:
    """Styled, enclosed, small or turned Latin letters as plain ones; other signs folded."""
    return "".join(
        letter if letter.isascii() else fold(letter)
        for letter in (character if character.isascii() else _latin(character) for character in text)
    )


def turn_back(text: str) -> str:
    """A text that is turned by half a circle; empty if it has no turned letters."""
    if sum(letter in _ONLY_TURNED for letter in text) < 3:
        return ""
    return "".join(_TURN_BACK.get(letter, letter) for letter in reversed(text))


@cache
def keyboards() -> tuple[dict[int, str], ...]:
    """Tables from what a keyboard wrote to what its keys are in English."""
    return tuple(
        {ord(sign): key for sign, key in zip(layout, _KEYS, strict=False) if sign != key}
        for layout in _LAYOUTS
    )


def read_braille(text: str) -> str:
    """Braille cells as letters and contractions; empty if there are few."""
    if sum("\u2801" <= sign <= "\u28ff" for sign in text) < 8:
        return ""
    return "".join(_BRAILLE.get(sign, " " if sign == "\u2800" else sign) for sign in text)


def read_morse(text: str) -> str:
    """Morse code in any two signs for dot and dash; empty if the text has none."""
    folded = re.sub("[–—−_ー▬]", "-", re.sub("[·•∙●⋅․*]", ".", text))
    codes = re.findall(r"[.\-]+|[/|\n]|\s{2,}", folded)
    if sum(code in _MORSE for code in codes) < 8:
        return ""
    return "".join(_MORSE.get(code, " ") for code in codes)


def read_spoken(text: str) -> str:
    """The first letters of spelling words such as "bravo"; empty if most words are others."""
    words = re.findall(r"[a-z]+(?:-[a-z]+)?|[,./|;\n]+", text.casefold())
    letters = [
        word[0] if word[0].isalpha() else " " for word in words if word in _SPOKEN or not word[0].isalpha()
    ]
    spoken = sum(letter != " " for letter in letters)
    return "".join(letters) if spoken >= 8 and 2 * spoken >= len(words) else ""
