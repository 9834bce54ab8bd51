"""Browser tests of the review queue: two keys for a decision, pictures only while a key is held."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Request, expect

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.cases.inputs import ReplyChange
from safelight.cases.saved_replies import SavedReplies
from safelight.store import tables
from safelight.videos.case_rows import Case, CaseKind
from safelight.videos.models import VideoState
from support.cases import flagged, frames
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged
from support.verdicts import seen

pytestmark = pytest.mark.browser

CASES = 6
#: Longer than the time in which the page ignores decisions on a new case.
READING_MS = 350


def hold(console: ConsoleServer, prompt: str) -> Case:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt=prompt))
    desk.judgements[video.id] = (judged(card_verdict(CARD)),)
    return console.hold(video.id)


def test_cases_are_decided_with_two_keys_each_and_pictures_are_fetched_only_on_reveal(
    staff: Page, console: ConsoleServer
) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
    cases = [hold(console, f"scene number {number}") for number in range(CASES)]
    requests: list[Request] = []
    staff.on("request", lambda request: requests.append(request))
    staff.goto(f"{console.server.url}/review")
    staff.get_by_role("button", name="Take the next case").click()
    staff.wait_for_url(f"**/review/{cases[0].id}")
    for case in cases[:-2]:
        staff.wait_for_timeout(READING_MS)
        # Two keys: that the finding is wrong, and the decision, which opens the next case.
        staff.keyboard.press("0")
        staff.keyboard.press("a")
        staff.wait_for_url(re.compile(f"decided={case.id}"))
    assert not [one.url for one in requests if one.url.endswith(("/reveal", "/content"))]
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("a")
    expect(staff.locator("#reason-missing")).to_be_visible()
    staff.keyboard.press("Escape")
    with staff.expect_request(re.compile("/hide$")):
        staff.keyboard.down(" ")
        expect(staff.locator("#image-cover canvas")).to_be_visible()
        staff.keyboard.up(" ")
    expect(staff.locator("#image-cover canvas")).to_be_hidden()
    staff.keyboard.press("1")
    for key in ("s", "e"):
        # A rule is not enough to give the case back.
        staff.keyboard.press(key)
        expect(staff.locator("#reason-missing")).to_contain_text("before you skip or escalate the case")
        staff.keyboard.press("Escape")
    staff.locator("#reason").fill("Not for me.")
    staff.locator("#reason").blur()
    with staff.expect_request(re.compile(f"{cases[-1].id}/lease$")):
        staff.keyboard.press("s")
    staff.wait_for_url(f"**/review/{cases[-1].id}")
    console.carry_out_decisions()
    states = [console.server.desk.videos[case.video_id].state for case in cases]
    assert states == [VideoState.SEALING] * (CASES - 2) + [VideoState.HELD] * 2
    with console.database.read_transaction(console.server.tenant) as tx:
        made = tx.one(tables.decisions, tables.decisions.c.case_id == cases[0].id)
    assert made is not None
    reason = "The finding or report is wrong, or breaks no rule."
    assert (made.reason, made.clause, made.facts) == (reason, None, None)


def test_after_the_last_case_its_lease_is_not_asked_for_again(staff: Page, console: ConsoleServer) -> None:
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
    case = hold(console, "the only scene")
    with staff.expect_request(re.compile("/lease$")):
        staff.goto(f"{console.server.url}/review/{case.id}")
    requests: list[Request] = []
    staff.on("request", lambda request: requests.append(request))
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("0")
    staff.keyboard.press("a")
    staff.wait_for_url(re.compile(r"/review(\?|$)"))
    assert not [one.url for one in requests if one.url.endswith("/lease")]


@pytest.mark.parametrize(("key", "action"), [("a", "keep"), ("r", "withdraw")])
def test_keeping_and_removing_take_the_same_two_keys_and_the_sentence_of_the_rule_can_be_changed(
    staff: Page, console: ConsoleServer, key: str, action: str
) -> None:
    desk = console.server.desk
    video = desk.put(a_video(tenant=console.server.tenant, prompt=f"a street to {action}"))
    desk.deliver(video.id, b"clip")
    desk.judgements[video.id] = (
        judged(card_verdict(CARD)),
        flagged(seen("violence/graphic", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),))),
    )
    case = console.hold(video.id, kind=CaseKind.REPORT)
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.wait_for_timeout(READING_MS)
    rule = staff.locator("#decide [name=clause]").first.get_attribute("value")
    staff.keyboard.press("1")
    expect(staff.locator("#facts")).not_to_have_value("")
    sentence = staff.locator("#facts").input_value()
    assert sentence.endswith(" "), "what is typed next is apart from it"
    staff.keyboard.press(key)
    staff.wait_for_url(re.compile(f"decided={case.id}"))
    console.carry_out_decisions()
    with console.database.read_transaction(console.server.tenant) as tx:
        made = tx.one(tables.decisions, tables.decisions.c.case_id == case.id)
    assert made is not None
    assert (made.action, made.clause, made.facts) == (
        action,
        rule,
        sentence.strip() if action == "withdraw" else None,
    )


def test_no_rule_takes_back_the_sentence_and_is_no_reason_against_the_content(
    staff: Page, console: ConsoleServer
) -> None:
    case = hold(console, "a street and no rule")
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("1")
    expect(staff.locator("#facts")).not_to_have_value("")
    staff.keyboard.press("0")
    expect(staff.locator("#facts")).to_have_value("")
    staff.keyboard.press("r")
    expect(staff.locator("#reason-missing")).to_be_visible()
    expect(staff.locator("#decide [data-key='0']")).to_be_checked()
    staff.keyboard.press("Escape")
    staff.keyboard.press("1")
    staff.keyboard.press("0")
    expect(staff.locator("#reason-missing")).to_be_hidden()
    assert staff.url.endswith(case.id)


def test_another_rule_changes_the_sentence_until_the_reviewer_has_written_one(
    staff: Page, console: ConsoleServer
) -> None:
    case = hold(console, "a street and its rules")
    staff.goto(f"{console.server.url}/review/{case.id}")
    facts, other = staff.locator("#facts"), staff.locator("#other-clause")
    other.fill("ha-2")
    other.blur()
    first = facts.input_value()
    other.fill("vi-3")
    other.blur()
    assert "" != facts.input_value() != first != ""
    facts.fill("My own words.")
    other.fill("ha-2")
    other.blur()
    expect(facts).to_have_value("My own words.")


def test_a_page_that_is_loaded_again_keeps_the_rule_and_its_sentence(
    staff: Page, console: ConsoleServer
) -> None:
    case = hold(console, "a street that is loaded again")
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("1")
    facts = staff.locator("#facts")
    expect(facts).not_to_have_value("")
    sentence = facts.input_value()
    staff.reload()
    expect(staff.locator("#decide [data-key='1']")).to_be_checked()
    expect(facts).to_have_value(sentence)
    # It is still the sentence of the rule, which goes with it.
    staff.keyboard.press("0")
    expect(facts).to_have_value("")


def test_the_visible_queue_refreshes_itself_and_keeps_the_focus(staff: Page, console: ConsoleServer) -> None:
    shown = hold(console, "a street that is shown")
    staff.clock.install()
    staff.goto(f"{console.server.url}/review?search={shown.video_id}")
    row = staff.locator(f'#queue-cases [href="/review/{shown.id}"]')
    row.focus()
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == shown.id, due_at=1.0)
    set_hidden = "is => Object.defineProperty(document, 'hidden', { value: is, configurable: true })"
    staff.evaluate(set_hidden, True)
    asked: list[Request] = []
    staff.on("request", lambda request: asked.append(request))
    staff.clock.fast_forward(31_000)
    assert asked == []
    staff.evaluate(set_hidden, False)
    staff.clock.fast_forward(31_000)
    expect(row.locator(".tone.block")).to_be_visible()
    expect(row).to_be_focused()
    expect(staff.locator("#queue-counts .tone.block")).to_be_visible()


def test_g_and_a_few_letters_pick_any_rule_and_enter_decides_nothing(
    staff: Page, console: ConsoleServer
) -> None:
    case = hold(console, "a street for letters")
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("1")
    staff.keyboard.press("g")
    expect(staff.locator("#other-clause")).to_be_focused()
    staff.keyboard.type("HA-")
    expect(staff.locator("#rule-text")).to_contain_text("ha-1: ")
    staff.keyboard.press("Enter")
    expect(staff.locator("#other-clause")).to_have_value("ha-1")
    expect(staff.locator("#facts")).not_to_have_value("")
    assert (staff.locator("[name=clause]:checked").count(), staff.url.endswith(case.id)) == (0, True)
    # The last choice counts.
    staff.keyboard.press("1")
    expect(staff.locator("#other-clause")).to_have_value("")
    staff.keyboard.press("g")
    staff.keyboard.type("ha-2")
    staff.keyboard.press("Enter")
    # The sentence that the rule filled in goes on.
    staff.keyboard.press("f")
    staff.keyboard.type(" On a street.")
    staff.keyboard.press("Escape")
    staff.keyboard.press("r")
    staff.wait_for_url(re.compile(f"decided={case.id}"))
    with console.database.read_transaction(console.server.tenant) as tx:
        made = tx.one(tables.pending_decisions, tables.pending_decisions.c.case_id == case.id)
    assert made is not None
    assert (made.clause, made.facts.endswith(" On a street.")) == ("ha-2", True)


def test_a_saved_reply_is_chosen_with_keys_and_goes_with_the_decision(
    staff: Page, console: ConsoleServer
) -> None:
    lead = Principal(
        tenant=console.server.tenant,
        id="lead",
        kind=PrincipalKind.PERSON,
        name="lead",
        scopes=frozenset({KeyScope.POLICY}),
    )
    SavedReplies(console.database).save(lead, "stage-blow", ReplyChange(en="A blow was shown."))
    case = hold(console, "a blow for a reply")
    staff.goto(f"{console.server.url}/review/{case.id}")
    staff.wait_for_timeout(READING_MS)
    staff.keyboard.press("1")
    staff.keyboard.press("t")
    expect(staff.locator("#reply")).to_be_focused()
    staff.keyboard.type("stage-blow")
    expect(staff.locator("#reply-text")).to_have_text("A blow was shown.")
    staff.keyboard.press("Escape")
    staff.keyboard.press("r")
    staff.wait_for_url(re.compile(f"decided={case.id}"))
    with console.database.read_transaction(console.server.tenant) as tx:
        made = tx.one(tables.pending_decisions, tables.pending_decisions.c.case_id == case.id)
    assert made is not None
    assert made.reply["en"] == "A blow was shown."
