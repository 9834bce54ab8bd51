"""The composition root: settings in, a working installation out. The only reader of settings.

Every part is made when it is first asked for, so that a verb which needs only words loads no engine.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safelight
from safelight.settings import read_settings

from .review import People

if TYPE_CHECKING:
    from safelight.console.services import PageParts
    from safelight.policy.replay import Record
    from safelight.web.services import Services


def load(config: Path | None = None, **flags: Any) -> Installation:
    """The installation that `config` and the environment describe. Raises `SettingsError`."""
    return Installation(read_settings(config, **flags))


class Installation(People):
    """One installation: every part a property, made once. Parts that open the data directory say so."""

    @cached_property
    def services(self) -> Services:
        """What the HTTP fronts are given."""
        from safelight.web.services import Services

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
            appeals=self.appeals,
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
        from safelight.console.reveal import Reveal
        from safelight.console.services import PageParts, PolicyParts
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
