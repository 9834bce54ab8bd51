"""All pages, requested as a browser without JavaScript does."""

from __future__ import annotations

import base64
import gzip
import html
import re
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

from safelight.accounts import KeyScope, Principal, PrincipalKind
from safelight.core.errors import Forbidden
from safelight.detectors.text.operator_lists import OperatorLists
from safelight.policy.intended_use import IntendedUse, UseKind
from safelight.store import tables
from safelight.videos.models import VideoState
from safelight.web.console import page_address
from safelight.web.console.name_lists import NameListEditor
from support.console_server import ConsoleServer
from support.fake_api_server import A_WAIVER, a_video
from support.rows import each_row

from .conftest import create_video

FRAGMENT = {"accept": "text/x-fragment"}
PAGES = (
    "/",
    "/advice",
    "/attempts",
    "/videos",
    "/review",
    "/verify",
    "/explain-error",
    "/coverage",
    "/policy",
    "/policy?edit=1",
    "/settings",
    "/templates",
    "/library",
)


@pytest.mark.parametrize("language", ["en", "zh-TW", "zh-CN", "tlh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_renders_in_every_language_and_is_small(
    staff: httpx.Client, path: str, language: str
) -> None:
    page = staff.get(path, headers={"accept-language": language})
    assert page.status_code == 200
    tag = {"zh-TW": "zh-Hant", "zh-CN": "zh-Hans"}.get(language, "en")
    assert f'<html lang="{tag}"' in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
    # Static files are sent compressed.
    weight = page.num_bytes_downloaded
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        file = staff.get(address)
        assert "immutable" in file.headers["cache-control"]
        weight += file.num_bytes_downloaded
    assert weight < 50_000


def test_static_files_are_compressed_for_those_who_accept_it(staff: httpx.Client) -> None:
    address = re.findall(r'href="(/static/[^"]+\.css)"', staff.get("/").text)[0]
    plain = staff.get(address, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in staff.get(address, headers={"accept-encoding": "gzip;q=0, br"}).headers
    for accepted in ("gzip", "br, gzip;q=0.5"):
        with staff.stream("GET", address, headers={"accept-encoding": accepted}) as compressed:
            assert compressed.headers["content-encoding"] == "gzip"
            assert compressed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
            assert gzip.decompress(b"".join(compressed.iter_raw())) == plain.content


def test_the_page_of_a_video_that_a_provider_blocked_leads_to_advice_on_its_prompt(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    prompt = "a blocked umbrella"
    video = console.server.desk.put(a_video(tenant=console.server.tenant, prompt=prompt))
    link = f'href="/advice?from={video.id}"'
    assert link not in staff.get(f"/videos/{video.id}").text
    console.server.desk.change(video.id, state=VideoState.BLOCKED)
    assert link not in staff.get(f"/videos/{video.id}").text
    console.server.desk.change(video.id, explanation={"source": "provider"})
    assert link in staff.get(f"/videos/{video.id}").text
    assert prompt in staff.get(f"/advice?from={video.id}").text


def test_videos_are_filtered_by_their_batch(console: ConsoleServer, staff: httpx.Client) -> None:
    name = "shots & takes"
    of_batch, other = (
        console.server.desk.put(a_video(tenant=console.server.tenant, metadata=metadata))
        for metadata in ({"batch": name}, {})
    )
    page = staff.get("/videos").text
    assert re.search(r'<option value="shots &amp; takes">', page)
    assert (of_batch.id in page, other.id in page) == (True, True)
    page = staff.get("/videos", params={"batch": name}).text
    assert (of_batch.id in page, other.id in page) == (True, False)
    assert re.search(r'<option value="shots &amp; takes" selected', page)
    page = staff.get("/videos", params={"batch": "gone"}).text
    assert re.search(r'<option value="gone" selected', page)
    assert "No videos match." in page


def test_the_language_is_stored_and_the_page_with_its_filters_reopened(staff: httpx.Client) -> None:
    asked = staff.get("/videos?state=failed&view=list").text
    assert 'name="back" value="/videos?state=failed&amp;view=list"' in asked
    page = staff.post("/language", data={"language": "zh-Hant", "back": "/videos"})
    assert page.url.path == "/videos"
    assert "影片" in page.text
    assert '<html lang="en"' in staff.post("/language", data={"language": "en", "back": "/"}).text


@each_row
def test_after_a_form_was_sent_its_address_leads_back_to_its_page(
    staff: httpx.Client, form: str, page: str
) -> None:
    opened = staff.get(form, headers={"accept": "text/html"})
    assert (opened.status_code, opened.url.path) == (200, page)
    assert staff.get(form, headers={"accept": "application/json"}).status_code == 405
    sent = staff.post(form, data={})
    assert f'name="back" value="{page}"' in sent.text


def test_the_sign_in_leads_back_to_the_page_with_its_filters_also_in_another_language(
    stranger: httpx.Client,
) -> None:
    signing_in = stranger.get("/videos?state=failed")
    assert (signing_in.url.path, signing_in.url.params["back"]) == ("/login", "/videos?state=failed")
    (address,) = set(re.findall(r'name="back" value="(/login[^"]*)"', signing_in.text))
    page = stranger.post("/language", data={"language": "zh-Hant", "back": html.unescape(address)})
    assert (page.url.path, page.url.params["back"]) == ("/login", "/videos?state=failed")
    assert 'name="back" value="/videos?state=failed"' in page.text


@pytest.mark.parametrize(
    ("address", "back"), [("/?prompt=" + "貓" * 1000, "/"), ("/videos/" + "a" * 3000, "/")]
)
def test_the_address_of_the_sign_in_page_stays_short_enough_for_a_proxy(
    stranger: httpx.Client, address: str, back: str
) -> None:
    answer = stranger.get(address)
    assert (answer.url.path, answer.url.params["back"]) == ("/login", back)


def test_a_long_address_is_not_compared_with_the_routes_segment_by_segment(
    staff: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    def is_page(request: Request, path: str) -> bool:
        compared.append(path)
        return False

    monkeypatch.setattr(page_address, "_is_page", is_page)
    for address in ("/a" * 30_000, "/a" * 7, "/" + "a" * 10_000):
        page = staff.post(address)
        assert (page.status_code, compared) == (404, [])
        assert 'name="back" value="/"' in page.text
        # An error page keeps the navigation of the person who is signed in.
        assert 'href="/settings"' in page.text
        assert 'href="/login"' not in page.text


def test_a_link_to_the_logout_of_the_provider_begins_no_sign_in(stranger: httpx.Client) -> None:
    answer = stranger.get("/login/openid/logout", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_without_login_only_public_pages_open(stranger: httpx.Client) -> None:
    for path in PAGES:
        open_to_all = path in {"/verify", "/explain-error"}
        assert stranger.get(path).url.path == (path if open_to_all else "/login")
    page = stranger.get("/verify").text
    assert 'href="/settings"' not in page
    assert 'href="/explain-error"' in page


def test_an_error_that_names_nobody_is_read_as_that_of_the_provider_that_is_chosen(
    stranger: httpx.Client,
) -> None:
    origin = {"origin": str(stranger.base_url).rstrip("/")}
    page = stranger.post("/explain-error", data={"text": "It went wrong."}, headers=origin).text
    assert "This error is unknown." in page
    assert "An unknown party" not in page
    text = {"text": "The prompt could not be submitted.", "refused_by": "veo"}
    assert '<option value="veo" selected>' in stranger.post("/explain-error", data=text, headers=origin).text


def test_strangers_read_one_sentence_about_waived_checks_and_staff_who_waived_what(
    staff: httpx.Client,
) -> None:
    for path in ("/", "/videos", "/verify"):
        page = staff.get(path).text
        assert "A waiver is in force" in page
        assert "allowed this service to run without full checks for" in page
        assert "Some checks were waived by the operator." not in page
    staff.post("/logout")
    for path in ("/verify", "/explain-error", "/login", "/no-such-page"):
        page = staff.get(path).text
        assert page.count("Some checks were waived by the operator.") == 1, path
        assert "without full checks" not in page
        assert "A waiver is in force</strong>" not in page


def test_a_prompt_check_requests_no_video(staff: httpx.Client, console: ConsoleServer) -> None:
    before = len(console.server.desk.requests)
    fields = {"prompt": "Taylor Swift walks by", "provider": "veo", "model": "shelf-1"}
    page = staff.post("/check", data=fields)
    assert page.status_code == 200
    assert re.search(r"<mark[^>]*>Taylor Swift</mark>", page.text)
    assert "documentation says it would refuse" in page.text
    assert "Taylor Swift walks by</textarea>" in page.text
    part = staff.post("/check", data=fields, headers={**FRAGMENT, "accept-language": "zh-TW"})
    assert "<html" not in part.text
    assert "文件寫明會拒絕" in part.text
    # A risk at the provider of a prompt that our policy allows.
    part = staff.post("/check", data={**fields, "prompt": "Two children fly a kite"}, headers=FRAGMENT)
    assert "documentation says it might refuse" in part.text
    assert re.search(r'<mark class="provider"[^>]*>', part.text)
    part = staff.post("/check", data={**fields, "prompt": " "}, headers=FRAGMENT)
    assert "The prompt is empty" in part.text
    assert len(console.server.desk.requests) == before


@pytest.mark.parametrize("prompt", ["A man alone on a rooftop at night", "SAFELIGHT-TEST:violence", "A boat"])
def test_the_studio_and_the_page_check_give_one_answer(staff: httpx.Client, prompt: str) -> None:
    fields = {"prompt": prompt, "model": "shelf-1", "provider": "sora-2"}
    short = staff.post("/check", data=fields, headers=FRAGMENT).text
    whole = staff.post("/advice", data=fields).text
    states = re.findall(r'<span class="tone[^>]*><svg.*?</svg>((?:Our policy|Provider)[^<]*)</span>', short)
    assert len(states) == (1 if states == ["Our policy: would be blocked"] else 2)
    assert all(state in whole for state in states)
    first = re.search(r"Try this first: ([^<]*)", short)
    if first:
        assert f"<p>{first[1]}" in whole
    assert ("Try this first" in short) == ("Try this first" in whole)


def test_the_studio_and_the_page_check_show_the_question_or_the_refusal(staff: httpx.Client) -> None:
    fields = {"prompt": "A car crashes into a crowd", "model": "shelf-1", "provider": "sora-2"}
    short = staff.post("/check", data=fields, headers=FRAGMENT).text
    shown = re.search(r'<p data-answer="(ask|refuse)">([^<]+)</p>', short)
    assert shown
    whole = staff.post("/advice", data=fields).text
    assert f'data-answer="{shown[1]}"' in whole
    assert f"<p>{shown[2]}</p>" in whole
    assert ("Why there are no suggestions" in whole) is (shown[1] == "refuse")
    assert "<mark" not in short + whole


def test_the_studio_states_the_intended_use_and_keeps_it_in_a_refused_form(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    names = re.findall(r'name="(safelight\[use\]\[\w+\])"', staff.get("/").text)
    stated = dict(zip(names, ("news", "false", "Mars"), strict=True))
    form = {"prompt": "a lake", "form_id": "one", **stated}
    refused = staff.post("/", data=form)
    assert refused.status_code == 400
    assert '<details class="aside-details" id="use" open>' in refused.text
    assert '<option value="news" selected>' in refused.text
    assert '<option value="false" selected>' in refused.text
    assert 'value="Mars"' in refused.text
    assert 'value="Mars"' in staff.post("/check", data=form).text
    for territory in ("DE, FR", "DE", ""):
        assert staff.post("/", data=form | {names[2]: territory}).status_code == 200
    asked = console.server.desk.requests[-3:]
    assert [one.use.territory for one in asked] == ["DE, FR", "DE", None]
    assert {(one.use.kind, one.use.commercial) for one in asked} == {(UseKind.NEWS, False)}
    assert len({one.idempotency_key for one in asked}) == 3
    assert staff.post("/", data=form | dict.fromkeys(names, "")).status_code == 200
    assert console.server.desk.requests[-1].use == IntendedUse()


def test_a_refused_form_for_a_consent_keeps_its_limits(staff: httpx.Client) -> None:
    form = {"subject": "A", "email": "a@b.example", "asker": "S", "uses": "u", "days": "30", "level": "1"}
    ticked = {"voice": "yes", "kind_news": "yes", "commercial": "yes"}
    boxes = r'<input type="checkbox" name="(\w+)" value="yes" checked>'
    assert re.findall(boxes, staff.get("/consents").text) == ["likeness"]
    refused = staff.post("/consents", data=form | ticked | {"territory": "Mars"})
    assert refused.status_code == 400
    assert set(re.findall(boxes, refused.text)) == ticked.keys()
    assert '<option value="1" selected>' in refused.text


def test_without_a_mail_server_a_request_for_level_one_shows_level_zero_to_both_sides(
    console: ConsoleServer,
) -> None:
    _, key = console.server.accounts.create_key(
        console.server.tenant, "k", scopes=(KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE)
    )
    words = {"asker": "A film school", "subject": "Ben", "uses": "One film", "territory": "DE"}
    asks = {**words, "email": "ben@example.org", "level": 1, "expires_at": time.time() + 86_400}
    path, headers = "/v1/safelight/consents", {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=console.server.url, headers=headers) as client:
        made = client.post(path, json=asks).json()
        assert (made["mailed"], made["level"]) == (False, 0), made
        terms = client.post(f"{path}/open", json={"token": made["link"].partition("token=")[2]}).json()
        assert (terms["level"], terms["subject"]) == (0, "Ben"), terms


def test_videos_are_filtered_and_paginated(staff: httpx.Client, console: ConsoleServer) -> None:
    ids = [create_video(staff, f"a boat no {number}") for number in range(28)]
    console.server.desk.deliver(ids[0], b"clip")
    first = staff.get("/videos", params={"q": "boat no"})
    assert first.text.count("data-row") == 24
    more = re.search(r'href="(/videos\?[^"]+)" rel="next"', first.text)
    assert more
    rest = staff.get(more[1].replace("&amp;", "&"))
    assert rest.text.count("data-row") == 4
    assert "a boat no 0<" in staff.get("/videos", params={"state": "delivered", "q": "BOAT"}).text
    nothing = staff.get("/videos", params={"q": "no such words"})
    assert "No videos match" in nothing.text
    assert staff.get("/videos", params={"after": "video_0"}).status_code == 404
    assert staff.get("/videos", params={"state": "nonsense"}).status_code == 200


def test_a_prompt_that_was_blocked_is_a_card_with_its_state(staff: httpx.Client) -> None:
    create_video(staff, "a SAFELIGHT-TEST:violence of umbrellas")
    for query in ({}, {"state": "rejected"}, {"state": "blocked"}, {"q": "of umbrellas"}):
        page = staff.get("/videos", params=query).text
        assert "of umbrellas" in page
        assert "<span>Blocked before generation</span>" in page
    assert "of umbrellas" not in staff.get("/videos", params={"state": "failed"}).text


def test_a_script_gets_the_cards_only_and_a_withdrawn_video_has_neither_thumbnail_nor_player(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video_id = create_video(staff, "a card with <b>markup</b>")
    for path in ("/", "/videos?q=markup"):
        fragment = staff.get(path, headers={"accept": "text/x-fragment"}).text
        assert f'<li id="{video_id}" data-live>' in fragment
        assert "&lt;b&gt;" in fragment
        assert "<html" not in fragment
    console.server.desk.deliver(video_id, b"clip")
    fragment = staff.get("/videos?q=markup", headers={"accept": "text/x-fragment"}).text
    assert f"/v1/videos/{video_id}/content?variant=thumbnail" in fragment
    assert "data-live" not in fragment
    console.server.desk.change(video_id, state=VideoState.WITHDRAWN)
    fragment = staff.get("/videos?q=markup", headers={"accept": "text/x-fragment"}).text
    assert "<img" not in fragment
    assert "Withdrawn" in fragment
    page = staff.get(f"/videos/{video_id}").text.partition("<main")[2].partition("</main>")[0]
    assert "<video" not in page
    assert "download" not in page.replace("downloaded", "")


def test_an_empty_queue_leads_to_a_prompt_that_is_held(staff: httpx.Client, console: ConsoleServer) -> None:
    console.hold(create_video(staff, "the last held video"))
    page = staff.get("/review").text
    assert "Make a held video" not in page
    for case_id in re.findall(r'href="/review/(case_\w+)"', page):
        staff.post(f"/review/{case_id}", data={"action": "refuse", "reason": "done"})
    page = staff.get("/review").text
    assert 'href="/?prompt=A+letter' in page
    assert "Make a held video" in page
    closed = staff.get("/review?state=closed").text
    assert ">Closed</a>" in closed
    assert re.search(r"</svg>decided[^<]*</span>", closed)


def test_the_page_of_a_video_has_its_record_and_a_report_opens_a_case(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video_id = create_video(staff, "a person on a bench")
    console.server.desk.deliver(video_id, b"clip")
    page = staff.get(f"/videos/{video_id}").text
    for words in ("Findings and verdicts", "Report this video", f"/v1/videos/{video_id}/record"):
        assert words in page
    assert "What is wrong?" in staff.get(f"/videos/{video_id}/report").text
    missing = staff.post(f"/videos/{video_id}/report", data={"note": "x"})
    assert missing.status_code == 400
    assert "Choose what is wrong" in missing.text
    thanks = staff.post(
        f"/videos/{video_id}/report", data={"reason": "likeness", "note": "<b>me</b>", "contact": "me@x.org"}
    )
    assert "Thank you" in thanks.text
    case = re.search(r"/review/(case_[0-9a-f]+)", staff.get("/review").text)
    assert case
    page = staff.get(f"/review/{case[1]}").text
    assert "&lt;b&gt;me&lt;/b&gt;" in page
    assert "me@x.org" not in page
    assert 'value="withdraw"' in page


def test_a_report_that_names_a_page_says_what_to_look_for_and_is_not_answered_by_an_empty_field(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    video_id = create_video(staff, "a person on a pier")
    console.server.desk.deliver(video_id, b"clip")
    for number in range(2):
        page = f"https://videos.example/watch?v={number}"
        form = {"location": page, "reason": "likeness", "note": "<b>the second clip</b>", "good_faith": "yes"}
        assert staff.post("/report", data=form).url.path.startswith("/report/")
    box = staff.get("/review").text.partition('id="pages"')[2]
    assert "Reports that name a page (2)" in box
    assert "&lt;b&gt;the second clip&lt;/b&gt;" in box
    first, second = re.findall(r'action="(/review/pages/\w+)"', box)
    empty = staff.post(first, data={"video_id": " ", "action": "place"})
    assert 'role="alert"' in empty.text
    assert first in empty.text
    assert first not in staff.post(first, data={"video_id": "", "action": "none"}).text
    placed = staff.post(second, data={"video_id": video_id, "action": "place"}).text
    assert "Reports that name a page" not in placed
    found = staff.get("/review", params={"search": video_id}).text
    case = re.search(r"/review/(case_[0-9a-f]+)", found)
    assert case
    assert "https://videos.example/watch?v=" in staff.get(f"/review/{case[1]}").text


@each_row
def test_an_appeal_is_decided_by_another_reviewer(
    staff: httpx.Client, console: ConsoleServer, language: str, title: str, thanks: str, once: str
) -> None:
    headers = {"accept-language": language}
    blocked = staff.post("/", data={"prompt": "SAFELIGHT-TEST:violence", "seconds": "4"}, headers=headers)
    link = re.search(r"/videos/(video_[0-9a-f]+)/appeal", blocked.text)
    assert link
    assert link[0] in staff.get(f"/videos/{link[1]}", headers=headers).text
    assert title in staff.get(link[0], headers=headers).text
    missing = staff.post(link[0], data={"text": " "}, headers=headers)
    assert (missing.status_code, 'role="alert"' in missing.text) == (400, True)
    sent = staff.post(link[0], data={"text": "<b>a play</b>"}, headers=headers)
    assert thanks in sent.text
    again = staff.post(link[0], data={"text": "again"}, headers=headers)
    assert (again.status_code, once in again.text) == (409, True)
    cases = re.findall(r"/review/(case_[0-9a-f]+)", staff.get("/review").text)
    pages = {case: staff.get(f"/review/{case}").text for case in cases}
    case, page = next((case, page) for case, page in pages.items() if link[1] in page)
    assert "&lt;b&gt;a play&lt;/b&gt;" in page
    assert 'id="other-reviewer"' in page
    assert 'value="overturn"' not in page
    assert 'id="appeal"' in staff.get(f"/videos/{link[1]}").text
    # Another reviewer signs in.
    staff.post("/login", data={"token": console.staff_login()})
    page = staff.get(f"/review/{case}").text
    assert 'id="other-reviewer"' not in page
    assert 'value="overturn"' in page


def test_a_held_video_is_decided_once(staff: httpx.Client, console: ConsoleServer) -> None:
    video_id = create_video(staff, "a held saloon")
    case = console.hold(video_id)
    assert "a held saloon" in staff.get("/review").text
    page = staff.get(f"/review/{case.id}")
    assert "a held saloon" in page.text
    assert "<img" not in page.text.partition("<main")[2]
    missing_reason = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": " "})
    assert missing_reason.status_code == 400
    assert "Choose a rule or write a reason before you decide." in missing_reason.text
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "stage blood"})
    assert done.status_code == 200
    assert f"decided={case.id}" in str(done.url)
    again = staff.post(f"/review/{case.id}", data={"action": "refuse", "reason": "no"})
    assert again.status_code == 409
    assert "decided already" in again.text
    assert "stage blood" in staff.get(f"/review/{case.id}").text


def test_a_case_of_a_missing_check_has_no_category_and_one_without_images_has_no_place_for_them(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    reason = "Not checked: violence in text. 14 frames were not scanned."
    with_images = console.hold(create_video(staff, "an incomplete saloon"), reason=reason)
    row = staff.get("/review").text.partition("an incomplete saloon")[2].partition("</li>")[0]
    assert "A check was not completed" in row
    assert "Violence" not in row
    assert 'id="reveal"' in staff.get(f"/review/{with_images.id}").text
    without = console.hold(create_video(staff, "a held text"), reason="A text, without pictures.")
    page = staff.get(f"/review/{without.id}").text
    assert 'id="reveal"' not in page
    assert "This case has no images." in page


def test_scripts_brackets_and_direction_marks_stay_text(staff: httpx.Client, console: ConsoleServer) -> None:
    hostile = "<script>alert(1)</script> [red] {{ 7 * 7 }} \u202eright\u202c \u0645\u0631\u062d\u0628\u0627"
    escaped = hostile.replace("<", "&lt;").replace(">", "&gt;")
    video_id = create_video(staff, hostile)
    case = console.hold(video_id)
    for path in ("/videos", f"/videos/{video_id}", "/review", f"/review/{case.id}"):
        page = staff.get(path).text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt; [red] {{ 7 * 7 }}" in page
    assert escaped in staff.get(f"/videos/{video_id}").text
    staff.post(f"/review/{case.id}", data={"action": "approve", "reason": hostile})
    assert escaped in staff.get(f"/review/{case.id}").text
    # A key's name may not have direction marks.
    assert staff.post("/settings/keys", data={"name": hostile, "scope_checks": "1"}).status_code == 400
    name = hostile.partition(" \u202e")[0]
    assert staff.post("/settings/keys", data={"name": name, "scope_checks": "1"}).status_code == 200
    settings = staff.get("/settings").text
    assert escaped.partition(" \u202e")[0] in settings
    assert "<script>alert" not in settings


def test_only_a_signed_in_person_is_asked_for_an_id_because_it_tells_strangers_nothing(
    console: ConsoleServer, stranger: httpx.Client
) -> None:
    page = stranger.get("/verify").text
    assert 'name="file"' in page
    assert 'name="video_id"' not in page
    stranger.post("/login", data={"token": console.staff_login()})
    assert 'name="video_id"' in stranger.get("/verify").text


def test_verify_works_without_login_and_stores_nothing(
    stranger: httpx.Client, console: ConsoleServer
) -> None:
    picture = base64.b64decode("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")
    page = stranger.post("/verify", files={"file": ("a.gif", picture, "image/gif")})
    assert page.status_code == 200
    assert 'class="verdict' in page.text
    assert "Does not prove" in page.text
    assert f'<code class="long">{sha256(picture).hexdigest()}<' in page.text
    for language, said in (
        ("en", "This is not a video or picture that we can open."),
        ("zh-TW", "這不是我們能開啟的影片或圖片。"),
        ("zh-CN", "这不是我们能打开的视频或图片。"),
    ):
        page = stranger.post(
            "/verify", files={"file": ("a.svg", b"<svg/>")}, headers={"accept-language": language}
        )
        assert (page.status_code, said in page.text) == (400, True)
    assert list(console.server.scratch.glob("*")) == []
    assert (
        "No file was uploaded" in stranger.post("/verify", files={"file": ("a.mp4", b"", "video/mp4")}).text
    )
    assert stranger.post("/verify", files={"file": ("a", b"x" * 3_000_000)}).status_code == 413
    codes = {stranger.post("/verify", files={"file": ("", b"")}).status_code for _ in range(12)}
    assert 429 in codes
    limited = stranger.post("/verify", files={"file": ("", b"")}, headers={"accept-language": "zh-TW"})
    assert re.search(r"請於 \d+ 秒後再試。", limited.text)
    assert f"請於 {limited.headers['retry-after']} 秒後再試。" in limited.text
    limited = stranger.post("/verify", files={"file": ("", b"")}, headers=FRAGMENT)
    assert limited.headers["content-type"].startswith("text/html")
    assert f"Try again in {limited.headers['retry-after']} s." in limited.text


def test_a_provider_error_is_explained_and_secrets_are_masked(stranger: httpx.Client) -> None:
    body = '{"error": {"code": "sentinel_block", "message": "key sk-abcdefghijklmnop was used"}}'
    page = stranger.post("/explain-error", data={"text": body})
    assert "refused the content" in page.text
    found = page.text.partition('id="explained"')[2]
    assert "sk-abcdefghijklmnop" not in found
    assert "The provider (OpenAI) refused the content" in found
    assert len(re.findall(r'<a class="break" href="https://[^"; ]+"', found)) >= 2
    translated = stranger.post("/explain-error", data={"text": body}, headers={"accept-language": "zh-TW"})
    assert "OpenAI refused the request" not in translated.text
    unknown = stranger.post("/explain-error", data={"text": "the cat sat"}).text
    assert "This error is unknown" in unknown
    assert '<dl class="rows">' not in unknown
    assert stranger.post("/explain-error", data={"text": "x" * 1_200_000}).status_code == 413


def test_the_decision_sheet_is_a_page_to_print(staff: httpx.Client) -> None:
    assert 'href="/coverage?print"' in staff.get("/coverage").text
    page = staff.get("/coverage?print").text
    assert "decision_sheet.css" in page
    assert "<nav" not in page
    assert "<script" not in page
    for words in ("Decision sheet", "Assault on somebody defenceless", "Waivers in force", "Signature"):
        assert words in page


def test_coverage_shows_the_four_statuses_and_the_waiver(staff: httpx.Client) -> None:
    page = staff.get("/coverage").text
    for status in ("Checked", "Partly checked", "Not checked", "Off", "Neither required nor covered"):
        assert status in page
    assert page.count("<tr>") > 5
    assert f'<span class="sr">waived: {A_WAIVER.name}</span>' in page
    assert "without full checks for frames (Sexual content with a minor, Graphic violence)" in page


def test_settings_have_labels_and_the_source_of_each_value_and_no_secrets(staff: httpx.Client) -> None:
    page = staff.get("/settings").text
    assert "from the environment variable SAFELIGHT_SERVER__PORT" in page
    assert page.count("from safelight.toml") == 2
    assert '<summary>Server <code class="hint">[server]</code>' in page
    assert "<dt>Port <code>port</code></dt>" in page
    assert "/etc/tls/key.pem" in page
    assert "set, not shown" in page
    assert [one for one in ("hunter2", "s3cr3t", "sk-upstream-12345678") if one in page] == []
    chinese = staff.get("/settings", headers={"accept-language": "zh-TW"}).text
    assert "來自環境變數 SAFELIGHT_SERVER__PORT" in chinese
    assert '<summary>伺服器 <code class="hint">[server]</code>' in chinese
    assert "<dt>連接埠 <code>port</code></dt>" in chinese


def test_name_lists_are_changed_on_the_record(staff: httpx.Client, console: ConsoleServer) -> None:
    names = {"list": "house", "kind": "living", "names": "Ada Example\nGrace [red] <b>Example\n"}
    page = staff.post("/settings/names", data={**names, "action": "add"})
    assert "List house: 2 added, 2 in total." in page.text
    assert "<b>Example" not in page.text
    assert "1 of them stale or without an owner or a source" in page.text
    assert "<code>names/house</code>" in page.text
    assert "no owner" in page.text
    one = {"list": "house", "entry": "Ada Example", "action": "remove"}
    assert "1 names" in staff.post("/settings/names", data=one).text
    assert staff.post("/settings/names", data=one).status_code == 404
    assert staff.post("/settings/names", data={"list": "house", "action": "remove_list"}).status_code == 200
    assert staff.post("/settings/names", data={**names, "list": "../x"}).status_code == 400
    assert staff.post("/settings/names", data={**names, "kind": "nobody"}).status_code == 400
    assert staff.post("/settings/names", data={**names, "names": " "}).status_code == 400
    with console.database.transaction(console.server.tenant) as tx:
        rows = tx.select(
            tables.audit_log,
            tables.audit_log.c.subject == "names:house",
            order_by=(tables.audit_log.c.seq,),
        )
    assert [row.event for row in rows] == ["names.imported", "names.removed", "names.removed"]
    assert {row.actor for row in rows} != {"operator"}


def test_a_person_of_another_tenant_cannot_change_name_lists(console: ConsoleServer, tmp_path: Path) -> None:
    editor = NameListEditor(
        lists=OperatorLists(tmp_path),
        database=console.database,
        scratch=tmp_path,
        records=tuple,
        tenant=lambda: console.server.tenant,
    )
    other = Principal(
        tenant="tenant_other",
        id="user_other",
        kind=PrincipalKind.PERSON,
        name="Mallory",
        scopes=frozenset(KeyScope),
    )
    assert not editor.may_change(other)
    with pytest.raises(Forbidden):
        editor.add(other, "house", "living", "Ada Example")
    with pytest.raises(Forbidden):
        editor.remove(other, "house", None)
    assert editor.sizes() == {}


def test_a_key_with_scopes_of_its_creator_is_shown_once_and_revoked(
    staff: httpx.Client, console: ConsoleServer
) -> None:
    scopes = dict.fromkeys(("scope_videos_read", "scope_vault"), "1")
    page = staff.post("/settings/keys", data={"name": "farm", **scopes})
    token = re.search(r"sk-safelight-[\w-]{43}", page.text)
    assert token
    assert token[0] not in staff.get("/settings").text
    headers = {"authorization": f"Bearer {token[0]}"}
    assert httpx.get(f"{console.server.url}/v1/videos", headers=headers).status_code == 200
    key = next(key for key in console.server.accounts.list_keys(console.server.tenant) if key.name == "farm")
    assert {scope.value for scope in key.scopes} == {"videos:read"}
    staff.post(f"/settings/keys/{key.id}/revoke")
    assert httpx.get(f"{console.server.url}/v1/videos", headers=headers).status_code == 401
    assert staff.post("/settings/keys", data={"name": "nothing"}).status_code == 400


def test_a_webhook_is_added_tested_and_deleted(staff: httpx.Client) -> None:
    wrong = staff.post("/settings/webhooks", data={"url": "http://10.0.0.1/x", "event_video_held": "1"})
    assert wrong.status_code == 400
    made = staff.post(
        "/settings/webhooks", data={"url": "http://127.0.0.1:9/x", "name": "mine", "event_video_held": "1"}
    )
    assert "whsec_" in made.text
    endpoint = re.search(r"/settings/webhooks/(webhook_[0-9a-f]+)", made.text)
    assert endpoint
    tried = staff.post(f"/settings/webhooks/{endpoint[1]}", data={"action": "test"})
    assert "Response to" in tried.text
    assert "whsec_" in staff.post(f"/settings/webhooks/{endpoint[1]}", data={"action": "rotate"}).text
    gone = staff.post(f"/settings/webhooks/{endpoint[1]}", data={"action": "delete"})
    assert endpoint[1] not in gone.text


GOOD = 'policy: house\nversion: "1"\nextends: starter\nrules:\n  - {id: ip-2, action: block}\n'


def test_policy_problems_have_lines_and_no_files_are_read(staff: httpx.Client) -> None:
    page = staff.post(
        "/policy", data={"document": "policy: x\nextends: starter\nrools: []\n", "action": "check"}
    )
    assert page.status_code == 422
    assert 'data-lines="' in page.text
    assert 'data-line="3"' in page.text
    for path in ("/etc/passwd", "../../secret.yaml"):
        page = staff.post("/policy", data={"document": f"policy: x\nextends: {path}\n", "action": "check"})
        assert "can only extend a shipped policy" in page.text


def confirmation(page: httpx.Response) -> dict[str, str]:
    """What the form to confirm on the page sends in addition."""
    confirm = re.search(r'name="confirm" value="([0-9a-f]{64})"', page.text)
    assert confirm
    return {"confirm": confirm[1]}


def test_a_policy_is_replayed_published_and_rolled_back(staff: httpx.Client, console: ConsoleServer) -> None:
    def active() -> str | None:
        found = console.policies.active(console.server.tenant)
        return None if found is None else found.sha256

    good, other = ({"document": text, "action": "publish"} for text in (GOOD, GOOD.replace("block", "hold")))
    page = staff.post("/policy", data={**good, "action": "replay"})
    assert "Replay of reference cases" in page.text
    assert "ip-2" in page.text
    changes = re.findall(r"<li><b>[\d,]+ ×</b> (.*?) → (.*?)(?:<br>|</li>)", page.text)
    assert changes
    assert all(before != after for before, after in changes)
    confirm = confirmation(staff.post("/policy", data=good))
    staff.post("/policy", data=other | confirm)
    assert active() is None
    assert "is now in force" in staff.post("/policy", data=good | confirm).text
    first = active()
    assert first is not None
    staff.post("/policy", data=other | confirmation(staff.post("/policy", data=other)))
    assert active() != first
    assert "in force again" in staff.post("/policy", data={"action": "rollback"}).text
    assert active() == first


def test_the_page_of_a_policy_that_demands_templates_says_so(staff: httpx.Client) -> None:
    demanding = {"document": GOOD + "templates: required\n", "action": "publish"}
    page = staff.post("/policy", data=demanding)
    assert "demands a template" not in staff.get("/policy").text
    staff.post("/policy", data=demanding | confirmation(page))
    assert "demands a template" in staff.get("/policy").text


def test_help_lines_match_the_language(staff: httpx.Client, console: ConsoleServer) -> None:
    video_id = create_video(staff, "a page of help")
    lines = [{"name": "A help line", "text": "Free and confidential.", "region": None}]
    console.server.desk.change(video_id, state=VideoState.REJECTED, explanation={"support": lines})
    for language, words in (("en", "A help line"), ("zh-TW", "1925"), ("zh-CN", "12356")):
        assert words in staff.get(f"/videos/{video_id}", headers={"accept-language": language}).text


def test_forms_of_another_site_are_refused(staff: httpx.Client, console: ConsoleServer) -> None:
    """Also those that need no account. Further headers of other sites: test_routes.py."""
    case = console.hold(create_video(staff, "not from elsewhere"))
    elsewhere = {"origin": "https://elsewhere.example"}
    for path, data in (
        (f"/review/{case.id}", {"action": "approve", "reason": "x"}),
        (f"/review/{case.id}/reveal", {}),
        (f"/review/{case.id}/undo", {}),
        ("/settings/keys", {"name": "x", "scope_checks": "1"}),
        ("/settings/people", {"name": "Eve", "email": "eve@example.com", "role": "owner"}),
        ("/account/change", {"password": "x"}),
        ("/account/language", {"language": "en"}),
        ("/policy", {"document": GOOD, "action": "publish"}),
        ("/check", {"prompt": "x"}),
        ("/verify", {"x": "y"}),
        ("/verify/feedback", {"text": "x"}),
        ("/explain-error", {"text": "x"}),
        ("/language", {"language": "en"}),
        ("/login", {"token": console.staff_login()}),
        ("/invitation", {"token": "invite-" + "A" * 32, "password": "x", "code": "000000"}),
    ):
        assert staff.post(path, data=data, headers=elsewhere).status_code == 403, path


@pytest.mark.parametrize(("path", "name"), [("/theme", "theme"), ("/language", "language")])
def test_a_login_link_survives_a_change_of_theme_or_language(
    console: ConsoleServer, stranger: httpx.Client, path: str, name: str
) -> None:
    token = console.staff_login()
    page = stranger.get("/login", params={"token": token, "back": "/videos"})
    back = html.unescape(re.findall(r'name="back" value="([^"]*)"', page.text)[0])
    again = stranger.post(path, data={name: "dark", "back": back})
    assert f'name="token" value="{token}"' in again.text
    assert 'name="back" value="/videos"' in again.text
