"""Publishing a policy, going back to an earlier one, and knowing which is in force."""

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
from .models import PublishedPolicy

_KEPT = 32


class Policies:
    """The published policies of one installation. Every publication and return is on the audit log."""

    def __init__(self, database: Database, *, taxonomy: Taxonomy) -> None:
        self._database = database
        self._taxonomy = taxonomy
        self._compiled: OrderedDict[str, Policy] = OrderedDict()
        self._lock = Lock()

    def active(self, tenant: str) -> Policy | None:
        """The policy in force for this tenant: its own, else the installation's; None: none was published.

        Raises `PolicyError` where the stored document does not hold, for instance because a package that
        gave one of its categories is gone.
        """
        with self._database.read_transaction(tenant) as tx:
            return self.active_within(tx)

    def active_within(self, tx: Transaction) -> Policy | None:
        """As `active`, in a transaction of the tenant that is open already."""
        columns = (policies.c.id, policies.c.tenant_id, policies.c.sha256, policies.c.published_at)
        rows = tx.select(policies, policies.c.active.is_(True), columns=columns)
        if not rows:
            return None
        row = min(rows, key=lambda row: (row.tenant_id is None, -row.published_at))
        compiled = self._known(row.sha256)
        if compiled is not None:
            return compiled
        stored = tx.one(policies, policies.c.id == row.id)
        assert stored is not None
        return self._compile(stored)

    def publish(
        self, policy: Policy, *, who: str, tenant: str | None = None, by: str = "operator"
    ) -> PublishedPolicy:
        """Put a policy in force as the next version of its name. `Conflict` where it is in force already."""
        with self._database.across_tenants("publishing a policy") as tx:
            rows = _all(tx, tenant, lock=True)
            current = next((row for row in rows if row.active), None)
            if current is not None and current.sha256 == policy.sha256 and current.name == policy.name:
                raise Conflict(f"{policy.name} version {current.version} is in force already, word for word.")
            version = 1 + max((row.version for row in rows if row.name == policy.name), default=0)
            identity = new_id("policy")
            tx.update(policies, store.owned(tenant), policies.c.active.is_(True), active=False)
            tx.insert(
                policies,
                id=identity,
                tenant_id=tenant,
                name=policy.name,
                version=version,
                document=policy.canonical,
                sha256=policy.sha256,
                published_at=tx.now(),
                published_by=who,
                active=True,
            )
            content = _content(who, policy.name, version, policy.sha256, current)
            tx.append_audit("policy.published", subject=identity, actor=by, content=content, tenant=tenant)
            return _one(tx, identity)

    def rollback(self, *, who: str, tenant: str | None = None, by: str = "operator") -> PublishedPolicy:
        """Put the version that was published before the one in force back in force.

        Raises `NotFound` where there is none, and `PolicyError` where it does not hold any more.
        """
        with self._database.across_tenants("rolling a policy back") as tx:
            rows = _all(tx, tenant, lock=True)
            place = next((index for index, row in enumerate(rows) if row.active), 0)
            if place == 0:
                raise NotFound(
                    "No earlier policy was published to go back to.",
                    remedy="Publish the one you want: safelight policy publish FILE --who NAME",
                )
            current, earlier = rows[place], rows[place - 1]
            self._compile(earlier)
            tx.update(policies, policies.c.id == current.id, active=False)
            tx.update(policies, policies.c.id == earlier.id, active=True)
            content = _content(who, earlier.name, earlier.version, earlier.sha256, current)
            tx.append_audit(
                "policy.rolled_back", subject=earlier.id, actor=by, content=content, tenant=tenant
            )
            return _one(tx, earlier.id)

    def list(self, tenant: str | None = None) -> tuple[PublishedPolicy, ...]:
        """What was published for this tenant (None: for everybody), oldest first."""
        with self._database.across_tenants("listing policies", readonly=True) as tx:
            return tuple(store.published(row) for row in _all(tx, tenant))

    def get(self, identity: str) -> Policy:
        """The policy of one publication. Raises `NotFound`."""
        with self._database.across_tenants("reading a policy", readonly=True) as tx:
            row = tx.one(policies, policies.c.id == identity)
        if row is None:
            raise NotFound(f"There is no published policy {identity!r}.", remedy="See: safelight policy show")
        return self._compile(row)

    def _known(self, sha256: str) -> Policy | None:
        with self._lock:
            return self._compiled.get(sha256)

    def _compile(self, row: Row[Any]) -> Policy:
        policy = self._known(row.sha256) or loads(row.document, self._taxonomy)
        with self._lock:
            self._compiled[row.sha256] = policy
            self._compiled.move_to_end(row.sha256)
            while len(self._compiled) > _KEPT:
                self._compiled.popitem(last=False)
        return policy


def _all(tx: Transaction, tenant: str | None, *, lock: bool = False) -> list[Row[Any]]:
    """Oldest first. Ids sort by time, which decides between two of the same moment."""
    return tx.select(
        policies, store.owned(tenant), order_by=(policies.c.published_at, policies.c.id), lock=lock
    )


def _one(tx: Transaction, identity: str) -> PublishedPolicy:
    row = tx.one(policies, policies.c.id == identity)
    assert row is not None
    return store.published(row)


def _content(who: str, name: str, version: int, sha256: str, before: Row[Any] | None) -> dict[str, Any]:
    return {
        "who": who,
        "name": name,
        "version": version,
        "sha256": sha256,
        "before": None if before is None else {"name": before.name, "version": before.version},
    }
