"""The queue on the review pages, without JavaScript: next, skip, escalate, budget of pictures, versions."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from safelight.console.review_queue_pages import VIEW_HEADER
from safelight.console.translations import load_languages
from safelight.ids import new_id
from safelight.policy.findings import SHIPPED
from safelight.store import tables
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind
from safelight.trust.reviews import ReviewQueue
from support.console_server import ConsoleServer
from support.rows import each_row

from .conftest import create_video


@pytest.fixture(autouse=True)
def empty_queue(console: ConsoleServer) -> None:
    """Closes what other tests opened."""
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
        tx.delete(tables.exposures)


def test_the_next_case_is_taken_skipped_and_not_offered_again(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    first = console.hold(create_video(staff, "first scene"))
    second = console.hold(create_video(staff, "second scene"))
    taken = staff.post("/review/next")
    assert taken.url.path == f"/review/{first.id}"
    assert 'formaction="/review/' in taken.text
    following = staff.post(f"/review/{first.id}/skip", data={"reason": "Not for me."})
    assert following.url.path == f"/review/{second.id}"
    nothing = staff.post(f"/review/{second.id}/skip", data={"reason": "Not today."})
    assert nothing.url.path == "/review"
    assert "No case is waiting for you now." in nothing.text


@each_row
def test_a_case_is_not_given_back_without_a_written_reason(
    staff: httpx.Client, console: ConsoleServer, action: str, language: str, sentence: str
) -> None:
    case = console.hold(create_video(staff, f"a scene to {action} in {language}"))
    staff.post(f"/review/{case.id}/lease")
    # A rule is enough for a decision only.
    asked = staff.post(
        f"/review/{case.id}/{action}",
        data={"reason": " ", "clause": "vi-3"},
        headers={"accept-language": language},
    )
    assert (asked.status_code, f"<span>{sentence}</span></p>" in asked.text) == (400, True)
    with console.database.read_transaction(console.server.tenant) as tx:
        row = tx.one(tables.cases, tables.cases.c.id == case.id)
        skips = tx.count(tables.case_skips, tables.case_skips.c.case_id == case.id)
    assert row is not None
    assert (row.required_rank, row.leased_by is not None, skips) == (1, True, 0)


def test_an_escalation_that_is_not_possible_is_explained_on_the_case(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene for the lead"))
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, required_rank=3)
    refused = staff.post(f"/review/{case.id}/escalate", data={"reason": "Hard."})
    assert (refused.status_code, "no role is higher" in refused.text) == (409, True)


def test_a_rule_is_enough_and_the_next_case_follows(staff: httpx.Client, console: ConsoleServer) -> None:
    case = console.hold(create_video(staff, "a third scene"))
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "clause": "vi-3", "reason": ""})
    assert "Decided: Approve." in done.text
    assert "Rule vi-3." in staff.get(f"/review/{case.id}").text


def test_a_case_that_changed_or_that_another_person_has_is_not_decided(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a fourth scene"))
    version = re.search(r'name="version" value="(\d+)"', staff.get(f"/review/{case.id}").text)
    assert version is not None
    queue = ReviewQueue(console.database, taxonomy=SHIPPED)
    other = Principal(
        tenant=console.server.tenant,
        id=new_id("user"),
        kind=PrincipalKind.PERSON,
        name="Lin",
        scopes=frozenset({KeyScope.REVIEW}),
    )
    queue.escalate(replace(other, kind=PrincipalKind.KEY), case.id, reason="Hard.")
    stale = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "x", "version": version[1]})
    assert (stale.status_code, "changed after you opened it" in stale.text) == (409, True)
    queue.extend_lease(other, case.id)
    assert staff.post(f"/review/{case.id}/lease").status_code == 409
    assert staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "x"}).status_code == 409


def test_pictures_and_sound_count_and_stop_when_the_budget_is_used_up(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a fifth scene"))
    picture, part = {"file": "0"}, {"part": "0 0.5 2"}
    staff.get(f"/review/{case.id}")
    assert case.id not in console.revealed_cases
    shown = [
        staff.post(f"/review/{case.id}/reveal", data=picture),
        staff.post(f"/review/{case.id}/sound", data=part),
    ]
    assert [one.headers["content-type"] for one in shown] == ["image/webp", "audio/wav"]
    assert console.revealed_cases.count(case.id) == 1
    for one in shown:
        assert one.headers["cache-control"] == "no-store"
        ended = staff.post(f"/review/{case.id}/hide", data={"view": one.headers[VIEW_HEADER]})
        assert ended.status_code == 204
    assert (
        "Pictures and sound in the last 8 hours: 0 % of your budget" in staff.get(f"/review/{case.id}").text
    )
    with console.database.transaction(console.server.tenant) as tx:
        assert tx.count(tables.exposures, tables.exposures.c.case_id == case.id) == 2
        tx.update(tables.exposures, seconds=400.0)
    assert "almost used up" in staff.get(f"/review/{case.id}").text
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.exposures, seconds=450.0)
    page = staff.get(f"/review/{case.id}").text
    assert 'id="reveal"' not in page
    assert 'id="sound"' not in page
    assert "Your budget of pictures and sound for this shift is used up." in page
    # The text can still be read.
    assert 'id="transcript"' in page
    assert staff.post(f"/review/{case.id}/reveal", data=picture).status_code == 403
    assert staff.post(f"/review/{case.id}/sound", data=part).status_code == 403
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "The text is enough."})
    assert "Decided: Approve." in done.text


def test_a_file_of_a_case_or_a_part_of_its_sound_that_is_none_is_refused_and_nothing_is_shown(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene with sound"))
    no_numbers = ("x", "-1", "²", "9" * 5000)
    parts = (
        "",
        "0",
        "0 1",
        "0 2 1",
        "0 nan inf",
        "0 -1 1",
        "0 0 61",
        *(f"{file} 0 1" for file in no_numbers),
    )
    sent = [("sound", {"part": part}) for part in parts] + [("reveal", {"file": file}) for file in no_numbers]
    for action, form in sent:
        refused = staff.post(f"/review/{case.id}/{action}", data=form)
        assert (refused.status_code, VIEW_HEADER in refused.headers) == (400, False), form
    assert case.id not in console.revealed_cases
    for number in no_numbers:
        case = console.hold(create_video(staff, f"a scene of version {number[:9]}"))
        form = {"action": "approve", "reason": "Fine.", "version": number}
        assert staff.post(f"/review/{case.id}", data=form).status_code == 200


@each_row
def test_near_duplicates_are_named_on_the_case(
    staff: httpx.Client, console: ConsoleServer, language: str, words: str
) -> None:
    prompt = f"a sixth scene in {language}"
    cases = [console.hold(create_video(staff, prompt)) for _ in range(3)]
    members = [case.id for case in cases[1:]]
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id.in_(members), leader_id=cases[0].id)
    page = staff.get(f"/review/{cases[0].id}", headers={"accept-language": language}).text
    assert words in page
    assert staff.get("/review").text.count(prompt) == 1


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_a_rule_that_did_not_match_has_no_placeholder(tag: str) -> None:
    from safelight.console.review_pages import without_placeholders

    t = load_languages()[tag]
    text = without_placeholders(t.translate_reason("Possible nudity in {frames} frames."), t)
    assert "{" not in text
    assert t("review.several") in text


def test_the_page_of_a_case_is_small_with_all_of_its_scripts(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    for number in range(12):
        case = console.hold(create_video(staff, f"scene number {number} of a full list"))
    page = staff.get(f"/review/{case.id}")
    # People who report a problem name the version.
    assert re.search(r"Safelight \d+\.\d+", page.text.partition("<footer")[2])
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    loaded = {address: staff.get(address) for address in addresses}
    folder = next(iter(addresses)).rpartition("/")[0]
    imported = {
        f"{folder}/{name}"
        for file in loaded.values()
        for name in re.findall(r'from "\./(\w+\.js)"', file.text)
    }
    loaded |= {address: staff.get(address) for address in imported}
    # Static files are sent compressed.
    assert sum(file.num_bytes_downloaded for file in (page, *loaded.values())) < 50_000
