"""The check of `safelight doctor` of outgoing mail."""

from __future__ import annotations

import smtplib
from typing import TYPE_CHECKING

from .doctor_checks import DoctorCheck, off, ok, warn

if TYPE_CHECKING:
    from safelight.core.net.mail_client import MailClient


def mail(client: MailClient | None) -> DoctorCheck:
    """Check whether the mail server accepts a connection and the sign-in. Sends nothing."""
    if client is None:
        return off(
            "mail",
            "Not configured: links are shown to the person who asks, who passes them on.",
            "Set mail.host and mail.sender.",
        )
    try:
        client.check()
    except smtplib.SMTPAuthenticationError:
        why = "The mail server refused the user or the password."
    except (OSError, smtplib.SMTPException) as error:
        why = f"The mail server cannot be used: {type(error).__name__}."
    else:
        return ok("mail", "The mail server accepts the connection.")
    return warn("mail", why, "Check the settings mail.*.")
