"""Files with attempts of other programs: read completely or not at all, without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from safelight.core.errors import BadInput, InvalidField, NotFound
from safelight.providers.attempts.export import write_csv, write_jsonl
from safelight.providers.attempts.fields import read_attempt
from safelight.providers.attempts.import_files import read_file
from safelight.providers.attempts.models import AttemptOutcome, AttemptRefund
from safelight.providers.protocol import ChargeStatus
from support.rows import each_row

WHEN = "2026-11-20T14:05:00+08:00"
BLOCK = '{"status": "FAILED", "failureCode": "SAFETY.OUTPUT.VIDEO"}'
SECRET = "sk-proj-abcdefghijklmnop1234"


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


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", f'{{"time": {10**400}, "provider": "veo", "error": "x"}}'),
        ("a.jsonl", f'{{"time": "{WHEN}", "provider": "veo", "amount": {10**400}}}'),
        ("a.jsonl", f'{{"time": {"9" * 5000}}}'),
    ],
)
def test_a_number_that_is_too_large_is_refused_with_a_message(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput):
        read_file(path)
