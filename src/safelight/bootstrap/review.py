"""People decide, and are told: reviews, appeals, reports, and the services in front of a video's way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .pipeline import Way

if TYPE_CHECKING:
    from safelight.jobs.notifier import Notifier
    from safelight.jobs.review_actions import Consequences
    from safelight.jobs.service import Videos
    from safelight.moderation.check import Checks
    from safelight.moderation.moderations_api import Moderation
    from safelight.trust.appeals import Appeals
    from safelight.trust.reports import Reports
    from safelight.trust.reviews import Reviews


class People(Way):
    """Who decides and who is told, and what the fronts ask."""

    @cached_property
    def consequences(self) -> Consequences:
        from safelight.jobs.review_actions import Consequences

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

    def _deciders(self, tenant: str, vault: bool) -> frozenset[str]:
        """Keys that may decide cases, and whoever signs in at the terminal; never what is in the vault."""
        from safelight.trust.accounts import OPERATOR, Scope

        wanted = Scope.VAULT if vault else Scope.REVIEW
        live = (key for key in self.accounts.keys(tenant) if key.revoked_at is None)
        keys = frozenset(key.id for key in live if wanted in key.scopes)
        return keys if vault else keys | {OPERATOR}

    @cached_property
    def appeals(self) -> Appeals:
        from safelight.trust.appeals import Appeals

        return Appeals(
            self.database,
            subject=self.consequences.appealable,
            deciders=self._deciders,
            per_hour=self.settings.limits.reports_per_hour,
        )

    @cached_property
    def notifier(self) -> Notifier:
        from safelight.jobs.notifier import Notifier
        from safelight.trust.webhooks import Deliveries

        return Notifier(self.database, Deliveries(self.database), self.deliverer, stopping=self.stopping)

    def describe_coverage(self, tenant: str | None = None) -> dict[str, Any]:
        """The table of category and modality, before anything ran: the body of `GET /v1/coverage`."""
        from safelight.evaluation.measurements import shipped
        from safelight.moderation.coverage_table import coverage_table, required_cells

        owner = tenant or self.tenant
        policy = self.policy(owner)
        return coverage_table(
            policy,
            self.taxonomy,
            cells=shipped().filled(
                self.catalogue.cells(required_cells(policy, self.taxonomy)),
                {one.name: one.version for one in self.catalogue.plugins},
            ),
            missing=(*self.catalogue.missing, *self.catalogue.idle),
            waivers=self.waivers_in_force(owner),
        )

    def describe_readiness(self) -> dict[str, Any]:
        """Whether this process can take work: the body of `GET /readyz`."""
        began = time.monotonic()
        with self.database.across_tenants("readiness", readonly=True) as tx:
            tx.now()
        down = self.reach.down()
        return {
            "ready": not self.stopping.is_set(),
            "database_ms": round((time.monotonic() - began) * 1000, 2),
            "worker": self.worker,
            # Orders wait for one that is away; so this process stays ready, and says whom they wait for.
            **({"upstreams_down": dict(down)} if down else {}),
        }

    @cached_property
    def videos(self) -> Videos:
        from safelight.jobs.service import Videos
        from safelight.moderation.admission import AdmissionLimits

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
        from safelight.moderation.moderations_api import Moderation

        return Moderation(
            pipeline=self.text_pipeline,
            scanner=self.scanner,
            fetcher=self.fetcher,
            scratch=self.directory.scratch,
            spend=lambda principal, end_user, cost: self.probes.spend(principal, end_user, cost=cost),
        )

    @cached_property
    def checks(self) -> Checks:
        from safelight.moderation.admission import AdmissionLimits
        from safelight.moderation.check import Checks

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
