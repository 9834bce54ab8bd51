from __future__ import annotations

import logging
import math
import re
import threading
from contextlib import closing
from pathlib import Path

import pytest
from rich.cells import cell_len

from safelight.accounts.models import LINK_PREFIX, new_token
from safelight.app.container import load
from safelight.app.settings import LogSettings
from safelight.cli.demo import FirstClip, _reason, demo_key, record_waiver
from safelight.cli.serve import _failed_detectors, _warn
from safelight.cli.server_process import set_up_logging
from safelight.cli.start_screen import print_clip, print_start
from safelight.screening.text_figures import describe_installed_text
from safelight.web.translations import load_languages
from support.commands import speaking

ADDRESS = "http://127.0.0.1:8000"
LINK = f"{ADDRESS}/login?token={new_token(LINK_PREFIX)}"
KEY = f"sk-safelight-{'x' * 43}"
SETTINGS = """
[generation]
default_generator = "wan"
[detectors.whisper]
model = "nowhere"
[generators.wan]
kind = "videos_api"
url = "http://gpu-1:8091/v1"
models = ["Wan-AI/Wan2.2-T2V", "ltx", "cosmos"]
"""


def lines_at_80(text: str) -> int:
    return sum(max(1, math.ceil(cell_len(line) / 80)) for line in text.rstrip("\n").splitlines())


@pytest.mark.parametrize("language", ["en", "zh-Hant", "zh-Hans"])
def test_the_first_screen_has_at_most_15_lines_in_every_language(
    folder: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    (folder / "safelight.toml").write_text(SETTINGS)
    container = load()
    with speaking(language), closing(container.core.scanner):
        print_start(container, ADDRESS, LINK, KEY, record_waiver(container))
        print_clip(FirstClip(seconds=11.4, address=f"{ADDRESS}/videos/video_{'x' * 32}", verified=True))
        screen = capsys.readouterr().err
        _warn(_failed_detectors(container))
    assert lines_at_80(screen) <= 15
    assert cell_len(LINK) <= 80
    text = describe_installed_text(container.coverage.describe(), load_languages()[language])
    for part in (ADDRESS, LINK, KEY, text, "safelight coverage", "/videos/video_", "gpu-1:8091/v1", "+1"):
        assert part in screen
    assert capsys.readouterr().err.count("whisper") == 1, "a configured detector that cannot run is a warning"


def test_the_checks_that_do_not_run_are_counted_among_the_same_checks(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    container = load()
    with closing(container.core.scanner):
        print_start(container, ADDRESS, LINK, KEY, ())
    screen = capsys.readouterr().err
    found = [(int(n), int(of)) for n, of in re.findall(r"[a-z] (\d+) of (\d+)[,\n]", screen)]
    missing = re.search(r"Not checked +(\d+) of these (\d+)", screen)
    assert missing is not None
    assert int(missing[2]) == sum(of for _, of in found)
    assert int(missing[1]) == sum(of - n for n, of in found)


def test_a_second_start_of_the_demo_has_the_same_key_until_it_is_revoked(folder: Path) -> None:
    container = load()
    persistence = container.persistence
    key = demo_key(container)
    assert demo_key(container) == key
    assert (persistence.key_folder / "demo.key").stat().st_mode & 0o077 == 0
    (record,) = persistence.accounts.list_keys(persistence.tenant)
    persistence.accounts.revoke_key(persistence.tenant, record.id)
    assert demo_key(container) != key


def test_a_first_clip_that_is_held_says_why_with_its_link(capsys: pytest.CaptureFixture[str]) -> None:
    held = {
        "status": "in_progress",
        "safelight": {"state": "held", "explanation": {"reason": "Not checked: gore.", "next_step": "Wait."}},
    }
    print_clip(FirstClip(seconds=3.0, address=f"{ADDRESS}/videos/video_1", reason=_reason(held)))
    screen = capsys.readouterr().err
    assert "not delivered: Not checked: gore. Wait." in " ".join(screen.split())
    assert f"{ADDRESS}/videos/video_1" in screen


def test_a_warning_with_brackets_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    _warn(["set [detectors.guard] with url"])
    assert capsys.readouterr().err == "Warning: set [detectors.guard] with url\n"


def test_log_lines_follow_the_first_screen_and_an_error_is_written_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        release = set_up_logging(LogSettings())
        logging.getLogger("safelight").info("one")
        assert capsys.readouterr().err == ""
        release()
        assert "one" in capsys.readouterr().err
        set_up_logging(LogSettings())
        logging.getLogger("safelight").warning("two")
        logging.getLogger("safelight").error("three")
        assert [line.split()[2] for line in capsys.readouterr().err.splitlines()] == ["two", "three"]
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = before
        root.setLevel(level)
