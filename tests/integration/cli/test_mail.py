"""`safelight mail test`."""

from __future__ import annotations

import json
from pathlib import Path

from support.commands import FAILED, Run
from support.mail_server import mail_server

TEST = ("mail", "test", "ann@example.org")


def test_a_test_mail_reports_what_the_server_answered_and_without_one_the_settings(
    run: Run, folder: Path
) -> None:
    assert "mail.host" in json.dumps(run(*TEST, code=FAILED))
    with mail_server() as box:
        (folder / "safelight.toml").write_text(
            '[server]\npublic_url = "https://gateway.example"\n'
            f'[mail]\nhost = "127.0.0.1"\nport = {box.port}\n'
            'security = "none"\nsender = "s@example.com"\n'
        )
        assert run(*TEST, "--mail-language", "zh-Hant")["sent"] is True
        assert box.received[0]["Content-Language"] == "zh-Hant"
        checks = run("doctor", code=None)["checks"]
        assert {one["name"]: one["state"] for one in checks}["mail"] == "ok"
        box.recipient_code = 550
        assert "refused the recipient (550)" in json.dumps(run(*TEST, code=FAILED))
