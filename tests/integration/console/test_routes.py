from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from safelight.jobs.states import VideoState
from safelight.policy.findings import Stage
from safelight.policy.waivers import Waiver
from support.fake_api_server import CARD, Live, live

HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def browser(server: Live) -> Iterator[httpx.Client]:
    """A browser without JavaScript and without a session."""
    with httpx.Client(
        base_url=server.url,
        headers={**HTML, "origin": server.url},
        follow_redirects=True,
        timeout=10,
        verify=False,
    ) as client:
        yield client
        assert client.get("/healthz").status_code == 200


@pytest.fixture
def signed_in(server: Live, browser: httpx.Client) -> httpx.Client:
    token = server.login_url().partition("token=")[2]
    assert browser.post("/login", data={"token": token}).url.path == "/"
    return browser


def create_video(client: httpx.Client, prompt: str = "a cat") -> httpx.Response:
    return client.post("/", files={"prompt": (None, prompt), "input_reference": ("", b"")})


def test_a_get_does_not_use_up_the_login_link(server: Live, browser: httpx.Client) -> None:
    link = server.login_url()
    for _ in range(3):
        assert browser.get(link).status_code == 200
    answer = browser.post("/login", data={"token": link.partition("token=")[2]})
    assert answer.url.path == "/"
    cookie = answer.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert browser.post("/login", data={"token": link.partition("token=")[2]}).status_code == 401


def test_a_whole_link_may_be_pasted(server: Live, browser: httpx.Client) -> None:
    assert browser.post("/login", data={"token": f" {server.login_url()} "}).url.path == "/"


def test_pages_need_a_session(server: Live, browser: httpx.Client) -> None:
    for path in ("/", f"/videos/{'video_' + '0' * 32}"):
        assert browser.get(path).url.path == "/login"
    assert create_video(browser).status_code == 401


def test_sign_in_redirects_to_the_requested_page(
    server: Live, browser: httpx.Client, client: httpx.Client
) -> None:
    made = client.post("/v1/videos", json={"prompt": "a cat"}).json()["safelight"]["links"]["page"]
    page = browser.get(made)
    assert f'name="back" value="{made}"' in page.text
    token = server.login_url().partition("token=")[2]
    assert browser.post("/login", data={"token": token, "back": made}).url.path == made
    token = server.login_url().partition("token=")[2]
    away = browser.post("/login", data={"token": token, "back": "//elsewhere.example"})
    assert away.url.path == "/"


def test_sign_out_ends_the_session(signed_in: httpx.Client) -> None:
    cookies = dict(signed_in.cookies)
    assert signed_in.post("/logout").url.path == "/login"
    signed_in.cookies.update(cookies)
    assert signed_in.get("/").url.path == "/login"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": ""},
    ],
)
def test_cross_site_requests_with_the_cookie_are_refused(
    signed_in: httpx.Client, server: Live, headers: dict[str, str]
) -> None:
    made = len(server.desk.requests)
    for path in ("/", "/v1/videos"):
        answer = signed_in.post(path, files={"prompt": (None, "a cat")}, headers=headers)
        assert answer.status_code == 403
    assert len(server.desk.requests) == made
    assert signed_in.post("/logout", headers=headers).status_code == 403


