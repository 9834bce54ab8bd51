"""Signs people in with password and one-time code, and lets invited people set both."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace

import pyotp
from sqlalchemy import or_

from safelight.accounts import Principal, SessionRecord
from safelight.accounts.models import INVITATION_PREFIX, hash_token, is_well_formed
from safelight.accounts.sessions import end_sessions, open_session
from safelight.accounts.store import principal_of_person
from safelight.core.errors import InvalidField, RateLimited, SafelightError, Unauthenticated
from safelight.core.ids import new_id
from safelight.store.database import Database, Row, Transaction
from safelight.store.key_ring import KeyRing
from safelight.store.tables import invitations, people, sign_in_failures

from . import store
from .invitations import invite, totp_record, withdraw_invitations
from .models import Invitation, Person, PersonState
from .passwords import PasswordHasher, check_password

#: After this number of failures for one subject, sign-in with it has to wait. A code of six digits, of which
#: three are valid at a time, is then guessed in 15 minutes with a probability of 3 in 100,000.
MAX_FAILURES = 10
FAILURE_WINDOW_S = 15 * 60.0
#: Seconds of one code. Every authenticator app supports this value; many support no other.
STEP_S = 30
#: A code of the step before or after the present one is accepted, because clocks of telephones differ.
_NEIGHBOURS = (0, -1, 1)
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_RECOVERY_CODES = 10
#: Without letters that look like digits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_CHARACTERS = 16
#: Time to set up a new password and authenticator after the present password was checked.
CHANGE_TTL_S = 15 * 60.0
_ISSUER = "Safelight"

# Limits the failed sign-ins of one subject: a person, or an e-mail address that may be unknown.


class SignInFailures:
    """The failures of the last minutes, in the database, for all processes together."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, subject: str) -> str:
        """Count an attempt as a failure before its outcome is known. Returns its id.

        Otherwise, attempts at the same time would all pass before the first one is counted. Raises
        `RateLimited` after too many failures.
        """
        attempt = new_id("event")
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, sign_in_failures.c.at < tx.now() - FAILURE_WINDOW_S)
            tx.insert(sign_in_failures, id=attempt, subject=subject, at=tx.now())
        # In a transaction of its own: each of several attempts at the same time then sees all the others.
        with self._database.across_tenants("failed sign-ins", readonly=True) as tx:
            now = tx.now()
            others = tx.select(
                sign_in_failures,
                sign_in_failures.c.subject == subject,
                sign_in_failures.c.id != attempt,
                sign_in_failures.c.at > now - FAILURE_WINDOW_S,
                order_by=(sign_in_failures.c.at.desc(),),
                limit=MAX_FAILURES,
            )
        if len(others) >= MAX_FAILURES:
            self.discard(attempt)
            raise RateLimited(
                "Too many failed sign-ins for this address.",
                retry_after_s=max(1.0, others[-1].at + FAILURE_WINDOW_S - now),
            )
        return attempt

    def discard(self, attempt: str) -> None:
        """Do not count an attempt that had no outcome, or that succeeded."""
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, attempt)

    def confirm(self, attempt: str, person: str | None) -> None:
        """The attempt failed. For a person it is recorded in the audit log.

        An unknown address is not: any client could fill the log, and people type passwords into that field.
        """
        with self._database.across_tenants("failed sign-ins") as tx:
            # Also for unknown people, so that both answers take one written transaction.
            tx.update(sign_in_failures, attempt, at=tx.now())
            if person is not None:
                tx.append_audit("sign_in.failed", subject=person, actor="unknown", content={}, tenant=None)

    def forget(self, subject: str) -> None:
        """Forget all failures after a success."""
        with self._database.across_tenants("failed sign-ins") as tx:
            tx.delete(sign_in_failures, sign_in_failures.c.subject == subject)


# Time-based one-time codes of an authenticator (RFC 6238), and recovery codes.


def new_totp_secret() -> str:
    """A new secret of 160 bits in base32."""
    return pyotp.random_base32()


