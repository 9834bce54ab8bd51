"""The commands that a newcomer calls first, in three languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from safelight.cli import main
from safelight.cli.doctor import format_checks
from safelight.cli.doctor_checks import DoctorCheck, DoctorState
from safelight.cli.language import take_language
from safelight.i18n import translate_sentence
from safelight.moderation.coverage_limits import UNSUPPORTED

LANGUAGES = ("en", "zh-Hant", "zh-Hans")


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_coverage_is_a_table_of_80_columns_without_boxes_or_category_ids(
    capsys: pytest.CaptureFixture[str], language: str
) -> None:
    main(["coverage", "--lang", language])
    said = capsys.readouterr().out
    table = said.splitlines()[: 1 + 1 + 21]
    assert all(cell_len(line.rstrip()) <= 80 for line in table)
    columns = [
        [cell_len(line[: match.start()]) for match in re.finditer(r"(?<=  )\S", line)] for line in table[1:]
    ]
    assert len(set(map(tuple, columns))) == 1, "columns are aligned, wide characters count two"
    assert not re.search("[\u2500-\u257f\x1b]|self-harm/|ip/|sexual/", said)
    assert "[detectors.text-guard]" in said


def test_doctor_is_aligned_and_translated(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [
        DoctorCheck(name="disk", state=DoctorState.OK, message="100 MiB free for data."),
        DoctorCheck(
            name="detector text-guard",
            state=DoctorState.WARNING,
            message="No guard model is configured: [detectors.guard] with url = u, model and format (a).",
            remedy="See: safelight models list",
        ),
    ]
    try:
        take_language(["--lang", "zh-TW"])
        lines = format_checks(checks).splitlines()
    finally:
        take_language(["--lang", "en"])
    assert lines[0] == "正常  磁碟：data 可用空間 100 MiB。"
    assert lines[1].startswith("警告  偵測器 text-guard：尚未設定審核模型：[detectors.guard]")
    assert lines[2] == "      請查看：safelight models list"


@pytest.mark.parametrize("tag", LANGUAGES[1:])
def test_every_reason_of_a_gap_is_translated(tag: str) -> None:
    for reason in UNSUPPORTED.values():
        assert translate_sentence("doctor", reason, tag), reason
