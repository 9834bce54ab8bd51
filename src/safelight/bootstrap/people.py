"""Parts for people who sign in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.settings import Settings
    from safelight.store.database import Database
    from safelight.store.key_ring import KeyRing
    from safelight.trust.openid import OpenIdSignIn
    from safelight.trust.people import People, SignIn
    from safelight.trust.people.rotation import SecretRotation


class PeopleParts:
    """People with their roles, their sign-in, and the keys of their secrets."""

    def __init__(self, settings: Settings, database: Database, key_folder: Path) -> None:
        self._settings = settings
        self._database = database
        self._key_folder = key_folder

    @cached_property
    def keys(self) -> KeyRing:
        """The keys that encrypt secrets, mails and the media of consents in the database."""
        from safelight.store.key_ring import KeyRing

        return KeyRing.load(
            self._key_folder,
            "secrets",
            remedy="Restore the file from a backup. Without it, all people must be reset.",
        )

    @cached_property
    def service(self) -> People:
        from safelight.trust.people import People

        return People(self._database)

    @cached_property
    def sign_in(self) -> SignIn:
        from safelight.trust.people import PasswordHasher, SignIn

        return SignIn(self._database, self.keys, PasswordHasher())

    @cached_property
    def rotation(self) -> SecretRotation:
        """Of the keys. Names every column that they encrypt."""
        from safelight.trust.consent_requests import MEDIA
        from safelight.trust.mail import MAILS
        from safelight.trust.openid import ID_TOKENS
        from safelight.trust.people.rotation import TOTP_SECRETS, SecretRotation
        from safelight.trust.reports.decision_mails import RECEIPT_TOKENS

        return SecretRotation(
            self._database, self.keys, (TOTP_SECRETS, MEDIA, MAILS, ID_TOKENS, RECEIPT_TOKENS)
        )

    @cached_property
    def openid(self) -> OpenIdSignIn | None:
        """The sign-in through a provider; None if none is configured."""
        from urllib.parse import urlsplit

        from safelight.net.json_client import JsonClient
        from safelight.trust.accounts import Role
        from safelight.trust.openid import OpenIdClient, OpenIdProvider, OpenIdRules, OpenIdSignIn

        settings = self._settings.openid
        if settings.issuer is None:
            return None
        client = OpenIdClient(
            issuer=settings.issuer,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            base_url=(self._settings.server.public_url or "").rstrip("/"),
            scope=settings.scope,
        )
        # The operator chose this server, which may be in the own network.
        own_hosts = {urlsplit(settings.issuer).netloc, *self._settings.fetch.allowed_private_hosts}
        rules = OpenIdRules(
            groups_claim=settings.groups_claim,
            roles=tuple((group, Role(role)) for group, role in settings.roles.items()),
        )
        provider = OpenIdProvider(client, JsonClient(allow_hosts=own_hosts))
        return OpenIdSignIn(self._database, self.keys, provider, rules)
