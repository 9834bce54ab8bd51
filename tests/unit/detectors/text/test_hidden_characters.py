from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.encodings import decode_views
from safelight.detectors.text.hidden_characters import count_unread, remove_hidden
from safelight.detectors.text.normalise import views
from safelight.detectors.text.pipeline import TextPipeline
from safelight.detectors.text.words import load_shipped

SEEN = "A harbour at dusk, with boats coming home"
HIDDEN = "a quiet lighthouse keeper"
Hide = Callable[[str], str]


def as_tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) for letter in text)


def as_selectors(text: str) -> str:
    return "".join(chr(0xFE00 + byte if byte < 16 else 0xE00F0 + byte) for byte in text.encode())


def as_private(text: str) -> str:
    return "".join(chr(0xF0000 + ord(letter)) for letter in text)


def as_bits(text: str) -> str:
    return "".join(f"{byte:08b}" for byte in text.encode()).translate({48: "\u200b", 49: "\u200c"})


def as_opposite_bits(text: str) -> str:
    return "".join(f"{byte:07b}" for byte in text.encode()).translate({48: "\u2060", 49: "\ufeff"})


def as_reversed(text: str) -> str:
    return f"\u202e{text[::-1]}\u202c"


UNSEEN: list[Hide] = [as_tags, as_selectors, as_private, as_bits, as_opposite_bits]


@pytest.mark.parametrize("hide", [*UNSEEN, as_reversed])
def test_a_hidden_text_is_read_and_its_place_is_in_the_original(hide: Hide) -> None:
    text = f"{SEEN} {hide(HIDDEN)} and so on"
    found = next(view for view in views(text) if HIDDEN in view.text)
    start = found.text.index(HIDDEN)
    first, last = found.span(start, start + len(HIDDEN))
    assert len(SEEN) < first < last <= len(text) - len(" and so on")


def test_a_hidden_chinese_text_is_read() -> None:
    assert any(view.text == "灯塔守护人" for view in views(f"🌅{as_selectors('灯塔守护人')}"))


def test_a_text_of_flag_letters_is_read() -> None:
    flags = "".join(chr(0x1F1E6 + ord(letter) - ord("a")) for letter in "lighthouse")
    assert any(view.text == "lighthouse" for view in views(f"{SEEN} {flags}"))
    assert any(view.text == "lighthouse" for view in views(f"{SEEN} {' '.join(flags)}"))


@pytest.mark.parametrize("hide", UNSEEN)
def test_hidden_characters_between_the_letters_are_read(hide: Hide) -> None:
    signs = iter(hide(HIDDEN))
    text = "".join(letter + next(signs, "") for letter in 12 * SEEN)
    assert any(HIDDEN in view.text for view in views(text))


ORDINARY = [
    "the flag 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f of England",
    "a family 👩‍❤️‍👨 and 👨‍👩‍👧‍👦, a heart ❤️, a key 1️⃣2️⃣3️⃣",
    "می‌خواهم، نمی‌دانم، کتاب‌خانه",
    "क्‍ष और श्री‌मान",
    "ខ្ញុំ\u200bចង់\u200bបាន\u200bទូក",
    "葛\U000e0100城と辻\U000e0101",
    "an apple \uf8ff and a soft\u00adhyphen",
    "🇫🇷 🇩🇪 🇮🇹",
    "\ufeffa file with a mark",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_scripts_and_emoji_hide_nothing_and_stay(text: str) -> None:
    assert list(decode_views(text)) == []
    assert not count_unread(text, ())
    assert remove_hidden(text) == text.replace("\uf8ff", "")


@pytest.mark.parametrize("hide", UNSEEN)
@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=8, max_size=60))
def test_what_is_removed_is_the_hidden_text(hide: Hide, hidden: str) -> None:
    assert remove_hidden(SEEN + hide(hidden)) == SEEN


def test_a_writing_direction_is_not_sent() -> None:
    assert remove_hidden(f"{SEEN} {as_reversed(HIDDEN)}") == f"{SEEN} {HIDDEN[::-1]}\u202c"


@pytest.mark.parametrize("hide", UNSEEN)
def test_what_no_view_reads_is_a_gap(hide: Hide) -> None:
    pipeline = TextPipeline([load_shipped()], budget_s=20.0)
    report = pipeline.screen({"prompt": SEEN + hide("7/3=9!%&15;#-_[]{}0")})
    assert not any(cell.complete for cell in report.cells)
    assert "characters that nobody sees" in report.cells[0].note
    assert all(cell.complete for cell in pipeline.screen({"prompt": SEEN + hide(HIDDEN)}).cells)
