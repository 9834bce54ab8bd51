"""Who is on record, for tests of what compares people with them, and consents in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from safelight.core.errors import SettingsError
from safelight.detectors.likeness.matching import EnrolledPerson
from safelight.store.database import Transaction
from safelight.store.tables import consent_requests


class Records:
    """A `ConsentLookup`; a broken one holds a template that cannot be opened."""

    def __init__(
        self,
        consented: Sequence[EnrolledPerson] = (),
        protected: Sequence[EnrolledPerson] = (),
        *,
        broken: bool = False,
    ) -> None:
        self._consented, self._protected, self._broken = tuple(consented), tuple(protected), broken

    def consented(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        if self._broken:
            raise SettingsError("A template cannot be opened.")
        return self._consented

    def protected(self, tenant: str) -> tuple[EnrolledPerson, ...]:
        return self._protected


def add_given_request(tx: Transaction, consent: str, terms: Mapping[str, Any], **columns: str | None) -> None:
    """The answered request behind a consent to likeness of level 2."""
    texts = dict.fromkeys(("asked_by", "asker", "subject", "email", "phrase", "asker_device"), "")
    tx.insert(
        consent_requests,
        id=consent,
        **(texts | columns),
        language="en",
        terms=dict(terms),
        level=2,
        state="given",
        link_expires_at=0.0,
        mailed=True,
        flags=[],
        accepted=["likeness"],
        created_at=0.0,
    )
