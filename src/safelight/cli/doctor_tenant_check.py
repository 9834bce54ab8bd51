"""The check of `safelight doctor` of the tenants of applicants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .doctor_checks import DoctorCheck, DoctorState

if TYPE_CHECKING:
    from safelight.store.database import Database

_NAME = "tenants of applicants"


def tenants(found: Database) -> DoctorCheck:
    """Check whether a person or a key may decide the cases of each open managed tenant."""
    from safelight.store import migrations
    from safelight.trust.accounts import Accounts

    none = DoctorCheck(name=_NAME, state=DoctorState.OK, message="There are none.")
    if found.path is not None and not found.path.exists():
        return none
    with found.raw_connection() as connection:
        if not migrations.is_current(connection):
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
