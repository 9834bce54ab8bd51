"""Mail is sent to a real SMTP server on the loopback address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from safelight.core.net.mail_client import MailClient, MailSecurity, MailServer, MailText
from support.mail_server import mail_server, tls_contexts

_MAIL = MailText(
    id="mail_1",
    to="ann@example.org",
    subject="您的同意",
    text="第一行\n.\n..a line with dots\nhttps://gateway.example/consent\n",
    language="zh-Hant",
)


def _server(port: int, **changed: object) -> MailServer:
    fields = {"host": "127.0.0.1", "port": port, "security": MailSecurity.NONE, "sender": "s@example.com"}
    return MailServer(**(fields | changed))  # type: ignore[arg-type]


def test_a_mail_arrives_as_plain_text_with_a_stable_id_and_asks_for_no_automatic_reply() -> None:
    with mail_server() as box:
        assert MailClient(_server(box.port)).send(_MAIL).error == ""
        assert MailClient(_server(box.port)).send(_MAIL).error == ""
    first, second = box.received
    assert first.get_content().replace("\r\n", "\n") == _MAIL.text
    assert first.get_content_type() == "text/plain"
    assert (first["To"], first["From"], first["Subject"]) == (_MAIL.to, "s@example.com", _MAIL.subject)
    assert first["Message-ID"] == second["Message-ID"] == "<mail_1@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
def test_mail_and_password_are_sent_only_over_an_encrypted_connection(
    tmp_path: Path, security: MailSecurity
) -> None:
    offered, trusted = tls_contexts(tmp_path)
    with mail_server(offered, implicit=security is MailSecurity.TLS) as box:
        box.account = "ada:secret"
        server = _server(box.port, security=security, user="ada", password="secret")
        assert MailClient(server, tls=trusted).send(_MAIL).error == ""
        assert box.encrypted == [True]
        wrong = _server(box.port, security=security, user="ada", password="wrong")
        result = MailClient(wrong, tls=trusted).send(_MAIL)
    assert "user or the password" in result.error
    assert not result.permanent
    assert len(box.received) == 1
    assert "secret" not in repr(server)


def test_a_server_without_starttls_or_with_an_unknown_certificate_gets_nothing(tmp_path: Path) -> None:
    with mail_server() as plain:
        result = MailClient(_server(plain.port, security=MailSecurity.STARTTLS)).send(_MAIL)
    assert "does not offer" in result.error
    assert not plain.received
    offered, _ = tls_contexts(tmp_path)
    with mail_server(offered) as unknown:
        result = MailClient(_server(unknown.port, security=MailSecurity.STARTTLS)).send(_MAIL)
    assert "certificate" in result.error
    assert not unknown.received


@pytest.mark.parametrize(("code", "permanent"), [(550, True), (450, False)])
def test_a_refused_recipient_is_final_only_if_the_server_says_so(code: int, permanent: bool) -> None:
    with mail_server() as box:
        box.recipient_code = code
        result = MailClient(_server(box.port)).send(_MAIL)
    assert (result.permanent, str(code) in result.error) == (permanent, True)
    assert "ann@" not in result.error


@pytest.mark.parametrize("to", ["z,eve@example.org", "z<eve@example.org>", "a:b@example.org;", "[@x.y", ""])
def test_a_mail_has_one_recipient_or_is_not_sent(to: str) -> None:
    with mail_server() as box:
        result = MailClient(_server(box.port)).send(replace(_MAIL, to=to))
    assert (result.permanent, box.received) == (True, [])


def test_a_server_that_is_down_is_a_failure_that_can_be_tried_again() -> None:
    with mail_server() as box:
        port = box.port
    result = MailClient(_server(port)).send(_MAIL)
    assert "ConnectionRefusedError" in result.error
    assert not result.permanent
