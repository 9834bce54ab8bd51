"""The gateway serves the token of a challenge only if its operator set it."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from safelight.app.container import load
from safelight.app.web import make_app
from safelight.core.errors import SettingsError
from safelight_lab.redteam.ownership import PATH, make_challenge
from support.system_cards import SETTINGS


def test_without_the_setting_there_is_no_token(folder: Path) -> None:
    (folder / "safelight.toml").write_text(SETTINGS)
    missing = TestClient(make_app(load())).get(PATH)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


def test_a_token_fits_the_setting_and_is_served_as_text(folder: Path) -> None:
    token = make_challenge("https://video.example", folder, now=1e6).token
    (folder / "safelight.toml").write_text(SETTINGS + f'[server]\nredteam_challenge = "{token}"\n')
    found = TestClient(make_app(load())).get(PATH)
    assert (found.status_code, found.text) == (200, f"{token}\n")
    assert found.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("value", ["", "a b", "<script>", "x" * 201])
def test_what_is_not_a_token_is_refused(folder: Path, value: str) -> None:
    (folder / "safelight.toml").write_text(f'[server]\nredteam_challenge = "{value}"\n')
    with pytest.raises(SettingsError, match="redteam_challenge"):
        load()
