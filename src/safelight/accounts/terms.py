"""The terms of a tenant, an account or an end user: audience, first review, and daily quotas.

A term that is not set leaves the setting of the installation in force.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.policy.intended_use import IntendedUse, UseKind, VideoRequester
from safelight.policy.verdicts import Audience
from safelight.store.database import Database, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import account_terms, api_keys, people

from .models import OPERATOR, TENANT_SUBJECT, KeyScope, Principal, split_subject, subjects_of

#: A number above this is a mistake; the columns have 64 bits.
_MAX_TERM = 10**15
MAX_END_USER_CHARACTERS = 128
_FACT = re.compile(r"[a-z0-9-]{1,30}")
_MAX_FACTS = 10
_DAILY = ("videos_per_day", "seconds_per_day", "cost_per_day_micros")
#: The terms that are whole numbers.
NUMBERS = ("review_first", *_DAILY)
#: From the least strict to the strictest.
_STRICTNESS = (Audience.GENERAL, Audience.SENSITIVE, Audience.MINORS)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What applies to one subject. None: nothing was set."""

    audience: Audience | None = None
    #: Hold this number of first outputs for a reviewer of the tenant.
    review_first: int | None = None
    videos_per_day: int | None = None
    seconds_per_day: int | None = None
    cost_per_day_micros: int | None = None
    #: What videos are made for, if a request does not state it.
    use_kind: UseKind | None = None
    commercial: bool | None = None
    territory: str | None = None
    #: Facts of the tenant, such as `education news`, that rules read by `unless: context`. Words of a prompt
    #: never are such facts.
    context: str | None = None

    @property
    def facts(self) -> frozenset[str]:
        return frozenset((self.context or "").split())


NO_TERMS = Terms()


@dataclass(frozen=True, kw_only=True)
class SavedTerms:
    """The terms of a subject as stored."""

    terms: Terms
    #: How often they were changed.
    revision: int


