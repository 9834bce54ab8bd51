from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from safelight.cli.wrapping import wrap, wrap_lines
from safelight.core.i18n.messages import load_document

SENTENCES = tuple(
    text
    for tag in ("zh-Hant", "zh-Hans")
    for slice_ in ("provider_errors", "provider_rules", "doctor")
    for text in load_document(slice_, tag).values()
)


@pytest.mark.parametrize("width", [20, 60, 80])
def test_no_line_is_too_wide_or_starts_or_ends_with_the_wrong_punctuation(width: int) -> None:
    assert SENTENCES
    for text in SENTENCES:
        lines = wrap(text, width)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        for line in lines:
            assert cell_len(line) <= width or " " not in line.strip(), line
            if cell_len(line) > width:
                continue
            assert unicodedata.category(line[-1]) not in ("Ps", "Pi"), line
        for line in lines[1:]:
            assert not line.startswith(tuple("，。、；：！？」』）》”’")), line


def test_chinese_fills_the_line_and_closing_punctuation_stays_with_its_word() -> None:
    text = "Google Veo 的文件寫明會拒絕這段提示詞：「知名人物」。"
    assert wrap(text, 40) == ["Google Veo 的文件寫明會拒絕這段提示詞：", "「知名人物」。"]
    assert wrap("提示詞寫著「貓」。", 12) == ["提示詞寫著", "「貓」。"]


def test_english_is_broken_at_spaces_only() -> None:
    assert wrap("one two-three four", 9) == ["one", "two-three", "four"]
    assert wrap("", 9) == [""]


def test_an_address_is_not_broken() -> None:
    address = "https://example.com/" + "x" * 40
    assert wrap(f"see {address} now", 20) == ["see", address, "now"]


def test_a_continued_line_keeps_its_indentation() -> None:
    assert wrap_lines("a b\n  c d", 4) == "a b\n  c\n  d"
    assert wrap_lines("a b", 4, indent=2) == "  a\n  b"
