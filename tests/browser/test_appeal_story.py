"""A refusal is understood and appealed, another reviewer reverses it, and everything is restored."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from safelight.accounts.audit import verify
from safelight.accounts.models import Role
from safelight.videos.models import VideoState
from safelight.web.console.translations import load_languages
from support.site import Site

pytestmark = pytest.mark.browser
#: A test card number that no bank issues. It is private data, which the policy holds.
PROMPT = "A letter on a desk with the card number 4111 1111 1111 1111"
T = load_languages()["en"]
#: What the audit log has at least, in this order.
LOGGED = (
    *("video.held", "case.opened", "case.refuse", "video.rejected", "strike.given"),
    *("appeal.received", "case.overturn", "strike.removed", "video.released", "video.delivered"),
)


def decide(page: Page, action: str, clause: bool = False) -> None:
    """Decide the case on the page, with a written reason that stays inside."""
    if clause:
        page.locator("[name=clause]").first.check()
    page.locator("#reason").fill("An internal note.")
    page.locator(f"#decide button[value={action}]").click()
    page.wait_for_url(re.compile("decided="))


def test_a_refusal_is_appealed_and_another_reviewer_restores_everything(
    furnish_site: Callable[..., Site],
) -> None:
    site = furnish_site(limits={"videos_per_day": 2})
    house, who = site.house, {}
    for name, role in (("cleo", Role.CREATOR), ("ada", Role.REVIEWER), ("ben", Role.REVIEWER)):
        who[name] = site.enroll(name, role)
    videos, standings = house.container.videos, house.container.pipeline.standings
    creator = site.visit(who=who["cleo"])
    video_id = site.request_video(creator, PROMPT).id
    expect(creator.get_by_role("heading", name=T("state.held"))).to_be_visible()
    assert videos.allowance(who["cleo"]).videos_left == 1

    # Ada refuses. That gives a strike, and the quota is returned.
    ada = site.visit("/review", who=who["ada"])
    ada.locator("[data-row]", has_text=PROMPT).click()
    decide(ada, "refuse", clause=True)
    site.carry_out_decisions()
    assert videos.get(who["cleo"], video_id).state is VideoState.REJECTED
    assert videos.allowance(who["cleo"]).videos_left == 2
    assert standings.own(who["cleo"], None).points > 0

    # The creator reads what was decided and why, and appeals.
    statements = f"{site.address}/videos/{video_id}/statements"
    creator.goto(statements)
    expect(creator.locator("main")).to_contain_text(T("category.privacy"))
    creator.goto(f"{site.address}/videos/{video_id}")
    expect(creator.locator("main")).to_contain_text(T("verdict.rejected_by_reviewer"))
    expect(creator.locator("main")).not_to_contain_text("Wait for the review")
    creator.get_by_role("link", name=T("explain.appeal_link")).click()
    creator.locator("[name=text]").fill("It is the number of a test card from a manual.")
    creator.locator("main button.main").click()
    expect(creator.get_by_role("heading", name=T("appeal.thanks"))).to_be_visible()

    # Ada is not given the appeal, and cannot decide it. Ben reverses her decision.
    ada.goto(f"{site.address}/review")
    ada.locator("form[action='/review/next'] button").click()
    expect(ada.get_by_text(T("review.nothing_next"))).to_be_visible()
    ada.locator("[data-row]", has_text=PROMPT).click()
    expect(ada.locator("#other-reviewer")).to_be_visible()
    expect(ada.locator("#decide")).to_have_count(0)
    ben = site.visit("/review", who=who["ben"])
    ben.locator("form[action='/review/next'] button").click()
    decide(ben, "overturn")
    site.carry_out_decisions()

    # The strike and the quota are as before, and the video is delivered under a new id.
    released = videos.get(who["cleo"], video_id).reinstated_as
    assert released is not None
    assert house.carry(videos.get(who["cleo"], released)).state is VideoState.DELIVERED
    assert standings.own(who["cleo"], None).points == 0
    assert videos.allowance(who["cleo"]).videos_left == 2
    creator.goto(f"{site.address}/videos/{video_id}")
    creator.locator(f"main > p.tone a[href='/videos/{released}']").click()
    expect(creator.locator("main video")).to_be_visible()
    creator.goto(statements)
    expect(creator.get_by_role("heading", name=re.compile(f"released as {released}"))).to_be_visible()
    for path in ("", "/statements", "/appeal"):
        creator.goto(f"{site.address}/videos/{video_id}{path}")
        shown = creator.content()
        assert not [one for one in ("user_ada", "user_ben", "An internal note.") if one in shown]
    events = site.logged_events()
    places = [events.index(one) for one in LOGGED]
    assert places == sorted(places)
    persistence = house.container.persistence
    assert verify(persistence.database, (), persistence.audit_checkpoint_key).ok
