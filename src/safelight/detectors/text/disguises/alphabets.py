"""Letters of other alphabets as Latin letters: styled letters by their Unicode names, turned letters, other
keyboards, Braille, Morse, spoken spelling, and other scripts by their sound.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LETTER_NAME = re.compile(
    r"(?:LETTER|CAPITAL|SMALL|SYMBOL|MODIFIER|SUBSCRIPT|TURNED|REVERSED|INVERTED|OPEN|SCRIPT|BARRED|SIDEWAYS|DOTLESS"
    r"|CLOSED|TOP HALF|BOTTOM HALF|LONG|INSULAR|STRETCHED) ([A-Z])(?: WITH .*| ROTUNDA| SYMBOL)?$"
)
#: Signs that have no letter in their name and resemble one.
_SIGNS = dict(
    zip("ƨʃꞁꝆʒƷɣɩʊθ∂∆Λλπ∩∪⊂∑√×¢£¥€§ßøł†ðþæœ∀∃∨ω", "sslLzzyiuodaannucevxclyesbolfdpaoaevw", strict=False)
)
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
    zip(
        "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵⠯⠷⠮⠿⠾⠫⠡⠩⠹⠱",
        [
            "a",
            "b",
            "c",
            "d",
            "e",
            "f",
            "g",
            "h",
            "i",
            "j",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "q",
            "r",
            "s",
            "t",
            "u",
            "v",
            "w",
            "x",
            "y",
            "z",
            "and",
            "of",
            "the",
            "for",
            "with",
            "ed",
            "ch",
            "sh",
            "th",
            "wh",
        ],
        strict=True,
    )
)
_MORSE = dict(
    zip(
        [
            ".-",
            "-...",
            "-.-.",
            "-..",
            ".",
            "..-.",
            "--.",
            "....",
            "..",
            ".---",
            "-.-",
            ".-..",
            "--",
            "-.",
            "---",
            ".--.",
            "--.-",
            ".-.",
            "...",
            "-",
            "..-",
            "...-",
            ".--",
            "-..-",
            "-.--",
            "--..",
        ],
        LETTERS,
        strict=True,
    )
)
_MORSE_DIGITS = ["-----", ".----", "..---", "...--", "....-", ".....", "-....", "--...", "---..", "----."]
_SPOKEN = [
    "alfa",
    "alpha",
    "able",
    "adam",
    "bravo",
    "baker",
    "boy",
    "charlie",
    "charles",
    "delta",
    "dog",
    "david",
    "echo",
    "easy",
    "edward",
    "foxtrot",
    "fox",
    "frank",
    "golf",
    "george",
    "hotel",
    "how",
    "henry",
    "india",
    "item",
    "ida",
    "ink",
    "juliet",
    "juliett",
    "john",
    "jig",
    "kilo",
    "king",
    "lima",
    "love",
    "lincoln",
    "lewis",
    "mike",
    "mary",
    "november",
    "nan",
    "nora",
    "nancy",
    "oscar",
    "oboe",
    "ocean",
    "papa",
    "peter",
    "paul",
    "quebec",
    "queen",
    "romeo",
    "roger",
    "robert",
    "sierra",
    "sugar",
    "sam",
    "tango",
    "tare",
    "thomas",
    "tom",
    "uniform",
    "uncle",
    "union",
    "victor",
    "whiskey",
    "whisky",
    "william",
    "xray",
    "x-ray",
    "yankee",
    "yoke",
    "young",
    "zulu",
    "zebra",
]
#: Letters of scripts by the sound of the name that Unicode gives them.
_SOUND_NAME = re.compile(
    r"(?:CYRILLIC|GREEK|GEORGIAN|ARMENIAN|HEBREW|ARABIC|DEVANAGARI|COPTIC|GOTHIC|RUNIC|OGHAM|GLAGOLITIC|PHOENICIAN"
    r"|DESERET|SHAVIAN|CHEROKEE|HANGUL|HIRAGANA|KATAKANA|BENGALI|THAANA|THAI|TIFINAGH)"
    r" (?:CAPITAL |SMALL |LETTER |SYLLABLE |CHARACTER |CHOSEONG |JUNGSEONG |JONGSEONG |FINAL |VOWEL SIGN |YEH? )*"
    r"([A-Z]+)"
)
_SOUNDS = {
    "CYRILLIC": "a:a be:b ve:v ghe:g de:d ie:e io:yo zhe:j ze:z i:i short:y ka:k el:l em:m en:n o:o pe:p er:r es:s "
    "te:t u:u ef:f ha:h tse:ts che:ch sha:sh shcha:sh hard: yeru:i soft: e:e yu:yu ya:ya byelorussian:i yi:i "
    "ukrainian:e je:j dje:j lje:l nje:n dzhe:j tshe:ch",
    "GREEK": "alpha:a beta:b gamma:g delta:d epsilon:e zeta:z eta:i theta:th iota:i kappa:k lamda:l mu:m nu:n xi:x "
    "omicron:o pi:p rho:r sigma:s tau:t upsilon:u phi:f chi:h psi:ps omega:o",
    "HEBREW": "alef:a bet:b gimel:g dalet:d he:h vav:v zayin:z het:h tet:t yod:y kaf:k lamed:l mem:m nun:n samekh:s "
    "ayin:e pe:p tsadi:ts qof:k resh:r shin:sh tav:t",
    "ARABIC": "alef:a beh:b teh:t theh:th jeem:j hah:h khah:kh dal:d thal:th reh:r zain:z seen:s sheen:sh sad:s dad:d "
    "tah:t zah:z ain:a ghain:g feh:f qaf:k kaf:k lam:l meem:m noon:n heh:h waw:w peh:p tcheh:ch veh:v gaf:g",
    "GEORGIAN": "an:a ban:b gan:g don:d en:e vin:v zen:z tan:t in:i kan:k las:l man:m nar:n on:o par:p zhar:j rae:r "
    "san:s tar:t un:u phar:p khar:k ghan:g qar:k shin:sh chin:ch can:ts jil:dz cil:ts char:ch xan:h jhan:j hae:h",
    "ARMENIAN": "ayb:a ben:b gim:g da:d ech:e za:z eh:e et:e to:t zhe:j ini:i liwn:l xeh:h ca:ts ken:k ho:h ja:dz "
    "ghad:g cheh:ch men:m yi:y now:n sha:sh vo:o cha:ch peh:p jheh:j ra:r seh:s vew:v tiwn:t reh:r co:ts yiwn:u piwr:p "
    "keh:k oh:o feh:f",
    "RUNIC": "fehu:f uruz:u thurisaz:th ansuz:a raido:r kauna:k gebo:g wunjo:w haglaz:h naudiz:n isaz:i jeran:j "
    "iwaz:i pertho:p algiz:z sowilo:s tiwaz:t berkanan:b ehwaz:e mannaz:m laukaz:l ingwaz:ng dagaz:d othalan:o ac:a "
    "aesc:a yr:y ear:ea ior:io cen:c long:s short:t",
    "GOTHIC": "ahsa:a bairkan:b giba:g dags:d aihvus:e qairthra:q iuja:z hagl:h thiuth:th eis:i kusma:k lagus:l "
    "manna:m nauths:n jer:j urus:u pairthra:p raida:r sauil:s teiws:t winja:w faihu:f iggws:x hwair:hw othal:o",
}


@lru_cache(maxsize=16_384)
def _latin(character: str) -> str:
    """The Latin letter that the character shows, by its name; otherwise the character."""
    if character.isascii() or character in _SIGNS:
        return _SIGNS.get(character, character)
    found = _LETTER_NAME.search(unicodedata.name(character, ""))
    return found.group(1).lower() if found else character


def read_styles(text: str) -> str:
    """Styled, enclosed, small or turned Latin letters as plain ones."""
    return "".join(map(_latin, text))


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
    return "".join(_MORSE.get(code, " " if code not in _MORSE_DIGITS else code[0]) for code in codes)


def read_spoken(text: str) -> str:
    """The first letters of spelling words such as "bravo"; empty if most words are others."""
    words = re.findall(r"[a-z]+(?:-[a-z]+)?|[,./|;\n]+", text.casefold())
    letters = [
        word[0] if word[0].isalpha() else " " for word in words if word in _SPOKEN or not word[0].isalpha()
    ]
    spoken = sum(letter != " " for letter in letters)
    return "".join(letters) if spoken >= 8 and 2 * spoken >= len(words) else ""


@lru_cache(maxsize=16_384)
def _sound(character: str) -> str:
    name = unicodedata.name(character, "")
    found = _SOUND_NAME.match(name)
    if not found:
        return character
    sound = found.group(1).lower()
    table = _sounds(name.split(" ", 1)[0])
    return table.get(sound, sound if not table else sound[0])


@cache
def _sounds(script: str) -> dict[str, str]:
    return dict(entry.split(":") for entry in _SOUNDS.get(script, "").split())  # type: ignore[misc]


def read_sounds(text: str) -> str:
    """Letters of another script by their sound; empty if the text has few."""
    read = "".join(map(_sound, text.casefold()))
    return read if sum(letter.isascii() and letter.isalpha() for letter in read) >= 0.5 * len(read) else ""
