"""The pages beyond the studio, as a browser without JavaScript meets them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from safelight.jobs.states import VideoState
from safelight.trust.reviews import CaseKind
from support.console_server import Paged, paged

HTML = {"accept": "text/html,application/xhtml+xml"}
PART = {"accept": "text/x-part"}
PAGES = ("/", "/videos", "/review", "/verify", "/decode", "/coverage", "/policy", "/settings")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Paged]:
    folder = tmp_path_factory.mktemp("rooms")
    database = folder / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with paged(folder, database) as running:
        yield running


@pytest.fixture
def stranger(rooms: Paged) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=rooms.server.url,
        headers={**HTML, "origin": rooms.server.url},
        follow_redirects=True,
        timeout=30,
        verify=False,
    ) as client:
        yield client


@pytest.fixture
def staff(rooms: Paged, stranger: httpx.Client) -> httpx.Client:
    assert stranger.post("/login", data={"token": rooms.staff_login()}).url.path == "/"
    return stranger


def order(client: httpx.Client, prompt: str) -> str:
    page = client.post("/", files={"prompt": (None, prompt), "for": (None, "veo")})
    return page.url.path.rpartition("/")[2]


@pytest.mark.parametrize("language", ["en", "zh-TW", "zh-CN", "tlh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_in_every_language_and_weighs_little(
    staff: httpx.Client, path: str, language: str
) -> None:
    page = staff.get(path, headers={"accept-language": language})
    assert page.status_code == 200
    tag = {"zh-TW": "zh-Hant", "zh-CN": "zh-Hans"}.get(language, "en")
    assert f'<html lang="{tag}"' in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
    weight = len(page.content)
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        weight += len(staff.get(address).content)
    assert weight < 50_000


def test_a_language_is_kept_and_leads_back(staff: httpx.Client) -> None:
    page = staff.post("/language", data={"language": "zh-Hant", "back": "/videos"})
    assert page.url.path == "/videos"
    assert "影片" in page.text
    assert '<html lang="en"' in staff.post("/language", data={"language": "en", "back": "/"}).text


def test_a_stranger_sees_only_what_needs_no_account(stranger: httpx.Client) -> None:
    for path in PAGES:
        open_to_all = path in {"/verify", "/decode"}
        assert stranger.get(path).url.path == (path if open_to_all else "/login")
    page = stranger.get("/verify").text
    assert 'href="/settings"' not in page
    assert 'href="/decode"' in page


def test_words_are_looked_at_without_an_order(staff: httpx.Client, rooms: Paged) -> None:
    made = len(rooms.server.desk.requests)
    fields = {"prompt": "Taylor Swift walks by", "for": "veo", "model": "shelf-1"}
    page = staff.post("/check", data=fields)
    assert page.status_code == 200
    assert re.search(r"<mark[^>]*>Taylor Swift</mark>", page.text)
    assert "documented as refused" in page.text
    assert "Ten checks of the brief" in page.text
    assert "Taylor Swift walks by</textarea>" in page.text
    part = staff.post("/check", data=fields, headers={**PART, "accept-language": "zh-TW"})
    assert "<html" not in part.text
    assert "官方文件載明會拒絕" in part.text
    assert len(rooms.server.desk.requests) == made


def test_what_a_provider_may_block_is_marked_although_our_policy_allows_it(staff: httpx.Client) -> None:
    fields = {"prompt": "Two children fly a kite", "for": "veo", "model": "shelf-1"}
    part = staff.post("/check", data=fields, headers=PART)
    assert part.status_code == 200
    assert "may be blocked" in part.text
    assert re.search(r'<mark class="provider"[^>]*>', part.text)


def test_a_prompt_that_cannot_be_checked_says_why(staff: httpx.Client) -> None:
    part = staff.post("/check", data={"prompt": " ", "model": "shelf-1"}, headers=PART)
    assert "The prompt is empty" in part.text


def test_videos_are_filtered_and_paged(staff: httpx.Client, rooms: Paged) -> None:
    ids = [order(staff, f"a boat no {number}") for number in range(28)]
    rooms.server.desk.deliver(ids[0], b"clip")
    first = staff.get("/videos", params={"q": "boat no"})
    assert first.text.count("data-row") == 25
    more = re.search(r'href="(/videos\?[^"]+)" rel="next"', first.text)
    assert more
    rest = staff.get(more[1].replace("&amp;", "&"))
    assert rest.text.count("data-row") == 3
    assert "a boat no 0<" in staff.get("/videos", params={"state": "delivered", "q": "BOAT"}).text
    nothing = staff.get("/videos", params={"q": "no such words"})
    assert "Nothing fits" in nothing.text
    assert staff.get("/videos", params={"after": "video_0"}).status_code == 404
    assert staff.get("/videos", params={"state": "nonsense"}).status_code == 200


def test_a_record_tells_the_way_and_the_log(staff: httpx.Client, rooms: Paged) -> None:
    video_id = order(staff, "a record")
    rooms.server.desk.deliver(video_id, b"clip")
    page = staff.get(f"/videos/{video_id}").text
    assert "What was seen and decided" in page
    assert "Report this video" in page
    assert f"/v1/videos/{video_id}/record" in page


def test_a_report_makes_a_case_that_somebody_decides(staff: httpx.Client, rooms: Paged) -> None:
    video_id = order(staff, "somebody on a bench")
    rooms.server.desk.deliver(video_id, b"clip")
    assert "What is wrong?" in staff.get(f"/videos/{video_id}/report").text
    missing = staff.post(f"/videos/{video_id}/report", data={"note": "x"})
    assert missing.status_code == 400
    assert "Please choose" in missing.text
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


@pytest.mark.parametrize(
    ("language", "title", "thanks"),
    [
        ("en", "Appeal this decision", "is on the record"),
        ("zh-TW", "對這個決定提出申訴", "已記錄在案"),
        ("zh-CN", "对这个决定提出申诉", "已记录在案"),
    ],
)
def test_a_block_is_appealed_from_its_page_and_decided_by_somebody(
    staff: httpx.Client, rooms: Paged, language: str, title: str, thanks: str
) -> None:
    said = {"accept-language": language}
    refused = staff.post("/", data={"prompt": "SAFELIGHT-TEST:violence", "seconds": "4"}, headers=said)
    link = re.search(r"/videos/(video_[0-9a-f]+)/appeal", refused.text)
    assert link
    assert link[0] in staff.get(f"/videos/{link[1]}", headers=said).text
    assert title in staff.get(link[0], headers=said).text
    missing = staff.post(link[0], data={"text": " "}, headers=said)
    assert (missing.status_code, 'role="alert"' in missing.text) == (400, True)
    sent = staff.post(link[0], data={"text": "<b>a play</b>"}, headers=said)
    assert thanks in sent.text
    again = staff.post(link[0], data={"text": "again"}, headers=said)
    assert (again.status_code, "once" in again.text) == (409, True)
    (case,) = [
        each
        for each in re.findall(r"/review/(case_[0-9a-f]+)", staff.get("/review").text)
        if link[1] in staff.get(f"/review/{each}").text and "a play" in staff.get(f"/review/{each}").text
    ][:1]
    page = staff.get(f"/review/{case}").text
    assert "&lt;b&gt;a play&lt;/b&gt;" in page
    assert 'id="others"' in page
    assert 'value="overturn"' not in page
    assert 'id="appeal"' in staff.get(f"/videos/{link[1]}").text
    # Somebody else signs in.
    staff.post("/login", data={"token": rooms.staff_login()})
    page = staff.get(f"/review/{case}").text
    assert 'id="others"' not in page
    assert 'value="overturn"' in page


def test_a_hold_is_seen_and_decided_once(staff: httpx.Client, rooms: Paged) -> None:
    video_id = order(staff, "a held saloon")
    case = rooms.hold(video_id)
    assert "a held saloon" in staff.get("/review").text
    page = staff.get(f"/review/{case.id}")
    assert "a held saloon" in page.text
    assert "<img" not in page.text.partition("<main")[2]
    unsaid = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": " "})
    assert unsaid.status_code == 400
    done = staff.post(f"/review/{case.id}", data={"action": "approve", "reason": "stage blood"})
    assert done.status_code == 200
    assert f"done={case.id}" in str(done.url)
    again = staff.post(f"/review/{case.id}", data={"action": "refuse", "reason": "no"})
    assert again.status_code == 409
    assert "decided already" in again.text
    assert "stage blood" in staff.get(f"/review/{case.id}").text


def test_pictures_come_only_when_asked_for(staff: httpx.Client, rooms: Paged) -> None:
    case = rooms.hold(order(staff, "pictures to look at"))
    staff.get(f"/review/{case.id}")
    assert case.id not in rooms.looks
    picture = staff.post(f"/review/{case.id}/reveal")
    assert picture.headers["content-type"] == "image/webp"
    assert picture.headers["cache-control"] == "no-store"
    assert rooms.looks.count(case.id) == 1


def test_who_may_not_review_sees_no_case(rooms: Paged, stranger: httpx.Client, staff: httpx.Client) -> None:
    case = rooms.hold(order(staff, "not for you"), kind=CaseKind.HOLD)
    staff.post("/logout")
    stranger.post("/login", data={"token": rooms.server.login_url()})
    for path in ("/review", f"/review/{case.id}", "/policy", "/settings"):
        assert stranger.get(path).status_code == 403
    assert stranger.post(f"/review/{case.id}/reveal").status_code == 403
    assert 'href="/review"' not in stranger.get("/").text


def test_a_file_is_verified_for_a_stranger_and_nothing_is_kept(stranger: httpx.Client, rooms: Paged) -> None:
    page = stranger.post("/verify", files={"file": ("a.mp4", b"no video at all", "video/mp4")})
    assert page.status_code == 200
    assert 'class="verdict' in page.text
    assert "That does not prove" in page.text
    assert list(rooms.server.scratch.glob("*")) == []
    assert "No file came" in stranger.post("/verify", files={"file": ("a.mp4", b"", "video/mp4")}).text
    assert stranger.post("/verify", files={"file": ("a", b"x" * 3_000_000)}).status_code == 413
    codes = {stranger.post("/verify", files={"file": ("", b"")}).status_code for _ in range(12)}
    assert 429 in codes


def test_an_error_is_decoded_and_secrets_are_masked(stranger: httpx.Client) -> None:
    body = '{"error": {"code": "sentinel_block", "message": "key sk-abcdefghijklmnop was used"}}'
    page = stranger.post("/decode", data={"text": body})
    assert "refused the content" in page.text
    found = page.text.partition('id="answer"')[2]
    assert "sk-abcdefghijklmnop" not in found
    assert "This is not known" in stranger.post("/decode", data={"text": "the cat sat"}).text
    assert stranger.post("/decode", data={"text": "x" * 1_200_000}).status_code == 413


def test_coverage_says_the_four_words_and_the_waiver(staff: httpx.Client) -> None:
    page = staff.get("/coverage").text
    for word in ("Checked", "Partly checked", "Not checked", "Off"):
        assert word in page
    assert page.count("<tr>") > 5


def test_settings_show_no_secret(staff: httpx.Client) -> None:
    page = staff.get("/settings").text
    for secret in ("hunter2", "s3cr3t", "sk-upstream-12345678"):
        assert secret not in page
    assert "/etc/tls/key.pem" in page
    assert "set, kept from view" in page


def test_a_key_is_shown_once_and_ends(staff: httpx.Client, rooms: Paged) -> None:
    page = staff.post("/settings/keys", data={"name": "farm", "scope_videos_read": "1"})
    token = re.search(r"sk-safelight-[\w-]{43}", page.text)
    assert token
    assert token[0] not in staff.get("/settings").text
    headers = {"authorization": f"Bearer {token[0]}"}
    assert httpx.get(f"{rooms.server.url}/v1/videos", headers=headers).status_code == 200
    key = next(key for key in rooms.server.accounts.list_keys(rooms.server.tenant) if key.name == "farm")
    assert {scope.value for scope in key.scopes} == {"videos:read"}
    staff.post(f"/settings/keys/{key.id}/revoke")
    assert httpx.get(f"{rooms.server.url}/v1/videos", headers=headers).status_code == 401
    assert staff.post("/settings/keys", data={"name": "nothing"}).status_code == 400


def test_nobody_gives_what_they_have_not_got(staff: httpx.Client, rooms: Paged) -> None:
    staff.post("/settings/keys", data={"name": "greedy", "scope_vault": "1", "scope_checks": "1"})
    key = next(key for key in rooms.server.accounts.list_keys(rooms.server.tenant) if key.name == "greedy")
    assert {scope.value for scope in key.scopes} == {"checks"}


def test_a_webhook_is_added_tried_and_deleted(staff: httpx.Client) -> None:
    wrong = staff.post("/settings/webhooks", data={"url": "http://10.0.0.1/x", "event_video_held": "1"})
    assert wrong.status_code == 400
    made = staff.post(
        "/settings/webhooks", data={"url": "http://127.0.0.1:9/x", "name": "mine", "event_video_held": "1"}
    )
    assert "whsec_" in made.text
    endpoint = re.search(r"/settings/webhooks/(webhook_[0-9a-f]+)", made.text)
    assert endpoint
    tried = staff.post(f"/settings/webhooks/{endpoint[1]}", data={"what": "test"})
    assert "was answered with" in tried.text
    assert "whsec_" in staff.post(f"/settings/webhooks/{endpoint[1]}", data={"what": "rotate"}).text
    gone = staff.post(f"/settings/webhooks/{endpoint[1]}", data={"what": "delete"})
    assert endpoint[1] not in gone.text


GOOD = 'policy: house\nversion: "1"\nextends: starter\nrules:\n  - {id: ip-2, action: block}\n'


def test_a_policy_is_checked_by_line_and_reads_no_files(staff: httpx.Client) -> None:
    page = staff.post(
        "/policy", data={"document": "policy: x\nextends: starter\nrools: []\n", "what": "check"}
    )
    assert page.status_code == 422
    assert 'data-lines="' in page.text
    assert 'data-line="3"' in page.text
    for path in ("/etc/passwd", "../../secret.yaml"):
        told = staff.post("/policy", data={"document": f"policy: x\nextends: {path}\n", "what": "check"})
        assert "extends a shipped one" in told.text


def test_a_policy_is_replayed_published_and_taken_back(staff: httpx.Client, rooms: Paged) -> None:
    page = staff.post("/policy", data={"document": GOOD, "what": "replay"})
    assert "Over the reference cases" in page.text
    assert "ip-2" in page.text
    first = staff.post("/policy", data={"document": GOOD, "what": "publish"})
    assert rooms.policies.active(rooms.server.tenant) is None
    sure = re.search(r'name="sure" value="([0-9a-f]{64})"', first.text)
    assert sure
    other = GOOD.replace("block", "hold")
    staff.post("/policy", data={"document": other, "what": "publish", "sure": sure[1]})
    assert rooms.policies.active(rooms.server.tenant) is None
    done = staff.post("/policy", data={"document": GOOD, "what": "publish", "sure": sure[1]})
    assert "is in force now" in done.text
    active = rooms.policies.active(rooms.server.tenant)
    assert active is not None
    assert active.name == "house"
    second = staff.post("/policy", data={"document": other, "what": "publish"})
    sure = re.search(r'name="sure" value="([0-9a-f]{64})"', second.text)
    assert sure
    staff.post("/policy", data={"document": other, "what": "publish", "sure": sure[1]})
    assert "in force again" in staff.post("/policy", data={"what": "rollback"}).text
    back = rooms.policies.active(rooms.server.tenant)
    assert back is not None
    assert back.sha256 == active.sha256


def test_help_lines_follow_the_language(staff: httpx.Client, rooms: Paged) -> None:
    video_id = order(staff, "a page of help")
    lines = [{"name": "A help line", "text": "Free and confidential.", "region": None}]
    rooms.server.desk.change(video_id, state=VideoState.REJECTED, explanation={"support": lines})
    assert "1925" in staff.get(f"/videos/{video_id}", headers={"accept-language": "zh-TW"}).text
    assert "12356" in staff.get(f"/videos/{video_id}", headers={"accept-language": "zh-CN"}).text


def test_another_site_can_do_nothing_here(staff: httpx.Client, rooms: Paged) -> None:
    case = rooms.hold(order(staff, "not from elsewhere"))
    elsewhere = {"origin": "https://elsewhere.example"}
    for path, data in (
        (f"/review/{case.id}", {"action": "approve", "reason": "x"}),
        (f"/review/{case.id}/reveal", {}),
        ("/settings/keys", {"name": "x", "scope_checks": "1"}),
        ("/policy", {"document": GOOD, "what": "publish"}),
        ("/check", {"prompt": "x"}),
        ("/verify", {"x": "y"}),
        ("/decode", {"text": "x"}),
        ("/language", {"language": "en"}),
    ):
        assert staff.post(path, data=data, headers=elsewhere).status_code == 403
