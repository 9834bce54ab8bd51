"""Invitations by which an account gives one more person a key, in a tenant of its own or in this tenant.

A key that was made with an invitation cannot invite.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, and_, case

from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.core.ids import is_id, new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import account_invitations, api_keys, people

from .access_texts import access_text, tenant_of_token, unknown_token
from .keys import add_key, read_tenant
from .managed_tenants import NewTenant, TenantChoice, add_managed_tenant, clean_name, find_manager
from .models import (
    APPLICATION_SCOPES,
    INVITATION_PREFIX,
    OPERATOR,
    KeyRecord,
    KeyScope,
    Principal,
    PrincipalKind,
    account_subject,
    hash_token,
    new_token,
)
from .store import ACTIVE
from .terms import inherit_terms, lock_subject, read_terms

#: An account invitation is valid for a week, as that of a person.
INVITATION_TTL_S = 7 * 86_400.0
_MAX_LISTED = 200


class InvitationState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True)
class AccountInvitation:
    """An invitation as stored, without its token."""

    id: str
    invited_by: str
    state: InvitationState
    created_at: float
    expires_at: float
    #: The key that was made with it.
    key_id: str | None
    tenant: TenantChoice
    #: The tenant of its own that was made with it.
    own_tenant: str | None


class AccountInvitations:
    """`per_account`: how many people an account may invite, unless its terms give another number."""

    def __init__(self, database: Database, per_account: int) -> None:
        self._database = database
        self._per_account = per_account

    def invite(
        self, principal: Principal, tenant: TenantChoice = TenantChoice.OWN
    ) -> tuple[str, AccountInvitation]:
        """Invite one person: the token, which is returned only here, and the invitation.

        Raises `Forbidden` for a key that was invited itself; `InvalidField` for a tenant of its own without
        the scope `admin` or from a managed tenant; `Conflict` if none is left.
        """
        principal.require(KeyScope.VIDEOS_WRITE)
        of, token = account_invitations.c, new_token(INVITATION_PREFIX)
        with self._database.transaction(principal.tenant) as tx:
            if principal.kind is PrincipalKind.KEY and (
                tx.count(account_invitations, of.key_id == principal.id)
                or is_id(read_tenant(tx).origin or "", "invitation")
            ):
                raise Forbidden("A key that was made with an invitation cannot invite.")
            if tenant is TenantChoice.OWN and not _may_invite_into_own(tx, principal):
                raise InvalidField(
                    "This account cannot invite into a tenant of its own.",
                    param="tenant",
                    remedy="Invite into this tenant: `tenant` is `shared`.",
                )
            # Two requests at the same time must not exceed the number.
            lock_subject(tx, account_subject(principal.id))
            if not self._left(tx, principal.id):
                allowed = self._allowed(tx, principal.id)
                raise Conflict(f"This account may invite {allowed} people, and no invitation is left.")
            now = tx.now()
            tx.insert(
                account_invitations,
                id=(identity := new_id("invitation")),
                digest=hash_token(token),
                invited_by=principal.id,
                created_at=now,
                expires_at=now + INVITATION_TTL_S,
                wants_own_tenant=tenant is TenantChoice.OWN,
            )
            content = {"tenant": tenant.value}
            tx.append_audit("invitation.made", subject=identity, actor=principal.id, content=content)
            return token, _invitation(_find(tx, identity), now)

    def left(self, principal: Principal) -> int:
        """How many more people this account may invite now."""
        with self._database.read_transaction(principal.tenant) as tx:
            return self._left(tx, principal.id)

    def list(self, principal: Principal, *, everyone: bool = False) -> tuple[AccountInvitation, ...]:
        """The own invitations, or those of the whole tenant, which needs the scope `admin`: open ones first,
        then the newest.
        """
        principal.require(KeyScope.ADMIN if everyone else KeyScope.VIDEOS_READ)
        of = account_invitations.c
        where = [] if everyone else [of.invited_by == principal.id]
        with self._database.read_transaction(principal.tenant) as tx:
            now = tx.now()
            is_open = and_(of.key_id.is_(None), of.revoked_at.is_(None), of.expires_at > now)
            order = (case((is_open, 0), else_=1), of.created_at.desc(), of.id.desc())
            rows = tx.select(account_invitations, *where, order_by=order, limit=_MAX_LISTED)
            return tuple(_invitation(row, now) for row in rows)

    def revoke(self, principal: Principal, invitation_id: str) -> AccountInvitation:
        """Make an own invitation void, or with the scope `admin` any of the tenant.

        Raises `NotFound`, and `Conflict` if it was accepted: then its key can be revoked.
        """
        with self._database.transaction(principal.tenant) as tx:
            row, now = _find(tx, invitation_id, lock=True), tx.now()
            if row.invited_by != principal.id and not principal.has_scope(KeyScope.ADMIN):
                raise _unknown(invitation_id)
            if row.key_id is not None:
                raise Conflict(
                    f"{row.id} was accepted already.",
                    param="invitation_id",
                    remedy=f"Close the tenant {row.own_tenant}."
                    if row.own_tenant
                    else f"Revoke the key {row.key_id}.",
                )
            if row.revoked_at is None:
                tx.update(account_invitations, account_invitations.c.id == row.id, revoked_at=now)
                tx.append_audit("invitation.revoked", subject=row.id, actor=principal.id, content={})
            return _invitation(_find(tx, row.id), now)

    def accept(self, token: str, *, name: str) -> tuple[KeyRecord, str]:
        """Accept an invitation: a new key and its token, in the tenant that the inviter chose. Works once."""
        name = clean_name(access_text(name, "name"))
        tenant = tenant_of_token(self._database, account_invitations, token, INVITATION_PREFIX)
        with self._database.across_tenants("accepting an invitation") as whole:
            tx, of = whole.of_tenant(tenant), account_invitations.c
            # First, as when the tenant is closed: two transactions that lock in another order can deadlock.
            read_tenant(tx, lock=True)
            row = tx.one(account_invitations, of.digest == hash_token(token), lock=True)
            if row is None or _invitation(row, tx.now()).state is not InvitationState.OPEN:
                raise unknown_token()
            if not _may_still_invite(tx, row.invited_by):
                raise unknown_token()
            owner = _add_tenant_of(whole, tx, row, name) if row.wants_own_tenant else tx
            record, key = add_key(owner, name, APPLICATION_SCOPES, by=OPERATOR)
            own_tenant = owner.tenant if row.wants_own_tenant else None
            tx.update(account_invitations, of.id == row.id, key_id=record.id, own_tenant=own_tenant)
            content = {"key": record.id, "invited_by": row.invited_by, "own_tenant": own_tenant}
            tx.append_audit("invitation.accepted", subject=row.id, actor=record.id, content=content)
            return record, key

    def _allowed(self, tx: Transaction, account: str) -> int:
        own = read_terms(tx, account_subject(account)).invitations
        return self._per_account if own is None else own

    def _left(self, tx: Transaction, account: str) -> int:
        given = tx.select(account_invitations, account_invitations.c.invited_by == account)
        counted = (InvitationState.OPEN, InvitationState.ACCEPTED)
        used = sum(_invitation(row, tx.now()).state in counted for row in given)
        return max(0, self._allowed(tx, account) - used)


def _add_tenant_of(whole: Transaction, tx: Transaction, row: Row[Any], name: str) -> Transaction:
    """The tenant of its own of an invited person, under the manager and the terms of the inviter."""
    new = NewTenant(
        manager=find_manager(tx),
        name=name,
        origin=row.id,
        terms=inherit_terms(tx, row.invited_by),
        made_by=OPERATOR,
    )
    return add_managed_tenant(whole, new)


def _may_invite_into_own(tx: Transaction, principal: Principal) -> bool:
    """Whether this account may give away a new tenant, which has quotas of its own.

    Others would multiply their quotas with it, and go on in it after a ban or the closing of their tenant.
    """
    return principal.has_scope(KeyScope.ADMIN) and read_tenant(tx).managed_by is None


def _may_still_invite(tx: Transaction, account: str) -> bool:
    """Whether the key that invited was not revoked, or the person not disabled."""
    key = tx.one(api_keys, api_keys.c.id == account, lock=True)
    if key is not None:
        return key.revoked_at is None
    person = tx.one(people, people.c.id == account)
    return account == OPERATOR if person is None else person.state == ACTIVE


def _find(tx: Transaction, invitation_id: str, *, lock: bool = False) -> Row[Any]:
    row = None
    if is_id(invitation_id, "invitation"):
        row = tx.one(account_invitations, account_invitations.c.id == invitation_id, lock=lock)
    if row is None:
        raise _unknown(invitation_id)
    return row


def _unknown(invitation_id: str) -> NotFound:
    return NotFound(f"There is no invitation {invitation_id[:80]!r}.", param="invitation_id")


def _invitation(row: Row[Any], now: float) -> AccountInvitation:
    if row.key_id is not None:
        state = InvitationState.ACCEPTED
    elif row.revoked_at is not None:
        state = InvitationState.REVOKED
    else:
        state = InvitationState.OPEN if row.expires_at > now else InvitationState.EXPIRED
    return AccountInvitation(
        id=row.id,
        invited_by=row.invited_by,
        state=state,
        created_at=row.created_at,
        expires_at=row.expires_at,
        key_id=row.key_id,
        tenant=TenantChoice.OWN if row.wants_own_tenant else TenantChoice.SHARED,
        own_tenant=row.own_tenant,
    )
