"""What lies in the data directory, the database and the key folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.errors import SettingsError
from safelight.policy.documents import Policy
from safelight.policy.waivers import Waiver

from .core import Known

if TYPE_CHECKING:
    from safelight.net.webhook_client import Deliverer
    from safelight.provenance.keys import KeyStore
    from safelight.provenance.registry import Registry
    from safelight.provenance.sealing import Sealer
    from safelight.provenance.verification import Verifier
    from safelight.store.blobs import Blobs
    from safelight.store.data_directory import DataDirectory
    from safelight.store.database import Database
    from safelight.trust.accounts import Accounts
    from safelight.trust.audit import HeadKey, Heads, HeadWriter
    from safelight.trust.check_limits import Probes
    from safelight.trust.enrolments import Enrolments
    from safelight.trust.evasion.service import Rewordings
    from safelight.trust.policies import Policies
    from safelight.trust.waivers import Waivers
    from safelight.trust.webhooks import Webhooks

#: The tenant of a single-tenant installation, made at the first start.
FIRST_TENANT = "default"


class Kept(Known):
    """Everything a restart finds again."""

    @cached_property
    def directory(self) -> DataDirectory:
        from safelight.store.data_directory import DataDirectory

        return DataDirectory(self.settings.data)

    @property
    def scratch(self) -> Path:
        """Where files lie while they are worked on; made where it is not there."""
        folder = self.directory.scratch
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @cached_property
    def database(self) -> Database:
        """The database, brought to this version's tables."""
        from safelight.store.database import Database
        from safelight.store.migrations import migrate

        url = self.settings.storage.database or self.directory.database_url
        database = Database(url, connections=self.settings.generation.at_once + 16)
        migrate(database)
        return database

    @cached_property
    def blobs(self) -> Blobs:
        from safelight.store.blobs import Blobs

        storage = self.settings.storage
        return Blobs(storage.blobs or self.directory.blobs_url, options=storage.s3 if storage.blobs else None)

    @cached_property
    def accounts(self) -> Accounts:
        from safelight.trust.accounts import Accounts

        return Accounts(self.database)

    @cached_property
    def tenant(self) -> str:
        """The first tenant's id; made where there is none."""
        tenants = self.accounts.tenants()
        return tenants[0].id if tenants else self.accounts.create_tenant(FIRST_TENANT).id

    @property
    def key_folder(self) -> Path:
        """Signing keys; several processes of one installation share it."""
        folder = self.settings.storage.keys
        if folder is None:
            return self.directory.keys
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @cached_property
    def keys(self) -> KeyStore:
        from safelight.provenance.keys import KeyStore

        sealing = self.settings.sealing
        if sealing.key is not None and sealing.chain is not None:
            return KeyStore.configured(key=sealing.key, chain=sealing.chain, anchors=sealing.anchors)
        return KeyStore.own(self.key_folder, organization=sealing.organization)

    @cached_property
    def sealer(self) -> Sealer:
        from safelight.provenance.sealing import Sealer

        return Sealer(sandbox=self.sandbox, keys=self.keys)

    @cached_property
    def verifier(self) -> Verifier:
        from safelight.provenance.verification import Verifier

        verifier = Verifier(sandbox=self.sandbox, keys=self.keys)
        trust = self.settings.sealing.trust
        if trust is None:
            return verifier
        try:
            return verifier.trusting(trust.read_bytes())
        except OSError as error:
            raise SettingsError(f"sealing.trust: {trust} cannot be read: {error.strerror}.") from None

    @cached_property
    def registry(self) -> Registry:
        from safelight.provenance.registry import Registry

        return Registry(self.database)

    @cached_property
    def head_key(self) -> HeadKey:
        from safelight.trust.audit import HeadKey

        return HeadKey.load(self.key_folder)

    @cached_property
    def heads(self) -> tuple[Heads, ...]:
        """Where signed heads of the audit log go."""
        from safelight.trust.audit import FolderHeads

        return (FolderHeads(self.settings.storage.heads or self.directory.heads),)

    @cached_property
    def head_writer(self) -> HeadWriter:
        from safelight.trust.audit import HeadWriter

        return HeadWriter(
            self.database, self.head_key, self.heads, interval_s=self.settings.storage.head_interval_s
        )

    @cached_property
    def waivers(self) -> Waivers:
        from safelight.trust.waivers import Waivers

        return Waivers(self.database)

    @cached_property
    def policies(self) -> Policies:
        from safelight.trust.policies import Policies

        return Policies(self.database, taxonomy=self.taxonomy)

    def policy(self, tenant: str) -> Policy:
        """The policy in force: the last published version, else the configured document."""
        return self.policies.active(tenant) or self.configured_policy

    def waivers_in_force(self, tenant: str) -> tuple[Waiver, ...]:
        return self.waivers.in_force(tenant, loopback=self.settings.server.loopback)

    @cached_property
    def enrolments(self) -> Enrolments:
        from safelight.trust.enrolments import Enrolments

        return Enrolments(
            self.database,
            hash_lists=self.hash_lists,
            marks=self.marks,
            sandbox=self.sandbox,
            taxonomy=self.taxonomy,
        )

    @cached_property
    def probes(self) -> Probes:
        from safelight.trust.check_limits import Allowance, Probes

        limits = self.settings.limits
        return Probes(
            self.database,
            Allowance(per_key=limits.probes_per_hour, per_end_user=limits.end_user_probes_per_hour),
        )

    @cached_property
    def rewordings(self) -> Rewordings:
        from safelight.detectors.text.classifier_detectors import MiniLmDetector
        from safelight.trust.evasion.service import Rewordings

        readers = (one for one in self.text_pipeline.detectors if isinstance(one, MiniLmDetector))
        reader = next(readers, None)
        return Rewordings(self.database, reader.meaning if reader else None)

    @cached_property
    def deliverer(self) -> Deliverer:
        from safelight.net.webhook_client import Deliverer

        return Deliverer(allow_hosts=self.settings.fetch.allow_hosts)

    @cached_property
    def webhooks(self) -> Webhooks:
        from safelight.trust.webhooks import Webhooks

        return Webhooks(self.database, self.deliverer)
