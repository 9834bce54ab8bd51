"""Feedback on an answer about the origin of a file: the form without JavaScript, limits, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest

from safelight.app.container import load
from safelight.cli import main
from safelight.core.errors import InvalidField, RateLimited
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.store.database import Database
from safelight.store.tables import provenance_feedback
from safelight.videos.registry import KEEP_DAYS, MAX_TEXT_CHARACTERS, CheckFeedback, NewFeedback
from safelight.videos.registry import feedback as module
from support.console_server import ConsoleServer
from support.rows import each_row

SENT = {"answer": "not_found_here", "ground": "nothing"}


def written(text: str, contact: str | None = None) -> NewFeedback:
    return NewFeedback(answer=Answer.NOT_FOUND, ground=Ground.NOTHING, text=text, contact=contact)


@each_row
def test_a_stranger_says_that_an_answer_looks_wrong_and_the_operator_reads_it(
    console: ConsoleServer, stranger: httpx.Client, language: str, thanks: str
) -> None:
    stranger.headers["accept-language"] = language
    page = stranger.post("/verify", data={"video_id": "video_0199"})
    fields = dict(re.findall(r'<input type="hidden" name="(answer|ground)" value="([^"]*)"', page.text))
    assert fields == {"answer": "cannot_tell", "ground": "id_only"}
    text = f"It is yours. {language}"
    thanked = stranger.post("/verify/feedback", data={**fields, "text": text, "contact": "a@b.example"})
    assert thanks in thanked.text
    found = next(one for one in CheckFeedback(console.database).list() if one.text == text)
    assert (found.answer, found.ground, found.contact) == (Answer.CANNOT_TELL, Ground.ID_ONLY, "a@b.example")


def test_a_form_that_is_not_complete_stores_nothing_and_keeps_what_was_written(
    console: ConsoleServer, stranger: httpx.Client
) -> None:
    before = CheckFeedback(console.database).list()
    for wrong, said in (
        ({"text": " "}, "say what looks wrong"),
        ({"text": "a" * (MAX_TEXT_CHARACTERS + 1)}, "say what looks wrong"),
        ({"text": "<b>", "answer": "x"}, "does not name the answer"),
        ({"text": "wrong", "contact": "a@b.example" * 50}, "address is too long"),
    ):
        page = stranger.post("/verify/feedback", data={**SENT, "contact": "a@b.example", **wrong})
        assert page.status_code == 400
        assert said in page.text
        assert 'value="a@b.example' in page.text
        assert "<b>" not in page.text
    codes = {stranger.post("/verify/feedback", data={**SENT, "text": ""}).status_code for _ in range(10)}
    assert codes <= {400, 429}
    assert 429 in codes
    assert CheckFeedback(console.database).list() == before


def test_nobody_is_thanked_who_sent_nothing(stranger: httpx.Client) -> None:
    page = stranger.get("/verify/feedback")
    assert page.url.path == "/verify"
    assert "Thank you" not in page.text


def test_a_line_break_of_a_browser_counts_as_one_character(database: Database) -> None:
    feedback = CheckFeedback(database)
    feedback.add(written("a\r\n" * (MAX_TEXT_CHARACTERS // 2 - 1) + "aa"))
    assert feedback.list()[0].text == "a\n" * (MAX_TEXT_CHARACTERS // 2 - 1) + "aa"
    with pytest.raises(InvalidField):
        feedback.add(written("a\r\n" * (MAX_TEXT_CHARACTERS // 2) + "a"))


def test_all_addresses_together_have_a_limit_and_old_feedback_is_deleted(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PER_DAY", 3)
    feedback = CheckFeedback(database)
    for number in range(3):
        feedback.add(written(str(number)))
    with pytest.raises(RateLimited):
        feedback.add(written("one more"))
    with database.across_tenants("test") as tx:
        old = tx.now() - (KEEP_DAYS + 1) * module._DAY_S
        tx.update(provenance_feedback, provenance_feedback.c.id != "", created_at=old)
    assert feedback.list() == ()
    feedback.delete_old()
    feedback.add(written(" new ", contact=" "))
    assert [(one.text, one.contact) for one in feedback.list()] == [("new", None)]
    with database.across_tenants("test", readonly=True) as tx:
        assert tx.count(provenance_feedback) == 1


@pytest.mark.parametrize("text", ["", " \n", "a\0b", "a" * (MAX_TEXT_CHARACTERS + 1)])
def test_feedback_without_a_usable_text_is_refused(database: Database, text: str) -> None:
    with pytest.raises(InvalidField):
        CheckFeedback(database).add(written(text))


def test_the_command_lists_feedback_without_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["feedback"]) == 0
    assert capsys.readouterr().out == "No feedback.\n"
    load().provenance.checks.feedback.add(written("wrong\x1b[2J\nanswer", contact="a@b.example"))
    assert main(["feedback"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "not_found_here  nothing  a@b.example  wrong" in line
    assert main(["feedback", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["feedback"][0]["ground"] == "nothing"
