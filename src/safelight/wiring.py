"""The composition root: settings in, a working installation out. The only reader of settings.

Every part is made when it is first asked for, so that a verb which needs only words loads no engine.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safelight
from safelight.detectors.catalogue import Catalogue
from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import SettingsError
from safelight.generation.protocol import Charge, Generator
from safelight.policy.categories import SHIPPED, CategorySpec, Taxonomy
from safelight.policy.documents import Policy
from safelight.policy.documents import load as load_policy
from safelight.policy.explanations import ChargeFacts, Links, Viewer, explain
from safelight.policy.verdicts import Verdict, WaiverTerms
from safelight.policy.waivers import Waiver
from safelight.settings import Settings, read_settings

if TYPE_CHECKING:
    from safelight.api.page_parts import PageParts
    from safelight.api.services import Services
    from safelight.jobs.consequences import Consequences
    from safelight.jobs.engine import Engine
    from safelight.jobs.notifier import Notifier
    from safelight.jobs.service import Videos
    from safelight.jobs.sweeper import Sweeper
    from safelight.jobs.workshop import Workshop
    from safelight.media.sandbox import Sandbox
    from safelight.net.deliver import Deliverer
    from safelight.net.fetch import Fetcher
    from safelight.policy.replay import Record
    from safelight.provenance.keys import KeyStore
    from safelight.provenance.registry import Registry
    from safelight.provenance.sealing import Sealer
    from safelight.provenance.verifying import Verifier
    from safelight.scanning.service import Scanner
    from safelight.stages.checking import Checks
    from safelight.stages.judging import Judge
    from safelight.stages.moderation import Moderation
    from safelight.stages.service import Stages
    from safelight.store.blobs import Blobs
    from safelight.store.database import Database
    from safelight.store.directory import DataDirectory
    from safelight.trust.accounts import Accounts
    from safelight.trust.audit import HeadKey, Heads, HeadWriter
    from safelight.trust.policies import Policies
    from safelight.trust.probes import Probes
    from safelight.trust.reports import Reports
    from safelight.trust.reviews import Reviews
    from safelight.trust.rewordings import Rewordings
    from safelight.trust.waivers import Waivers
    from safelight.trust.webhooks import Webhooks

#: The tenant of a single-tenant installation, made at the first start.
FIRST_TENANT = "default"


def load(config: Path | None = None, **flags: Any) -> Installation:
    """The installation that `config` and the environment describe. Raises `SettingsError`."""
    return Installation(read_settings(config, **flags))


class Installation:
    """One installation: every part a property, made once. Parts that open the data directory say so."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = threading.Event()

    # What is known without opening anything

    @cached_property
    def taxonomy(self) -> Taxonomy:
        added: list[CategorySpec] = []
        for point in entry_points(group="safelight.categories"):
            added.extend(point.load())
        return SHIPPED.extended(added)

    @cached_property
    def configured_policy(self) -> Policy:
        """The policy the settings name; a published version goes before it."""
        return load_policy(self.settings.policy.document, self.taxonomy)

    @cached_property
    def catalogue(self) -> Catalogue:
        options: dict[str, Any] = {
            name: False if value is False else ({} if value is True else value)
            for name, value in self.settings.detectors.items()
        }
        # What an operator adds to a detector lies in the data directory, unless the settings say otherwise.
        for name, key, place in (
            ("entities", "folder", self.lists_folder),
            ("guard", "figures", self.settings.data / "figures" / "guard.json"),
        ):
            if isinstance(own := options.setdefault(name, {}), dict):
                options[name] = {key: str(place), **own}
        return Catalogue.discover(options)

    @property
    def lists_folder(self) -> Path:
        """The operator's own lists of names."""
        options = self.settings.detectors.get("entities")
        folder = options.get("folder") if isinstance(options, dict) else None
        return Path(folder) if folder else self.settings.data / "lists"

    @cached_property
    def text_pipeline(self) -> TextPipeline:
        return TextPipeline(self.catalogue.text_detectors(), budget_s=self.settings.scan.text_budget_s)

    @cached_property
    def generators(self) -> Mapping[str, Generator]:
        """The configured generators by name, the default one first."""
        names = dict.fromkeys((self.settings.generation.default, *self.settings.generators))
        return {name: _generator(name, self.settings.generators[name]) for name in names}

    @cached_property
    def sandbox(self) -> Sandbox:
        from safelight.media.sandbox import Sandbox

        data = self.settings.data
        database = [
            data / f"{name}.sqlite3{end}" for name in ("db", "engine") for end in ("", "-wal", "-shm")
        ]
        keys = [data / "keys", *filter(None, (self.settings.storage.keys, self.settings.sealing.key))]
        return Sandbox(hidden=[*keys, *database, data / "blobs", data / "heads"], private=[data])

    @cached_property
    def fetcher(self) -> Fetcher:
        from safelight.net.fetch import Fetcher, FetchLimits

        settings = self.settings
        limits = FetchLimits(max_bytes=settings.scan.max_reference_mb << 20, total_s=settings.fetch.timeout_s)
        return Fetcher(allow_hosts=settings.fetch.allow_hosts, limits=limits)

    @cached_property
    def scanner(self) -> Scanner:
        from safelight.scanning.service import Scanner, ScanSettings

        scan = self.settings.scan
        return Scanner(
            self.sandbox,
            self.catalogue.child_specs(),
            ScanSettings(
                video_s=scan.budget_s,
                warm=scan.warm_children,
                modules=("c2pa", "safelight.provenance.child", "safelight.stages.delivery"),
            ),
        )

    # What lies in the data directory

    @cached_property
    def directory(self) -> DataDirectory:
        from safelight.store.directory import DataDirectory

        return DataDirectory(self.settings.data)

    @cached_property
    def database(self) -> Database:
        """The database, brought to this version's tables."""
        from safelight.store.database import Database

        url = self.settings.storage.database or self.directory.database_url
        database = Database(url, connections=self.settings.generation.at_once + 16)
        database.migrate()
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
        from safelight.provenance.verifying import Verifier

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

    # The way of a video

    @cached_property
    def judge(self) -> Judge:
        from safelight.stages.judging import Judge

        def terms(tenant: str) -> tuple[WaiverTerms, ...]:
            return tuple(waiver.terms for waiver in self.waivers_in_force(tenant))

        return Judge(taxonomy=self.taxonomy, policy=self.policy, waivers=terms)

    @cached_property
    def stages(self) -> Stages:
        from safelight.stages.output import OutputStage
        from safelight.stages.prompt import PromptStage
        from safelight.stages.reference import ReferenceStage
        from safelight.stages.service import Stages

        judge, scanner, pipeline = self.judge, self.scanner, self.text_pipeline
        return Stages(
            prompt=PromptStage(judge=judge, pipeline=pipeline),
            reference=ReferenceStage(judge=judge, scanner=scanner, pipeline=pipeline),
            output=OutputStage(judge=judge, scanner=scanner, pipeline=pipeline),
        )

    @cached_property
    def workshop(self) -> Workshop:
        from safelight.jobs.quota import Quota
        from safelight.jobs.store import VideoStore
        from safelight.jobs.workshop import Terms, Workshop
        from safelight.stages.delivery import Delivery

        settings = self.settings
        return Workshop(
            database=self.database,
            store=VideoStore(self.database),
            blobs=self.blobs,
            stages=self.stages,
            sealer=self.sealer,
            registry=self.registry,
            delivery=Delivery(sandbox=self.sandbox, scanner=self.scanner),
            quota=Quota(
                seconds_per_day=settings.limits.seconds_per_day,
                videos_per_day=settings.limits.videos_per_day,
            ),
            explain=self.explain,
            generators=self.generators,
            terms=Terms(
                deadline_s=settings.generation.deadline_s,
                review_due_s=settings.review.due_minutes * 60,
                keep_s=settings.limits.keep_days * 86400,
                reference_wait_s=settings.scan.reference_wait_s,
                max_download_bytes=settings.generation.max_download_mb << 20,
                max_reference_bytes=settings.scan.max_reference_mb << 20,
            ),
            scratch=self.directory.scratch,
            heavy=threading.BoundedSemaphore(settings.generation.heavy_at_once),
            stopping=self.stopping,
        )

    def explain(self, verdict: Verdict, charge: Charge | None, video_id: str) -> tuple[str, dict[str, Any]]:
        """What an authenticated developer is told of a verdict: a sentence, and the details for the wire."""
        facts = None
        if charge is not None:
            facts = ChargeFacts(
                charged=charge.charged.value,
                amount=charge.amount,
                currency=charge.currency,
                source=charge.source,
            )
        links = Links(record=f"/videos/{video_id}")
        told = explain(
            verdict,
            self.taxonomy,
            audience=Viewer.DEVELOPER,
            charge=facts,
            video_id=video_id,
            links=links,
        )
        return told.sentence, told.as_wire()

    @cached_property
    def engine(self) -> Engine:
        from safelight.jobs.engine import Engine
        from safelight.jobs.runner import Runner

        database = self.settings.storage.database
        beside = self.directory.path / "engine.sqlite3"
        return Engine(
            database_url=database or f"sqlite:///{beside}",
            worker=self.worker,
            at_once=self.settings.generation.at_once,
            advance=Runner(self.workshop).advance,
            lost=self.stopping.set,
        )

    @property
    def worker(self) -> str:
        """This process among several on one database."""
        return self.settings.worker.name or f"{socket.gethostname()}:{self.directory.path}"

    @cached_property
    def sweeper(self) -> Sweeper:
        from safelight.jobs.sweeper import Sweeper

        return Sweeper(self.workshop, self.engine)

    # People decide, and are told

    @cached_property
    def consequences(self) -> Consequences:
        from safelight.jobs.consequences import Consequences

        return Consequences(self.workshop, self._hand_over)

    def _hand_over(self, tenant: str, video_id: str, run: int) -> None:
        """To the engine, where it runs in this process; otherwise a gateway's sweeper sees to it."""
        if self.engine.running:
            self.engine.hand_over(tenant, video_id, run)

    @cached_property
    def reviews(self) -> Reviews:
        from safelight.trust.reviews import Reviews

        return Reviews(self.database, self.consequences)

    @cached_property
    def reports(self) -> Reports:
        from safelight.trust.reports import Reports

        return Reports(
            self.database,
            taxonomy=self.taxonomy,
            subject=self.consequences.reportable,
            per_hour=self.settings.limits.reports_per_hour,
        )

    @cached_property
    def probes(self) -> Probes:
        from safelight.trust.probes import Allowance, Probes

        limits = self.settings.limits
        return Probes(
            self.database,
            Allowance(per_key=limits.probes_per_hour, per_end_user=limits.end_user_probes_per_hour),
        )

    @cached_property
    def rewordings(self) -> Rewordings:
        from safelight.detectors.text.learned import MiniLmDetector
        from safelight.trust.rewordings import Rewordings

        readers = (one for one in self.text_pipeline.detectors if isinstance(one, MiniLmDetector))
        reader = next(readers, None)
        return Rewordings(self.database, reader.meaning if reader else None)

    @cached_property
    def deliverer(self) -> Deliverer:
        from safelight.net.deliver import Deliverer

        return Deliverer(allow_hosts=self.settings.fetch.allow_hosts)

    @cached_property
    def webhooks(self) -> Webhooks:
        from safelight.trust.webhooks import Webhooks

        return Webhooks(self.database, self.deliverer)

    @cached_property
    def notifier(self) -> Notifier:
        from safelight.jobs.notifier import Notifier
        from safelight.trust.webhooks import Deliveries

        return Notifier(self.database, Deliveries(self.database), self.deliverer, stopping=self.stopping)

    @cached_property
    def videos(self) -> Videos:
        from safelight.jobs.service import Videos
        from safelight.stages.admission import AdmissionLimits

        return Videos(
            workshop=self.workshop,
            fetcher=self.fetcher,
            limits=AdmissionLimits(max_prompt_characters=self.settings.server.max_prompt_characters),
            default_generator=self.settings.generation.default,
            threads=ThreadPoolExecutor(max_workers=16, thread_name_prefix="references"),
            hand_over=self.engine.hand_over,
            probes=self.probes,
            rewordings=self.rewordings,
            describe_coverage=self.describe_coverage,
            describe_readiness=self.describe_readiness,
        )

    @cached_property
    def moderation(self) -> Moderation:
        from safelight.stages.moderation import Moderation

        return Moderation(
            pipeline=self.text_pipeline,
            scanner=self.scanner,
            fetcher=self.fetcher,
            scratch=self.directory.scratch,
            spend=lambda principal, end_user, cost: self.probes.spend(principal, end_user, cost=cost),
        )

    @cached_property
    def checks(self) -> Checks:
        from safelight.stages.admission import AdmissionLimits
        from safelight.stages.checking import Checks

        return Checks(
            stages=self.stages,
            generators=self.generators,
            default_generator=self.settings.generation.default,
            limits=AdmissionLimits(max_prompt_characters=self.settings.server.max_prompt_characters),
            fetcher=self.fetcher,
            database=self.database,
            taxonomy=self.taxonomy,
            scratch=self.directory.scratch,
            spend=lambda principal, end_user, cost: self.probes.spend(principal, end_user, cost=cost),
            rewordings=self.rewordings,
            max_reference_bytes=self.settings.scan.max_reference_mb << 20,
        )

    @cached_property
    def services(self) -> Services:
        """What the HTTP fronts are given."""
        from safelight.api.services import Services

        server = self.settings.server
        return Services(
            videos=self.videos,
            accounts=self.accounts,
            waivers=lambda: self.waivers_in_force(self.tenant),
            taxonomy=self.taxonomy,
            moderation=self.moderation,
            checks=self.checks,
            spend=self.probes.spend,
            reviews=self.reviews,
            reports=self.reports,
            webhooks=self.webhooks,
            generators=self.generators,
            scratch=self.directory.scratch,
            version=safelight.__version__,
            loopback=server.loopback,
            max_body_bytes=server.max_body_mb << 20,
            max_prompt_chars=server.max_prompt_characters,
            pages=self.page_parts,
        )

    @cached_property
    def page_parts(self) -> PageParts:
        """What the pages are given beside."""
        from safelight.api.page_parts import PageParts, PolicyParts
        from safelight.console.reveal import Reveal
        from safelight.trust.policies import history

        def past(tenant: str) -> Iterator[Record]:
            terms = [waiver.terms for waiver in self.waivers_in_force(tenant)]
            return history(self.database, waivers=terms, tenant=tenant)

        return PageParts(
            verify=lambda path: self.verifier.verify(path, lookup=self.registry.by_sha256),
            policies=PolicyParts(published=self.policies, in_force=self.policy, history=past),
            reveal=Reveal(
                database=self.database,
                store=self.workshop.store,
                blobs=self.blobs,
                sandbox=self.sandbox,
                scratch=self.directory.scratch,
            ),
            settings=lambda: self.settings.model_dump(mode="json"),
        )

    # What is said about it

    def describe_coverage(self, tenant: str | None = None) -> dict[str, Any]:
        """The table of category and modality, before anything ran: the body of `GET /v1/coverage`."""
        from safelight.stages.promised import coverage_table, required_cells

        owner = tenant or self.tenant
        policy = self.policy(owner)
        return coverage_table(
            policy,
            self.taxonomy,
            cells=self.catalogue.cells(required_cells(policy, self.taxonomy)),
            missing=self.catalogue.missing,
            waivers=self.waivers_in_force(owner),
        )

    def describe_readiness(self) -> dict[str, Any]:
        """Whether this process can take work: the body of `GET /readyz`."""
        began = time.monotonic()
        with self.database.across_tenants("readiness", readonly=True) as tx:
            tx.now()
        return {
            "ready": not self.stopping.is_set(),
            "database_ms": round((time.monotonic() - began) * 1000, 2),
            "worker": self.worker,
        }


def _generator(name: str, table: Mapping[str, Any]) -> Generator:
    """The generator a settings table describes, by its entry point."""
    kind = table["kind"]
    for point in entry_points(group="safelight.generators"):
        if point.name == kind:
            options = {key: value for key, value in table.items() if key != "kind"}
            made: Generator = point.load()({"name": name, **options})
            return made
    known = ", ".join(sorted(point.name for point in entry_points(group="safelight.generators")))
    raise SettingsError(f"generators.{name}: no installed package has the kind {kind!r}; known: {known}.")
