"""People for tests: active ones, a fast password hash, and the codes of an authenticator."""

from __future__ import annotations

import hashlib
import time

import pyotp

from safelight.accounts import KeyScope, Principal, PrincipalKind, Role
from safelight.accounts.people import PasswordHasher
from safelight.accounts.people.sign_in import STEP_S
from safelight.accounts.store import ACTIVE
from safelight.store.database import Transaction
from safelight.store.tables import people

PASSWORD = "correct horse battery"


class FastHasher(PasswordHasher):
    """As the real one, but with a hash that takes no time."""

    def _derive(self, password: str, salt: bytes, cost: int, block: int, parallelism: int) -> bytes:
        return hashlib.sha256(salt + password.encode("utf-8", "surrogatepass")).digest()


def person(tenant: str, *scopes: KeyScope, identity: str = "user_1") -> Principal:
    """A person with these scopes, or with all."""
    return Principal(
        tenant=tenant,
        id=identity,
        kind=PrincipalKind.PERSON,
        name=identity.title(),
        scopes=frozenset(scopes or KeyScope),
    )


def one_time_code(secret: str, now: float | None = None) -> str:
    """The code that an authenticator shows at this time."""
    return pyotp.TOTP(secret).generate_otp(int((time.time() if now is None else now) // STEP_S))


def add_person(tx: Transaction, identity: str, *, role: Role, name: str = "", email: str = "") -> None:
    """Add an active person, as after an invitation."""
    tx.insert(
        people,
        id=identity,
        name=name or identity,
        email=email or f"{identity}@example.com",
        role=role.value,
        language="en",
        state=ACTIVE,
        created_at=tx.now(),
        created_by="operator",
        recovery_codes=[],
    )
