from __future__ import annotations

import base64
import random
import re
import string
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.disguises.language import divide, is_other_language, known_share, words_of
from safelight.detectors.text.guessed_views import readable_views
from safelight.detectors.text.normalise import final_views

LETTERS = string.ascii_lowercase
HERON = "the grey heron walks along the frozen river and waits quietly for the morning sun to rise"
ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=200)
CODED = st.text(alphabet="01 .-/|\n'\"=a=bxΩж⠓🇦\ud800\u200b(4", min_size=12, max_size=160)


def _guesses(text: str) -> list[str]:
    return [view.text for view in readable_views(text) if view.is_guess]


def _swap(table: dict[str, str]) -> Callable[[str], str]:
    return lambda text: "".join(table.get(letter, letter) for letter in text)


def _shift(text: str) -> str:
    return _swap(dict(zip(LETTERS, LETTERS[5:] + LETTERS[:5], strict=True)))(text)


def _dvorak(text: str) -> str:
    return _swap(dict(zip("abcdefghijklmnopqrstuvwxyz", "axje.uidchtnmbrl'poygk,qf;", strict=True)))(text)


def _grid(text: str) -> str:
    body = text.replace(" ", "_")
    return "\n".join(" ".join(body[row::6]) for row in range(6))


def _acrostic(text: str) -> str:
    words = "olive lamp over the quiet hill".split()  # noqa: SIM905 - a carrier
    return "\n".join(
        f"{letter}{random.Random(at).choice(words)}" for at, letter in enumerate(text.replace(" ", ""))
    )


def _fields(text: str) -> str:
    pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
    return ", ".join(f'part{at}="{piece}"' for at, piece in enumerate(pieces))


def _key(text: str) -> str:
    kinds = sorted(set(text) - {" "})
    table = {letter: str(at) for at, letter in enumerate(kinds, 30)} | {" ": "99"}
    key = ", ".join(f"{number}={letter.replace(' ', '_')}" for letter, number in table.items())
    return f"{key}\n" + " ".join(table[letter] for letter in text)


def _stir(text: str) -> str:
    drawn = random.Random(4)
    return re.sub(r"\B\w{2,}\B", lambda hit: "".join(drawn.sample([*hit.group()], len(hit.group()))), text)


DISGUISES: dict[str, Callable[[str], str]] = {
    "shift": _shift,
    "atbash": _swap(dict(zip(LETTERS, LETTERS[::-1], strict=True))),
    "dvorak": _dvorak,
    "greek keyboard": _swap(
        dict(zip("abcdefghijklmnopqrstuvwxyz", "αβψδεφγηιξκλμνοπ;ρστθωςχυζ", strict=True))
    ),
    "squared": _swap({letter: chr(0x1F170 + at) for at, letter in enumerate(LETTERS)}),
    "small capitals": _swap(dict(zip("abcdeghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", strict=True))),
    "block of signs": _swap({letter: chr(0x2460 + 0x100 + at) for at, letter in enumerate(LETTERS)}),
    "backwards": lambda text: text[::-1],
    "words backwards": lambda text: " ".join(word[::-1] for word in text.split()),
    "base 32": lambda text: "decode: " + base64.b32encode(text.encode()).decode(),
    "base 85": lambda text: base64.b85encode(text.encode()).decode(),
    "octal": lambda text: " ".join(f"{ord(letter):03o}" for letter in text),
    "decimal": lambda text: " ".join(str(ord(letter)) for letter in text),
    "bits": lambda text: "".join(f"{ord(letter):08b}" for letter in text).replace("0", "x").replace("1", "o"),
    "place from the end": lambda text: " / ".join(
        " ".join(str(26 - LETTERS.index(letter)) for letter in word) for word in text.split()
    ),
    "phone keys": lambda text: " 0 ".join(
        " ".join(_key_of(letter) for letter in word) for word in text.split()
    ),
    "inserted group": lambda text: re.sub("(?=[aeiouy])", "ub", text),
    "robber language": lambda text: re.sub("([bcdfghjklmnpqrstvwxz])", r"\1o\1", text),
    "columns": _grid,
    "acrostic": _acrostic,
    "every third": lambda text: "".join(letter + "xq" for letter in text),
    "fields": _fields,
    "key": _key,
    "stars": lambda text: "*".join(text),
    "no blanks": lambda text: text.replace(" ", ""),
    "no vowels": lambda text: re.sub(r"\B[aeiou]", "", text),
    "doubled": lambda text: re.sub("([a-z])", r"\1\1", text),
    "stirred": lambda text: _stir(text.replace("the", "their")),
    "markup": lambda text: "".join(f"{letter}<i></i>" for letter in text),
    "cyrillic by sound": lambda text: _swap(
        dict(zip("abdefgiklmnoprstuvyzh", "абдефгиклмнопрстувйзх", strict=True))
    )(text.replace("w", "v").replace("q", "k")),
}


def _key_of(letter: str) -> str:
    keys = ("abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz")
    key, group = next((key, group) for key, group in enumerate(keys, 2) if letter in group)
    return str(key) * (group.index(letter) + 1)


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguised_sentence_has_a_guessed_reading(name: str) -> None:
    wanted = set(words_of(HERON))
    disguised = DISGUISES[name](HERON)
    best = max((len(wanted & set(words_of(text))) / len(wanted) for text in _guesses(disguised)), default=0)
    assert best >= 0.6, (disguised, _guesses(disguised))


@pytest.mark.parametrize(
    "text",
    [
        HERON,
        "Two bakers in Lisbon shape loaves before sunrise, 4K, 24 fps, shot on Arri Alexa",
        "El perro corre por la playa mientras los niños juegan con una pelota roja",
        "Der alte Mann sitzt am Fenster und liest seiner Enkelin eine Geschichte vor",
        "Seekor kucing tidur di atas meja kayu dekat jendela yang terbuka",
        "一只小狗在海边奔跑，夕阳把沙滩染成金色",
        "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n# done\n",
        "+49 30 1234567, +49 30 7654321, +49 40 2468013",
    ],
)
def test_a_plain_text_has_no_guessed_reading(text: str) -> None:
    assert not _guesses(text)


@given(ANY_TEXT | CODED)
def test_a_guess_lies_in_the_text_and_never_replaces_it(text: str) -> None:
    found = readable_views(text)
    for view in found:
        if view.is_guess:
            assert len(view.offsets) == len(view.text) + 1
            assert list(view.offsets) == sorted(view.offsets)
            assert 0 <= view.offsets[0] <= view.offsets[-1] <= len(text)
    assert not final_views(found)[0].is_guess


@given(st.lists(st.sampled_from(HERON.split()), min_size=1, max_size=30))
def test_divided_letters_are_the_same_letters(words: list[str]) -> None:
    parts, likelihood = divide("".join(words))
    assert "".join(parts) == "".join(words)
    assert likelihood < 0
    assert known_share(parts) == 1


def test_other_languages_are_known() -> None:
    assert is_other_language("der hund ist in dem haus und die katze auch".split())  # noqa: SIM905
    assert not is_other_language(HERON.split())


@pytest.mark.parametrize("unit", ["a", "ab ", "x\n", "'q' ", "1=a ", "<b", "4|) ", "щ", "- .", "01 "])
def test_a_long_text_takes_linear_time(unit: str) -> None:
    text = (unit * 4000)[:4000]
    readable_views(text)
    began = time.perf_counter()
    readable_views(text * 4)
    # 30 ms on a free core; a step with quadratic time takes seconds.
    assert time.perf_counter() - began < 1.5
