"""The checks of `safelight doctor` of the tenants of applicants, and of holds that nobody can decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .doctor_checks import DoctorCheck, DoctorState

if TYPE_CHECKING:
    from safelight.store.database import Database

_NAME = "tenants of applicants"
_HOLDS = "open holds"


def tenants(found: Database) -> DoctorCheck:
    """Check whether a person or a key may decide the cases of each open managed tenant."""
    from safelight.trust.accounts import Accounts

    none = DoctorCheck(name=_NAME, state=DoctorState.OK, message="There are none.")
    if not _has_tables(found):
        return none
    accounts = Accounts(found)
    managed = [one for one in accounts.list_tenants() if one.managed_by and one.closed_at is None]
    if not managed:
        return none
    reviewed = accounts.managed.with_reviewer(managed)
    without = [one.name for one in managed if one.id not in reviewed]
    if not without:
        message = f"A reviewer is enrolled for each of the {len(managed)}."
        return DoctorCheck(name=_NAME, state=DoctorState.OK, message=message)
    return DoctorCheck(
        name=_NAME,
        state=DoctorState.WARNING,
        message=f"{len(without)} have no reviewer. Their held videos are refused when their time is over.",
        remedy="Enrol a reviewer: safelight people add NAME EMAIL --role reviewer",
    )


def holds(found: Database) -> DoctorCheck:
    """Check whether a person or a key may decide each open hold."""
    from safelight.trust.accounts import KeyScope
    from safelight.trust.accounts.permissions import DECIDING_ROLES
    from safelight.trust.reviews.reported_holds import count_undecidable

    waiting: Mapping[KeyScope, int] = {}
    if _has_tables(found):
        with found.across_tenants("holds without a reviewer", readonly=True) as tx:
            waiting = count_undecidable(tx)
    if not waiting:
        message = "A reviewer is enrolled for each open hold."
        return DoctorCheck(name=_HOLDS, state=DoctorState.OK, message=message)
    role = DECIDING_ROLES[KeyScope.VAULT if KeyScope.VAULT in waiting else KeyScope.REVIEW]
    return DoctorCheck(
        name=_HOLDS,
        state=DoctorState.WARNING,
        message=f"No enrolled person can decide {sum(waiting.values())} held videos. They are refused when "
        "their time is over.",
        remedy=f"Enrol a person for them: safelight people add NAME EMAIL --role {role.value}",
    )


def _has_tables(found: Database) -> bool:
    from safelight.store import migrations

    if found.path is not None and not found.path.exists():
        return False
    with found.raw_connection() as connection:
        return migrations.is_current(connection)
