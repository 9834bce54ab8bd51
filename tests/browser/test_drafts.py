"""What was typed and not sent comes back to the same form of the same person, and to nobody else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged
from support.gateway_process import Running

pytestmark = pytest.mark.browser

PROMPT = "A paper boat on a pond, morning mist"


def drafts(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "Object.keys(sessionStorage).filter((name) => name.startsWith('draft '))"
    )
    return found


def sign_in_as_another(page: Page, console: ConsoleServer) -> None:
    page.goto(console.staff_login())
    page.locator("main button.main").click()
    page.wait_for_url(f"{console.server.url}/")


def test_a_draft_comes_back_to_its_own_form_among_forms_of_the_same_action(
    staff: Page, console: ConsoleServer
) -> None:
    address = f"{console.server.url}/review/replies"
    new = staff.locator("section:has(#new-reply) form")
    for name in ("first", "second"):
        staff.goto(address)
        new.locator("[name=name]").fill(name)
        new.locator("[name=en]").fill(f"The official text {name}.")
        new.locator("button").click()
        expect(staff.locator(f"section#{name}")).to_be_visible()
    staff.goto(address)
    new.locator("[name=name]").fill("third")
    new.locator("[name=en]").fill("Half written")
    staff.locator("#second summary").click()
    staff.locator("#second [name=en]").fill("Another text of the second.")
    staff.reload()
    expect(new.locator("[name=name]")).to_have_value("third")
    expect(new.locator("[name=en]")).to_have_value("Half written")
    expect(staff.locator("#first [name=en]")).to_have_value("The official text first.")
    expect(staff.locator("#second [name=en]")).to_have_value("Another text of the second.")


@pytest.mark.parametrize("signs_out", [True, False])
def test_going_back_shows_the_next_person_nothing_of_the_one_before(
    staff: Page, console: ConsoleServer, signs_out: bool
) -> None:
    staff.goto(console.server.url)
    staff.locator("#prompt").fill(PROMPT)
    staff.locator("#use summary").click()
    staff.locator("[name='safelight[use][territory]']").fill("Taiwan")
    staff.goto(f"{console.server.url}/advice")
    staff.locator("#prompt").fill(PROMPT)
    staff.goto(f"{console.server.url}/videos")
    if signs_out:
        staff.locator("form[action='/logout'] button").click()
        expect(staff).to_have_url(f"{console.server.url}/login")
    else:
        staff.context.clear_cookies()
    sign_in_as_another(staff, console)
    shown = {}
    while staff.go_back() and staff.url.startswith(console.server.url):
        fields = staff.locator("main textarea, main [type=text]").all()
        shown[staff.url.removeprefix(console.server.url)] = [field.input_value() for field in fields]
    assert {"/", "/advice", "/videos"} < set(shown)
    assert [text for texts in shown.values() for text in texts if text] == []
    staff.goto(console.server.url)
    assert drafts(staff) == []


def test_a_choice_survives_any_number_of_reloads(page: Page) -> None:
    chosen = page.locator("[name=size][value='720x1280']")
    chosen.check(force=True)
    page.locator("[name=seconds]").select_option("8")
    page.locator("#prompt").fill(PROMPT)
    for _ in range(3):
        page.reload()
        expect(page.locator("#prompt")).to_have_value(PROMPT)
        expect(chosen).to_be_checked()
        expect(page.locator("[name=seconds]")).to_have_value("8")


def test_a_form_without_a_large_text_is_kept_and_what_it_has_of_secrets_is_not(
    staff: Page, console: ConsoleServer
) -> None:
    staff.goto(f"{console.server.url}/settings")
    staff.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    staff.locator("form[action='/settings/keys'] [name=name]").fill("The archive")
    staff.locator("form[action='/settings/webhooks'] [name=url]").fill("https://example.com/hook")
    staff.reload()
    expect(staff.locator("form[action='/settings/keys'] [name=name]")).to_have_value("The archive")
    expect(staff.locator("form[action='/settings/webhooks'] [name=url]")).to_have_value(
        "https://example.com/hook"
    )
    staff.goto(f"{console.server.url}/explain-error")
    staff.locator("#text").fill("401 for key sk-12345")
    staff.reload()
    expect(staff.locator("#text")).to_have_value("")
    assert "sk-12345" not in str(staff.evaluate("Object.values(sessionStorage)"))


def test_a_form_that_was_sent_is_no_draft_after_the_session_has_ended(
    staff: Page, console: ConsoleServer
) -> None:
    video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt="a delivered scene"))
    address = f"{console.server.url}/videos/{video.id}/report"
    staff.goto(address)
    staff.locator("main form [type=radio]").first.check()
    staff.locator("main form textarea").fill("It shows a person I know.")
    staff.locator("main form button").last.click()
    expect(staff.locator("main")).to_contain_text("Thank you")
    assert drafts(staff) == []
    cookies = staff.context.cookies()
    staff.context.clear_cookies()
    staff.goto(f"{console.server.url}/videos")
    expect(staff).to_have_url(re.compile("/login"))
    staff.context.add_cookies([dict(cookie) for cookie in cookies])  # type: ignore[misc]
    staff.goto(address)
    expect(staff.locator("main form textarea")).to_have_value("")


def test_a_form_whose_answer_is_an_error_comes_back_with_its_text(
    staff: Page, console: ConsoleServer
) -> None:
    staff.goto(f"{console.server.url}/advice")
    staff.locator("#prompt").fill(PROMPT)
    staff.route("**/advice", lambda route: route.fulfill(status=503, body="<p>No answer</p>"), times=1)
    staff.locator("#advice button").last.click()
    expect(staff.locator("p")).to_have_text("No answer")
    staff.go_back()
    expect(staff.locator("#prompt")).to_have_value(PROMPT)


def test_a_decision_leaves_no_draft_of_its_reason(staff: Page, console: ConsoleServer) -> None:
    for prompt in ("a held scene", "another held scene"):
        video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt=prompt))
        console.server.desk.judgements[video.id] = (judged(card_verdict(CARD)),)
        case = console.hold(video.id)
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.locator("#reason").fill("It shows the card and nothing else.")
    staff.wait_for_timeout(400)
    staff.locator("#decide [value=approve]").click()
    expect(staff.locator("#last-decision")).to_contain_text("Undo")
    assert drafts(staff) == []


def test_a_request_that_was_taken_is_no_draft(page: Page) -> None:
    page.locator("#prompt").fill(PROMPT)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome [data-video]")).to_be_visible()
    page.reload()
    expect(page.locator("#prompt")).to_have_value("")


def test_a_draft_of_a_policy_says_that_it_is_one_and_can_be_discarded(page: Page, gateway: Running) -> None:
    editor = f"{gateway.address}/policy?edit=1"
    page.goto(editor)
    note, field = page.locator("[data-draft]"), page.locator("#document")
    in_force = field.input_value()
    expect(note).to_be_hidden()
    field.fill(f"{in_force}# half written\n")
    page.goto(f"{gateway.address}/policy")
    page.goto(editor)
    expect(field).to_have_value(f"{in_force}# half written\n")
    expect(note).to_contain_text("This is your draft")
    expect(note.locator("[data-outdated]")).to_be_hidden()
    # As if another policy had been published since.
    page.evaluate(
        "for (const [name, value] of Object.entries(sessionStorage))"
        ' sessionStorage.setItem(name, value.replace(/"basis":"..../, \'"basis":"0000\'))'
    )
    page.reload()
    expect(note.locator("[data-outdated]")).to_be_visible()
    note.get_by_role("button", name="Discard the draft").click()
    expect(field).to_have_value(in_force)
    expect(note).to_be_hidden()
    page.reload()
    expect(field).to_have_value(in_force)
    assert drafts(page) == []


def test_a_draft_does_not_replace_the_text_of_a_link(page: Page, gateway: Running) -> None:
    page.locator("#prompt").fill(PROMPT)
    page.goto(f"{gateway.address}/?prompt=A+kite+above+the+sea")
    expect(page.locator("#prompt")).to_have_value("A kite above the sea")
    page.locator("#prompt").fill("A kite above the sea at dawn")
    page.reload()
    expect(page.locator("#prompt")).to_have_value("A kite above the sea at dawn")


def test_a_draft_does_not_replace_what_another_person_has_saved_since(
    staff: Page, console: ConsoleServer
) -> None:
    address = f"{console.server.url}/review/replies"
    staff.goto(address)
    new = staff.locator("section:has(#new-reply) form")
    new.locator("[name=name]").fill("shared")
    new.locator("[name=en]").fill("The first text.")
    new.locator("button").click()
    text = staff.locator("#shared [name=en]")
    staff.locator("#shared summary").click()
    text.fill("Half written")
    other = staff.context.new_page()
    other.goto(address)
    other.locator("#shared summary").click()
    other.locator("#shared [name=en]").fill("The second text.")
    other.locator("#shared form").first.get_by_role("button").click()
    expect(other.locator("#shared dd[lang=en]")).to_have_text("The second text.")
    staff.goto(address)
    expect(text).to_have_value("The second text.")


def test_a_prompt_comes_back_after_a_look_at_its_advice(page: Page) -> None:
    page.locator("#prompt").fill("A man alone on a rooftop at night, looking down at the city")
    page.locator("#all-advice").click()
    expect(page).to_have_url(re.compile("/advice"))
    expect(page.locator("#answer")).to_be_visible()
    page.go_back()
    expect(page.locator("#prompt")).to_have_value(re.compile("rooftop"))


def test_what_is_typed_while_a_request_is_sent_stays_a_draft(page: Page) -> None:
    page.route(
        lambda url: url.split("?")[0].endswith("/"),
        lambda route: (page.locator("#prompt").fill("The next one"), route.continue_()),
        times=1,
    )
    page.locator("#prompt").fill(PROMPT)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#outcome [data-video]")).to_be_visible()
    page.reload()
    expect(page.locator("#prompt")).to_have_value("The next one")
