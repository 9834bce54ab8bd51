from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from safelight.policy.findings import Stage
from safelight.policy.waivers import Waiver
from safelight.videos.models import VideoState
from support.fake_api_server import CARD, Live, live
from support.rows import each_row

from .conftest import browser


@pytest.fixture
def stranger(server: Live) -> Iterator[httpx.Client]:
    with browser(server.url) as client:
        yield client
        assert client.get("/healthz").status_code == 200


@pytest.fixture
def signed_in(server: Live, stranger: httpx.Client) -> httpx.Client:
    assert stranger.post("/login", data={"token": server.login_url()}).url.path == "/"
    return stranger


def create_video(client: httpx.Client, prompt: str = "a cat", **headers: str) -> httpx.Response:
    files = {"prompt": (None, prompt), "input_reference": ("", b"")}
    return client.post("/", files=files, headers=headers)


def test_a_login_link_works_once_after_any_number_of_gets_and_may_be_pasted_as_a_whole(
    server: Live, stranger: httpx.Client
) -> None:
    link = server.login_url()
    for _ in range(3):
        assert stranger.get(link).status_code == 200
    answer = stranger.post("/login", data={"token": f" {link} "})
    assert answer.url.path == "/"
    cookie = answer.history[0].headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie
    assert stranger.post("/login", data={"token": link.partition("token=")[2]}).status_code == 401


def test_without_a_session_nothing_is_created(stranger: httpx.Client) -> None:
    answer = create_video(stranger)
    assert (answer.url.path, answer.history[0].status_code) == ("/login", 303)
    fragment = create_video(stranger, accept="text/x-fragment")
    assert (fragment.status_code, fragment.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert '{"error"' not in fragment.text


def test_sign_in_redirects_to_the_requested_page(
    server: Live, stranger: httpx.Client, client: httpx.Client
) -> None:
    made = client.post("/v1/videos", json={"prompt": "a cat"}).json()["safelight"]["links"]["page"]
    page = stranger.get(made)
    assert f'name="back" value="{made}"' in page.text
    token = server.login_url().partition("token=")[2]
    assert stranger.post("/login", data={"token": token, "back": made}).url.path == made
    token = server.login_url().partition("token=")[2]
    away = stranger.post("/login", data={"token": token, "back": "//elsewhere.example"})
    assert away.url.path == "/"


def test_sign_out_ends_the_session(signed_in: httpx.Client) -> None:
    cookies = dict(signed_in.cookies)
    assert signed_in.post("/logout").url.path == "/login"
    signed_in.cookies.update(cookies)
    assert signed_in.get("/").url.path == "/login"


@each_row
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


def test_the_theme_is_stored_and_the_page_reopened(signed_in: httpx.Client) -> None:
    page = signed_in.post("/theme", data={"theme": "dark", "back": "//elsewhere.example"})
    assert page.url.path == "/"
    assert 'data-theme="dark"' in page.text


@each_row
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
    with live(tmp_path, database, waivers=trouble) as server, browser(server.url) as client:
        answer = client.get("/login")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal_error"
    assert "secret" not in answer.text


def test_an_earlier_prompt_is_filled_in(signed_in: httpx.Client) -> None:
    video_id = create_video(signed_in, "a <fox> & friends").url.path.rpartition("/")[2]
    assert "a &lt;fox&gt; &amp; friends</textarea>" in signed_in.get(f"/?from={video_id}").text


def test_the_pages_of_subjects_let_a_browser_name_the_origin_of_their_forms(
    server: Live, stranger: httpx.Client
) -> None:
    # A policy of `no-referrer` makes browsers send `Origin: null`, which is refused as another site.
    for path in ("/consent", "/consent/page"):
        assert stranger.get(path, params={"token": "unknown"}).headers["referrer-policy"] == "same-origin"
        assert stranger.post(path, data={"token": "unknown"}).status_code == 404
