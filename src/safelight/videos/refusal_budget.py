"""The budget of refused calls per generator and UTC day: refusals can put an account at risk."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import literal

from safelight.core.errors import RefusalBudgetUsed, UpstreamModerationBlocked
from safelight.providers.protocol import Generator
from safelight.store.database import Database, Transaction
from safelight.store.tables import attempts

_log = logging.getLogger(__name__)
_DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class RefusalCount:
    """The requests that a provider has refused since 00:00 UTC, of all tenants and processes."""

    refused: int
    limit: int
    #: When the next day begins, in unix seconds.
    until: float

    @property
    def is_half_used(self) -> bool:
        return self.refused >= max(1, self.limit // 2)

    @property
    def is_used(self) -> bool:
        return self.refused >= self.limit

    @property
    def level(self) -> str:
        """What clients may know of it: the counts are those of all tenants."""
        return "used" if self.is_used else "half_used" if self.is_half_used else "open"


class RefusalBudget:
    """Counts refusals by the provider from the database. Blocks by our policy are none."""

    def __init__(self, database: Database, limits: Mapping[str, int]) -> None:
        self._database = database
        self._limits = limits
        #: The last day on which a warning was logged.
        self._warned: dict[str, float] = {}

    def read(self) -> Mapping[str, RefusalCount]:
        """The count of each generator that has a budget."""
        if not self._limits:
            return {}
        with self._database.across_tenants("the refusal budgets", readonly=True) as tx:
            return {name: self._count(tx, name) for name in self._limits}

    def describe(self) -> dict[str, str]:
        """The generators of which at least half of the budget is used."""
        return {
            name: f"{count.refused} of {count.limit} refusals since 00:00 UTC"
            for name, count in self.read().items()
            if count.is_half_used
        }

    def require(self, generator: str, note: str = "") -> None:
        """Raise `RefusalBudgetUsed` if the budget of today is used up.

        The message has no counts, which are those of all tenants; the log has them. `note`: its end.
        """
        if generator not in self._limits:
            return
        with self._database.across_tenants("the refusal budget", readonly=True) as tx:
            count = self._count(tx, generator)
        if count.is_half_used and self._warned.get(generator) != count.until:
            self._warned[generator] = count.until
            _log.warning(
                "%s has refused %d requests since 00:00 UTC; its budget is %d a day. At its end, no request "
                "is sent to it until the next day.",
                generator,
                count.refused,
                count.limit,
            )
        if count.is_used:
            raise RefusalBudgetUsed(
                f"{generator} has refused as many requests as it may refuse today (UTC). Requests are "
                f"possible again from {dt.datetime.fromtimestamp(count.until, dt.UTC):%Y-%m-%d %H:%M} UTC on."
                f"{note}",
                retry_after_s=max(1.0, count.until - self._database.clock()),
            )

    def _count(self, tx: Transaction, generator: str) -> RefusalCount:
        start = tx.now() // _DAY_S * _DAY_S
        of = attempts.c
        # A bound parameter would not match the condition of the index.
        blocked = literal(UpstreamModerationBlocked.code, literal_execute=True)
        refused = tx.count(attempts, of.generator == generator, of.outcome == blocked, of.ended_at >= start)
        return RefusalCount(refused=refused, limit=self._limits[generator], until=start + _DAY_S)


def refusal_limits(generators: Mapping[str, Generator]) -> Mapping[str, int]:
    """The budget of each generator that has one."""
    found = {name: each.info().max_refusals_per_day for name, each in generators.items()}
    return {name: limit for name, limit in found.items() if limit is not None}
