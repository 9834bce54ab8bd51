"""`safelight webhooks`."""

from __future__ import annotations

import json
from pathlib import Path

from support.commands import Run
from support.webhook_receiver import target

URL = "https://hooks.example.com/a"


def test_an_endpoint_is_added_tested_rotated_and_removed(run: Run, folder: Path) -> None:
    with target() as to:
        (folder / "safelight.toml").write_text(f'[fetch]\nallowed_private_hosts = ["{to.host}"]\n')
        made = run("webhooks", "add", to.url, "--event", "video.held")
        assert made["event_types"] == ["video.held"]
        assert made["signing_secret"].startswith("whsec_")
        assert run("webhooks", "test", made["id"])["status_code"] == 200
        to.status = 500
        tested = run("webhooks", "test", made["id"], "--event", "video.failed", code=1)
        assert (tested["success"], tested["status_code"], len(to.got)) == (False, 500, 2)
        assert run("webhooks", "rotate", made["id"])["signing_secret"] != made["signing_secret"]
        listed = run("webhooks", "list")
        assert [each["id"] for each in listed["data"]] == [made["id"]]
        assert made["signing_secret"] not in json.dumps(listed)
        assert run("webhooks", "remove", made["id"])["deleted"]
        assert run("webhooks", "list")["data"] == []


def test_an_endpoint_may_belong_to_another_tenant(run: Run) -> None:
    run("webhooks", "list")
    run("keys", "create", "app", "--new-tenant", "studio")
    made = run("webhooks", "add", URL, "--tenant", "studio")
    assert run("webhooks", "list")["data"] == []
    [listed] = run("webhooks", "list", "--tenant", "studio")["data"]
    assert listed["id"] == made["id"]
    run("webhooks", "remove", made["id"], code=1)
    assert run("webhooks", "remove", made["id"], "--tenant", "studio")["deleted"]
    run("webhooks", "add", URL, "--tenant", "nobody", code=1)
