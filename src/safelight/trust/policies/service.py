"""Publishes policies, rolls them back, and loads the policy in force."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any

from sqlalchemy import Row

from safelight.errors import Conflict, NotFound
from safelight.ids import new_id
from safelight.policy.categories import Taxonomy
from safelight.policy.documents import Policy, loads
from safelight.store.database import Database
from safelight.store.tables import policies
from safelight.store.transaction import Transaction

from . import store
from .judged_rules import UnchangedRules
from .models import PublishedPolicy

_MAX_COMPILED_POLICIES = 32


class Policies:
    """The published policies of one installation. Every publication and rollback is in the audit log."""

    def __init__(self, database: Database, *, taxonomy: Taxonomy) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._compiled: OrderedDict[str, Policy] = OrderedDict()
        self._lock = Lock()

    def active(self, tenant: str) -> Policy | None:
        """The policy in force for this tenant: its own, otherwise that of the installation, otherwise
        None.

        Raises `PolicyError` if the stored policy has become invalid, for example because a package that
        defined one of its categories was removed.
        """
        with self._database.read_transaction(tenant) as tx:
            return self.active_within(tx)

    def active_within(self, tx: Transaction) -> Policy | None:
        """Same as `active`, but in the open transaction `tx` of the tenant."""
        columns = (policies.c.id, policies.c.tenant_id, policies.c.sha256, policies.c.published_at)
        rows = tx.select(policies, policies.c.active.is_(True), columns=columns)
        if not rows:
            return None
        row = min(rows, key=lambda row: (row.tenant_id is None, -row.published_at))
        compiled = self._cached(row.sha256)
        if compiled is not None:
            return compiled
        stored = tx.one(policies, policies.c.id == row.id)
        assert stored is not None
        return self._compile(stored)

    def unchanged_rules(self, tenant: str, current: Policy) -> UnchangedRules:
        """Which rules of earlier policies are the same in `current`, the policy in force."""
        return UnchangedRules(self._database, tenant, current, self._taxonomy)

    def publish(
        self, policy: Policy, *, published_by: str, tenant: str | None = None, by: str = "operator"
    ) -> PublishedPolicy:
        """Publish a policy as the next version of its name.

        Raises `Conflict` if the same policy is in force already.
        """
        with self._database.across_tenants("publishing a policy") as tx:
            rows = _all(tx, tenant, lock=True)
            current = next((row for row in rows if row.active), None)
            if current is not None and current.sha256 == policy.sha256 and current.name == policy.name:
                raise Conflict(
                    f"{policy.name} version {current.version} has the same text and is in force already."
                )
            version = 1 + max((row.version for row in rows if row.name == policy.name), default=0)
            identity = new_id("policy")
            tx.update(policies, store.belongs_to(tenant), policies.c.active.is_(True), active=False)
            tx.insert(
                policies,
                id=identity,
                tenant_id=tenant,
                name=policy.name,
                version=version,
                document=policy.canonical,
                sha256=policy.sha256,
                published_at=tx.now(),
                published_by=published_by,
                active=True,
            )
            content = _content(published_by, policy.name, version, policy.sha256, current)
            tx.append_audit("policy.published", subject=identity, actor=by, content=content, tenant=tenant)
            return _one(tx, identity)

    def rollback(
        self, *, published_by: str, tenant: str | None = None, by: str = "operator"
    ) -> PublishedPolicy:
        """Put the publication before the current one in force again.

        Raises `NotFound` if the current publication is the first, and `PolicyError` if it has become invalid.
        """
        with self._database.across_tenants("rolling a policy back") as tx:
            rows = _all(tx, tenant, lock=True)
            position = next((index for index, row in enumerate(rows) if row.active), 0)
            if position == 0:
                raise NotFound(
                    "No earlier publication can be put back in force.",
                    remedy="Publish the policy that you want: safelight policy publish FILE --by NAME",
                )
            current, earlier = rows[position], rows[position - 1]
            self._compile(earlier)
            tx.update(policies, policies.c.id == current.id, active=False)
            tx.update(policies, policies.c.id == earlier.id, active=True)
            content = _content(published_by, earlier.name, earlier.version, earlier.sha256, current)
            tx.append_audit(
                "policy.rolled_back", subject=earlier.id, actor=by, content=content, tenant=tenant
            )
            return _one(tx, earlier.id)

    def list(self, tenant: str | None = None) -> tuple[PublishedPolicy, ...]:
        """Every publication for this tenant, oldest first. None: those for all tenants."""
        with self._database.across_tenants("listing policies", readonly=True) as tx:
            return tuple(store.policy_from_row(row) for row in _all(tx, tenant))

    def get(self, identity: str) -> Policy:
        """The policy of one publication. Raises `NotFound`."""
        with self._database.across_tenants("reading a policy", readonly=True) as tx:
            row = tx.one(policies, policies.c.id == identity)
        if row is None:
            raise NotFound(
                f"No published policy has the id {identity!r}.", remedy="See: safelight policy show"
            )
        return self._compile(row)

    def _cached(self, sha256: str) -> Policy | None:
        with self._lock:
            return self._compiled.get(sha256)

    def _compile(self, row: Row[Any]) -> Policy:
        policy = self._cached(row.sha256) or loads(row.document, self._taxonomy)
        with self._lock:
            self._compiled[row.sha256] = policy
            self._compiled.move_to_end(row.sha256)
            while len(self._compiled) > _MAX_COMPILED_POLICIES:
                self._compiled.popitem(last=False)
        return policy


def _all(tx: Transaction, tenant: str | None, *, lock: bool = False) -> list[Row[Any]]:
    """All publications, oldest first. Publications with the same time are sorted by id, and ids increase."""
    return tx.select(
        policies, store.belongs_to(tenant), order_by=(policies.c.published_at, policies.c.id), lock=lock
    )


def _one(tx: Transaction, identity: str) -> PublishedPolicy:
    row = tx.one(policies, policies.c.id == identity)
    assert row is not None
    return store.policy_from_row(row)


def _content(
    published_by: str, name: str, version: int, sha256: str, before: Row[Any] | None
) -> dict[str, Any]:
    return {
        "published_by": published_by,
        "name": name,
        "version": version,
        "sha256": sha256,
        "before": None if before is None else {"name": before.name, "version": before.version},
    }