def totp_address(secret: str, *, email: str, issuer: str) -> str:
    """The `otpauth:` address that an authenticator app reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def match_totp(secret: str, code: str, now: float, *, after: int | None) -> int | None:
    """The time step of a valid code; None if the code is wrong, or not newer than the step `after`."""
    digits = "".join(code.split())
    if not _CODE.fullmatch(digits):
        return None
    totp, present = pyotp.TOTP(secret), int(now // STEP_S)
    for step in (present + each for each in _NEIGHBOURS):
        if hmac.compare_digest(totp.generate_otp(step), digits):
            return step if after is None or step > after else None
    return None


def new_recovery_codes() -> tuple[str, ...]:
    """Codes of 79 random bits, each of which replaces one code of the authenticator."""
    drawn = (
        "".join(secrets.choice(_ALPHABET) for _ in range(_RECOVERY_CHARACTERS))
        for _ in range(_RECOVERY_CODES)
    )
    return tuple("-".join(code[start : start + 4] for start in range(0, len(code), 4)) for code in drawn)


def hash_recovery_code(code: str) -> str:
    """The stored digest. A code cannot be guessed, so the digest needs no salt and no slow hash."""
    return hashlib.sha256(_normalize(code).encode()).hexdigest()


def match_recovery_code(code: str, digests: Collection[str]) -> str | None:
    """The digest of this code, if it is one of `digests`."""
    if len(_normalize(code)) != _RECOVERY_CHARACTERS:
        return None
    wanted = hash_recovery_code(code)
    return next((each for each in digests if hmac.compare_digest(each, wanted)), None)


def _normalize(code: str) -> str:
    return "".join(each for each in code.lower() if each.isalnum())


@dataclass(frozen=True, kw_only=True)
class OpenInvitation:
    """What the page of an invitation shows."""

    person: Person
    totp_secret: str
    totp_address: str
    #: The secret, encrypted. The page sends it back, so that only the page that is used decides it.
    sealed_secret: str


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A new session with its token, which is not stored."""

    session: SessionRecord
    token: str
    language: str
    #: Shown once, after an invitation was accepted.
    recovery_codes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Proofs:
    """What a person types to prove who they are. `code` is a one-time code or a recovery code."""

    password: str
    code: str
    #: The encrypted secret of the new authenticator, as the page of the invitation contained it.
    sealed_secret: str = ""


