from __future__ import annotations

import subprocess
import sys

import pytest

from safelight.cli import main
from safelight.cli.language import language, take_language
from safelight.cli.output import Exit, printable
from safelight.core.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAFELIGHT_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


def test_the_option_is_taken_before_or_after_the_command() -> None:
    for given in (
        ["--lang", "zh-TW", "check", "x"],
        ["check", "--lang=zh-TW", "x"],
        ["check", "x", "--lang", "zh-TW"],
    ):
        assert take_language(given) == ["check", "x"]
        assert language() == "zh-Hant"
    assert take_language(["check", "--", "--lang"]) == ["check", "--", "--lang"]
    assert language() == "en"


def test_an_unknown_language_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError):
        take_language(["--lang", "xx"])
    assert main(["version", "--lang"]) == Exit.CONFIGURATION
    assert "en, zh-Hant, zh-Hans" in capsys.readouterr().err


@pytest.mark.parametrize(("encoding", "tag"), [("ascii", "en"), ("gbk", "zh-Hant"), ("utf-8", "zh-Hant")])
def test_output_is_english_if_the_terminal_cannot_show_chinese(encoding: str, tag: str) -> None:
    program = (
        "from safelight.cli.language import language, take_language\n"
        "take_language(['--lang', 'zh-TW'])\nprint(language())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding},
        check=True,
        text=True,
    )
    assert done.stdout.strip() == tag


def test_characters_that_control_a_terminal_are_replaced() -> None:
    assert printable("a\x1b[31m\r\n\u202eb 👩\u200d🍳") == "a\ufffd[31m\ufffd \ufffdb 👩\u200d🍳"
