"""Sets, lists and ends halts, and finds the one in force that covers a video.

They are read in the transaction of what they stop, so every process obeys a halt from its commit on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from safelight.core.errors import Conflict, Halted, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.policy.findings import Taxonomy
from safelight.policy.halts import Halt, HaltKind, NewHalt
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database, Transaction
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import halts, tenants

from .models import OPERATOR, KeyScope, Principal
from .waivers import parse_expiry, validate_text

WRITERS = (KeyScope.ADMIN, KeyScope.POLICY)
READERS = (*WRITERS, KeyScope.AUDIT)


def read_halts(tx: Transaction) -> list[Halt]:
    """The halts in force, oldest first; in a transaction of a tenant, without those of other tenants."""
    now = tx.now()
    rows = tx.select(halts, halts.c.active_key.is_not(None), order_by=(halts.c.id,))
    return [read_record(Halt, row) for row in rows if row.ends_at is None or row.ends_at > now]


def find_halt(
    tx: Transaction, model: str = "", flagged: Callable[[], Collection[str]] = frozenset
) -> Halt | None:
    """A halt in force of the tenant of the transaction, of this model, or of one of the categories that
    `flagged` returns. It is called only if a category is halted.
    """
    halts_in_force = read_halts(tx)
    has_category = any(halt.kind is HaltKind.CATEGORY for halt in halts_in_force)
    names, categories = (model, tx.tenant), flagged() if has_category else ()
    return next((halt for halt in halts_in_force if halt.covers(names, categories)), None)


def require_no_halt(
    tx: Transaction, model: str = "", flagged: Callable[[], Collection[str]] = frozenset
) -> None:
    """Raise `Halted` if `find_halt` finds one."""
    if (halt := find_halt(tx, model, flagged)) is not None:
        raise halted(halt)


def halted(halt: Halt) -> Halted:
    sentences = {
        HaltKind.CATEGORY: f"The category {halt.target} is halted.",
        HaltKind.MODEL: f"The model {halt.target} is halted.",
        HaltKind.TENANT: "This tenant is halted.",
    }
    return Halted(sentences[halt.kind], remedy="Nothing was charged. Try again later.")


@dataclass(frozen=True, kw_only=True)
class Halts:
    """The halts of one installation. Those of the operator apply to all tenants, others to their own one."""

    database: Database
    taxonomy: Taxonomy
    models: Callable[[], Collection[str]]

    def list(self, principal: Principal) -> list[Halt]:
        """Those in force that apply to the tenant; for the operator, all."""
        principal.require(*READERS)
        owner = _owner(principal)
        with self.database.across_tenants("listing halts", readonly=True) as tx:
            return [
                halt
                for halt in read_halts(tx)
                if owner in {None, halt.tenant, halt.target}
                or (halt.tenant is None and halt.kind is not HaltKind.TENANT)
            ]

    def create(self, principal: Principal, asked: NewHalt) -> Halt:
        """Raises `InvalidField`, and `Conflict` if the same is halted already."""
        principal.require(*WRITERS)
        reason, owner = validate_text(asked.reason, "reason"), _owner(principal)
        with self.database.across_tenants("halting") as tx:
            now, known = tx.now(), self._known(tx, owner, asked.kind)
            # A form or a client leaves out the name of the own tenant.
            target = asked.target or (principal.tenant if asked.kind == HaltKind.TENANT else "")
            if target not in known:
                raise InvalidField(
                    f"There is no {asked.kind} {target[:80]!r}.",
                    param="target",
                    remedy=did_you_mean(target, known),
                )
            halt = Halt(
                id=new_id("halt"),
                kind=HaltKind(asked.kind),
                target=target,
                tenant=owner,
                reason=reason,
                created_by=principal.id,
                created_at=now,
                ends_at=parse_expiry(asked.expires, now),
            )
            columns, key = stored_columns(halt, halts), f"{owner} {asked.kind} {target}"
            tx.update(halts, halts.c.active_key == key, halts.c.ends_at <= now, active_key=None)
            if not tx.insert_or_ignore(halts, **columns, active_key=key):
                raise Conflict(
                    f"The {asked.kind} {target} is halted already.", remedy="See: safelight halt list"
                )
            tx.append_audit(
                "halt.started", subject=halt.id, actor=principal.id, content=columns, tenant=owner
            )
        return halt

    def end(self, principal: Principal, halt_id: str) -> Halt:
        """Raises `NotFound`, also if only the operator may end it, and `Conflict` if a person ended it."""
        principal.require(*WRITERS)
        with self.database.across_tenants("ending a halt") as tx:
            row = tx.one(halts, halt_id)
            if row is None or _owner(principal) not in {None, row.tenant_id}:
                raise NotFound(f"There is no halt {halt_id[:80]!r} that you may end.", param="halt_id")
            if not tx.update(halts, halt_id, halts.c.active_key.is_not(None), active_key=None):
                raise Conflict(f"{halt_id} has ended already.")
            tx.append_audit(
                "halt.ended", subject=halt_id, actor=principal.id, content={}, tenant=row.tenant_id
            )
        return read_record(Halt, row)

    def _known(self, tx: Transaction, owner: str | None, kind: str) -> Collection[str]:
        """What the owner may halt. Raises `InvalidField`."""
        match kind:
            case HaltKind.CATEGORY:
                return {spec.name for spec in self.taxonomy}
            case HaltKind.MODEL:
                return self.models()
            case HaltKind.TENANT:
                return {row.id for row in tx.select(tenants) if owner in {None, row.id}}
        raise InvalidField(f"kind must be one of {', '.join(HaltKind)}.", param="kind")


def _owner(principal: Principal) -> str | None:
    """The tenant whose halts the principal sets and ends. None: the operator, who does so for all."""
    return None if principal.id == OPERATOR else principal.tenant
