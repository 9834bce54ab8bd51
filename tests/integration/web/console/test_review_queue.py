"""The queue on the review pages, without JavaScript: next, skip, escalate, budget of pictures, versions."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import msgspec
import pytest

from safelight.accounts import KeyScope, Principal, PrincipalKind, Role
from safelight.cases.reviews import ReviewQueue
from safelight.core.ids import new_id
from safelight.policy.findings import SHIPPED, Stage
from safelight.policy.verdicts import Action
from safelight.store import tables
from safelight.videos.case_rows.models import SEVERE
from safelight.web.console.render import BACKGROUND_HEADER
from safelight.web.console.review_queue_pages import VIEW_HEADER
from safelight.web.translations import load_languages
from support.cases import flagged, frames
from support.consent_records import add_given_request
from support.console_server import ConsoleServer
from support.fake_api_server import allowed, judged
from support.rows import each_row
from support.verdicts import seen
from support.videos import add_video

from .conftest import SignIn, create_video


@pytest.fixture(autouse=True)
def empty_queue(console: ConsoleServer) -> None:
    """Closes what other tests opened."""
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, state="expired", dedup_key=None)
        tx.delete(tables.exposures)


def test_what_the_queue_requests_by_itself_does_not_keep_the_session_open(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    hour_ago = console.database.clock() - 3600

    def used_at(headers: dict[str, str]) -> float:
        with console.database.transaction(console.server.tenant) as tx:
            tx.update(tables.sessions, last_used_at=hour_ago)
        assert staff.get("/review", headers=headers).status_code == 200
        with console.database.read_transaction(console.server.tenant) as tx:
            return max(row.last_used_at for row in tx.select(tables.sessions))

    assert used_at({BACKGROUND_HEADER: "yes"}) == hour_ago < used_at({})


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


def test_a_case_that_the_reviewer_does_not_get_says_why(
    staff: httpx.Client, console: ConsoleServer, sign_in: SignIn
) -> None:
    case, leader = (console.hold(create_video(staff, f"a scene that {one}")) for one in ("waits", "leads"))

    def lost(**columns: object) -> str:
        columns = {"reserved": False} | columns
        with console.database.transaction(console.server.tenant) as tx:
            tx.update(tables.cases, tables.cases.c.id == case.id, **columns)
        (text,) = re.findall(
            r'(?:data-lost="|id="not-free">)([^"<]+)', page := staff.get(f"/review/{case.id}").text
        )
        # With the decision of another person nobody competes.
        assert ("data-decides" in page) == ("data-lost" in page)
        return str(text)

    # What the script shows when another reviewer takes it later.
    assert lost() == "Another reviewer has this case now. Take the next case."
    until = {"leased_by": "user_2", "leased_until": console.database.clock() + 60}
    assert "is open at another reviewer until" in lost(**until)
    assert "is reserved as the next case of another reviewer." in lost(reserved=True)
    free = {"leased_by": None, "leased_until": None}
    assert "is decided together with" in lost(**free, leader_id=leader.id)
    lost(leader_id=None)
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, required_rank=3)
    page = sign_in(Role.REVIEWER).get(f"/review/{case.id}").text
    assert "This case needs a reviewer with a higher role." in page.partition('id="other-reviewer"')[2]


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


def test_who_has_the_highest_role_is_not_offered_to_escalate(
    staff: httpx.Client, console: ConsoleServer, sign_in: SignIn
) -> None:
    case = console.hold(create_video(staff, "a scene for every role"))
    offered = [
        f"/review/{case.id}/escalate" in sign_in(role).get(f"/review/{case.id}").text
        for role in (Role.REVIEWER, Role.SENIOR_REVIEWER, Role.TRUST_LEAD)
    ]
    assert offered == [True, True, False]


def test_a_rule_is_enough_and_the_next_case_follows(staff: httpx.Client, console: ConsoleServer) -> None:
    case = console.hold(create_video(staff, "a third scene"))
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "clause": "vi-3", "reason": ""})
    assert "Approved." in done.text
    assert "Rule vi-3." in staff.get(f"/review/{case.id}").text


def test_the_rule_of_an_earlier_decision_is_shown_beside_it_and_has_no_key(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    decided = console.hold(create_video(staff, "a scene that was decided"))
    staff.post(f"/review/{decided.id}", data={"action": "approve", "clause": "vi-3"})
    console.carry_out_decisions()
    case = console.hold(create_video(staff, "a scene like it"))
    # The fake server stores its videos elsewhere.
    with console.database.transaction(console.server.tenant) as tx:
        add_video(tx, id=decided.video_id, principal_id="key_8")
        add_video(tx, id=case.video_id, principal_id="key_9")
    page = staff.get(f"/review/{case.id}").text
    assert re.search(rf'<a href="/review/{decided.id}">.*<code>vi-3</code>', page)
    assert re.findall(r'name="clause" value="([^"]*)" data-key="(.)"', page) == [("", "0")]


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
    picture, part = {"show": "frame 0"}, {"part": "0 0.5 2"}
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
    override = f"/review/{case.id}/override"
    assert staff.post(override, data={"why_seen": " "}).status_code == 400
    seen_again = staff.post(override, data={"why_seen": "The words do not tell who is hurt."})
    assert (seen_again.url.path, 'id="reveal"' in seen_again.text) == (f"/review/{case.id}", True)
    assert staff.post(f"/review/{case.id}/reveal", data=picture).status_code == 200
    assert "past the exposure budget<br>" in staff.get("/compliance/log?event=reads").text
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "The text is enough."})
    assert "Approved." in done.text


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
    asked = (
        *({"show": f"frame {file}"} for file in no_numbers),
        *({"show": "clip 0", "frame": frame} for frame in no_numbers),
        {"show": ""},
        {"show": "frame"},
        {"show": "everything 0"},
    )
    sent = [("sound", {"part": part}) for part in parts] + [("reveal", form) for form in asked]
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
    from safelight.web.console.case_rules import without_placeholders

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


def test_the_page_opens_at_the_finding_and_what_is_switched_off_stays_off_for_a_shift(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene with a flagged frame"))
    page = f"/review/{case.id}"
    console.server.desk.judgements[case.video_id] = (
        flagged(seen("violence", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),))),
    )
    shown = staff.get(page).text
    assert '<a href="?frame=18#pictures" data-frame="18" aria-current="true">2 s to 2.5 s</a>' in shown
    assert 'name="frame" value="18"' in shown
    # Another frame without a script.
    assert 'name="frame" value="3"' in staff.get(f"{page}?frame=3").text
    assert 'name="frame" value="18"' in staff.get(f"{page}?frame=x").text
    assert shown.index('value="frame 0"') < shown.index('value="around 0"') < shown.index('value="whole 0"')
    # Covered, grey, small, muted and slow, until the reviewer says otherwise.
    assert shown.count(" checked>") == 5
    changed = staff.post(f"{page}/switches", data={"covered": "yes", "muted": "yes", "slow": "yes"})
    assert changed.text.count(" checked>") == 3
    assert '<input type="hidden" name="colour" value="yes">' in changed.text
    staff.post(f"{page}/reveal", data={"show": "around 0", "frame": "18", "colour": "yes"})
    asked = console.asked[-1]
    assert (asked.shot.value, asked.frame, asked.in_colour, asked.large) == ("around", 18, True, False)
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, severity=SEVERE)
    severe = staff.get(page).text
    assert (severe.count(" checked>"), "In this case everything is on at first." in severe) == (5, True)
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, severity=1)
        tx.update(tables.reviewer_preferences, switched_until=tx.now() - 1)
    assert staff.get(page).text.count(" checked>") == 5


def test_a_category_is_declined_with_one_button_and_taken_again_on_the_queue(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene that this person does not want"))
    other = console.hold(create_video(staff, "another scene"))
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == other.id, category="hate")
    assert staff.post("/review/next").url.path == f"/review/{case.id}"
    assert staff.post(f"/review/{case.id}/decline", data={"version": "1"}).url.path == f"/review/{other.id}"
    queue = staff.get("/review").text
    assert ('id="declined"' in queue, "Take cases again: Violence" in queue) == (True, True)
    staff.post("/review/declined", data={"category": "violence"})
    assert 'id="declined"' not in staff.get("/review").text
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, kind="quality")
    assert staff.post(f"/review/{case.id}/decline", data={"version": "1"}).status_code in (404, 409)


def test_a_rule_suggests_the_facts_and_only_a_decision_against_a_person_states_them(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    cases = [console.hold(create_video(staff, f"a scene with facts, {number}")) for number in range(2)]
    for case in cases:
        console.server.desk.judgements[case.video_id] = (
            flagged(seen("violence/graphic", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),))),
        )
    page = staff.get(f"/review/{cases[0].id}").text
    found = re.search(r'<option value="vi-3"[^>]* data-facts="(2 s to 2\.5 s: [^"]+)"', page)
    assert found is not None
    # Of a category whose details could serve as instructions only the group.
    assert 'data-facts="What it shows belongs to: extremism."' in page
    facts = found[1]
    sent = {"clause": "vi-3", "facts": facts, "suggested_approve": facts}
    for case, action in zip(cases, ("refuse", "approve"), strict=True):
        staff.post(f"/review/{case.id}", data={**sent, "action": action})
    console.carry_out_decisions()
    with console.database.read_transaction(console.server.tenant) as tx:
        made = [tx.one(tables.decisions, tables.decisions.c.case_id == case.id) for case in cases]
    assert [(one.facts, one.reason) for one in made if one] == [(facts, facts), (None, "Rule vi-3.")]


def test_facts_that_may_not_be_told_are_explained_and_stay_as_typed(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene with an address"))
    sent = {"clause": "vi-3", "facts": "Ask help@example.com.", "reason": "A blow.", "action": "refuse"}
    page = staff.post(f"/review/{case.id}", data=sent)
    assert (page.status_code, "Write the facts as plain text" in page.text) == (400, True)
    for typed in ("Ask help@example.com.", "A blow."):
        assert f">{typed}</textarea>" in page.text


def test_the_queue_is_filtered_in_the_address_and_counts_what_waits(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    boat = console.hold(create_video(staff, "a boat at night"))
    train = console.hold(create_video(staff, "a train at noon"))
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == train.id, due_at=tx.now() - 60, category="hate")
    page = staff.get("/review").text
    assert '<a href="/review?kind=hold">Held</a> <b>2</b>' in page
    assert "1 late" in page
    for address, shown in (
        (f"search={boat.id}", boat),
        ("late=yes", train),
        ("category=hate&kind=hold&holder=none", train),
    ):
        page = staff.get(f"/review?{address}").text
        assert [f'href="/review/{one.id}"' in page for one in (boat, train)] == [
            one is shown for one in (boat, train)
        ]
    assert "No case matches." in staff.get("/review?holder=other").text
    # The fields keep what was asked, as text.
    page = staff.get("/review", params={"search": '"><script>x</script>', "category": "hate"}).text
    assert 'value="&#34;&gt;&lt;script&gt;x&lt;/script&gt;"' in page
    assert '<option value="hate" selected>' in page
    assert staff.get("/review?kind=none", headers={"accept": "text/html"}).status_code == 400


def test_the_case_links_to_what_is_on_record_about_the_person(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    case = console.hold(create_video(staff, "a scene by a person"))
    address = f"/review/{case.id}/person"
    assert f'<a href="{address}">This person</a>' in staff.get(f"/review/{case.id}").text
    # The fake server stores its videos elsewhere.
    with console.database.transaction(console.server.tenant) as tx:
        video = add_video(tx, id=case.video_id, prompt='a <b>scene</b> & "more"', principal_id="key_9")
        tx.update(tables.cases, tables.cases.c.id == case.id, account="key_9")
    for language, words in (("en", "This person"), ("zh-Hans", "此人的记录"), ("zh-Hant", "此人的紀錄")):
        page = staff.get(address, headers={"accept-language": language}).text
        assert (words in page, "key_9" in page, video[:16] in page) == (True, True, True)
    assert "a &lt;b&gt;scene&lt;/b&gt;" in page
    assert f'href="/review/{case.id}"' in page
    assert staff.get("/review/case_none/person").status_code == 404


def test_a_held_request_shows_the_terms_of_the_consent_that_does_not_cover_it(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    desk, given, recorded = console.server.desk, new_id("consent"), new_id("consent")
    terms = {"scope": ["likeness"], "uses": "a film about <b>boats</b>", "kinds": [], "commercial": False}
    with console.database.transaction(console.server.tenant) as tx:
        add_given_request(tx, given, terms | {"territory": "world", "expires_at": 2e9}, subject="Ann")
    case = console.hold(video_id := create_video(staff, "a scene with a person"))
    held = replace(judged(allowed(Stage.REFERENCE)), details={})
    verdict = msgspec.structs.replace(held.verdict, action=Action.HOLD, consents=(given, recorded))
    desk.judgements[video_id] = (replace(held, verdict=verdict),)
    page = staff.get(f"/review/{case.id}").text
    shown = "Consent of Ann: its terms", "a film about &lt;b&gt;boats&lt;/b&gt;"
    assert all(text in page for text in shown)
    # The operator recorded the other one, without terms.
    assert page.count(shown[0].partition(" of ")[0] + " of ") == 1
    with console.database.transaction(console.server.tenant) as tx:
        tx.update(tables.cases, tables.cases.c.id == case.id, kind="quality")
    assert not any(text in staff.get(f"/review/{case.id}").text for text in shown)


def test_the_sentence_of_a_rule_is_stored_so_that_each_reader_gets_it_in_their_language(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    desk = console.server.desk
    shown, own = {"accept-language": "zh-Hant"}, "我自己的話"
    for sent in (None, own):
        video_id = create_video(staff, "a scene with a finding")
        desk.judgements[video_id] = (
            flagged(seen("violence/graphic", 0.9, "frames", evidence=(frames(2.0, 2.5, peak=18),))),
        )
        case = console.hold(video_id)
        page = staff.get(f"/review/{case.id}", headers=shown).text
        (sentence,) = re.findall(r'<option value="vi-3".*? data-facts="([^"]+)"', page)
        assert sentence.startswith("2 秒到 2.5 秒：")
        form = {
            "action": "refuse",
            "clause": "vi-3",
            "facts": sent or sentence,
            "suggested_approve": sentence,
        }
        assert staff.post(f"/review/{case.id}", data=form, headers=shown).is_success
        with console.database.read_transaction(console.server.tenant) as tx:
            made = tx.one(tables.pending_decisions, tables.pending_decisions.c.case_id == case.id)
        assert made is not None
        assert made.facts == (sent or "2 s to 2.5 s: Possible graphic violence in pictures.")
        # The reviewer reads it as it was shown, once: it is no reason that they wrote.
        assert staff.get(f"/review/{case.id}", headers=shown).text.count(f"<dd>{sent or sentence}</dd>") == 1
