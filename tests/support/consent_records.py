"""Who is on record, for tests of what compares people with them."""

from __future__ import annotations

from collections.abc import Sequence

from safelight.detectors.likeness.matching import EnrolledPerson
from safelight.errors import SettingsError


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
