"""The commands that a newcomer calls first, in three languages."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from rich.cells import cell_len

from safelight.cli.doctor import print_checks
from safelight.cli.doctor_checks import OPTIONAL_DETECTORS, DoctorCheck, DoctorState
from safelight.cli.output import Exit, make_console
from safelight.core.i18n import load_messages, translate_sentence
from safelight.detectors.registry import GROUP
from safelight.screening.coverage_limits import UNSUPPORTED
from support.commands import Run, Say, speaking

LANGUAGES = ("en", "zh-Hant", "zh-Hans")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_coverage_is_a_table_of_80_columns_with_detectors_and_figures_in_words(
    run: Run, say: Say, language: str
) -> None:
    said = say("coverage", "--lang", language, code=None).out
    table = said.splitlines()[: 1 + 1 + 21]
    assert all(cell_len(line.rstrip()) <= 80 for line in table)
    columns = [
        [cell_len(line[: match.start()]) for match in re.finditer(r"(?<=  )\S", line)] for line in table[1:]
    ]
    assert len(set(map(tuple, columns))) == 1, "columns are aligned, wide characters count two"
    assert not re.search("[\u2500-\u257f\x1b]|self-harm/|ip/|sexual/", said)
    assert "[detectors.text-guard]" in said
    named = [
        line for line in said.splitlines() if re.match("Checked|檢查|检查", line) and "safelight " not in line
    ]
    assert named
    for cell in run("coverage", code=None)["cells"]:
        for name in cell["detectors"]:
            assert not any(re.search(rf"\b{name}\b", line) for line in named if "-" in name), name
    if language != "en":
        for line in named:
            words = re.sub(
                r"docs/\S+|MiniLM|NudeNet|OpenNSFW|Whisper|CenterFace|BlazeFace|EfficientNet-Lite", "", line
            )
            assert not re.search("[A-Za-z]{3}", words), line


def test_the_decision_sheet_is_written_in_the_language_in_use(say: Say, folder: Path) -> None:
    say("coverage", "--sheet", "sheet.html", code=None)
    assert "Decision sheet" in (folder / "sheet.html").read_text("utf-8")
    say("coverage", "--sheet", "sheet.html", "--lang", "zh-Hans", code=None)
    assert "决策表" in (folder / "sheet.html").read_text("utf-8")


def test_doctor_is_aligned_and_translated(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [
        DoctorCheck(name="disk", state=DoctorState.OK, message="1.5 GiB free on the disk of “data”."),
        DoctorCheck(
            name="detector text-guard",
            state=DoctorState.OFF,
            message="Would check prompts with a language model on your server.",
            remedy="Set it up: docs/prompts.md#guard-models",
        ),
    ]
    with speaking("zh-TW"):
        print_checks(make_console(), checks)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "正常    磁碟：「data」所在的磁碟可用空間 1.5 GiB。"
    assert lines[1] == "未啟用  文字審核模型：以您伺服器上的語言模型檢查提示詞。"
    assert lines[2] == "        設定方式：docs/prompts.md#guard-models"
    assert lines[-1] == "1 項正常，1 項選用功能未啟用，0 項警告，0 項失敗。"


def test_without_a_subcommand_only_the_help_is_printed(say: Say) -> None:
    printed = say("keys", code=Exit.CONFIGURATION).err
    assert printed.startswith("Usage: safelight keys")
    assert "See: " not in printed


@pytest.mark.parametrize("tag", LANGUAGES[1:])
def test_every_detector_hint_and_reason_of_a_gap_is_translated(tag: str) -> None:
    for point in entry_points(group=GROUP):
        if point.value.startswith("safelight."):
            assert load_messages("detectors", tag).has_own(point.name), point.name
    hints = (sentence for hint in OPTIONAL_DETECTORS.values() for sentence in hint)
    for sentence in (*hints, *UNSUPPORTED.values()):
        assert translate_sentence("doctor", sentence, tag), sentence
