"""The pages of attempts: losses by currency, refusals, the table, and one attempt."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx
import pytest

from safelight.accounts import KeyScope
from support.attempts import submitted
from support.fake_api_server import PERSON, Live

from .conftest import sign_in_as

ROW = {"provider": "runway", "error": "SAFETY.OUTPUT.VIDEO", "amount": 0.25, "currency": "USD"}


@pytest.fixture
def tenant(server: Live) -> str:
    return server.accounts.create_tenant("page").id


@pytest.fixture
def page(server: Live, tenant: str) -> Iterator[httpx.Client]:
    """A signed-in person of a new tenant."""
    with sign_in_as(server, tenant=tenant, scopes=PERSON) as client:
        yield client


def add(server: Live, tenant: str, *rows: dict[str, object]) -> list[str]:
    _, key = server.accounts.create_key(tenant, "test")
    attempts = [{"time": time.time() - number, **ROW, **row} for number, row in enumerate(rows)]
    added = httpx.post(
        f"{server.url}/v1/safelight/attempts",
        headers={"authorization": f"Bearer {key}"},
        json={"attempts": attempts},
        timeout=30,
    )
    return [one["id"] for one in added.json()["data"]]


def test_without_rows_the_page_says_how_they_come_here(page: httpx.Client) -> None:
    text = page.get("/attempts").text
    assert "safelight attempts add" in text
    assert "safelight attempts import" in text
    assert "嘗試紀錄" in page.get("/attempts", headers={"accept-language": "zh-TW"}).text
    assert "尝试记录" in page.get("/attempts", headers={"accept-language": "zh-CN"}).text


def test_the_loss_is_one_figure_per_currency_without_unknown_charges(
    server: Live, tenant: str, page: httpx.Client
) -> None:
    add(
        server,
        tenant,
        {"refunded": 0.1},
        {"prompt": "another"},
        {"currency": "CREDITS", "amount": 30},
        {"error": "HTTP 500", "charged": "unknown", "amount": None, "currency": None, "provider": "kling"},
        {"error": "", "file_came": True, "amount": 9},
    )
    text = page.get("/attempts").text
    figures = re.findall(r"<dd>([$\d. A-Z]+)</dd>", text)
    assert figures == ["30 CREDITS", "$0.40"]
    assert "Charge unknown, in no sum: 1" in text
    assert "charged $0.50, refunded $0.10" in text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "1 of 1 passed at the first repeat, 1 at any of 1 repeats; too few for a share."),
        ("zh-TW", "數量太少，無法推算比例"),
        ("zh-CN", "数量太少，无法推算比例"),
    ],
)
def test_the_page_says_what_it_brought_to_send_a_refused_request_again(
    server: Live, tenant: str, page: httpx.Client, language: str, words: str
) -> None:
    # The first row is the newest one.
    add(server, tenant, {"prompt": "a lake", "error": "", "file_came": True}, {"prompt": "a lake"})
    text = page.get("/attempts", headers={"accept-language": language}).text
    part = text.partition('id="repeats"')[2].partition("</section>")[0]
    assert words in part
    assert "$0.25" in part


def test_a_bar_of_several_days_names_the_first_and_the_last_one(
    server: Live, tenant: str, page: httpx.Client
) -> None:
    add(server, tenant, {"time": time.time() - 80 * 86_400.0}, {"prompt": "another"})
    bars = re.findall(
        r"<title>([^<]+): \d+ refused, \d+ passed</title>", page.get("/attempts?period=90").text
    )
    assert len(bars) == 30
    assert all(re.fullmatch(r"\d+ \w+ \d{4} to \d+ \w+ \d{4}", bar) for bar in bars)
    week = page.get("/attempts?period=7").text
    assert len(re.findall(r"<title>\d+ \w+ \d{4}: \d+ refused, \d+ passed</title>", week)) == 7


def test_each_row_has_its_cause_and_a_mark_and_opens_the_attempt(
    server: Live, tenant: str, page: httpx.Client
) -> None:
    (attempt,) = add(server, tenant, {"prompt": "a <b>lake</b>", "error": "SAFETY.OUTPUT.VIDEO </pre>"})
    table = page.get("/attempts").text
    row = table.partition(f'href="/attempts/{attempt}" data-row')[2].partition("</tr>")[0]
    for words in ("reported", "refused by the provider", "charged $0.25", "the provider&#39;s filter"):
        assert words in row
    one = page.get(f"/attempts/{attempt}")
    assert "SAFETY.OUTPUT.VIDEO &lt;/pre&gt;" in one.text
    assert "a &lt;b&gt;lake&lt;/b&gt;" in one.text
    assert 'data-gate="provider_filter"' in one.text


def test_the_answer_of_a_provider_is_on_the_page_and_in_its_json(
    server: Live, tenant: str, page: httpx.Client
) -> None:
    body = '{"failureCode": "SAFETY.OUTPUT.VIDEO", "note": "<b>moderated</b>"}'
    attempt = submitted(server.database, tenant, answer=body)
    assert "&lt;b&gt;moderated&lt;/b&gt;" in page.get(f"/attempts/{attempt}").text
    assert page.get(f"/v1/safelight/attempts/{attempt}").json()["provider_answer"] == body
    withheld = submitted(server.database, tenant, answer=body, quarantined=True)
    assert "moderated" not in page.get(f"/attempts/{withheld}").text
    assert page.get(f"/v1/safelight/attempts/{withheld}").json()["provider_answer"] is None


def test_a_filter_and_further_pages_keep_the_address(server: Live, tenant: str, page: httpx.Client) -> None:
    add(server, tenant, *({"prompt": f"lake {n}"} for n in range(26)), {"provider": "veo"})
    text = page.get("/attempts?period=7&provider=runway").text
    assert text.count("data-row") == 25
    following = re.search(r'href="(/attempts\?[^"]+)" rel="next"', text)
    assert following
    rest = page.get(following[1].replace("&amp;", "&"))
    assert rest.text.count("data-row") == 1
    assert 'value="runway"' in rest.text
    assert "No attempt matches" in page.get("/attempts?provider=luma").text
    assert page.get("/attempts?period=nothing&after=").status_code == 200


def test_another_tenant_and_a_person_without_the_scope_see_nothing(
    server: Live, tenant: str, page: httpx.Client
) -> None:
    (attempt,) = add(server, tenant, {"prompt": "a lake"})
    with sign_in_as(server, tenant=server.accounts.create_tenant("other").id) as other:
        assert other.get(f"/attempts/{attempt}").status_code == 404
        assert "a lake" not in other.get("/attempts").text
    with sign_in_as(server, tenant=tenant, scopes=frozenset({KeyScope.CHECKS})) as checker:
        assert checker.get("/attempts").status_code == 403
        assert checker.get(f"/attempts/{attempt}").status_code == 403
    assert page.get("/attempts/nothing").status_code == 404


def test_a_recent_drift_is_at_the_head_of_the_page(server: Live, tenant: str, page: httpx.Client) -> None:
    hour = 3_600
    prompts = [f"a lake q{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(100)]
    rows = [
        {
            "time": time.time() - hour * (100 - number),
            "prompt": prompt,
            "amount": None,
            **({"error": None, "outcome": "passed", "file_came": True} if number < 80 else {}),
        }
        for number, prompt in enumerate(prompts)
    ]
    add(server, tenant, *rows)
    assert "runway refuses more since" in page.get("/attempts").text
    assert "runway refuses more since" not in page.get("/attempts?provider=kling").text
    assert "runway 拒絕的提示詞變多" in page.get("/attempts", headers={"accept-language": "zh-TW"}).text
