"""What people come for, whole, in Chromium against the real gateway: by keyboard alone, in each language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as Late
from playwright.sync_api import expect

from support.gateway_process import Running, safelight
from support.keyboard_user import LANGUAGES, Hands

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("gateway")]
MADE_MS = 120_000
#: A well-known number of no real card: private data, which the policy holds.
CARD_NUMBER = "A letter on a desk with the card number 4111 1111 1111 1111, take {}"
in_each_language = pytest.mark.parametrize(
    ("hands", "locale"), [(one, one) for one in LANGUAGES], indirect=["hands"]
)


def given(hands: Hands, file: Path) -> None:
    """Choose a file. On a busy machine the page may not listen yet: then Enter is pressed again."""
    for tries_left in (2, 1, 0):
        hands.to(hands.page.locator("#file"))
        try:
            with hands.page.expect_file_chooser(timeout=15_000) as chooser:
                hands.press("Enter")
            break
        except Late:
            if not tries_left:
                raise
    chooser.value.set_files(file)


def ordered(hands: Hands, prompt: str) -> str:
    """Type it over what is there and send it; the video's id."""
    page = hands.page
    hands.press("Escape", "/")
    hands.rewrite(page.locator("#prompt"), prompt)
    hands.press("Control+Enter")
    expect(page.locator("#outcome .prompt")).to_contain_text(prompt)
    # It is looked at as it was typed, too.
    expect(page.locator("#checks .copy, #checks .sources").first).to_be_visible()
    found = page.locator("#outcome article").get_attribute("data-video")
    assert found
    return found


@in_each_language
def test_a_risk_is_seen_and_left_out_and_the_video_is_watched_played_and_verified(
    hands: Hands, locale: str, tmp_path: Path
) -> None:
    page, words = hands.page, hands.words
    hands.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    provider = page.locator("[name=for]")
    hands.to(provider)
    for _ in range(provider.locator("option").count()):
        hands.press("ArrowDown")
        if provider.input_value() == "veo":
            break
    hands.press("Escape", "/")
    hands.rewrite(page.locator("#prompt"), "Taylor Swift walks on a beach at dusk")
    refused = words("check.risk_refused")
    expect(page.locator("#checks")).to_contain_text(refused)
    assert hands.serious() == []
    hands.to(page.locator("[data-why]").first)
    expect(page.locator(".under mark", has_text="Taylor Swift")).to_have_class(re.compile(r"\blit\b"))
    ordered(hands, f"A singer walks on a beach at dusk, {locale}")
    expect(page.locator("#checks")).not_to_contain_text(refused)
    way = page.get_by_role("list", name=words("way.label"))
    expect(way.get_by_role("listitem")).to_have_count(7)
    delivered = page.get_by_role("heading", name=words("state.delivered"))
    expect(delivered).to_be_visible(timeout=MADE_MS)
    expect(page.get_by_role("status")).to_contain_text(words("state.delivered"))
    film = page.locator("#outcome video")
    film.evaluate("one => { one.muted = true; }")
    hands.to(film)
    hands.press(" ")
    film.evaluate("one => new Promise((on) => one.addEventListener('timeupdate', on, { once: true }))")
    assert hands.serious() == []
    hands.to(page.locator("#outcome a[download]"))
    with page.expect_download() as download:
        hands.press("Enter")
    clip = tmp_path / "clip.mp4"
    download.value.save_as(clip)
    hands.choose(words("nav.verify"))
    given(hands, clip)
    expect(page.locator("#answer article")).to_have_attribute("data-tone", "allow", timeout=60_000)
    assert hands.serious() == []


@in_each_language
def test_a_block_is_explained_appealed_and_released_by_somebody_else(
    hands: Hands, locale: str, gateway: Running
) -> None:
    page, words = hands.page, hands.words
    phrase = "SAFELIGHT-TEST:violence"
    blocked = ordered(hands, f"{phrase} on a stage, {locale}")
    expect(page.get_by_role("heading", name=words("state.rejected"))).to_be_visible()
    expect(page.locator("#outcome mark")).to_have_text(phrase)
    expect(page.locator("#outcome .rows").first).to_contain_text(words("explain.charged_no"))
    assert hands.serious() == []
    hands.to(page.get_by_role("link", name=words("explain.appeal_link")))
    hands.press("Enter")
    page.wait_for_url(f"**/videos/{blocked}/appeal")
    assert hands.serious() == []
    hands.to(page.locator("[name=text]"))
    hands.type("It is a play.")
    hands.press("Control+Enter")
    expect(page.get_by_role("heading", name=words("appeal.thanks"))).to_be_visible()
    # Whoever ordered it is the only person enrolled here, and may not decide.
    expect(page.locator("main")).to_contain_text(words("appeal.nobody_else"))
    hands.to(page.get_by_role("link", name=words("report.back")))
    hands.press("Enter")
    expect(page.locator("#appeal")).to_contain_text(words("appeal.nobody_else"))
    hands.choose(words("nav.review"))
    row = page.locator("[data-row]", has_text=f"{phrase} on a stage, {locale}")
    hands.to(row, "j")
    hands.press("Enter")
    expect(page.locator("#others")).to_have_text(words("review.others_only"))
    expect(page.locator("#decide")).to_have_count(0)
    assert hands.serious() == []
    case = page.url.rpartition("/")[2]
    safelight("reviews", "approve", case, "--reason", "A play.", "--by", "Ada Reed", folder=gateway.folder)
    page.goto(f"{gateway.address}/videos/{blocked}")
    hands.to(page.locator("main > p.tone a[href^='/videos/video_']"))
    hands.press("Enter")
    page.wait_for_url(lambda url: blocked not in url)
    expect(page.locator("main")).to_contain_text(words("appeal.released_from"))


