"""Broken and hostile files, URLs and texts of servers give clear errors, and nothing is leaked."""

from __future__ import annotations

import base64
import csv
import json
from pathlib import Path

import httpx
import pytest
from test_batch_plan import plan_text, skipped
from test_batch_resume import MemoryServer, run_on
from test_batch_run import subjects, write_batch

import safelight_client as sc
from safelight_client.batch import Journal, read_rows, write_reports
from safelight_client.batch.report import _cell
from safelight_client.transport import Target
from support.rows import each_row


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"prompt": "A boat", "prompt": "A kite"}', "The row has a field twice: prompt."),
        ('{"prompt": "A boat", " prompt ": "A kite"}', "The row has a field twice: prompt."),
        ('{"prompt": "A boat", "metadata": {"a": 1, "a": 2}}', "The row has a field twice: a."),
        (f'{{"prompt": "A boat", "x": {"[" * 21}{"]" * 21}}}', "The row is nested too deeply."),
        (f'{{"prompt": "A boat", "x": {"[" * 100_000}', "The row is nested too deeply."),
        (f'{{"prompt": "A boat", "seconds": {"9" * 10_000}}}', "The line is not JSON."),
    ],
)
def test_a_repeated_field_and_deep_nesting_are_problems_of_one_row(
    tmp_path: Path, line: str, problem: str
) -> None:
    plan = plan_text(tmp_path / "a.jsonl", f'{line}\n{{"prompt": "A kite", "metadata": {{"a": [[1]]}}}}\n')
    assert skipped(plan) == {1: problem}


def test_the_line_in_which_excel_names_the_delimiter_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeffsep=;\r\nprompt;seconds\r\nA boat, far away;4\r\n", "utf-8")
    (row,) = read_rows(path).rows
    assert (row.fields, row.line) == ({"prompt": "A boat, far away", "seconds": "4"}, 3)


def test_a_csv_file_with_a_byte_order_mark_100_000_lines_and_broken_quotes_at_the_end_is_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeffprompt,seconds\n" + "A boat,4\n" * 100_000 + '"A kite,4\n', "utf-8")
    rows = read_rows(path).rows
    assert len(rows) == 100_001
    assert rows[0].fields == {"prompt": "A boat", "seconds": "4"}
    assert [row.line for row in rows if row.problems] == [100_002]


@each_row
def test_no_text_of_the_csv_report_is_read_as_a_formula(text: str) -> None:
    assert _cell(text) == f"'{text}"


def test_the_csv_report_quotes_every_cell_and_has_no_control_characters_and_no_server(tmp_path: Path) -> None:
    rows = [{**subjects(1)[0], "id": "=a\x1b[2J", "prompt": "A boat;=1+1"}]
    path = write_batch(tmp_path, rows)
    folder = path.with_suffix(".batch")
    report = write_reports(run_on(MemoryServer(is_gateway=False), path), folder)
    # The address of a server may have a password.
    assert "server" not in json.dumps(report)
    text = (folder / "report.csv").read_text("utf-8-sig")
    (row,) = csv.DictReader(text.splitlines())
    assert (row["id"], row["prompt"]) == ("'=a\ufffd[2J", "A boat;=1+1")
    assert ',"A boat;=1+1",' in text


def test_a_password_in_the_url_is_sent_and_stored_nowhere(tmp_path: Path) -> None:
    url = "http://user:pass%2Fword@server.test:8000/v1/"
    target = Target(url, "key", 1.0)
    assert target.base_url == "http://server.test:8000/v1"
    with httpx.Client() as http:
        request = target.build(http, sc.steps.Send("GET", "/models"))
    sent = request.headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"user:pass/word"
    assert "pass" not in str(request.url)
    path = tmp_path / "journal.sqlite"
    Journal(path, digest="d", server=url).close()
    assert b"pass" not in path.read_bytes()
    with pytest.raises(sc.JournalUnusable) as caught:
        Journal(path, digest="d", server="http://user:other@elsewhere.test/v1")
    assert "http://server.test:8000/v1" in str(caught.value)
    Journal(path, digest="d", server="http://user:changed@server.test:8000/v1").close()


@pytest.mark.parametrize(
    "url", ["http://[::1]:8000/v1", "http://server.test/v1", "https://server.test:1/a@b"]
)
def test_a_url_without_a_password_stays_as_it_is(url: str) -> None:
    assert Target(url, "", 1.0).base_url == url


def test_the_error_for_a_password_with_a_slash_does_not_contain_it() -> None:
    with pytest.raises(ValueError, match="not a number") as caught:
        Target("http://user:secret/word@server.test/v1", "", 1.0)
    assert "secret" not in str(caught.value)
