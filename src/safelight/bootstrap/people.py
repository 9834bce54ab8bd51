"""Parts for people who sign in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.store.database import Database
    from safelight.store.key_ring import KeyRing
    from safelight.trust.people import People, SignIn


class PeopleParts:
    """People with their roles, their sign-in, and the keys of their secrets."""

    def __init__(self, database: Database, key_folder: Path) -> None:
        self._database = database
        self._key_folder = key_folder

    @cached_property
    def keys(self) -> KeyRing:
        """The keys that encrypt the secrets of authenticators in the database."""
        from safelight.store.key_ring import KeyRing

        return KeyRing.load(
            self._key_folder,
            "secrets",
            remedy="Restore the file from a backup. Without it, all people must be reset.",
        )

    @cached_property
    def service(self) -> People:
        from safelight.trust.people import People

        return People(self._database, self.keys)

    @cached_property
    def sign_in(self) -> SignIn:
        from safelight.trust.people import PasswordHasher, SignIn

        return SignIn(self._database, self.keys, PasswordHasher())
