"""The kinds of mail, and a mail that is not queued yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class MailKind(StrEnum):
    """What a mail is about. The message slice `mail` has the subject and the text of each kind."""

    #: The operator tests the settings.
    TEST = "test"
    #: A person is asked for a consent.
    CONSENT_ASKED = "consent_asked"
    #: A person gave a consent: the link to the page where they can withdraw it.
    CONSENT_GIVEN = "consent_given"
    #: Cases that a reviewer may decide were opened.
    CASES_WAITING = "cases_waiting"
    #: Cases that a reviewer may decide are due soon.
    CASES_DUE = "cases_due"
    #: The decision about a report, for the person who sent it.
    REPORT_DECIDED = "report_decided"
    #: Safelight stopped a canary, for the people who can switch it on again.
    CANARY_STOPPED = "canary_stopped"


@dataclass(frozen=True, kw_only=True)
class NewMail:
    """A mail to one recipient, about one event."""

    kind: MailKind
    to: str
    language: str
    #: The id of what the mail is about. There is at most one mail for this event, kind and recipient.
    event: str
    #: The address of a page, complete with scheme and host. A mail has no other content of the case.
    link: str
    #: Further values of the text. They are shown to the recipient: no names of staff, no notes.
    values: Mapping[str, str] = field(default_factory=dict)


class EncryptedMail(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a mail in the outbox: a `QueuedMail`, encrypted because links are secret."""

    ciphertext: bytes


class QueuedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the recipient's language."""

    to: str
    subject: str
    text: str
    language: str
