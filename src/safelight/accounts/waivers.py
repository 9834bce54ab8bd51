"""Waivers: recorded decisions to operate without a required check, each with a reason and an expiry."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.policy.findings import Taxonomy
from safelight.policy.waivers import DEMO, EVERYTHING, NewWaiver, Waiver
from safelight.policy.yaml_reader import did_you_mean
from safelight.store.database import Database, Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import waivers

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TIME_LEFT = re.compile(r"([1-9][0-9]{0,3})([dh])")
_MAX_TEXT_CHARACTERS = 1000

# Validation of a waiver before it is recorded.


def validate_name(name: str) -> str:
    """The name. Raises `InvalidField` unless it has only lower-case letters, digits, `.`, `_` and `-`."""
    if not _NAME.fullmatch(name):
        raise InvalidField(
            f"{name!r} is not a valid name for a waiver.",
            param="name",
            remedy="Use 1 to 64 of a-z, 0-9, dot, dash and underscore, with a letter or digit first.",
        )
    return name


def validate_text(text: str, param: str) -> str:
    """The text without spaces at its ends. Raises `InvalidField` if it is empty or too long."""
    text = text.strip()
    if not text or len(text) > _MAX_TEXT_CHARACTERS:
        raise InvalidField(
            f"{param} must have 1 to {_MAX_TEXT_CHARACTERS} characters.",
            param=param,
            remedy="Enter a text; it is written to the audit log.",
        )
    return text


def validate_categories(categories: Iterable[str], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories, sorted. `*` means every required one. Raises `InvalidField` for an unknown category."""
    wanted = tuple(sorted(set(categories)))
    if not wanted:
        raise InvalidField(
            "A waiver needs at least one category.",
            param="categories",
            remedy="Name the categories, or * for every required category.",
        )
    for category in wanted:
        if category != EVERYTHING and category not in taxonomy:
            known = {EVERYTHING, *(spec.name for spec in taxonomy)}
            raise InvalidField(
                f"There is no category {category!r}.",
                param="categories",
                remedy=did_you_mean(category, known),
            )
    return wanted


def parse_expiry(text: str, now: float) -> float | None:
    """An expiry date as unix seconds; None for `never`.

    Accepts days (`90d`), hours (`8h`), a date (`2027-03-31`, until the end of that day in UTC) or `never`.
    Raises `InvalidField` for any other text, and for a day in the past.
    """
    if text == "never":
        return None
    if left := _TIME_LEFT.fullmatch(text):
        return now + int(left[1]) * (86_400 if left[2] == "d" else 3600)
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidField(
            f"{text!r} is not an expiry date.",
            param="expires",
            remedy="Write 8h, 90d, a date such as 2027-03-31, or never.",
        ) from None
    end = dt.datetime.combine(day, dt.time.max, dt.UTC).timestamp()
    if end <= now:
        raise InvalidField(f"{text} is in the past.", param="expires", remedy="Name a later day.")
    return end


def waiver_from_row(row: Row) -> Waiver:
    return read_record(Waiver, row)


class Waivers:
    """The waivers of one installation. A waiver without a tenant applies to every tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewWaiver, *, taxonomy: Taxonomy, by: str = "operator") -> Waiver:
        """Record a waiver. `by` is the id of the principal that entered it.

        The waiver named `demo` always applies to loopback addresses only. Raises `InvalidField`, and
        `Conflict` if a waiver of this name is in force for the same tenant.
        """
        columns = {
            "name": validate_name(new.name),
            "decided_by": validate_text(new.decided_by, "decided_by"),
            "reason": validate_text(new.reason, "reason"),
            "categories": list(validate_categories(new.categories, taxonomy)),
            "loopback_only": new.loopback_only or new.name == DEMO,
            "expires_at": new.expires_at,
        }
        with self._database.across_tenants("recording a waiver") as tx:
            now = tx.now()
            if new.expires_at is not None and new.expires_at <= now:
                raise InvalidField(
                    "The expiry time is in the past.", param="expires", remedy="Name a later time."
                )
            existing = _unrevoked(tx, new.tenant)
            if any(each.name == new.name and each.in_force(now, loopback=True) for each in existing):
                raise Conflict(
                    f"A waiver named {new.name!r} is in force already.",
                    param="name",
                    remedy=f"Choose another name, or revoke it first: safelight waivers revoke {new.name}",
                )
            identity = new_id("waiver")
            tx.insert(waivers, id=identity, tenant_id=new.tenant, created_at=now, **columns)
            tx.append_audit("waiver.added", subject=identity, actor=by, content=columns, tenant=new.tenant)
            return _get(tx, identity)

    def list(self, tenant: str | None = None) -> tuple[Waiver, ...]:
        """Every waiver for this tenant or for all tenants, oldest first. None: those of every tenant."""
        with self._database.across_tenants("listing waivers", readonly=True) as tx:
            rows = tx.select(waivers, order_by=(waivers.c.created_at, waivers.c.id))
        wanted = (row for row in rows if tenant is None or row.tenant_id in {None, tenant})
        return tuple(waiver_from_row(row) for row in wanted)

    def in_force(self, tenant: str, *, loopback: bool) -> tuple[Waiver, ...]:
        """The waivers in force for this tenant.

        `loopback`: whether the server listens only on a loopback address.
        """
        with self._database.read_transaction(tenant) as tx:
            return self.in_force_within(tx, loopback=loopback)

    def in_force_within(self, tx: Transaction, *, loopback: bool) -> tuple[Waiver, ...]:
        """Same as `in_force`, but in the open transaction `tx` of the tenant."""
        rows = tx.select(waivers, waivers.c.revoked_at.is_(None), order_by=(waivers.c.name, waivers.c.id))
        now = tx.now()
        found = (waiver_from_row(row) for row in rows)
        return tuple(waiver for waiver in found if waiver.in_force(now, loopback=loopback))

    def revoke(self, name_or_id: str, *, revoked_by: str, by: str = "operator") -> Waiver:
        """End a waiver at once. Raises `NotFound` if no waiver with this name or id is in force."""
        revoked_by = validate_text(revoked_by, "revoked_by")
        with self._database.across_tenants("revoking a waiver") as tx:
            now = tx.now()
            rows = tx.select(
                waivers,
                (waivers.c.id == name_or_id) | (waivers.c.name == name_or_id),
                waivers.c.revoked_at.is_(None),
                order_by=(waivers.c.created_at, waivers.c.id),
                lock=True,
            )
            in_force = [row for row in rows if waiver_from_row(row).in_force(now, loopback=True)]
            if not in_force:
                raise NotFound(f"No waiver {name_or_id!r} is in force.", remedy="See: safelight waivers list")
            row = in_force[0]
            tx.update(waivers, row.id, revoked_at=now, revoked_by=revoked_by)
            tx.append_audit(
                "waiver.revoked",
                subject=row.id,
                actor=by,
                content={"name": row.name, "revoked_by": revoked_by},
                tenant=row.tenant_id,
            )
            return _get(tx, row.id)


def _unrevoked(tx: Transaction, tenant: str | None) -> tuple[Waiver, ...]:
    """The unrevoked waivers of exactly this tenant. None: those of the whole installation."""
    same_tenant = waivers.c.tenant_id.is_(None) if tenant is None else waivers.c.tenant_id == tenant
    rows = tx.select(waivers, same_tenant, waivers.c.revoked_at.is_(None))
    return tuple(waiver_from_row(row) for row in rows)


def _get(tx: Transaction, identity: str) -> Waiver:
    row = tx.one(waivers, identity)
    assert row is not None
    return waiver_from_row(row)
