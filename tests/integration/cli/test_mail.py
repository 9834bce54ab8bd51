from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main
from support.mail_server import mail_server


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    return code, json.loads(captured.out or captured.err)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_test_mail_reports_what_the_server_answered(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mail_server() as box:
        (here / "safelight.toml").write_text(
            '[server]\npublic_url = "https://gateway.example"\n'
            f'[mail]\nhost = "127.0.0.1"\nport = {box.port}\n'
            'security = "none"\nsender = "s@example.com"\n'
        )
        code, sent = run(capsys, "mail", "test", "ann@example.org", "--mail-language", "zh-Hant")
        assert (code, sent["sent"]) == (0, True)
        assert box.received[0]["Content-Language"] == "zh-Hant"
        code, checks = run(capsys, "doctor")
        assert {one["name"]: one["state"] for one in checks["checks"]}["mail"] == "ok"
        box.recipient_code = 550
        code, refused = run(capsys, "mail", "test", "ann@example.org")
    assert code != 0
    assert "refused the recipient (550)" in json.dumps(refused)


def test_without_a_server_the_command_names_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    code, refused = run(capsys, "mail", "test", "ann@example.org")
    assert code != 0
    assert "mail.host" in json.dumps(refused)
