"""Reads the policy and the waivers that are in force for a tenant."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from safelight.moderation.tenant_policy import TenantPolicy
from safelight.policy.categories import Taxonomy
from safelight.policy.documents import Policy
from safelight.policy.documents import load as load_policy
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.policies import Policies
from safelight.trust.waivers import Waivers


@dataclass(frozen=True, kw_only=True)
class PolicyLoader:
    """Loads the policy, the waivers and the facts for an evaluation, in one transaction."""

    database: Database
    taxonomy: Taxonomy
    policies: Policies
    waivers: Waivers
    #: Name or file of the policy that applies until a policy is published.
    document: str
    facts: frozenset[str] = frozenset()
    #: Whether the server listens only on loopback addresses, because some waivers apply only then.
    loopback: bool = False

    def load(self, tenant: str) -> TenantPolicy:
        with self.database.read_transaction(tenant) as tx:
            return self.load_within(tx, tenant)

    def load_within(self, tx: Transaction, tenant: str) -> TenantPolicy:
        """Same as `load`, but in the open transaction `tx` of this tenant."""
        published = self.policies.active_within(tx)
        waivers = self.waivers.in_force_within(tx, loopback=self.loopback)
        return TenantPolicy(
            tenant=tenant,
            taxonomy=self.taxonomy,
            policy=published or self._configured,
            waivers=tuple(waiver.terms for waiver in waivers),
            facts=self.facts,
        )

    @cached_property
    def _configured(self) -> Policy:
        return load_policy(self.document, self.taxonomy)
