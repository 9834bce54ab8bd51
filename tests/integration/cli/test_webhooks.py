from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.cli import main
from support.webhook_receiver import target

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_an_endpoint_is_added_tested_rotated_and_removed(run: Run, tmp_path: Path) -> None:
    with target() as to:
        (tmp_path / "safelight.toml").write_text(f'[fetch]\nallowed_private_hosts = ["{to.host}"]\n')
        code, made = run("webhooks", "add", to.url, "--event", "video.held")
        assert (code, made["event_types"]) == (0, ["video.held"])
        assert made["signing_secret"].startswith("whsec_")
        code, told = run("webhooks", "test", made["id"])
        assert (code, told["status_code"]) == (0, 200)
        to.status = 500
        code, told = run("webhooks", "test", made["id"], "--event", "video.failed")
        assert (code, told["success"], told["status_code"]) == (1, False, 500)
        assert len(to.got) == 2
        code, rotated = run("webhooks", "rotate", made["id"])
        assert rotated["signing_secret"] != made["signing_secret"]
        code, listed = run("webhooks", "list")
        assert (code, [each["id"] for each in listed["webhook_endpoints"]]) == (0, [made["id"]])
        assert made["signing_secret"] not in json.dumps(listed)
        assert run("webhooks", "remove", made["id"])[1]["deleted"]
        assert run("webhooks", "list")[1]["webhook_endpoints"] == []


def test_a_private_target_is_refused(run: Run) -> None:
    for url in ("https://10.0.0.1/hook", "http://10.0.0.1:8080/hook"):
        code, told = run("webhooks", "add", url)
        assert (code, told["error"]["code"]) == (1, "forbidden_url")
        assert "private" in told["error"]["message"]


def test_an_endpoint_may_belong_to_another_tenant(run: Run) -> None:
    run("webhooks", "list")
    run("keys", "create", "app", "--new-tenant", "studio")
    code, made = run("webhooks", "add", "https://hooks.example.com/a", "--tenant", "studio")
    assert code == 0
    assert run("webhooks", "list")[1]["webhook_endpoints"] == []
    [listed] = run("webhooks", "list", "--tenant", "studio")[1]["webhook_endpoints"]
    assert listed["id"] == made["id"]
    assert run("webhooks", "remove", made["id"])[0] == 1
    assert run("webhooks", "remove", made["id"], "--tenant", "studio")[1]["deleted"]
    assert run("webhooks", "add", "https://hooks.example.com/a", "--tenant", "nobody")[0] == 1
