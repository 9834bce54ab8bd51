"""The page "Why, and what to change", as a browser without JavaScript requests it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from support.gateway_process import Running

_HIDDEN = r'<input type="hidden" name="(\w+)" value="([^"]*)">'
EXAMPLE = "A person standing alone on a rooftop at night, looking down at the city"
TRIED = {"prompt": EXAMPLE, "model": "storyboard-1", "usd": "0"}


@pytest.fixture(scope="module")
def staff(gateway: Running) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=gateway.address,
        headers={"accept": "text/html", "origin": gateway.address},
        follow_redirects=True,
        timeout=60,
        verify=False,
    ) as client:
        assert client.post("/login", data={"token": gateway.login}).url.path == "/"
        yield client


def test_the_page_explains_and_applies_a_suggestion_with_one_click(staff: httpx.Client) -> None:
    form = {"prompt": EXAMPLE, "provider": "openai", "blocked": "output"}
    page = staff.post("/advice", data=form)
    assert page.status_code == 200
    assert 'data-verdict="allow" data-risk="medium"' in page.text
    assert '<span class="tone allow"><svg' in page.text
    assert "observation deck" in page.text
    assert "Deep fix" in page.text
    form = form | {"purpose": "a film about the city"}
    page = staff.post("/advice", data=form)
    fields = shown_fields(page.text.split("</ol>")[0])
    assert {name: fields[name] for name in form} == form
    assert fields["apply"].isdigit()
    again = staff.post("/advice", data=form | {"apply": "1"})
    applied = again.text.split('id="applied"')[1].split("</article>")[0]
    assert 'data-verdict="allow"' in applied
    assert "observation deck at dusk" in applied
    assert f">{EXAMPLE}</textarea>" in again.text


def test_a_try_has_its_price_on_the_page_and_goes_to_the_shortest_length(staff: httpx.Client) -> None:
    page = staff.post("/advice", data={"prompt": EXAMPLE, "model": "storyboard-1"}).text
    offered = page.split('id="try"')[1].split("</form>")[0]
    assert re.search(r"\bFree\b", offered)
    fields = shown_fields(offered)
    form_id = fields.pop("form_id")
    assert re.fullmatch("[0-9a-f]{32}", form_id)
    assert fields == TRIED
    fields["form_id"] = form_id
    tried = staff.post("/advice/try", data=fields)
    assert tried.url.path.startswith("/advice/try/video_")
    video = staff.get(f"/v1/videos/{tried.url.path.rpartition('/')[2]}").json()
    assert (video["prompt"], video["seconds"]) == (EXAMPLE, "1")


def shown_fields(form: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in re.findall(_HIDDEN, form)}


def delivered_try(staff: httpx.Client) -> str:
    """The page of a try that was delivered."""
    page = staff.post("/advice", data={"prompt": EXAMPLE, "model": "storyboard-1"}).text
    fields = shown_fields(page.split('id="try"')[1].split("</form>")[0])
    first, second = staff.post("/advice/try", data=fields), staff.post("/advice/try", data=fields)
    assert first.url == second.url, "a second click makes no second video"
    until = time.monotonic() + 60
    while 'id="full"' not in (page := staff.get(str(first.url)).text):
        assert time.monotonic() < until
        time.sleep(0.2)
    return page


def test_a_second_click_makes_neither_a_second_try_nor_a_second_full_video(staff: httpx.Client) -> None:
    page = delivered_try(staff)
    form = page.split('aria-labelledby="full"')[1].split("</form>")[0]
    [address] = re.findall('action="(/advice/try/video_[^"]+)"', form)
    seconds = re.findall('<option value="([0-9]+)"', form)[0]
    fields = shown_fields(form) | {"seconds": seconds}
    for changed in ({f"usd_{seconds}": "nan"}, {f"usd_{seconds}": ""}, {"seconds": "1"}):
        assert staff.post(address, data=fields | changed).status_code in (400, 409)
    first, second = staff.post(address, data=fields), staff.post(address, data=fields)
    assert first.url == second.url
    made = first.url.path.rpartition("/")[2]
    tried = staff.get(f"/v1/videos/{address.rpartition('/')[2]}").json()
    video = staff.get(f"/v1/videos/{made}").json()
    assert (video["prompt"], video["seconds"], video["size"]) == (EXAMPLE, seconds, tried["size"])
    newer = staff.post("/advice/try", data=TRIED | {"form_id": "another"}).url
    assert made not in newer.path


@pytest.mark.parametrize("accept", ["text/x-fragment", "text/html"])
def test_the_same_form_of_the_studio_sent_twice_requests_one_video(staff: httpx.Client, accept: str) -> None:
    sent = {"prompt": "a cat on a wall", "seconds": "4", "size": "1280x720", "model": "storyboard-1"}
    form, headers = sent | {"form_id": f"one {accept}"}, {"accept": accept}
    pages = [
        staff.post("/", data=data, headers=headers) for data in (form, form, form | {"form_id": "other"})
    ]
    made = [re.findall("video_[0-9a-f]{32}", f"{page.url} {page.text}")[0] for page in pages]
    assert made[0] == made[1] != made[2]


def test_an_unknown_suggestion_is_an_error_on_the_page_and_a_refusal_of_help_is_not(
    staff: httpx.Client,
) -> None:
    assert "tone error" in staff.post("/advice", data={"prompt": EXAMPLE, "apply": "99"}).text
    assert "tone error" in staff.post("/advice", data={"prompt": EXAMPLE, "apply": "x"}).text
    refused = staff.post("/advice", data={"prompt": "Tom Cruise rides a horse at night", "apply": "1"})
    assert 'id="answer"' in refused.text
    assert 'id="applied"' not in refused.text


@pytest.mark.parametrize(("language", "word"), [("zh-TW", "觀景台"), ("zh-CN", "观景台"), ("en", "Prompt")])
def test_the_page_is_in_the_language_of_the_reader(staff: httpx.Client, language: str, word: str) -> None:
    prompt = {"zh-TW": "一個人獨自站在樓頂", "zh-CN": "一个人独自站在楼顶", "en": "a cat"}[language]
    page = staff.post("/advice", data={"prompt": prompt}, headers={"accept-language": language})
    assert word in page.text
    assert staff.get("/advice", headers={"accept-language": language}).status_code == 200


def test_a_page_without_suggestions_says_why_and_what_can_be_done(staff: httpx.Client) -> None:
    page = staff.post("/advice", data={"prompt": "a cat sleeps on a chair"}).text
    answer = page.split('id="answer"')[1]
    assert "<h2>Why there are no suggestions</h2>" in answer
    assert "You can send it as it is." in answer
    chinese = staff.post("/advice", data={"prompt": "a cat"}, headers={"accept-language": "zh-CN"}).text
    assert "<h2>为什么没有建议</h2>" in chinese


# From here on the account had a block, so it gets no suggestions.
def test_a_blocked_prompt_gets_neither_words_nor_suggestions(staff: httpx.Client) -> None:
    page = staff.post("/advice", data={"prompt": "a nude woman alone on a rooftop at night"})
    assert 'data-verdict="block"' in page.text
    assert "<del>" not in page.text
    assert "rooftops" not in page.text
    assert "<h2>Why there are no suggestions</h2>" in page.text
    assert "Our policy blocks this prompt, so there are no suggestions." in page.text


@pytest.mark.parametrize(
    ("prompt", "language", "line"),
    [
        ("I want to end it all tonight, alone on the rooftop", "en", "988"),
        ("我今晚想自殺，一個人在樓頂", "zh-TW", "1925"),
        ("我今晚想自杀，一个人在楼顶", "zh-CN", "12356"),
    ],
)
def test_help_lines_stand_above_everything_else_for_a_person_in_distress(
    staff: httpx.Client, prompt: str, language: str, line: str
) -> None:
    form = {"prompt": prompt, "provider": "openai", "blocked": "output"}
    page = staff.post("/advice", data=form, headers={"accept-language": language}).text
    before = page.split('<form method="post" action="/advice" class="card"')[0]
    assert 'class="support"' in before
    assert line in before
    answer = page.split('id="answer"')[1].split("</article>")[0]
    assert 'data-risk="unknown"' in answer
    assert not re.search("<h2>|<ol|<ul|<q>", answer)


def test_a_source_with_an_address_is_a_link_with_the_date_on_which_it_was_read(staff: httpx.Client) -> None:
    page = staff.post("/advice", data={"prompt": EXAMPLE, "provider": "openai"}).text
    [sources] = re.findall(r'<ol class="hint">(.*?)</ol>', page)
    assert re.search(
        r'<a href="https://help\.apiyi\.com/[^"]+" rel="noreferrer">[^<]+2026-\d\d-\d\d</a>', sources
    )


def test_markup_in_a_prompt_is_escaped(staff: httpx.Client) -> None:
    page = staff.post("/advice", data={"prompt": "<script>alert(1)</script> a chef cutting bread at night"})
    assert "<script>alert" not in page.text


def test_an_empty_prompt_is_an_error_on_the_page(staff: httpx.Client) -> None:
    assert "tone error" in staff.post("/advice", data={"prompt": " "}).text


def test_the_prompt_of_a_video_is_filled_in(staff: httpx.Client) -> None:
    made = staff.post("/", files={"prompt": (None, "a quiet harbour with small boats")})
    page = staff.get("/advice", params={"from": made.url.path.rpartition("/")[2]})
    assert ">a quiet harbour with small boats</textarea>" in page.text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"usd": ""}, "The price has changed"),
        ({"usd": "x"}, "The price has changed"),
        ({"usd": "nan"}, "The price has changed"),
        ({"usd": "inf"}, "The price has changed"),
        ({"model": "no-model"}, "no such model"),
        ({"prompt": "a nude woman alone on a rooftop at night"}, ""),
        ({"prompt": "a bloody corpse with an open wound in a street"}, ""),
    ],
)
def test_nothing_is_tried_at_another_price_or_where_there_is_no_help(
    staff: httpx.Client, changed: dict[str, str], said: str
) -> None:
    before = staff.get("/v1/videos", params={"limit": 1}).json()["first_id"]
    answer = staff.post("/advice/try", data=TRIED | changed)
    assert answer.status_code in (400, 409)
    assert said in answer.text
    assert staff.get("/v1/videos", params={"limit": 1}).json()["first_id"] == before


def test_a_prompt_without_help_has_no_try(staff: httpx.Client) -> None:
    form = {"prompt": "a nude woman alone on a rooftop at night", "model": "storyboard-1"}
    assert 'id="try"' not in staff.post("/advice", data=form).text


@pytest.mark.parametrize("prompt", ["A car crashes into a crowd", "一个男人用皮带抽打妻子"])
def test_the_pages_say_one_sentence_on_a_scene_of_harm(staff: httpx.Client, prompt: str) -> None:
    form = {"prompt": prompt, "model": "storyboard-1", "blocked": "output", "apply": "1"}
    page = unescape(staff.post("/advice", data=form).text)
    assert "Safelight gives no suggestions" in page or 'data-verdict="allow"' not in page
    assert 'id="try"' not in page
    assert 'id="applied"' not in page
    assert not re.search(r"<ins>|<del>|Deep fix|Quick fix", page)
    # A hold or a block marks the words that its explanation names.
    assert "<mark" not in page or 'data-verdict="allow"' not in page
    tried = {"prompt": prompt, "model": "storyboard-1", "usd": "0", "form_id": "0" * 32}
    assert staff.post("/advice/try", data=tried).status_code == 400
