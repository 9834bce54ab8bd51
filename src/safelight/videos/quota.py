"""Daily quotas of the tenant, the account and the end user: videos, seconds and what generators cost.

They are reserved with each request, and returned if nothing is delivered; the cost only if no generator
charged.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, case, func, select

from safelight.accounts import KeyScope, Principal
from safelight.accounts.gates import Gates
from safelight.accounts.models import TENANT_SUBJECT, account_subject, end_user_subject, subjects_of
from safelight.accounts.terms import Terms, read_terms
from safelight.core.dates import format_day
from safelight.core.errors import QuotaExceeded
from safelight.providers.protocol import ChargeStatus
from safelight.store import tables
from safelight.store.database import Database, Filter, Transaction
from safelight_client.money import format_money, micro, usd


@dataclass(frozen=True, kw_only=True)
class QuotaStatus:
    """The quota of an account for today, and how much of it is left."""

    videos_per_day: int
    videos_left: int
    seconds_per_day: int
    seconds_left: int
    #: Seconds until the next day begins (UTC).
    reset_s: float


@dataclass(frozen=True, kw_only=True)
class DailyLimits:
    """The limits of one subject per day (UTC). None: no limit."""

    videos: int | None = None
    seconds: int | None = None
    cost_micros: int | None = None

    def overridden_by(self, terms: Terms) -> DailyLimits:
        return DailyLimits(
            videos=self.videos if terms.videos_per_day is None else terms.videos_per_day,
            seconds=self.seconds if terms.seconds_per_day is None else terms.seconds_per_day,
            cost_micros=self.cost_micros if terms.cost_per_day_micros is None else terms.cost_per_day_micros,
        )

    def describe(self) -> str:
        cost = format_money(usd(self.cost_micros or 0))
        return " or ".join(
            text
            for limit, text in (
                (self.seconds, f"{self.seconds} seconds"),
                (self.videos, f"{self.videos} videos"),
                (self.cost_micros, f"a cost of {cost}"),
            )
            if limit is not None
        )


@dataclass(frozen=True, kw_only=True)
class UsedToday:
    videos: int
    seconds: int
    cost_micros: int


@dataclass(frozen=True, kw_only=True)
class QuotaUse:
    """What one subject used today (UTC), and its limits."""

    used: UsedToday
    limits: DailyLimits
    #: When the next day begins, in unix seconds.
    resets_at: float


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one video takes from the quotas, and of whom."""

    account: str
    end_user: str | None
    seconds: int
    #: In millionths of a US dollar, by the price of the model.
    cost_micros: int = 0


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the generators charged for attempts, in one currency, by days in UTC."""

    currency: str
    today_micros: int
    month_micros: int
    #: Attempts of this month that were or may have been charged, by an amount that is not known.
    unknown: int


@dataclass(frozen=True, kw_only=True)
class Quota:
    """The limits that the settings name. The terms of a subject replace them one by one."""

    seconds_per_day: int
    videos_per_day: int
    cost_per_day_micros: int | None = None
    end_user: DailyLimits = DailyLimits()
    #: The rollout steps, whose quota of the tenant no terms exceed.
    gates: Gates | None = None

    def reserve(self, tx: Transaction, usage: Usage, *, now: float) -> None:
        """Reserve the quotas for one video. Raises `QuotaExceeded`, with the seconds until the next day."""
        used = tables.quota_usage.c
        day = format_day(now)
        for subject in subjects_of(usage.account, usage.end_user):
            limits = self._limits(tx, subject)
            tx.insert_or_ignore(
                tables.quota_usage, subject=subject, day=day, videos=0, seconds=0, cost_micros=0
            )
            changed = tx.update(
                tables.quota_usage,
                used.subject == subject,
                used.day == day,
                *_room(limits, usage),
                videos=used.videos + 1,
                seconds=used.seconds + usage.seconds,
                cost_micros=used.cost_micros + usage.cost_micros,
            )
            if changed != 1:
                is_end_user = subject not in (TENANT_SUBJECT, account_subject(usage.account))
                limit = limits.describe()
                raise QuotaExceeded(
                    f"{_whose(subject)} has used its quota for today: {limit} a day (UTC).",
                    retry_after_s=86400 - now % 86400,
                    param="safety_identifier" if is_end_user else None,
                )

    def allowance(self, tx: Transaction, principal_id: str, *, now: float) -> QuotaStatus:
        use = self.read(tx, account_subject(principal_id), now=now)
        videos, seconds = use.limits.videos or 0, use.limits.seconds or 0
        return QuotaStatus(
            videos_per_day=videos,
            videos_left=max(0, videos - use.used.videos),
            seconds_per_day=seconds,
            seconds_left=max(0, seconds - use.used.seconds),
            reset_s=use.resets_at - now,
        )

    def read(self, tx: Transaction, subject: str, *, now: float) -> QuotaUse:
        """What a subject used today, and its limits."""
        of = tables.quota_usage.c
        row = tx.one(tables.quota_usage, of.subject == subject, of.day == format_day(now))
        used = UsedToday(
            videos=row.videos if row else 0,
            seconds=int(row.seconds) if row else 0,
            cost_micros=row.cost_micros if row else 0,
        )
        return QuotaUse(used=used, limits=self._limits(tx, subject), resets_at=now + 86400 - now % 86400)

    def refund(self, tx: Transaction, usage: Usage, *, reserved_at: float) -> None:
        """Return the quotas of a video. They are added to the day on which they were reserved."""
        used = tables.quota_usage.c
        for subject in subjects_of(usage.account, usage.end_user):
            tx.update(
                tables.quota_usage,
                used.subject == subject,
                used.day == format_day(reserved_at),
                used.videos > 0,
                videos=used.videos - 1,
                seconds=used.seconds - usage.seconds,
                cost_micros=used.cost_micros - usage.cost_micros,
            )

    def _limits(self, tx: Transaction, subject: str) -> DailyLimits:
        account = DailyLimits(
            videos=self.videos_per_day, seconds=self.seconds_per_day, cost_micros=self.cost_per_day_micros
        )
        if subject == TENANT_SUBJECT:
            limits = DailyLimits()
        else:
            limits = account if subject.startswith(account_subject("")) else self.end_user
        limits = limits.overridden_by(read_terms(tx, subject))
        cap = self.gates.videos_per_day(tx) if self.gates and subject == TENANT_SUBJECT else None
        if cap is None:
            return limits
        return replace(limits, videos=cap if limits.videos is None else min(cap, limits.videos))


def _room(limits: DailyLimits, usage: Usage) -> list[Filter]:
    """The condition that one more video is within all limits."""
    used = tables.quota_usage.c
    room = []
    if limits.videos is not None:
        room.append(used.videos < limits.videos)
    if limits.seconds is not None:
        room.append(used.seconds + usage.seconds <= limits.seconds)
    if limits.cost_micros is not None:
        room.append(used.cost_micros + usage.cost_micros <= limits.cost_micros)
    return room


def _whose(subject: str) -> str:
    if subject == TENANT_SUBJECT:
        return "This tenant"
    return "This API key" if subject.startswith(account_subject("")) else "This end user"


class QuotaReader:
    """Reads how much of a quota was used today, and what was spent."""

    def __init__(self, database: Database, quota: Quota) -> None:
        self._database = database
        self._quota = quota

    def own(self, principal: Principal, end_user: str | None = None) -> QuotaUse:
        """The quota of the caller, or of an end user of the tenant."""
        principal.require(KeyScope.VIDEOS_READ)
        subject = end_user_subject(end_user) if end_user else account_subject(principal.id)
        return self._read(principal, subject)

    def of_subject(self, principal: Principal, subject: str) -> QuotaUse:
        principal.require(KeyScope.ADMIN)
        return self._read(principal, subject)

    def _read(self, principal: Principal, subject: str) -> QuotaUse:
        with self._database.read_transaction(principal.tenant) as tx:
            return self._quota.read(tx, subject, now=tx.now())

    def spent(self, principal: Principal) -> tuple[Spent, ...]:
        """What the generators charged this tenant today and this month, by currency."""
        principal.require(KeyScope.ADMIN)
        with self._database.read_transaction(principal.tenant) as tx:
            today = format_day(tx.now())
            days = (today, f"{today[:8]}01")
            starts = [dt.datetime.fromisoformat(f"{day}T00:00Z").timestamp() for day in days]
            return tuple(
                Spent(
                    currency=row.currency,
                    today_micros=micro(row.today),
                    month_micros=micro(row.month),
                    unknown=row.unknown,
                )
                for row in tx.execute(_sum_charges(tx, *starts))
            )


def _sum_charges(tx: Transaction, day: float, month: float) -> Select[Any]:
    of = tables.attempts.c
    known = case((of.charge_status == ChargeStatus.YES.value, of.amount))
    return (
        select(
            of.currency,
            func.coalesce(func.sum(case((of.created_at >= day, known))), 0).label("today"),
            func.coalesce(func.sum(known), 0).label("month"),
            func.sum(case((known.is_(None), 1), else_=0)).label("unknown"),
        )
        .where(
            *tx.tenant_condition(tables.attempts),
            of.created_at >= month,
            of.ended_at.is_not(None),
            of.charge_status != ChargeStatus.NO.value,
        )
        .group_by(of.currency)
        .order_by(of.currency)
    )
