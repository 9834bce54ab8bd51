"""Every page by keyboard alone: each control is reached, and the focus is always visible."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED
from safelight.videos.models import VideoState
from support.console_server import ConsoleServer
from support.fake_api_server import a_video

from .test_review_undo import hold

pytestmark = pytest.mark.browser
PAGES = (
    "/",
    "/videos",
    "/review",
    "/compliance/log",
    "/compliance/vault",
    "/verify",
    "/advice",
    "/attempts",
    "/explain-error",
    "/coverage",
    "/policy",
    "/policy?edit=1",
    "/settings",
)
_MAX_KEY_PRESSES = 250
#: Marks the controls that a person can see and use. One radio button of a group takes the focus.
_CONTROLS = """() => {
  const all = document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"], video[controls]');
  const groups = new Set();
  const wanted = [];
  for (const one of all) {
    if (one.disabled || one.closest('[hidden], [inert]')) continue;
    if (one.matches('.skip, [tabindex="-1"], [type=hidden]')) continue;
    if (!one.checkVisibility({ visibilityProperty: true }) || !one.getClientRects().length) continue;
    if (one.type === 'radio') {
      const group = [...document.getElementsByName(one.name)];
      if (groups.has(one.name) || (group.some((each) => each.checked) && !one.checked)) continue;
      groups.add(one.name);
    }
    wanted.push(one);
  }
  wanted.forEach((one, index) => { one.dataset.control = index; });
  return wanted.map((one) => one.outerHTML.slice(0, 160));
}"""
#: The control with the focus, and whether the focus is visible on it or on its label.
_FOCUSED = """() => {
  const one = document.activeElement;
  const drawn = (element) => {
    const style = element && getComputedStyle(element);
    return Boolean(style) && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  };
  const box = one.getBoundingClientRect();
  const shown = box.width > 1 && box.height > 1;
  return { control: one.dataset.control ?? null, body: one === document.body,
    visible: shown && (drawn(one) || drawn(one.closest('label'))), html: one.outerHTML.slice(0, 160) };
}"""


def walk(page: Page) -> list[str]:
    """Tab through the whole page; the problems found."""
    controls: list[str] = page.evaluate(_CONTROLS)
    reached: set[int] = set()
    problems: list[str] = []
    for _ in range(_MAX_KEY_PRESSES):
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused["body"]:
            break
        if not focused["visible"]:
            problems.append(f"no visible focus: {focused['html']}")
        if focused["control"] is not None:
            reached.add(int(focused["control"]))
    missing = [html for number, html in enumerate(controls) if number not in reached]
    return problems + [f"not reached: {html}" for html in missing]


def test_the_walk_reports_what_it_is_for(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content(
        '<a href="/a">reached</a><a href="/b" style="outline: none">faint</a>'
        '<span tabindex="0" style="outline: none">mark</span>'
        "<button onfocus=\"document.querySelector('a').focus()\">trapped</button><a href='/c'>behind</a>"
    )
    problems = walk(page)
    assert [problem for problem in problems if "faint" in problem and "no visible" in problem]
    assert [problem for problem in problems if "behind" in problem and "not reached" in problem]
    page.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_every_control_of_every_page_is_reached_and_shows_its_focus(
    staff: Page, console: ConsoleServer, width: int
) -> None:
    staff.set_viewport_size({"width": width, "height": 900})
    desk, tenant = console.server.desk, console.server.tenant
    delivered = desk.put(a_video(tenant=tenant, prompt="a walk by keyboard")).id
    desk.deliver(delivered, b"clip")
    blocked = desk.put(a_video(tenant=tenant), state=VideoState.BLOCKED).id
    case = console.hold(desk.put(a_video(tenant=tenant, prompt="a case by keyboard")).id)
    more = (
        f"/videos/{delivered}",
        f"/videos/{delivered}/report",
        f"/videos/{blocked}",
        f"/review/{case.id}",
        "/coverage?cell=violence/graphic/frames",
        "/nothing",
    )
    found: list[str] = []
    for path in (*PAGES, *more):
        staff.goto(console.server.url + path)
        found += [f"{path}: {problem}" for problem in walk(staff)]
    assert found == []


def test_the_skip_link_is_first_and_leads_to_the_content(staff: Page, console: ConsoleServer) -> None:
    for path in PAGES:
        staff.goto(console.server.url + path)
        staff.keyboard.press("Tab")
        skip = staff.locator(".skip")
        expect(skip).to_be_focused()
        assert skip.evaluate("one => one.getBoundingClientRect().height") > 20, path
        staff.keyboard.press("Enter")
        expect(staff.locator("#main")).to_be_focused()


def test_escape_closes_menus_and_dialogs_and_returns_the_focus(staff: Page, console: ConsoleServer) -> None:
    staff.goto(f"{console.server.url}/videos")
    for menu in (".waivers", ".menu:has([name=language])"):
        summary = staff.locator(f"{menu} summary")
        summary.focus()
        staff.keyboard.press("Enter")
        expect(staff.locator(f"{menu}[open]")).to_have_count(1)
        staff.keyboard.press("Tab")
        staff.keyboard.press("Escape")
        expect(staff.locator(f"{menu}[open]")).to_have_count(0)
        expect(summary).to_be_focused()
    for keys in ("Control+k", "?"):
        staff.keyboard.press(keys)
        expect(staff.get_by_role("dialog")).to_be_visible()
        staff.keyboard.press("Escape")
        expect(staff.get_by_role("dialog")).to_have_count(0)
        expect(summary).to_be_focused()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_shown_help_never_covers_the_form(
    staff: Page, console: ConsoleServer, size: tuple[int, int]
) -> None:
    staff.set_viewport_size({"width": size[0], "height": size[1]})
    staff.goto(f"{console.server.url}/review/{hold(console, 'a case to read about').id}")
    staff.keyboard.press("?")
    help_box = staff.get_by_role("dialog").bounding_box()
    form_box = staff.locator(".decision").bounding_box()
    assert help_box is not None
    assert form_box is not None
    assert help_box["y"] + help_box["height"] <= form_box["y"]
    # The page works while the help is shown.
    staff.keyboard.press("1" if staff.locator("[name=clause]").count() else "?")
    expect(staff.locator("#reason")).to_be_enabled()


def test_approve_and_refuse_differ_in_form_and_a_rule_is_found_by_a_few_letters_of_its_id_or_reason(
    staff: Page, console: ConsoleServer
) -> None:
    staff.goto(f"{console.server.url}/review/{hold(console, 'a case to decide').id}")
    approve, refuse = (
        staff.locator(f"#decide [value={action}]").evaluate(
            "one => [one.querySelector('path').getAttribute('d'), getComputedStyle(one).borderTopColor]"
        )
        for action in ("approve", "refuse")
    )
    assert [one != other for one, other in zip(approve, refuse, strict=True)] == [True, True]
    field = staff.locator("#other-clause")
    options = staff.locator(f"#{field.get_attribute('list')} option")
    shown = options.evaluate_all("all => all.map((one) => [one.value, one.label])")
    rules = {one.id for one in load("starter", SHIPPED).rules}
    assert {value for value, _ in shown} == rules
    assert all(len(label) > len(value) for value, label in shown)