@in_each_language
def test_a_hold_is_seen_and_released(hands: Hands, locale: str) -> None:
    page, words = hands.page, hands.words
    prompt = CARD_NUMBER.format(locale)
    held = ordered(hands, prompt)
    expect(page.get_by_role("heading", name=words("state.held"))).to_be_visible()
    assert hands.serious() == []
    hands.choose(words("nav.review"))
    page.wait_for_url("**/review")
    assert hands.serious() == []
    hands.to(page.locator("[data-row]", has_text=prompt), "j")
    hands.press("Enter")
    page.wait_for_url("**/review/case_*")
    expect(page.locator("#case mark")).to_contain_text("4111")
    assert hands.serious() == []
    case = page.url.rpartition("/")[2]
    hands.press("1")
    expect(page.locator("[name=clause][data-key='1']")).to_be_checked()
    hands.press("a")
    expect(page.locator("#reason")).to_be_focused()
    hands.type("A number from a manual.")
    hands.press("Escape", "a")
    page.wait_for_url(re.compile(f"done={case}"))
    hands.to(page.locator(f".done a[href='/review/{case}']"))
    hands.press("Enter")
    expect(page.locator(".decision")).to_contain_text(words("review.action.approve"))
    expect(page.locator(".decision")).to_contain_text("A number from a manual.")
    hands.to(page.locator(f"#case a[href='/videos/{held}']"))
    hands.press("Enter")
    expect(page.locator("#outcome article")).not_to_have_attribute("data-state", "held")
    if locale == "en":
        delivered = page.get_by_role("heading", name=words("state.delivered"))
        expect(delivered).to_be_visible(timeout=MADE_MS)


@in_each_language
def test_a_policy_is_changed_replayed_published_and_taken_back(
    hands: Hands, locale: str, gateway: Running
) -> None:
    page, words = hands.page, hands.words
    ordered(hands, CARD_NUMBER.format(f"two, {locale}"))
    document, findings = page.locator("#document"), page.locator("#findings")

    def publish(text: str) -> None:
        hands.press("Escape", "/")
        hands.rewrite(document, text)
        expect(findings).to_have_attribute("aria-busy", "false")
        hands.to(page.locator("button[value=replay]"))
        hands.press("Enter")
        expect(findings).to_contain_text(words("policy.cases"), timeout=60_000)
        hands.to(page.locator("button[value=publish]").first)
        hands.press("Enter")
        hands.to(page.locator(".sure button"))
        hands.press("Enter")
        expect(page.locator(".done")).to_be_visible()

    hands.choose(words("nav.policy"))
    page.wait_for_url("**/policy")
    publish(f'policy: house-{locale}\nversion: "1"\nextends: starter\nrules: []\n')
    hands.press("/")
    hands.rewrite(document, f"policy: house-{locale}\nextends: starter\nrools: []\n")
    expect(page.locator(".gutter .bad")).to_have_text("3\n")
    hands.to(page.locator("[data-line='3']"))
    hands.press("Enter")
    expect(document).to_be_focused()
    changed = f"policy: house-{locale}\nextends: starter\nrules:\n  - {{id: pv-1, action: block}}\n"
    hands.rewrite(document, changed)
    expect(findings).to_contain_text("pv-1")
    hands.to(page.locator("button[value=replay]"))
    hands.press("Enter")
    # What it would have done to videos held here before.
    was_held = findings.locator(".steps li", has_text=words("verdict.hold")).first
    expect(was_held).to_contain_text(words("verdict.block"), timeout=60_000)
    expect(was_held.locator("a[href^='/videos/video_']").first).to_be_visible()
    assert hands.serious() == []
    publish(changed)

    def said(word: str) -> None:
        hands.choose(words("nav.studio"))
        page.wait_for_url(f"{gateway.address}/")
        hands.press("/")
        hands.type("The card number 4111 1111 1111 1111")
        expect(page.locator("#checks")).to_contain_text(words(word))

    said("check.block")
    hands.choose(words("nav.policy"))
    page.wait_for_url("**/policy")
    hands.choose(words("policy.rollback"))
    page.wait_for_url("**/policy?back=*")
    said("check.hold")
