"""The studio as a person meets it, in Chromium against the real gateway: order, watch, read the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from running import Running, running

pytestmark = pytest.mark.browser
MADE_MS = 120_000


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, chromium: Path) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.fixture(scope="module")
def signed_in(gateway: Running, browser: Browser) -> dict[str, object]:
    """The cookies of somebody who opened the login link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(gateway.login)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{gateway.address}/")
    state = context.storage_state()
    context.close()
    return dict(state)


@pytest.fixture
def problems() -> list[str]:
    """What the browser complained of."""
    return []


@pytest.fixture
def page(
    gateway: Running, browser: Browser, signed_in: dict[str, object], problems: list[str]
) -> Iterator[Page]:
    context = browser.new_context(storage_state=signed_in)  # type: ignore[arg-type]
    page = _opened(context, problems)
    page.goto(gateway.address)
    yield page
    context.close()
    assert problems == []


def _opened(context: BrowserContext, problems: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    return page


def test_a_video_is_ordered_watched_and_played(page: Page) -> None:
    page.get_by_label("Prompt", exact=True).fill("A lighthouse above a quiet sea at dawn")
    page.get_by_role("button", name="Create").click()
    way = page.get_by_role("list", name="The way of this video")
    expect(way.get_by_role("listitem")).to_have_count(7)
    expect(way.locator("[data-mark=now]")).to_have_count(1)
    expect(page.get_by_role("heading", name="Delivered.")).to_be_visible(timeout=MADE_MS)
    expect(way.locator("[data-mark=done]")).to_have_count(6)
    seconds = page.locator("video").evaluate(
        "v => new Promise(done => v.readyState ? done(v.duration)"
        " : v.addEventListener('loadedmetadata', () => done(v.duration)))"
    )
    assert 3.9 < seconds < 4.2
    page.locator("video").evaluate("v => { v.muted = true; return v.play(); }")
    expect(page.get_by_text("Sealed with a C2PA manifest")).to_be_visible()
    expect(page.locator("code.long").first).to_have_text(re.compile(r"[0-9a-f]{64}"))
    expect(page.get_by_text("Running with a waiver")).to_be_visible()
    expect(page.locator("#recent").get_by_text("A lighthouse above")).to_be_visible()


def test_a_blocked_prompt_is_explained_with_its_words_marked(page: Page) -> None:
    page.get_by_text("See a block without harmful words").click()
    page.get_by_role("button", name="Put it in the prompt").click()
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Blocked before generation.")).to_be_visible()
    expect(page.locator("#outcome mark")).to_have_text("SAFELIGHT-TEST:violence")
    expect(page.get_by_text("Nothing was charged.").first).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("Blocked before generation.")


def test_the_whole_story_goes_by_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_label("Prompt", exact=True).focus()
    page.keyboard.type("SAFELIGHT-TEST:hate")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#outcome mark")).to_have_text("SAFELIGHT-TEST:hate")


def test_without_javascript_it_works_too(
    gateway: Running, browser: Browser, signed_in: dict[str, object]
) -> None:
    context = browser.new_context(storage_state=signed_in, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(gateway.address)
    page.get_by_label("Prompt", exact=True).fill("A paper boat on a pond")
    page.get_by_role("button", name="Create").click()
    expect(page).to_have_url(re.compile(r"/videos/video_[0-9a-f]{32}$"))
    expect(page.get_by_role("heading", name="Delivered.")).to_be_visible(timeout=MADE_MS)
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_and_nothing_runs_off_a_phone(
    gateway: Running, browser: Browser, signed_in: dict[str, object], scheme: str
) -> None:
    context = browser.new_context(
        storage_state=signed_in,  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 360, "height": 740},
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(gateway.address)
    page.get_by_text("See a block without harmful words").click()
    page.get_by_role("button", name="Put it in the prompt").click()
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome mark")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    faint = page.evaluate(Path(__file__).with_name("contrast.js").read_text())
    assert faint == []
    context.close()
