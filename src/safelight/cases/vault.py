"""The lane of the vault officer: vaulted and quarantined content that waits for a decision of this person."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from safelight.accounts import KeyScope, Principal, find_same_people
from safelight.accounts.deciders import has_person
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import is_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, clean_text
from safelight.store.database import Database, Transaction
from safelight.store.pages import Page, read_page
from safelight.store.rows import read_record
from safelight.store.tables import cases, vault_entries
from safelight.videos.case_rows import UNFINISHED
from safelight.videos.case_rows.store import end_quarantine
from safelight.videos.vault_entries import (
    DECISIONS,
    OPEN,
    VaultDecision,
    VaultEntry,
    VaultKind,
    close_entry,
    find_request,
)

from .vault_inputs import VaultDecisionRequest, VaultQuery

#: These know how much waits, but no entry.
COUNTERS = (KeyScope.VAULT, KeyScope.POLICY, KeyScope.ADMIN)
_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class VaultCount:
    """The open entries of a tenant."""

    open: int
    overdue: int
    #: Whether an active person has the role `vault_officer`.
    has_officer: bool


class Vault:
    """The lanes of one installation. Each tenant has its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, principal: Principal, asked: VaultQuery) -> Page[VaultEntry]:
        """Open entries, the earliest due first, or closed ones, the newest first."""
        _require_officer(principal)
        if asked.after is not None and not is_id(asked.after, "vault"):
            raise InvalidField("after must be the id of an entry.", param="after")
        # All entries have the same time, so the first one opened is the first one due.
        of = vault_entries.c.id
        later = () if asked.after is None else (of < asked.after if asked.closed else of > asked.after,)
        where, order = (~OPEN, of.desc()) if asked.closed else (OPEN, of.asc())
        with self._database.read_transaction(principal.tenant) as tx:
            page = read_page(tx, vault_entries, where, *later, order_by=(order,), limit=_PAGE)
        return page.map(lambda row: read_record(VaultEntry, row))

    def decide(self, principal: Principal, entry_id: str, asked: VaultDecisionRequest) -> VaultEntry:
        """Close an entry. A dismissed quarantine hands the video to the ordinary reviewers.

        Raises `NotFound`, `InvalidField`, `Forbidden` for the person who requested it, and `Conflict` if the
        entry is closed, or if the quarantined video has a case, whose decision closes the entry.
        """
        _require_officer(principal)
        note = clean_text(asked.note, "note", MAX_REASON_CHARACTERS)
        with self._database.transaction(principal.tenant) as tx:
            entry = _find(tx, entry_id)
            made = find_request(tx, entry.video_id)
            if made is not None and made.principal_id in find_same_people(tx, [principal.id]):
                raise Forbidden("Another officer has to decide about what you requested.")
            if asked.decision not in (possible := DECISIONS[entry.kind]):
                raise InvalidField(f"decision must be one of {', '.join(possible)}.", param="decision")
            decision = VaultDecision(asked.decision)
            if decision is VaultDecision.CONFIRMED:
                _require_no_case(tx, entry.video_id)
            elif entry.kind is VaultKind.QUARANTINED and entry.decision is None:
                # The cases are locked before the entry, as in the decision of a case.
                end_quarantine(tx, entry.video_id)
            which = vault_entries.c.id == entry.id
            if not close_entry(tx, which, decision=decision, decided_by=principal.id, note=note):
                raise Conflict(f"{entry.id} was decided already.", remedy="Read the decided entries.")
            return _find(tx, entry.id)

    def count(self, principal: Principal) -> VaultCount:
        principal.require(*COUNTERS)
        with self._database.read_transaction(principal.tenant) as tx:
            return VaultCount(
                open=tx.count(vault_entries, OPEN),
                overdue=tx.count(vault_entries, OPEN, vault_entries.c.due_at < tx.now()),
                has_officer=has_person(tx, KeyScope.VAULT),
            )


def count_unattended(whole: Transaction) -> Counter[VaultKind]:
    """The number of open entries of the tenants of which no active person is the vault officer."""
    groups = (vault_entries.c.tenant_id, vault_entries.c.kind)
    found: Counter[VaultKind] = Counter()
    for row in whole.execute(select(*groups, func.count().label("number")).where(OPEN).group_by(*groups)):
        if not has_person(whole.of_tenant(row.tenant_id), KeyScope.VAULT):
            found[VaultKind(row.kind)] += row.number
    return found


def is_officer(principal: Principal) -> bool:
    """Whether this is an enrolled vault officer. A key with the scope `vault` is not."""
    return principal.role is not None and principal.has_scope(KeyScope.VAULT)


def _require_officer(principal: Principal) -> None:
    principal.require(KeyScope.VAULT)
    if not is_officer(principal):
        raise Forbidden(
            "Only an enrolled person with the role vault_officer reads and decides entries of the vault.",
            remedy="Enrol a person: safelight people add NAME EMAIL --role vault_officer",
        )


def _find(tx: Transaction, entry_id: str) -> VaultEntry:
    row = tx.find(vault_entries, "vault", entry_id)
    if row is None:
        raise NotFound(f"There is no entry {entry_id[:80]!r}.", param="entry_id")
    return read_record(VaultEntry, row)


def _require_no_case(tx: Transaction, video_id: str) -> None:
    unfinished = [one.value for one in UNFINISHED]
    of_video = (cases.c.video_id == video_id, cases.c.quarantined, cases.c.state.in_(unfinished))
    for case in tx.select(cases, *of_video, limit=1):
        raise Conflict(
            f"{case.id} about this video is not decided.", remedy="Decide the case: that closes this entry."
        )
