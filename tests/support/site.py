"""An installation on a free port, for stories in which several people use its pages."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.audit import read_entries
from safelight.accounts.models import ROLES, Role
from safelight.cases.reviews import DecisionExecutor
from safelight.videos.case_rows.models import UNDO_S
from safelight.videos.models import Video

from .fake_api_server import listening
from .house import House
from .people import add_person


@dataclass
class Site:
    house: House
    address: str
    browser: Browser
    #: Errors of pages and violations of the Content-Security-Policy.
    problems: list[str] = field(default_factory=list)
    #: How far the clock of the installation is ahead.
    ahead_s: float = 0.0

    def enroll(self, name: str, role: Role) -> Principal:
        """An active person, as after an invitation."""
        tenant = self.house.who.tenant
        with self.house.container.persistence.database.transaction(tenant) as tx:
            add_person(tx, f"user_{name}", role=role, name=name, email=f"{name}@example.com")
        return Principal(
            tenant=tenant,
            id=f"user_{name}",
            kind=PrincipalKind.PERSON,
            name=name,
            scopes=ROLES[role].scopes,
            role=role,
        )

    def visit(self, path: str = "/", *, who: Principal | None = None, **options: Any) -> Page:
        """A page of a new browser, signed in as this person. `options` are those of the browser's context."""
        page = self.browser.new_context(reduced_motion="reduce", **options).new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.problems.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )
        if who is not None:
            token = self.house.container.persistence.accounts.create_login_link(who)
            page.goto(f"{self.address}/login?token={token}")
            page.locator("main button.main").click()
            # Who decides cases and requests no videos begins with the cases.
            page.wait_for_url(re.compile(rf"{re.escape(self.address)}/(review)?$"))
        page.goto(f"{self.address}{path}")
        return page

    def request_video(
        self, page: Page, prompt: str, reference: Path | None = None, *, use: Mapping[str, str] | None = None
    ) -> Video:
        """Request a video on the page Studio, and carry it as far as it goes without a person.

        `use`: what to choose under the intended use, by field name.
        """
        page.goto(self.address)
        if use:
            page.locator("#use summary").click()
        for name, value in (use or {}).items():
            page.locator(f"[name='{name}']").select_option(value)
        if reference is not None:
            page.locator("[name=input_reference]").set_input_files(reference)
        page.locator("#prompt").fill(prompt)
        page.locator("#prompt").press("Control+Enter")
        expect(page.locator("#outcome .prompt")).to_contain_text(prompt)
        video_id = page.locator("#outcome article").get_attribute("data-video")
        return self.house.carry(self.house.videos.get(self.house.who, str(video_id)))

    def carry_out_decisions(self) -> None:
        """Carry out the pending decisions, as the gateway does when their time to undo is over."""
        self.ahead_s += UNDO_S
        database, actions = (
            self.house.container.persistence.database,
            self.house.container.decisions.actions,
        )
        DecisionExecutor(database, actions, stopping=threading.Event()).carry_out_due()

    def logged_events(self) -> list[str]:
        """The events in the audit log, oldest first."""
        return [entry.event for entry in read_entries(self.house.container.persistence.database, limit=1000)]


@contextmanager
def open_site(house: House, browser: Browser) -> Iterator[Site]:
    """The house on a free port. Fails on errors of its pages."""
    with ExitStack() as stack:
        site = Site(house, stack.enter_context(listening(house.app)), browser)
        house.container.persistence.database.clock = lambda: time.time() + site.ahead_s
        yield site
        for context in browser.contexts:
            context.close()
        assert site.problems == []
