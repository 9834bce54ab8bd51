"""Parts that use the data directory, the database or the key folder."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.core.errors import SettingsError, Unavailable
from safelight.policy.documents import Policy
from safelight.policy.waivers import Waiver

from .core import CoreParts

if TYPE_CHECKING:
    from safelight.accounts import Accounts
    from safelight.accounts.audit import CheckpointKey, CheckpointStore, CheckpointWriter
    from safelight.accounts.check_limits import CheckLimiter
    from safelight.accounts.halts import Halts
    from safelight.accounts.openid import OpenIdSignIn
    from safelight.accounts.people import People, SignIn
    from safelight.accounts.people.rotation import SecretRotation
    from safelight.accounts.policies import Policies
    from safelight.accounts.waivers import Waivers
    from safelight.accounts.webhooks import Webhooks
    from safelight.app.settings import Settings
    from safelight.app.settings.sealing import SealingSettings
    from safelight.consents.enrolments import Enrolments
    from safelight.core.net.webhook_client import WebhookClient
    from safelight.media.sandbox.sandbox import Sandbox
    from safelight.provenance.keys import KeyStore
    from safelight.provenance.sealing import Sealer
    from safelight.provenance.timestamp_authority import TimestampAuthority
    from safelight.provenance.timestamping import Timestamper
    from safelight.provenance.verification import Verifier
    from safelight.provenance.watermark_keys import WatermarkKeys
    from safelight.provenance.watermark_service import WatermarkReader
    from safelight.providers.attempts.drift_history import DriftHistory
    from safelight.providers.attempts.drift_watch import DriftWatch
    from safelight.providers.attempts.risk_history import RiskHistory
    from safelight.store.blobs import BlobStore
    from safelight.store.data_directory import DataDirectory
    from safelight.store.database import Database
    from safelight.store.key_ring import KeyRing
    from safelight.videos.evasion import EvasionTracker
    from safelight.videos.registry import Registry

#: The name of the tenant that the first start creates.
FIRST_TENANT = "default"
#: Connections of a process that are in no pool: the lease, the one on which the engine listens, and a check.
_SINGLE_CONNECTIONS = 3


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
        from safelight.accounts.people import People

        return People(self._database)

    @cached_property
    def sign_in(self) -> SignIn:
        from safelight.accounts.people import PasswordHasher, SignIn

        return SignIn(self._database, self.keys, PasswordHasher())

    @cached_property
    def rotation(self) -> SecretRotation:
        """Of the keys. Names every column that they encrypt."""
        from safelight.accounts.mail import MAILS
        from safelight.accounts.openid import ID_TOKENS
        from safelight.accounts.people.rotation import TOTP_SECRETS, SecretRotation
        from safelight.cases.reports.decision_mails import RECEIPT_TOKENS
        from safelight.consents.requests import MEDIA

        return SecretRotation(
            self._database, self.keys, (TOTP_SECRETS, MEDIA, MAILS, ID_TOKENS, RECEIPT_TOKENS)
        )

    @cached_property
    def openid(self) -> OpenIdSignIn | None:
        """The sign-in through a provider; None if none is configured."""
        from urllib.parse import urlsplit

        from safelight.accounts import Role
        from safelight.accounts.openid import OpenIdClient, OpenIdProvider, OpenIdRules, OpenIdSignIn
        from safelight.core.net.json_client import JsonClient

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


class PersistenceParts:
    """Database, blobs, keys, sealing, and the trust services that need nothing else."""

    def __init__(self, core: CoreParts) -> None:
        self._core = core

    @cached_property
    def data_directory(self) -> DataDirectory:
        from safelight.store.data_directory import DataDirectory

        self._require_installation()
        return DataDirectory(self._core.settings.data)

    def _require_installation(self) -> None:
        """Raise `SettingsError` if the folder of the keys is not the expected one. Before it is created."""
        from safelight.store.data_directory import require_installation

        settings = self._core.settings
        require_installation(settings.key_folder, settings.storage.installation)

    @property
    def scratch(self) -> Path:
        """The folder for unfinished files; created if it does not exist."""
        folder = self.data_directory.scratch
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise Unavailable(f"The data directory cannot be used: {error.strerror}.") from error
        return folder

    @property
    def queue_connections(self) -> int:
        """Those connections of this process that the engine of the queue has: short steps of few threads."""
        return self._core.settings.storage.connections // 4

    @cached_property
    def database(self) -> Database:
        """The database, with its tables migrated to this version."""
        from safelight.store.database import Database
        from safelight.store.migrations import migrate

        url = self._core.settings.storage.database or self.data_directory.database_url
        others = self.queue_connections + _SINGLE_CONNECTIONS
        database = Database(url, connections=self._core.settings.storage.connections - others)
        migrate(database)
        return database

    def close(self) -> None:
        """Close the connections to the database, if it was opened."""
        if (database := self.__dict__.get("database")) is not None:
            database.close()

    @cached_property
    def blobs(self) -> BlobStore:
        from safelight.store.blobs import BlobStore

        storage = self._core.settings.storage
        return BlobStore(
            storage.blobs or self.data_directory.blobs_url, options=storage.s3 if storage.blobs else None
        )

    @cached_property
    def risk_history(self) -> RiskHistory:
        from safelight.providers.attempts.attempt_log import AttemptLog
        from safelight.providers.attempts.risk_history import RiskHistory

        return RiskHistory(AttemptLog(self.database))

    @cached_property
    def drift_history(self) -> DriftHistory:
        from safelight.providers.attempts.attempt_log import AttemptLog
        from safelight.providers.attempts.drift_history import DriftHistory

        return DriftHistory(AttemptLog(self.database))

    @cached_property
    def drift_watch(self) -> DriftWatch:
        from safelight.providers.attempts.drift_watch import DriftWatch

        return DriftWatch(self.database, self.drift_history, stopping=self._core.shutdown_event)

    @cached_property
    def accounts(self) -> Accounts:
        from safelight.accounts import Accounts

        return Accounts(self.database)

    @cached_property
    def people(self) -> PeopleParts:
        return PeopleParts(self._core.settings, self.database, self.key_folder)

    @cached_property
    def tenant(self) -> str:
        """The id of the first tenant. Creates this tenant if there is none."""
        tenants = self.accounts.list_tenants()
        return tenants[0].id if tenants else self.accounts.create_tenant(FIRST_TENANT).id

    @property
    def key_folder(self) -> Path:
        """The folder of the signing keys; all processes of one installation share it."""
        folder = self._core.settings.storage.key_dir
        if folder is None:
            return self.data_directory.keys
        self._require_installation()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @cached_property
    def signing_keys(self) -> KeyStore:
        from safelight.provenance.keys import KeyStore

        sealing = self._core.settings.sealing
        if sealing.key is not None and sealing.chain is not None:
            return KeyStore.configured(
                key=sealing.key, chain=sealing.chain, anchors=sealing.anchors, folder=self.key_folder
            )
        return KeyStore.own(self.key_folder, organization=sealing.organization)

    @cached_property
    def sealer(self) -> Sealer:
        from safelight.provenance.manifest import TrainingUse
        from safelight.provenance.sealing import Sealer, SealingOptions
        from safelight.provenance.watermark_service import WatermarkService

        sealing = self._core.settings.sealing
        watermark = None
        if sealing.seal == "watermark":
            self.watermark_keys.current()  # a bad key is found at the start, not after a paid generation
            watermark = WatermarkService(
                sandbox=self._core.sandbox, keys=self.watermark_keys, preset=sealing.preset
            )
        uses = {"not_allowed": TrainingUse.NOT_ALLOWED, "allowed": TrainingUse.ALLOWED}
        options = SealingOptions(
            training=uses.get(sealing.training),
            names_checks=sealing.coverage == "stated",
            timestamper=self.timestamper,
        )
        sealer = Sealer(
            sandbox=self._core.sandbox, keys=self.signing_keys, watermark=watermark, options=options
        )
        if sealing.key is not None:
            # Logs why the operator's key cannot be used. Until it can, the gateway refuses requests.
            with suppress(Unavailable):
                sealer.signing_key()
        return sealer

    @cached_property
    def timestamper(self) -> Timestamper | None:
        """None if no timestamp authority is configured."""
        return _make_timestamper(self._core.sandbox, self.timestamp_authority)

    @cached_property
    def timestamp_authority(self) -> TimestampAuthority | None:
        return _load_timestamp_authority(self._core.settings.sealing)

    @cached_property
    def watermark_keys(self) -> WatermarkKeys:
        from safelight.provenance.watermark_keys import WatermarkKeys

        return WatermarkKeys(self.key_folder / "watermark")

    @cached_property
    def watermark_reader(self) -> WatermarkReader:
        from safelight.provenance.watermark_service import WatermarkReader

        return WatermarkReader(sandbox=self._core.sandbox, keys=self.watermark_keys)

    @cached_property
    def verifier(self) -> Verifier:
        from safelight.provenance.verification import Verifier

        authority = self.timestamp_authority
        verifier = Verifier(
            sandbox=self._core.sandbox,
            keys=self.signing_keys,
            timestamp_pem=authority.anchors_pem if authority else "",
        )
        trust = self._core.settings.sealing.trust
        if trust is None:
            return verifier
        try:
            return verifier.with_trust_anchors(trust.read_bytes())
        except OSError as error:
            raise SettingsError(f"sealing.trust: {trust} cannot be read: {error.strerror}.") from None

    @cached_property
    def seal_registry(self) -> Registry:
        from safelight.videos.registry import Registry

        return Registry(self.database)

    @cached_property
    def audit_checkpoint_key(self) -> CheckpointKey:
        from safelight.accounts.audit import CheckpointKey

        return CheckpointKey.load(self.key_folder)

    @cached_property
    def audit_checkpoints(self) -> tuple[CheckpointStore, ...]:
        """The stores of signed checkpoints of the audit log."""
        from safelight.accounts.audit import FileCheckpointStore

        return (
            FileCheckpointStore(self._core.settings.audit.checkpoint_dir or self.data_directory.checkpoints),
        )

    @cached_property
    def audit_checkpoint_writer(self) -> CheckpointWriter:
        from safelight.accounts.audit import CheckpointWriter

        return CheckpointWriter(
            self.database,
            self.audit_checkpoint_key,
            self.audit_checkpoints,
            interval_s=self._core.settings.audit.checkpoint_interval_s,
            stopping=self._core.shutdown_event,
        )

    @cached_property
    def waivers(self) -> Waivers:
        from safelight.accounts.waivers import Waivers

        return Waivers(self.database)

    @cached_property
    def halts(self) -> Halts:
        from safelight.accounts.halts import Halts

        return Halts(
            database=self.database,
            taxonomy=self._core.taxonomy,
            models=lambda: {model for each in self._core.generators.values() for model in each.info().models},
        )

    @cached_property
    def policies(self) -> Policies:
        from safelight.accounts.policies import Policies

        return Policies(self.database, taxonomy=self._core.taxonomy)

    def active_policy(self, tenant: str) -> Policy:
        """The policy in force: the last published policy, or the configured document if none is published."""
        return self.policies.active(tenant) or self._core.configured_policy

    def waivers_in_force(self, tenant: str) -> tuple[Waiver, ...]:
        return self.waivers.in_force(tenant, loopback=self._core.settings.server.loopback)

    @cached_property
    def enrolments(self) -> Enrolments:
        from safelight.consents.enrolments import Enrolments

        return Enrolments(
            self.database,
            hash_lists=self._core.hash_lists,
            marks=self._core.logos,
            sandbox=self._core.sandbox,
            taxonomy=self._core.taxonomy,
        )

    @cached_property
    def check_limiter(self) -> CheckLimiter:
        from safelight.accounts.check_limits import CheckLimiter, CheckLimits

        limits = self._core.settings.limits
        return CheckLimiter(
            self.database,
            CheckLimits(per_key=limits.checks_per_hour, per_end_user=limits.end_user_checks_per_hour),
        )

    @cached_property
    def evasion_tracker(self) -> EvasionTracker:
        from safelight.videos.evasion import EvasionTracker

        return EvasionTracker(self.database, self._core.text_embedder)

    @cached_property
    def webhook_client(self) -> WebhookClient:
        from safelight.core.net.webhook_client import WebhookClient

        return WebhookClient(allow_hosts=self._core.settings.fetch.allowed_private_hosts)

    @cached_property
    def webhooks(self) -> Webhooks:
        from safelight.accounts.webhooks import Webhooks

        return Webhooks(self.database, self.webhook_client)


def _load_timestamp_authority(sealing: SealingSettings) -> TimestampAuthority | None:
    if sealing.timestamp_url is None or sealing.timestamp_anchors is None:
        return None
    from safelight.provenance.timestamp_authority import TimestampAuthority

    return TimestampAuthority.load(sealing.timestamp_url, sealing.timestamp_anchors)


def _make_timestamper(sandbox: Sandbox, authority: TimestampAuthority | None) -> Timestamper | None:
    if authority is None:
        return None
    from safelight.provenance.timestamping import Timestamper

    return Timestamper(sandbox=sandbox, authority=authority)