def test_the_api_accepts_the_cookie_from_the_same_origin(signed_in: httpx.Client) -> None:
    answer = signed_in.post(
        "/v1/videos", files={"prompt": (None, "a cat")}, headers={"sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 200


def test_without_javascript_the_form_redirects_to_the_video(signed_in: httpx.Client, server: Live) -> None:
    page = create_video(signed_in, "a red fox")
    assert re.fullmatch(r"/videos/video_[0-9a-f]{32}", page.url.path)
    assert "a red fox" in page.text
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page.text
    server.desk.deliver(page.url.path.rpartition("/")[2], b"clip")
    done = signed_in.get(page.url.path)
    assert "<video controls" in done.text
    assert "http-equiv" not in done.text
    assert "a red fox" in signed_in.get("/").text


def test_a_block_is_explained_and_highlighted(signed_in: httpx.Client) -> None:
    page = create_video(signed_in, f"now <b>{CARD}</b> then")
    assert page.status_code == 400
    assert re.search(f"<mark[^>]*>{CARD}</mark>", page.text)
    assert "&lt;b&gt;" in page.text
    assert "Nothing was charged" in page.text
    assert "vi-1" in page.text


def test_an_invalid_request_shows_the_problem_and_its_id(signed_in: httpx.Client) -> None:
    page = create_video(signed_in, "\u200b")
    assert page.status_code == 400
    assert "The prompt is empty" in page.text
    assert "Error id: req_" in page.text


def test_every_state_has_a_page(signed_in: httpx.Client, server: Live) -> None:
    video_id = create_video(signed_in).url.path.rpartition("/")[2]
    for state in VideoState:
        for stage in Stage:
            server.desk.change(
                video_id,
                state=state,
                stage=stage,
                error_code="timeout",
                error_message="It took too long.",
                review_due_at=1_800_000_000.0,
                badge_text="AI",
            )
            page = signed_in.get(f"/videos/{video_id}")
            assert page.status_code == 200
            assert page.text.count("data-status=") == 7


def test_a_vaulted_video_hides_the_reason(signed_in: httpx.Client, server: Live) -> None:
    video_id = create_video(signed_in).url.path.rpartition("/")[2]
    server.desk.change(
        video_id,
        state=VideoState.BLOCKED,
        stage=Stage.OUTPUT,
        vaulted=True,
        error_message="because of sexual/minors",
        explanation={"stage": "output", "categories": ["sexual/minors"], "next_step": "minors"},
    )
    page = signed_in.get(f"/videos/{video_id}", headers={"accept": "text/x-fragment"})
    assert page.status_code == 200
    assert "minors" not in page.text


def test_help_lines_are_shown_for_self_harm(signed_in: httpx.Client, server: Live) -> None:
    video_id = create_video(signed_in).url.path.rpartition("/")[2]
    lines = [{"name": "A help line", "text": "Free and confidential.", "region": None}]
    server.desk.change(
        video_id, state=VideoState.REJECTED, stage=Stage.PROMPT, explanation={"support": lines}
    )
    assert "A help line" in signed_in.get(f"/videos/{video_id}").text


def test_a_waiver_in_force_is_named_on_every_page(signed_in: httpx.Client) -> None:
    for path in ("/", "/videos", "/verify"):
        page = signed_in.get(path)
        assert "A waiver is in force" in page.text
        assert "without full checks for" in page.text


def test_pages_have_no_inline_code_and_are_small(signed_in: httpx.Client) -> None:
    page = signed_in.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
    # Static files are sent compressed.
    weight = page.num_bytes_downloaded
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        file = signed_in.get(address)
        assert "immutable" in file.headers["cache-control"]
        weight += file.num_bytes_downloaded
    assert weight < 50_000


def test_the_theme_is_stored_and_the_page_reopened(signed_in: httpx.Client) -> None:
    page = signed_in.post("/theme", data={"theme": "dark", "back": "//elsewhere.example"})
    assert page.url.path == "/"
    assert 'data-theme="dark"' in page.text


@pytest.mark.parametrize(
    ("path", "status"),
    [("/nothing", 404), ("/videos/video_0", 404), ("/static/x/nothing.js", 404), ("/?from=video_0", 404)],
)
def test_an_error_is_a_page_with_an_id_and_a_next_step(
    signed_in: httpx.Client, path: str, status: int
) -> None:
    page = signed_in.get(path)
    assert page.status_code == status
    assert page.headers["x-request-id"] in page.text
    assert 'href="/"' in page.text
    assert signed_in.get(path, headers={"accept": "application/json"}).json()["error"]["code"]


def test_an_internal_error_is_a_page_too(signed_in: httpx.Client, server: Live) -> None:
    server.desk.trouble = RuntimeError("secret detail")
    page = create_video(signed_in)
    assert page.status_code == 500
    assert page.headers["x-request-id"] in page.text
    assert "secret" not in page.text


def test_if_the_error_page_fails_json_is_returned(tmp_path: Path, sqlite_template: Path) -> None:
    def trouble() -> tuple[Waiver, ...]:
        raise RuntimeError("secret detail")

    database = tmp_path / "db.sqlite3"
    shutil.copyfile(sqlite_template, database)
    with live(tmp_path, database, waivers=trouble) as server:
        answer = httpx.get(f"{server.url}/login", headers=HTML)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text


def test_an_earlier_prompt_is_filled_in(signed_in: httpx.Client) -> None:
    video_id = create_video(signed_in, "a <fox> & friends").url.path.rpartition("/")[2]
    assert "a &lt;fox&gt; &amp; friends</textarea>" in signed_in.get(f"/?from={video_id}").text


def test_the_pages_of_subjects_let_a_browser_name_the_origin_of_their_forms(
    server: Live, browser: httpx.Client
) -> None:
    # A policy of `no-referrer` makes browsers send `Origin: null`, which is refused as another site.
    for path in ("/consent", "/consent/page"):
        assert browser.get(path, params={"token": "unknown"}).headers["referrer-policy"] == "same-origin"
        assert browser.post(path, data={"token": "unknown"}).status_code == 404
