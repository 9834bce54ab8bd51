"""Parts for strikes, quotas, the ledger, terms and access."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from .core import CoreParts
from .persistence import PersistenceParts

if TYPE_CHECKING:
    from safelight.jobs.accounting import Accounting
    from safelight.trust.standing import Standings
    from safelight.web.standing import StandingServices


class StandingParts:
    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def standings(self) -> Standings:
        from safelight.trust.standing import Standings, Thresholds

        wanted = self._core.settings.standing
        return Standings(
            self._persistence.database,
            Thresholds(
                warning=wanted.warning_points,
                cool_down=wanted.cool_down_points,
                suspension=wanted.suspension_points,
                ban=wanted.ban_points,
                expiry_s=wanted.expiry_days * 86_400,
                cool_down_s=wanted.cool_down_hours * 3600,
                suspension_s=wanted.suspension_days * 86_400,
            ),
        )

    @cached_property
    def accounting(self) -> Accounting:
        from safelight.jobs.accounting import Accounting
        from safelight.jobs.quota import DailyLimits, Quota
        from safelight.trust.ledger import Prices, to_micros

        limits, ledger = self._core.settings.limits, self._core.settings.ledger
        return Accounting(
            quota=Quota(
                seconds_per_day=limits.seconds_per_day,
                videos_per_day=limits.videos_per_day,
                cost_per_day_micros=_optional_micros(limits.cost_per_day),
                end_user=DailyLimits(
                    videos=limits.end_user_videos_per_day,
                    seconds=limits.end_user_seconds_per_day,
                    cost_micros=_optional_micros(limits.end_user_cost_per_day),
                ),
                currency=ledger.currency,
            ),
            prices=Prices(
                currency=ledger.currency,
                micros_per_second=to_micros(ledger.price_per_second),
                by_model={model: to_micros(price) for model, price in ledger.prices.items()},
            ),
        )

    @cached_property
    def services(self) -> StandingServices:
        from safelight.jobs.quota import QuotaReader
        from safelight.trust.accounts.access import AccessLimits, AccountAccess
        from safelight.trust.accounts.invitations import AccountInvitations
        from safelight.trust.accounts.terms import AccountTerms
        from safelight.trust.ledger import Ledger
        from safelight.trust.reviews import ManagedCases
        from safelight.trust.standing import Bans
        from safelight.web.standing import StandingServices

        database, access = self._persistence.database, self._core.settings.access
        return StandingServices(
            standings=self.standings,
            bans=Bans(database, self.standings),
            terms=AccountTerms(database),
            ledger=Ledger(database),
            access=AccountAccess(
                database,
                AccessLimits(
                    accepts_requests=access.requests,
                    requests_per_hour=access.requests_per_hour,
                ),
            ),
            invitations=AccountInvitations(database, access.invitations),
            quotas=QuotaReader(database, self.accounting.quota),
            managed_cases=ManagedCases(database),
            tenant=lambda: self._persistence.tenant,
        )


def _optional_micros(amount: Decimal | None) -> int | None:
    from safelight.trust.ledger import to_micros

    return None if amount is None else to_micros(amount)
