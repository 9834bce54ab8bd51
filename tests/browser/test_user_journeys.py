"""Complete user journeys in Chromium against the real gateway, by keyboard only, in one language each.

The words of all languages: tests/integration/web/console, tests/unit/web/console/test_translations.py.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import FileChooser, expect

from support.gateway_process import Running, safelight
from support.keyboard_user import KeyboardUser

pytestmark = pytest.mark.browser
MADE_MS = 120_000
#: A test card number that no bank issues. It is private data, which the policy holds.
CARD_NUMBER = "A letter on a desk with the card number 4111 1111 1111 1111"


def choose_file(user: KeyboardUser, file: Path) -> None:
    """Choose a file. On a busy machine the page may not handle keys yet, so Enter is pressed again, and the
    dialog may open late, so it is waited for all the time.
    """
    opened: list[FileChooser] = []

    def keep(chooser: FileChooser) -> None:
        opened.append(chooser)

    user.page.on("filechooser", keep)
    for _ in range(6):
        user.focus(user.page.locator("#file"))
        user.press("Enter")
        for _ in range(100):
            if opened:
                break
            user.page.wait_for_timeout(100)
        if opened:
            break
    user.page.remove_listener("filechooser", keep)
    opened[0].set_files(file)


def submit_prompt(user: KeyboardUser, prompt: str) -> str:
    """Replace the prompt, submit it, and return the video id."""
    page = user.page
    user.press("Escape", "/")
    user.replace_text(page.locator("#prompt"), prompt)
    user.press("Control+Enter")
    expect(page.locator("#outcome .prompt")).to_contain_text(prompt)
    # The prompt was also checked while typing.
    expect(page.locator("#checks .answer-line").first).to_be_visible()
    found = page.locator("#outcome article").get_attribute("data-video")
    assert found
    return found


@pytest.mark.parametrize("user", ["zh-TW"], indirect=True)
def test_a_provider_risk_is_removed_and_the_video_is_delivered_and_verified(
    user: KeyboardUser, tmp_path: Path
) -> None:
    page, t = user.page, user.t
    user.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    provider = page.locator("[name=provider]")
    user.focus(provider)
    for _ in range(provider.locator("option").count()):
        user.press("ArrowDown")
        if provider.input_value() == "veo":
            break
    user.press("Escape", "/")
    user.replace_text(page.locator("#prompt"), "Taylor Swift walks on a beach at dusk")
    refused = t("check.documented_refused")
    expect(page.locator("#checks")).to_contain_text(refused)
    assert user.serious_violations() == []
    user.focus(page.locator("[data-reason]").first)
    expect(page.locator(".highlight-layer mark", has_text="Taylor Swift")).to_have_class(
        re.compile(r"\blinked\b")
    )
    submit_prompt(user, "A singer walks on a beach at dusk")
    expect(page.locator("#checks")).not_to_contain_text(refused)
    steps = page.get_by_role("list", name=t("steps.label"))
    expect(steps.get_by_role("listitem")).to_have_count(7)
    delivered = page.get_by_role("heading", name=t("state.delivered"))
    expect(delivered).to_be_visible(timeout=MADE_MS)
    expect(page.get_by_role("status")).to_contain_text(t("state.delivered"))
    film = page.locator("#outcome video")
    film.evaluate("one => { one.muted = true; }")
    user.focus(film)
    user.press(" ")
    film.evaluate("one => new Promise((on) => one.addEventListener('timeupdate', on, { once: true }))")
    assert user.serious_violations() == []
    user.focus(page.locator("#outcome a[download]"))
    with page.expect_download() as download:
        user.press("Enter")
    clip = tmp_path / "clip.mp4"
    download.value.save_as(clip)
    user.run_command(t("nav.verify"))
    choose_file(user, clip)
    expect(page.locator("#result article")).to_have_attribute("data-tone", "allow", timeout=60_000)
    assert user.serious_violations() == []


@pytest.mark.parametrize("user", ["zh-CN"], indirect=True)
def test_a_block_is_appealed_and_reinstated_by_another_reviewer(user: KeyboardUser, gateway: Running) -> None:
    page, t = user.page, user.t
    phrase = "SAFELIGHT-TEST:violence"
    blocked = submit_prompt(user, f"{phrase} on a stage")
    expect(page.get_by_role("heading", name=t("state.rejected"))).to_be_visible()
    expect(page.locator("#outcome mark")).to_have_text(phrase)
    expect(page.locator("#outcome .rows").first).to_contain_text(t("explain.charged_no"))
    assert user.serious_violations() == []
    user.focus(page.get_by_role("link", name=t("explain.appeal_link")))
    user.press("Enter")
    page.wait_for_url(f"**/videos/{blocked}/appeal")
    assert user.serious_violations() == []
    user.focus(page.locator("[name=text]"))
    user.type("It is a play.")
    user.press("Control+Enter")
    expect(page.get_by_role("heading", name=t("appeal.thanks"))).to_be_visible()
    # The requester is the only known reviewer, and must not decide.
    expect(page.locator("main")).to_contain_text(t("appeal.no_eligible_reviewer"))
    user.focus(page.get_by_role("link", name=t("report.back")))
    user.press("Enter")
    expect(page.locator("#appeal")).to_contain_text(t("appeal.no_eligible_reviewer"))
    user.run_command(t("nav.review"))
    row = page.locator("[data-row]", has_text=f"{phrase} on a stage")
    user.focus(row, "j")
    user.press("Enter")
    expect(page.locator("#other-reviewer")).to_be_visible()
    expect(page.locator("#decide")).to_have_count(0)
    assert user.serious_violations() == []
    case = page.url.rpartition("/")[2]
    safelight("reviews", "approve", case, "--reason", "A play.", "--by", "Ada Reed", folder=gateway.folder)
    page.goto(f"{gateway.address}/videos/{blocked}")
    user.focus(page.locator("main > p.tone a[href^='/videos/video_']"))
    user.press("Enter")
    page.wait_for_url(lambda url: blocked not in url)
    expect(page.locator("main")).to_contain_text(t("appeal.reinstated_from"))


def test_a_held_video_is_approved(user: KeyboardUser) -> None:
    page, t = user.page, user.t
    held = submit_prompt(user, CARD_NUMBER)
    expect(page.get_by_role("heading", name=t("state.held"))).to_be_visible()
    assert user.serious_violations() == []
    user.run_command(t("nav.review"))
    page.wait_for_url("**/review")
    assert user.serious_violations() == []
    user.focus(page.locator("[data-row]", has_text=CARD_NUMBER), "j")
    user.press("Enter")
    page.wait_for_url("**/review/case_*")
    expect(page.locator("#case mark")).to_contain_text("4111")
    assert user.serious_violations() == []
    case = page.url.rpartition("/")[2]
    user.press("1")
    expect(page.locator("[name=clause][data-key='1']")).to_be_checked()
    # A clause is a reason, so that two keys decide.
    user.press("a")
    page.wait_for_url(re.compile(f"decided={case}"))
    decided = t("review.decided", action=t("review.action.approve"))
    expect(page.locator("#last-decision")).to_contain_text(decided)
    assert user.serious_violations() == []
    user.press("z")
    page.wait_for_url(f"**/review/{case}?undone=1")
    expect(page.locator(".decision")).to_contain_text(t("review.undone"))
    user.focus(page.locator("#reason"), "Tab")
    user.type("A number from a manual.")
    user.press("Escape", "a")
    page.wait_for_url(re.compile(f"decided={case}"))
    user.focus(page.locator(f".notice a[href='/review/{case}']"))
    user.press("Enter")
    expect(page.locator(".decision")).to_contain_text(decided)
    expect(page.locator(".decision")).to_contain_text("A number from a manual.")
    user.focus(page.locator(f"#case a[href='/videos/{held}']"))
    user.press("Enter")
    # The gateway itself carries the decision out.
    expect(page.get_by_role("heading", name=t("state.delivered"))).to_be_visible(timeout=MADE_MS)


def test_a_policy_is_changed_replayed_published_and_rolled_back(user: KeyboardUser, gateway: Running) -> None:
    page, t = user.page, user.t
    submit_prompt(user, f"{CARD_NUMBER}, taken again")
    document, findings = page.locator("#document"), page.locator("#findings")

    def open_editor() -> None:
        if page.locator("#edit-policy").count():
            user.focus(page.locator("#edit-policy"))
            user.press("Enter")
            page.wait_for_url("**/policy?edit=1")

    def publish(text: str) -> None:
        open_editor()
        user.press("Escape", "/")
        user.replace_text(document, text)
        expect(findings).to_have_attribute("aria-busy", "false")
        user.focus(page.locator("button[value=replay]"))
        user.press("Enter")
        expect(findings).to_contain_text(t("policy.cases"), timeout=60_000)
        user.focus(page.locator("button[value=publish]").first)
        user.press("Enter")
        user.focus(page.locator(".confirm button"))
        user.press("Enter")
        expect(page.locator(".notice")).to_be_visible()

    user.run_command(t("nav.policy"))
    page.wait_for_url("**/policy")
    publish('policy: house\nversion: "1"\nextends: starter\nrules: []\n')
    open_editor()
    user.press("/")
    user.replace_text(document, "policy: house\nextends: starter\nrools: []\n")
    expect(page.locator(".gutter .invalid")).to_have_text("3\n")
    user.focus(page.locator("[data-line='3']"))
    user.press("Enter")
    expect(document).to_be_focused()
    changed = "policy: house\nextends: starter\nrules:\n  - {id: pv-1, action: block}\n"
    user.replace_text(document, changed)
    expect(findings).to_contain_text("pv-1")
    user.focus(page.locator("button[value=replay]"))
    user.press("Enter")
    # The effect on videos held earlier.
    held_before = findings.locator(".changes li", has_text=t("verdict.hold")).first
    expect(held_before).to_contain_text(t("verdict.block"), timeout=60_000)
    expect(held_before.locator("a[href^='/videos/video_']").first).to_be_visible()
    assert user.serious_violations() == []
    publish(changed)

    def expect_check_result(word: str) -> None:
        user.run_command(t("nav.studio"))
        page.wait_for_url(f"{gateway.address}/")
        user.press("/")
        user.type("The card number 4111 1111 1111 1111")
        expect(page.locator("#checks")).to_contain_text(t(word))

    expect_check_result("check.block")
    user.run_command(t("nav.policy"))
    page.wait_for_url("**/policy")
    user.run_command(t("policy.rollback"))
    page.wait_for_url("**/policy?rolled_back=*")
    expect_check_result("check.hold")