class AccountTerms:
    """Reads and sets terms. To set and list them, `principal` needs the scope `admin`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, principal: Principal, subject: str) -> SavedTerms:
        """The terms of a subject. Raises `InvalidField`, and `NotFound` for an unknown account."""
        principal.require(KeyScope.ADMIN)
        check_subject(subject)
        with self._database.read_transaction(principal.tenant) as tx:
            _require_account(tx, subject)
            return SavedTerms(terms=read_terms(tx, subject), revision=_read_revision(tx, subject))

    def set(
        self, principal: Principal, subject: str, terms: Terms, *, revision: int | None = None
    ) -> SavedTerms:
        """Replace the terms of a subject. Raises `InvalidField`, and `NotFound` for an unknown account.

        `revision`: of the terms that the caller has read. Raises `Conflict` if they were changed since.
        """
        principal.require(KeyScope.ADMIN)
        check_terms(subject, terms)
        with self._database.transaction(principal.tenant) as tx:
            _require_account(tx, subject)
            lock_subject(tx, subject)
            saved = _read_revision(tx, subject)
            if revision is not None and revision != saved:
                raise Conflict(
                    f"The terms of {subject} were changed meanwhile.",
                    param="revision",
                    remedy="Read them again, and repeat your change.",
                )
            _write(tx, subject, terms, revision=saved + 1, by=principal.id)
        return SavedTerms(terms=terms, revision=saved + 1)


def set_first_terms(tx: Transaction, subject: str, terms: Terms, *, by: str) -> None:
    """Set the terms of a subject that has none yet, in the open transaction. Raises `InvalidField`."""
    check_terms(subject, terms)
    lock_subject(tx, subject)
    _write(tx, subject, terms, revision=1, by=by)


def _write(tx: Transaction, subject: str, terms: Terms, *, revision: int, by: str) -> None:
    values: dict[str, Any] = asdict(terms)
    tx.update(account_terms, account_terms.c.subject == subject, revision=revision, **values)
    tx.append_audit("terms.set", subject=subject, actor=by, content=values)


def normalize_context(text: str) -> str | None:
    """The facts in `text`, sorted and separated by spaces; None if there are none. Raises `InvalidField`."""
    facts = sorted({word for word in re.split(r"[,;\s]+", text.lower()) if word})
    if len(facts) > _MAX_FACTS or not all(_FACT.fullmatch(word) for word in facts):
        raise InvalidField(
            f"context must have at most {_MAX_FACTS} words of a-z, 0-9 and -.",
            param="context",
            remedy="Name facts that your policy uses, such as `education, news`.",
        )
    return " ".join(facts) or None


def _read_revision(tx: Transaction, subject: str) -> int:
    row = tx.one(account_terms, account_terms.c.subject == subject)
    return 0 if row is None else int(row.revision)


def read_terms(tx: Transaction, subject: str) -> Terms:
    row = tx.one(account_terms, account_terms.c.subject == subject)
    return Terms() if row is None else read_record(Terms, row)


def read_requester(tx: Transaction, account: str, end_user: str | None, use: IntendedUse) -> VideoRequester:
    """The requester of a video. What the request does not state comes from the terms: first those of the end
    user, then those of the account and of the tenant.
    """
    for subject in reversed(subjects_of(account, end_user)):
        terms = read_terms(tx, subject)
        use = use.filled_from(
            IntendedUse(kind=terms.use_kind, commercial=terms.commercial, territory=terms.territory)
        )
    return VideoRequester(account=account, end_user=end_user, use=use)


def lock_subject(tx: Transaction, subject: str) -> None:
    """Let other transactions that lock this subject wait until the end of this one."""
    tx.insert_or_ignore(account_terms, subject=subject, held_first=0)
    tx.one(account_terms, account_terms.c.subject == subject, lock=True)


def read_audience(tx: Transaction, principal_id: str, end_user: str | None) -> Audience:
    """The strictest audience that is set for the tenant, the account or the end user."""
    of = account_terms.c
    rows = tx.select(
        account_terms, of.subject.in_(subjects_of(principal_id, end_user)), of.audience.is_not(None)
    )
    return max((Audience(row.audience) for row in rows), key=_STRICTNESS.index, default=Audience.GENERAL)


def claim_first_review(
    tx: Transaction, principal_id: str, end_user: str | None, *, per_tenant: int, per_end_user: int
) -> bool:
    """Whether an output is one of the first of its tenant, account or end user, which a person reviews.

    It is counted for all three. `per_tenant` and `per_end_user`: the settings; terms can only raise them.
    """
    held = False
    for subject, setting in zip(
        subjects_of(principal_id, end_user), (per_tenant, 0, per_end_user), strict=False
    ):
        wanted = read_terms(tx, subject).review_first
        limit = max(setting, wanted or 0)
        if not limit:
            continue
        tx.insert_or_ignore(account_terms, subject=subject, held_first=0)
        of = account_terms.c
        held |= bool(
            tx.update(
                account_terms, of.subject == subject, of.held_first < limit, held_first=of.held_first + 1
            )
        )
    return held


def release_first_review(tx: Transaction, principal_id: str, end_user: str | None) -> None:
    """Take back a claim whose output was not reviewed. A subject that had reached its number before this
    output has one more output held.
    """
    of = account_terms.c
    for subject in subjects_of(principal_id, end_user):
        tx.update(account_terms, of.subject == subject, of.held_first > 0, held_first=of.held_first - 1)


def check_subject(subject: str) -> None:
    """Raise `InvalidField` if this is not a subject."""
    account, end_user = split_subject(subject)
    if subject != TENANT_SUBJECT and not account and not end_user:
        raise InvalidField(
            f"{subject[:80]!r} is not a subject.",
            param="subject",
            remedy="Send tenant, account:ID or end_user:IDENTIFIER.",
        )
    if account and not account.isprintable():
        raise InvalidField("The id of an account has a character that is not printable.", param="subject")
    if end_user and (len(end_user) > MAX_END_USER_CHARACTERS or not end_user.isprintable()):
        raise InvalidField(
            f"The identifier of an end user has at most {MAX_END_USER_CHARACTERS} printable characters.",
            param="subject",
        )


def check_terms(subject: str, terms: Terms) -> None:
    """Raise `InvalidField` for a wrong subject or number."""
    check_subject(subject)
    if terms.context is not None and subject != TENANT_SUBJECT:
        raise InvalidField("Only a tenant has a context.", param="context")
    for name in NUMBERS:
        value = getattr(terms, name)
        if value is not None and not 0 <= value <= _MAX_TERM:
            raise InvalidField(f"{name} must be from 0 to {_MAX_TERM}.", param=name)


def _require_account(tx: Transaction, subject: str) -> None:
    account, _ = split_subject(subject)
    if account is None or account == OPERATOR:
        return
    if all(tx.one(table, account) is None for table in (api_keys, people)):
        raise NotFound(f"There is no key or person {account[:80]!r}.", param="subject")
