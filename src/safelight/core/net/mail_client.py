"""Sends plain-text mail through the SMTP server of the operator."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum
from typing import Any

from .tls import default_tls_context

#: Seconds for each command to the server. One mail needs at most ten commands.
_COMMAND_S = 8.0


class MailSecurity(StrEnum):
    """How the connection to the server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class MailServer:
    """The SMTP server, and the sender that it accepts."""

    host: str
    port: int
    security: MailSecurity
    sender: str
    user: str = ""
    #: Not in the representation, because objects are printed in error reports.
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class MailText:
    """One mail to one recipient."""

    #: The same in every attempt, so that a receiver can recognise a second copy.
    id: str
    to: str
    subject: str
    text: str
    language: str


@dataclass(frozen=True, kw_only=True)
class MailResult:
    """The result of one attempt to send. `error` is the reason of a failure; empty after a success."""

    error: str = ""
    #: The server will never accept this mail, so no further attempt is made.
    permanent: bool = False


class MailClient:
    """Sends mails one after the other, each in its own connection."""

    def __init__(self, server: MailServer, *, tls: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._tls = tls

    def send(self, mail: MailText) -> MailResult:
        """Send one mail. Never raises: a failure is reported in the result, without the recipient."""
        try:
            message = self._message(mail)
        except (ValueError, IndexError, MessageError):
            return MailResult(error="The recipient is not one address.", permanent=True)
        try:
            with self._connection() as smtp:
                smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()))[0]
            return MailResult(error=f"The server refused the recipient ({code}).", permanent=code >= 500)
        except smtplib.SMTPAuthenticationError as error:
            return MailResult(error=f"The server refused the user or the password ({error.smtp_code}).")
        except smtplib.SMTPResponseException as error:
            return MailResult(error=f"The server refused the mail ({error.smtp_code}).")
        except smtplib.SMTPNotSupportedError:
            return MailResult(error="The server does not offer the configured encryption or sign-in.")
        except ssl.SSLError as error:
            return MailResult(error=f"The certificate of the server is not accepted: {error.reason}.")
        except (OSError, smtplib.SMTPException) as error:
            return MailResult(error=f"The connection to the server failed: {type(error).__name__}.")
        return MailResult()

    def check(self) -> None:
        """Connect and sign in, and send nothing. Raises `OSError`, of which `SMTPException` is a kind."""
        with self._connection() as smtp:
            smtp.noop()

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        context = self._tls or default_tls_context()
        smtp: smtplib.SMTP
        if server.security is MailSecurity.TLS:
            smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=_COMMAND_S, context=context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, timeout=_COMMAND_S)
        try:
            if server.security is MailSecurity.STARTTLS:
                smtp.starttls(context=context)
            if server.user:
                smtp.login(server.user, server.password)
            yield smtp
            _quit(smtp)
        finally:
            smtp.close()

    def _message(self, mail: MailText) -> EmailMessage:
        message = EmailMessage()
        # First, because it deletes the field Content-Language.
        message.set_content(mail.text)
        headers: dict[str, Any] = {
            "From": self._server.sender,
            # As one address: a text could be read as several.
            "To": Address(addr_spec=mail.to),
            "Subject": mail.subject,
            "Message-ID": f"<{mail.id}@{self._server.sender.rpartition('@')[2].rstrip('>')}>",
            "Content-Language": mail.language,
            # RFC 3834: no automatic reply, such as a notice of absence, comes back.
            "Auto-Submitted": "auto-generated",
        }
        for name, value in headers.items():
            message[name] = value
        return message


def _quit(smtp: smtplib.SMTP) -> None:
    """End the session. The mail was accepted before, so an error here is not a failure."""
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        return