class SignIn:
    """Sign-in with password and one-time code. Answers do not show whether a person exists."""

    def __init__(self, database: Database, keys: KeyRing, passwords: PasswordHasher) -> None:
        self._database = database
        self._keys = keys
        self._passwords = passwords
        self._failures = SignInFailures(database)

    def sign_in(self, email: str, proofs: Proofs, *, browser: str = "") -> SignedIn:
        """Open a session.

        Raises `Unauthenticated`, with the same message for every cause, and `RateLimited` after too many
        failures for this address.
        """
        address = email.strip().lower()
        subject = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        attempt = self._failures.begin(subject)
        try:
            row, signed_in = self._try(address, proofs, browser)
        except SafelightError:
            self._failures.discard(attempt)
            raise
        if signed_in is None:
            self._failures.confirm(attempt, None if row is None else row.id)
            raise _not_signed_in()
        self._failures.forget(subject)
        return signed_in

    def is_anyone_enrolled(self) -> bool:
        """Whether a person of any tenant has a password."""
        with self._database.across_tenants("looking for enrolled people", readonly=True) as tx:
            return tx.count(people, people.c.password_hash.isnot(None)) > 0

    def invited(self, token: str, sealed_secret: str = "") -> OpenInvitation:
        """The invitation with this token. Raises `Unauthenticated` if it is invalid, used or expired.

        Each call makes a new secret for the authenticator, unless the page sends one back: another reader of
        the link, such as a link preview, then does not know the one that the person scans.
        """
        row = self._find_invitation(token)
        with self._database.read_transaction(row.tenant_id) as tx:
            person = store.person_from_row(store.find_row(tx, row.person_id))
        record = f"invitations:{row.digest}:totp"
        secret = self._unseal(sealed_secret, record) or new_totp_secret()
        return OpenInvitation(
            person=person,
            totp_secret=secret,
            totp_address=totp_address(secret, email=person.email, issuer=_ISSUER),
            sealed_secret=self._keys.encrypt(secret.encode(), record).hex(),
        )

    def accept(self, token: str, proofs: Proofs, *, browser: str = "") -> SignedIn:
        """Accept an invitation with a new password and the first code of the authenticator.

        Ends all sessions of the person and opens a new one. Raises `InvalidField`, and `Unauthenticated` if
        the invitation is invalid, used or expired.
        """
        invited = self.invited(token, proofs.sealed_secret)
        person = invited.person
        check_password(proofs.password, email=person.email)
        step = match_totp(invited.totp_secret, proofs.code, self._database.clock(), after=None)
        if step is None:
            raise InvalidField(
                "The code is wrong.",
                param="code",
                remedy="Type the six digits that the authenticator shows now. Its clock must be right.",
            )
        password_hash, codes = self._passwords.hash(proofs.password), new_recovery_codes()
        with self._database.transaction(person.tenant) as tx:
            # The person first, as in all changes of people: two changes then wait instead of a deadlock.
            row = store.find_row(tx, person.id, lock=True)
            open_one = (invitations.c.digest == hash_token(token), invitations.c.expires_at > tx.now())
            if row.state == PersonState.DISABLED or not tx.delete(invitations, *open_one):
                raise _invalid_invitation()
            withdraw_invitations(tx, person.id)
            tx.update(
                people,
                person.id,
                state=PersonState.ACTIVE.value,
                password_hash=password_hash,
                totp_secret=self._keys.encrypt(invited.totp_secret.encode(), totp_record(person.id)),
                totp_step=step,
                recovery_codes=[hash_recovery_code(code) for code in codes],
            )
            tx.append_audit("person.sign_in_set_up", subject=person.id, actor=person.id, content={})
            end_sessions(tx, person.id, by=person.id)
            signed_in = open_session_of(tx, store.find_row(tx, person.id), browser)
            return replace(signed_in, recovery_codes=codes)

    def begin_change(self, principal: Principal, password: str) -> Invitation:
        """Let a signed-in person set a new password and authenticator, within 15 minutes.

        Raises `Unauthenticated` for a wrong password, and `RateLimited` after too many. Until the change is
        complete, the present password and authenticator stay valid.
        """
        with self._database.read_transaction(principal.tenant) as tx:
            known = store.find_row(tx, principal.id)
        attempt = self._failures.begin(known.id)
        try:
            is_right = self._passwords.verify(password, known.password_hash)
        except SafelightError:
            self._failures.discard(attempt)
            raise
        if not is_right:
            self._failures.confirm(attempt, known.id)
            raise Unauthenticated("The password is wrong.")
        self._failures.discard(attempt)
        with self._database.transaction(principal.tenant) as tx:
            # The person may have been disabled or reset while the password was checked.
            row = store.find_row(tx, known.id, lock=True)
            if row.password_hash != known.password_hash or row.state != PersonState.ACTIVE:
                raise Unauthenticated("The password is wrong.")
            tx.append_audit("person.change_begun", subject=row.id, actor=row.id, content={})
            return invite(tx, row, CHANGE_TTL_S)

    def _try(self, address: str, proofs: Proofs, browser: str) -> tuple[Row | None, SignedIn | None]:
        """The person with this address, and a session for them if the proofs are right."""
        with self._database.across_tenants("signing in", readonly=True) as tx:
            # PostgreSQL refuses NUL and surrogates, which are not printable.
            row = tx.one(people, people.c.email == address) if address.isprintable() else None
        stored = None if row is None or row.state != PersonState.ACTIVE else row.password_hash
        known = self._passwords.verify(proofs.password, stored)
        if row is None or not known:
            return row, None
        with self._database.transaction(row.tenant_id) as tx:
            return row, self._open(tx, row, proofs.code, browser)

    def _open(self, tx: Transaction, known: Row, code: str, browser: str) -> SignedIn | None:
        """A session for the person if the code is right and was not used yet."""
        row = tx.one(people, known.id, lock=True)
        if row is None or row.password_hash != known.password_hash or row.state != PersonState.ACTIVE:
            return None
        secret = self._decrypt(row.totp_secret, row.id)
        step = match_totp(secret, code, tx.now(), after=row.totp_step)
        spent = match_recovery_code(code, row.recovery_codes)
        if step is not None:
            unused = or_(people.c.totp_step.is_(None), people.c.totp_step < step)
            if not tx.update(people, row.id, unused, totp_step=step):
                return None
        elif spent is not None:
            left = [digest for digest in row.recovery_codes if digest != spent]
            tx.update(people, row.id, recovery_codes=left)
            tx.append_audit(
                "person.recovery_code_used", subject=row.id, actor=row.id, content={"left": len(left)}
            )
        else:
            return None
        return open_session_of(tx, row, browser)

    def _find_invitation(self, token: str) -> Row:
        row = None
        if is_well_formed(token, INVITATION_PREFIX):
            with self._database.across_tenants("authenticating an invitation", readonly=True) as tx:
                row = tx.one(
                    invitations,
                    invitations.c.digest == hash_token(token),
                    invitations.c.expires_at > tx.now(),
                )
        if row is None:
            raise _invalid_invitation()
        return row

    def _unseal(self, sealed: str, record: str) -> str | None:
        """The secret that a page sent back; None if this invitation did not make it."""
        try:
            plain = self._keys.decrypt(bytes.fromhex(sealed), record)
        except ValueError:
            return None
        return None if plain is None else plain.decode()

    def _decrypt(self, ciphertext: bytes, person: str) -> str:
        plain = self._keys.decrypt(ciphertext, totp_record(person))
        if plain is None:
            raise SafelightError(
                "The secret of the authenticator cannot be decrypted, because its key is missing.",
                remedy="The operator restores secrets.key from a backup, or resets the person.",
            )
        return plain.decode()


def open_session_of(tx: Transaction, row: Row, browser: str) -> SignedIn:
    """A session of the person of this row. Raises `Unauthenticated` if the person may not sign in."""
    principal = principal_of_person(row)
    if principal is None:
        raise _not_signed_in()
    session, token = open_session(tx, principal, browser=browser)
    return SignedIn(session=session, token=token, language=row.language)


def _not_signed_in() -> Unauthenticated:
    return Unauthenticated("E-mail address, password or code is wrong, or the code was used already.")


def _invalid_invitation() -> Unauthenticated:
    return Unauthenticated(
        "This invitation is invalid, used or expired.",
        remedy="Ask the owner of this installation for a new one.",
    )
