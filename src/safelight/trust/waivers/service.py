"""Recording, listing and revoking waivers; every change is on the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.errors import Conflict, InvalidField, NotFound
from safelight.ids import new_id
from safelight.policy.categories import Taxonomy
from safelight.store.database import Database
from safelight.store.tables import waivers
from safelight.store.transaction import Transaction

from . import store
from .models import DEMO, Waiver, check_categories, check_name, validate_text


class Waivers:
    """The waivers of one installation. Those without a tenant hold for every tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        *,
        name: str,
        who: str,
        why: str,
        categories: Iterable[str],
        taxonomy: Taxonomy,
        expires_at: float | None = None,
        loopback_only: bool = False,
        tenant: str | None = None,
        by: str = "operator",
    ) -> Waiver:
        """Record a person's decision; `by` is the id of who entered it.

        The one named `demo` always holds on loopback addresses only. Raises `InvalidField`, and `Conflict`
        where one of this name is in force for the same tenant.
        """
        checked = {
            "name": check_name(name),
            "who": validate_text(who, "who"),
            "why": validate_text(why, "why"),
            "categories": list(check_categories(categories, taxonomy)),
            "loopback_only": loopback_only or name == DEMO,
            "expires_at": expires_at,
        }
        with self._database.across_tenants("recording a waiver") as tx:
            now = tx.now()
            if expires_at is not None and expires_at <= now:
                raise InvalidField("The expiry has passed.", param="expires", remedy="Name a later time.")
            if any(held.name == name and held.in_force(now, loopback=True) for held in _rows(tx, tenant)):
                raise Conflict(
                    f"A waiver named {name!r} is in force.",
                    param="name",
                    remedy=f"Choose another name, or first: safelight waiver revoke {name}",
                )
            identity = new_id("waiver")
            tx.insert(waivers, id=identity, tenant_id=tenant, created_at=now, **checked)
            tx.append_audit("waiver.added", subject=identity, actor=by, content=checked, tenant=tenant)
            return _one(tx, identity)

    def list(self, tenant: str | None = None) -> tuple[Waiver, ...]:
        """All ever recorded for this tenant or for everybody, oldest first; None: every tenant's."""
        with self._database.across_tenants("listing waivers", readonly=True) as tx:
            rows = tx.select(waivers, order_by=(waivers.c.created_at, waivers.c.id))
            return tuple(
                store.waiver(row) for row in rows if tenant is None or row.tenant_id in {None, tenant}
            )

    def in_force(self, tenant: str, *, loopback: bool) -> tuple[Waiver, ...]:
        """Those that hold now for this tenant, on a server that listens where `loopback` says."""
        with self._database.read_transaction(tenant) as tx:
            return self.in_force_within(tx, loopback=loopback)

    def in_force_within(self, tx: Transaction, *, loopback: bool) -> tuple[Waiver, ...]:
        """As `in_force`, in a transaction of the tenant that is open already."""
        rows = tx.select(waivers, waivers.c.revoked_at.is_(None), order_by=(waivers.c.name, waivers.c.id))
        now = tx.now()
        found = (store.waiver(row) for row in rows)
        return tuple(waiver for waiver in found if waiver.in_force(now, loopback=loopback))

    def revoke(self, name_or_id: str, *, who: str, by: str = "operator") -> Waiver:
        """End a waiver at once. Raises `NotFound` where none of this name or id is in force."""
        who = validate_text(who, "who")
        with self._database.across_tenants("revoking a waiver") as tx:
            now = tx.now()
            rows = tx.select(
                waivers,
                (waivers.c.id == name_or_id) | (waivers.c.name == name_or_id),
                waivers.c.revoked_at.is_(None),
                order_by=(waivers.c.created_at, waivers.c.id),
                lock=True,
            )
            held = [row for row in rows if store.waiver(row).in_force(now, loopback=True)]
            if not held:
                raise NotFound(f"No waiver {name_or_id!r} is in force.", remedy="See: safelight waiver list")
            row = held[0]
            tx.update(waivers, waivers.c.id == row.id, revoked_at=now, revoked_by=who)
            tx.append_audit(
                "waiver.revoked",
                subject=row.id,
                actor=by,
                content={"name": row.name, "who": who},
                tenant=row.tenant_id,
            )
            return _one(tx, row.id)


def _rows(tx: Transaction, tenant: str | None) -> tuple[Waiver, ...]:
    same = waivers.c.tenant_id.is_(None) if tenant is None else waivers.c.tenant_id == tenant
    return tuple(store.waiver(row) for row in tx.select(waivers, same, waivers.c.revoked_at.is_(None)))


def _one(tx: Transaction, identity: str) -> Waiver:
    row = tx.one(waivers, waivers.c.id == identity)
    assert row is not None
    return store.waiver(row)
