"""Files with attempts of other programs: read completely or not at all, without secrets."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from safelight.core.errors import BadInput, InvalidField, NotFound, TooLarge
from safelight.providers.attempts.export import write_csv, write_jsonl
from safelight.providers.attempts.fields import read_attempt
from safelight.providers.attempts.import_files import AttemptFormat, read_file
from safelight.providers.attempts.models import AttemptOutcome, AttemptRefund
from safelight.providers.protocol import ChargeStatus
from support.rows import each_row

WHEN = "2026-11-20T14:05:00+08:00"
BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'
SECRET = "sk-proj-abcdefghijklmnop1234"


def entry(
    url: str, *, sent: Any = None, body: Any = None, status: int = 200, at: str = WHEN
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": "GET" if sent is None else "POST",
        "url": url,
        "headers": [{"name": "Authorization", "value": f"Bearer {SECRET}"}],
        "cookies": [{"name": "session", "value": "cookie-of-the-user"}],
    }
    if sent is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(sent)}
    content = {"mimeType": "application/json", "text": json.dumps(body)}
    return {"startedDateTime": at, "request": request, "response": {"status": status, "content": content}}


def har(tmp_path: Path, *entries: dict[str, Any]) -> Path:
    path = tmp_path / "recording.har"
    path.write_text(json.dumps({"log": {"entries": list(entries)}}), encoding="utf-8")
    return path


def test_an_error_says_the_outcome_and_whether_it_was_charged() -> None:
    found = read_attempt(
        {"time": WHEN, "provider": "runway", "error": BLOCK, "prompt": "屋頂上的孩子 at night"}
    )
    assert (found.outcome, found.stage) == (AttemptOutcome.REFUSED, "output")
    assert found.charge.charged is ChargeStatus.YES
    assert found.charge.source.startswith("documented")
    assert found.prompt == "屋頂上的孩子 at night"
    assert found.file_came is False


def test_an_error_of_a_safelight_is_a_stop_by_its_policy() -> None:
    error = {"code": "sentinel_block", "message": "no", "safelight": {"request_id": "req_1"}}
    found = read_attempt({"time": WHEN, "provider": "studio", "error": json.dumps({"error": error})})
    assert found.outcome is AttemptOutcome.STOPPED


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time", "2026-11-20 14:05"),
        ("time", "yesterday"),
        ("time", 1_700_000_000_000),
        ("amount", "NaN"),
        ("amount", -1),
        ("amount", "a lot"),
        ("currency", "$"),
        ("size", "big"),
        ("charged", "perhaps"),
        ("file_came", "perhaps"),
        ("prompt", ["a", "b"]),
        ("prompt", "x" * 40_000),
        ("refunded", 5),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    given = {
        "time": WHEN,
        "provider": "veo",
        "error": "blocked",
        "amount": 1,
        "currency": "USD",
        field: value,
    }
    with pytest.raises(InvalidField, match=f"`{field}`"):
        read_attempt(given)


def test_an_amount_needs_a_currency_and_an_attempt_something_that_happened() -> None:
    with pytest.raises(InvalidField, match="currency"):
        read_attempt({"time": WHEN, "provider": "veo", "amount": 2})
    with pytest.raises(InvalidField, match="states what happened"):
        read_attempt({"time": WHEN, "provider": "veo", "prompt": "a lake"})


def test_the_outcome_of_an_export_is_read_back() -> None:
    given = {"time": WHEN, "provider": "veo", "error": "blocked", "file_came": "yes"}
    assert read_attempt({**given, "outcome": "stopped"}).outcome is AttemptOutcome.STOPPED
    assert read_attempt({**given, "outcome": "running"}).outcome is AttemptOutcome.UNKNOWN
    with pytest.raises(InvalidField, match="`outcome`"):
        read_attempt({**given, "outcome": "perhaps"})


def test_secrets_in_texts_are_masked_and_line_breaks_stay() -> None:
    found = read_attempt(
        {"time": WHEN, "provider": "openai", "error": f"failed\nAuthorization: Bearer {SECRET}"}
    )
    assert SECRET not in found.error
    assert found.error.startswith("failed\n")


def test_json_lines_and_csv_say_the_same(tmp_path: Path) -> None:
    row = {
        "time": WHEN,
        "provider": "kling",
        "model": "kling-v2",
        "prompt": '=SUM(1), "一個人" 在海邊',
        "error": BLOCK,
        "amount": 0.4,
        "currency": "usd",
        "refunded": 0.1,
        "size": "1280x720",
        "seconds": 5,
    }
    lines, table = tmp_path / "a.jsonl", tmp_path / "a.csv"
    lines.write_text("\ufeff" + write_jsonl([row]), encoding="utf-8")
    table.write_text(write_csv([row], list(row)), encoding="utf-8")
    assert "'=SUM" in table.read_text(encoding="utf-8"), "a spreadsheet does not run it"
    assert read_file(lines) == read_file(table)
    (found,) = read_file(lines)
    assert found.prompt == row["prompt"]
    assert found.refunds == (AttemptRefund(amount=0.1, currency="USD"),)


@each_row
def test_a_broken_file_is_refused_with_the_line(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=words):
        read_file(path)


def test_a_file_in_another_encoding_or_without_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" + "視頻".encode("big5"))
    with pytest.raises(BadInput, match="Line 2 is not UTF-8"):
        read_file(path)
    with pytest.raises(NotFound):
        read_file(tmp_path / "none.csv")


def test_a_har_is_followed_to_the_end_of_the_request_and_no_secret_is_kept(tmp_path: Path) -> None:
    path = har(
        tmp_path,
        entry("https://example.com/page", body={}),
        entry(
            f"https://api.dev.runwayml.com/v1/text_to_video?api_key={SECRET}",
            sent={"promptText": "a lake", "model": "gen4.5", "duration": 5, "api_key": SECRET},
            body={"id": "0c6fdd0a-task"},
        ),
        entry(
            "https://api.dev.runwayml.com/v1/tasks/0c6fdd0a-task",
            body={
                "id": "0c6fdd0a-task",
                "status": "FAILED",
                "failureCode": "SAFETY.OUTPUT.VIDEO",
                "token": SECRET,
            },
            at="2026-11-20T14:06:00+08:00",
        ),
    )
    (found,) = read_file(path)
    assert (found.provider, found.model, found.seconds) == ("runway", "gen4.5", 5)
    assert (found.outcome, found.request_id) == (AttemptOutcome.REFUSED, "0c6fdd0a-task")
    assert SECRET not in repr(found)
    assert "cookie-of-the-user" not in repr(found)
    assert "https" not in repr(found)


def test_a_har_of_another_site_is_refused_with_its_hosts(tmp_path: Path) -> None:
    path = har(
        tmp_path,
        entry("https://shop.example/video", sent={"prompt": "a lake"}, body={"id": "video_1234"}),
        entry("https://other.example/video", sent={"prompt": "private"}, body={"id": "video_5678"}),
    )
    for provider in ("", "shop"):
        with pytest.raises(BadInput, match=r"other\.example, shop\.example"):
            read_file(path, AttemptFormat.HAR, provider=provider)
    (found,) = read_file(path, AttemptFormat.HAR, provider="shop", host="Shop.example")
    assert (found.provider, found.prompt, found.request_id) == ("shop", "a lake", "video_1234")


def test_a_har_with_bytes_and_odd_parts_is_read(tmp_path: Path) -> None:
    video = entry("https://api.openai.com/v1/videos", sent={"prompt": "a lake"}, body={}, status=400)
    video["response"]["content"] = {"encoding": "base64", "text": base64.b64encode(b"\xff\xd8").decode()}
    (found,) = read_file(har(tmp_path, {"request": None}, {}, video))
    assert found.error == "HTTP status 400"


OPENAI = "https://api.openai.com/v1/videos"
LATER = "2026-11-20T14:06:00+08:00"
LAST = "2026-11-20T14:07:00+08:00"


def submitted(body: Any = None, **changes: Any) -> dict[str, Any]:
    return entry(OPENAI, sent={"prompt": "a lake", **changes}, body=body or {"id": "video_1234"})


def poll(body: Any, *, status: int = 200, at: str = LATER, end: str = "") -> dict[str, Any]:
    return entry(f"{OPENAI}/video_1234{end}", body=body, status=status, at=at)


def test_a_har_keeps_no_secret_address_or_account_of_an_error(tmp_path: Path) -> None:
    body = {
        "error": {
            "code": "content_policy",
            "message": "Write to kim@studio.example or see https://x.example/k1",
        },
        "accessToken": "q1w2e3",
        "session": {"id": "q1w2e3", "type": "q1w2e3"},
        "user": {"id": "q1w2e3", "name": "q1w2e3"},
        "input": {"image_url": "https://files.example/q1w2e3.png"},
        "detail": [{"msg": "refused", "input": {"prompt": "q1w2e3"}, "loc": ["body", "prompt"]}],
        "file": "https://files.example/q1w2e3.png",
    }
    (found,) = read_file(har(tmp_path, entry(OPENAI, sent={"prompt": "a lake"}, body=body, status=400)))
    assert "q1w2e3" not in repr(found)
    assert "kim@studio.example" not in found.error
    assert "x.example" in found.error
    assert "k1" not in found.error
    assert "refused" in found.error
    assert found.outcome is AttemptOutcome.REFUSED


def test_a_har_shows_whether_a_request_ended(tmp_path: Path) -> None:
    (found,) = read_file(har(tmp_path, submitted(), poll({"id": "video_1234", "status": "in_progress"})))
    assert (found.outcome, found.file_came, found.error) == (AttemptOutcome.UNKNOWN, None, "")
    (found,) = read_file(har(tmp_path, submitted(), poll({"id": "video_1234", "status": "completed"})))
    assert found.outcome is AttemptOutcome.PASSED


@each_row
def test_a_failed_poll_or_download_does_not_make_a_finished_request_a_failure(
    tmp_path: Path, later: list[dict[str, Any]]
) -> None:
    (found,) = read_file(har(tmp_path, submitted(), *later))
    assert (found.outcome, found.file_came, found.error) == (AttemptOutcome.PASSED, True, "")


def test_a_refusal_that_only_the_result_shows_is_read(tmp_path: Path) -> None:
    refusal = {"detail": [{"type": "content_policy_violation", "msg": "flagged", "input": {"prompt": "x"}}]}
    url = "https://queue.fal.run/fal-ai/veo3"
    path = har(
        tmp_path,
        entry(url, sent={"prompt": "a lake"}, body={"request_id": "fal-12345", "status": "IN_QUEUE"}),
        entry(f"{url}/requests/fal-12345/status", body={"status": "COMPLETED"}, at=LATER),
        entry(f"{url}/requests/fal-12345", body=refusal, status=422, at=LAST),
    )
    (found,) = read_file(path)
    assert (found.outcome, found.request_id) == (AttemptOutcome.REFUSED, "fal-12345")


def test_the_id_of_a_request_is_not_that_of_an_account(tmp_path: Path) -> None:
    answer = {"data": {"user": {"id": "account-1"}, "task_id": "task-12345", "name": "Kim Lee"}}
    (found,) = read_file(har(tmp_path, submitted(answer)))
    assert found.request_id == "task-12345"
    (found,) = read_file(har(tmp_path, submitted({"data": {"user": {"id": "account-1"}}})))
    assert found.request_id == ""


def test_requests_for_texts_and_pictures_are_not_videos(tmp_path: Path) -> None:
    google = "https://generativelanguage.googleapis.com/v1beta/models"
    path = har(
        tmp_path,
        entry("https://api.openai.com/v1/responses", sent={"prompt": "private"}, body={"id": "resp_1234"}),
        entry("https://api.openai.com/v1/images/generations", sent={"prompt": "private"}, body={}),
        entry(f"{google}/gemini-3:generateContent", sent={"contents": [{"text": "private"}]}, body={}),
        submitted(),
    )
    assert [one.prompt for one in read_file(path)] == ["a lake"]


def test_an_unusable_optional_field_does_not_refuse_a_har(tmp_path: Path) -> None:
    (found,) = read_file(har(tmp_path, submitted({"id": "v" * 300}, resolution="max", duration=5_000_000)))
    assert (found.width, found.seconds, found.request_id) == (None, None, "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", f'{{"time": {10**400}, "provider": "veo", "error": "x"}}'),
        ("a.jsonl", f'{{"time": "{WHEN}", "provider": "veo", "amount": {10**400}}}'),
        ("a.jsonl", f'{{"time": {"9" * 5000}}}'),
        ("a.har", f'{{"log": {"9" * 5000}}}'),
    ],
)
def test_a_number_that_is_too_large_is_refused_with_a_message(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        read_file(path)


def test_an_address_or_a_text_that_is_broken_does_not_stop_the_import(tmp_path: Path) -> None:
    (found,) = read_file(har(tmp_path, entry("http://[bad", body={}), submitted(prompt="half \ud83d")))
    assert found.prompt == "half \ufffd"


def test_a_har_has_as_few_rows_as_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safelight.providers.attempts.har_files.MAX_ROWS", 1)
    with pytest.raises(TooLarge):
        read_file(har(tmp_path, submitted(), submitted()))
