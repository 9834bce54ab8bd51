"""A reporter who left an e-mail address gets the decision once, with a link to the receipt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.cases.reports import NewReport, Receipt
from safelight.core.errors import InvalidField
from safelight.store import tables
from support.mail_server import Mailbox, mail_server

from .conftest import Furnish, House
from .test_decisions import only_case
from .test_notices import decide, deliver, make_scene, notify
from .test_saved_replies import CHINESE, ENGLISH, saved, with_reply

_BASE = "https://gateway.example"


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture
def office(furnish: Furnish, box: Mailbox) -> House:
    mail = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "s@example.com"}
    made = furnish(server={"public_url": _BASE}, mail=mail)
    made.waive()
    return made


def report(
    house: House, video_id: str, contact: str | None, *, network: str = "192.0.2.1", language: str = "en"
) -> Receipt:
    new = NewReport(location=video_id, reason="deception", contact=contact, language=language)
    return house.container.correspondence.reports.add_from_visitor(new, network=network)


def receipt_tokens(house: House) -> list[Any]:
    """What is stored of the links to the receipts of all reports."""
    with house.database.across_tenants("a test", readonly=True) as tx:
        return [row.receipt_token for row in tx.select(tables.notices)]


def answer_and_send(house: House) -> None:
    container = house.container
    container.background.notice_follow_up.answer_reporters()
    assert container.mails.sender is not None
    container.mails.sender.send_due()


def test_the_decision_goes_once_to_the_address_in_the_reporter_s_language(
    office: House, box: Mailbox, tmp_path: Path
) -> None:
    video = deliver(office, make_scene(tmp_path / "a.mp4", 1), "a secret prompt")
    receipt = report(office, video.id, " Ann@Example.org", language="zh-Hant")
    assert receipt.is_mailed
    assert receipt.token.encode() not in receipt_tokens(office)[0]
    answer_and_send(office)
    assert box.received == []

    decide(office, "withdraw")
    answer_and_send(office)
    answer_and_send(office)
    (mail,) = box.received
    text = mail.get_content()
    assert mail["To"] == "ann@example.org"
    assert mail["Subject"] == "您的檢舉已有結果"
    assert f"{_BASE}{receipt.path}" in text
    for hidden in ("ada", "Looked at it", "secret", "operator", video.id):
        assert hidden not in text.lower()
    assert receipt_tokens(office) == [None]


def test_the_saved_reply_to_a_kept_video_is_in_the_mail(office: House, box: Mailbox, tmp_path: Path) -> None:
    video = deliver(office, make_scene(tmp_path / "a.mp4", 1))
    report(office, video.id, "ann@example.org", language="zh-Hans")
    saved(office, en=ENGLISH, zh_hans=CHINESE)
    with_reply(office, only_case(office).id, "keep")
    answer_and_send(office)
    (mail,) = box.received
    text = mail.get_content()
    assert (CHINESE in text, ENGLISH in text) == (True, False)


def test_reports_of_one_video_with_one_address_bring_one_mail_and_others_their_own(
    office: House, box: Mailbox, tmp_path: Path
) -> None:
    video = deliver(office, make_scene(tmp_path / "a.mp4", 2))
    for number in range(4):
        report(office, video.id, "victim@example.org", network=f"192.0.2.{number}")
    report(office, video.id, "ben@example.org")
    for contact in ("+886 912 345 678", "a@example.org, b@example.org", None):
        assert not report(office, video.id, contact).is_mailed
    decide(office, "keep")
    answer_and_send(office)
    assert sorted(str(one["To"]) for one in box.received) == ["ben@example.org", "victim@example.org"]


def test_a_restart_between_the_decision_and_the_mail_loses_nothing(
    office: House, box: Mailbox, tmp_path: Path
) -> None:
    video = deliver(office, make_scene(tmp_path / "a.mp4", 3))
    report(office, video.id, "ann@example.org")
    decide(office, "keep")
    box.fail_next = 1
    answer_and_send(office)
    assert box.received == []
    database = office.database
    earlier = database.clock
    database.clock = lambda: earlier() + 60
    answer_and_send(office)
    assert len(box.received) == 1


def test_without_a_mail_server_no_mail_is_promised_and_no_secret_is_stored(
    house: House, tmp_path: Path
) -> None:
    assert not house.container.correspondence.reports.sends_mail
    video = deliver(house, make_scene(tmp_path / "a.mp4", 4))
    assert not report(house, video.id, "ann@example.org").is_mailed
    assert receipt_tokens(house) == [None]
    with pytest.raises(InvalidField, match="language"):
        report(house, video.id, None, language="xx")


def test_two_forms_of_one_sender_that_are_answered_together_bring_one_mail_with_both_links(
    office: House, box: Mailbox, tmp_path: Path
) -> None:
    videos = [deliver(office, make_scene(tmp_path / f"{number}.mp4", number)) for number in (6, 7)]
    first, second = (notify(office, video, contact="ann@example.org") for video in videos)
    for video in videos:
        decide(office, "keep", video=video)
    answer_and_send(office)
    (mail,) = box.received
    links = [line for line in mail.get_content().splitlines() if line.startswith(_BASE)]
    assert links == [f"{_BASE}{first.path}", f"{_BASE}{second.path}"]
