"""The page of the vault officer in a browser: axe, a narrow screen, and the keyboard alone."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from safelight.accounts import Role
from safelight.accounts.sessions import open_session
from safelight.accounts.store import principal_of_person
from safelight.core.ids import new_id
from safelight.store.tables import people, vault_entries
from safelight.videos.vault_entries import VaultKind, open_entry
from safelight.web.auth import COOKIE
from support.console_server import ConsoleServer
from support.people import add_person
from support.videos import add_video

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1440, 390])
def test_an_officer_decides_an_entry_by_keyboard(
    stranger: Page, console: ConsoleServer, axe: str, width: int
) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.delete(vault_entries)
        for kind in VaultKind:
            open_entry(tx, add_video(tx), kind)
        add_person(tx, identity := new_id("user"), role=Role.VAULT_OFFICER)
        row = tx.one(people, people.c.id == identity)
        principal = None if row is None else principal_of_person(row)
        assert principal is not None
        token = open_session(tx, principal)[1]
    stranger.context.add_cookies([{"name": COOKIE, "value": token, "url": console.server.url}])
    stranger.set_viewport_size({"width": width, "height": 844})
    stranger.goto(f"{console.server.url}/compliance/vault")
    expect(stranger.locator("tbody tr")).to_have_count(2)
    assert stranger.evaluate("document.documentElement.scrollWidth") <= width
    stranger.evaluate(axe)
    result: dict[str, Any] = stranger.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    assert [one["id"] for one in result["violations"] if one["impact"] in {"serious", "critical"}] == []
    stranger.locator("tbody tr", has_text="vaulted").locator("input[name=note]").focus()
    stranger.keyboard.type("No. 12")
    stranger.keyboard.press("Tab")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("tbody tr")).to_have_count(1)
    stranger.goto(f"{console.server.url}/compliance/vault?closed=")
    expect(stranger.locator("tbody tr")).to_contain_text("Reported to the authority")
    assert stranger.evaluate("document.documentElement.scrollWidth") <= width
