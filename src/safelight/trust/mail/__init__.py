"""Outgoing mail: plain text with a link, in the language of the recipient."""

from __future__ import annotations

from .models import MailKind, NewMail
from .sender import MailSender
from .service import MAILS, MailQueue

__all__ = ["MAILS", "MailKind", "MailQueue", "MailSender", "NewMail"]
