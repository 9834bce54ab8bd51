"""The budget of refused calls per generator and UTC day: refusals can put an account at risk."""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import func, literal, select

from safelight.core.errors import RefusalBudgetUsed, UpstreamModerationBlocked
from safelight.providers.protocol import Generator
from safelight.store.database import Database, Transaction
from safelight.store.tables import attempts, videos

from .failure_message import NOTHING_SENT
from .interruptions import UpstreamPending
from .models import VideoState

_log = logging.getLogger(__name__)
_DAY_S = 86_400
#: A video that waits for the end of other requests looks again after this time.
_LOOK_AGAIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class RefusalCount:
    """The requests that a provider has refused since 00:00 UTC, of all tenants and processes."""

    refused: int
    #: Requests that the provider has not answered yet.
    unfinished: int
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

    @property
    def may_be_used(self) -> bool:
        """Whether it is used up if all unfinished requests are refused."""
        return self.refused + self.unfinished >= self.limit


class RefusalBudget:
    """Counts refusals by the provider from the database. Blocks by our policy are none."""

    def __init__(self, database: Database, limits: Mapping[str, int]) -> None:
        self._database = database
        self._limits = limits
        self._lock = threading.Lock()
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

    def require(self, generator: str) -> None:
        """Raise `RefusalBudgetUsed` if the budget of today is used up. For requests: nothing was sent yet."""
        if (count := self._read(generator)) is not None:
            self._check(generator, count, f" {NOTHING_SENT}")

    def require_room(self, generator: str) -> None:
        """Raise what `reserve` would raise now, before the request is prepared."""
        if (count := self._read(generator)) is not None:
            self._check_room(generator, count)

    def must_wait(self, generator: str) -> bool:
        """Whether unfinished requests could use up the budget. False if it is used up: the wait is over."""
        count = self._read(generator)
        return count is not None and count.may_be_used and not count.is_used

    @contextmanager
    def reserve(self, generator: str) -> Iterator[None]:
        """Allow one more request, whose attempt is recorded before the `with` block ends.

        Unfinished requests may be refused too: while they could use up the budget, this raises
        `UpstreamPending`. Other processes wait until the attempt is recorded, so that none counts too few.
        """
        if generator not in self._limits:
            yield
            return
        is_sqlite = self._database.is_sqlite
        with (
            self._lock,
            self._database.across_tenants("the refusal budget", readonly=is_sqlite) as tx,
        ):
            if not is_sqlite:
                # Until the end of this transaction, which is after that of the attempt.
                key = f"safelight refusal budget {generator}"
                tx.execute(select(func.pg_advisory_xact_lock(func.hashtext(key))))
            self._check_room(generator, self._count(tx, generator))
            yield

    def _read(self, generator: str) -> RefusalCount | None:
        """The count of a generator; None if it has no budget."""
        if generator not in self._limits:
            return None
        with self._database.across_tenants("the refusal budget", readonly=True) as tx:
            return self._count(tx, generator)

    def _count(self, tx: Transaction, generator: str) -> RefusalCount:
        """Two queries in one statement, each with an index for the rows it counts."""
        start = tx.now() // _DAY_S * _DAY_S
        number, same = select(func.count()).select_from(attempts), attempts.c.generator == generator
        # A bound parameter would not match the condition of the index.
        blocked = literal(UpstreamModerationBlocked.code, literal_execute=True)
        refused = number.where(same, attempts.c.outcome == blocked, attempts.c.ended_at >= start)
        # A video that ended for a reason of its own may have left an attempt without an end.
        unfinished = (
            number.join(
                videos,
                (attempts.c.tenant_id == videos.c.tenant_id) & (attempts.c.video_id == videos.c.id),
            )
            .where(same, attempts.c.ended_at.is_(None))
            .where(videos.c.state == VideoState.GENERATING.value)
        )
        counts = {"refused": refused, "unfinished": unfinished}
        row = tx.execute(select(*(one.scalar_subquery().label(name) for name, one in counts.items()))).one()
        return RefusalCount(
            refused=row.refused,
            unfinished=row.unfinished,
            limit=self._limits[generator],
            until=start + _DAY_S,
        )

    def _check_room(self, generator: str, count: RefusalCount) -> None:
        self._check(generator, count)
        if count.may_be_used:
            raise UpstreamPending(
                _LOOK_AGAIN_S,
                problem=(
                    f"It waited, because {generator} may reach its daily limit of refusals with the requests "
                    "that it has not answered."
                ),
            )

    def _check(self, generator: str, count: RefusalCount, more: str = "") -> None:
        """Raise `RefusalBudgetUsed` without the counts, which are those of all tenants; the log has them."""
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
                f"{more}",
                retry_after_s=max(1.0, count.until - self._database.clock()),
            )


def refusal_limits(generators: Mapping[str, Generator]) -> Mapping[str, int]:
    """The budget of each generator that has one."""
    found = {name: each.info().max_refusals_per_day for name, each in generators.items()}
    return {name: limit for name, limit in found.items() if limit is not None}
