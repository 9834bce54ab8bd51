"""From the request for access to a suspension and back, on the pages of the applicant and the staff."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from safelight.accounts.models import Role
from safelight.core.i18n import load_messages
from safelight.testing.detectors import text_marker
from safelight.web.console.translations import load_languages
from support.site import Site

pytestmark = pytest.mark.browser
DAY_S = 86_400.0
#: Blocked on matched or composed evidence by two voices, and no paraphrases of each other. Each: 3 points.
BLOCKED = (
    "A gladiator cuts off the arm of another gladiator MARKER",
    "A zombie bites into a screaming man's neck, blood sprays MARKER",
    "The king is beheaded in the square, blood gushes from the neck MARKER",
)
T, A, S = load_languages()["en"], load_messages("accounts", "en"), load_messages("standing", "en")


class Api:
    """The program of a platform, with its key."""

    def __init__(self, site: Site, key: str) -> None:
        self._address, self._headers = site.address, {"authorization": f"Bearer {key}"}

    def post(self, path: str, body: dict[str, Any], *, expect: int = 200) -> Any:
        answer = httpx.post(self._address + path, json=body, headers=self._headers, timeout=60)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def request_video(self, prompt: str, *, expect: int = 200) -> Any:
        """Request a video for the end user Ann."""
        return self.post("/v1/videos", {"prompt": prompt, "safety_identifier": "ann"}, expect=expect)


def collect_key(page: Page) -> str:
    page.locator("main button.main").click()
    return page.locator("code.secret").inner_text()


def row_of_ann(staff: Page, site: Site) -> Any:
    staff.goto(f"{site.address}/review/standings")
    return staff.locator("tbody tr", has_text="ann")


def test_from_the_request_for_access_to_a_suspension_and_back(furnish_site: Callable[..., Site]) -> None:
    site = furnish_site(
        text_marker(category="violence/graphic"),
        access={"requests": True},
    )
    ola, ben = site.enroll("ola", Role.OWNER), site.enroll("ben", Role.REVIEWER)

    # Access: a request, a decision, a key, once.
    stranger = site.visit("/access", viewport={"width": 390, "height": 844})
    for field, text in {"name": "Ada Reed", "contact": "ada@example.com", "purpose": "School films."}.items():
        stranger.locator(f"[name={field}]").fill(text)
    stranger.locator("main button.main").click()
    expect(stranger.locator("main")).to_contain_text(A("applicant.waiting"))
    owner = site.visit("/compliance/access", who=ola)
    owner.locator("[name=reason]").fill("Welcome.")
    owner.locator("button[value=approve]").click()
    expect(owner.locator("[aria-labelledby=decided]")).to_contain_text("Ada Reed")
    stranger.reload()
    expect(stranger.locator("main")).to_contain_text("Welcome.")
    status = stranger.url
    platform = Api(site, collect_key(stranger))
    stranger.goto(status)
    expect(stranger.locator("main button.main")).to_have_count(0)

    # The owner lets Ann have two videos a day.
    owner.goto(f"{site.address}/compliance/accounts?kind=end_user&id=ann")
    owner.locator("[name=videos_per_day]").fill("2")
    owner.locator("[aria-labelledby=about] button.main").click()
    expect(owner.locator("main [role=status]")).to_have_text(A("terms.saved"))
    for prompt in ("a quiet lake", "a red balloon"):
        platform.request_video(prompt)
    assert platform.request_video("a paper boat", expect=429)["error"]["code"] == "quota_exceeded"

    # Strikes: a warning, a cool-down, a suspension.
    platform.request_video(BLOCKED[0], expect=400)
    expect(row_of_ann(owner, site)).to_contain_text(S("level.warning"))
    platform.request_video(BLOCKED[1], expect=400)
    assert platform.request_video("a paper boat", expect=429)["error"]["code"] == "cool_down"
    expect(row_of_ann(owner, site)).to_contain_text(S("level.cool_down"))
    site.ahead_s += DAY_S
    last = platform.request_video(BLOCKED[2], expect=400)
    assert platform.request_video("a paper boat", expect=403)["error"]["code"] == "account_suspended"
    owner = site.visit("/review/standings", who=ola)
    expect(row_of_ann(owner, site)).to_contain_text(S("level.suspension"))

    # Back by an appeal. The released video takes no quota.
    video_id = last["error"]["moderation_details"]["video_id"]
    platform.post(f"/v1/videos/{video_id}/appeal", {"text": "It is a history lesson."})
    reviewer = site.visit("/review", who=ben)
    reviewer.locator("form[action='/review/next'] button").click()
    reviewer.locator("#reason").fill("A history lesson.")
    reviewer.locator("#decide button[value=overturn]").click()
    reviewer.wait_for_url(re.compile("decided="))
    site.carry_out_decisions()
    expect(row_of_ann(owner, site)).to_contain_text(S("level.warning"))
    platform.request_video("a paper boat")
