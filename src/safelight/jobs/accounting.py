"""What a video takes from the quotas and adds to the ledger, in the transaction of its event."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.store.database import Transaction
from safelight.trust.ledger import Prices, Reason, Work, charge, charged_micros, credit

from .models import Video
from .quota import Quota, Usage


@dataclass(frozen=True, kw_only=True)
class AcceptedWork:
    """A video that is about to be accepted."""

    work: Work
    model: str
    seconds: int


@dataclass(frozen=True, kw_only=True)
class Accounting:
    quota: Quota
    prices: Prices

    def accept(self, tx: Transaction, accepted: AcceptedWork) -> None:
        """Reserve the quotas of a video and charge it. Raises `QuotaExceeded`."""
        work = accepted.work
        usage = Usage(
            account=work.account,
            end_user=work.end_user,
            seconds=accepted.seconds,
            cost_micros=self.prices.price_of(accepted.model, accepted.seconds),
        )
        self.quota.reserve(tx, usage, now=tx.now())
        charge(tx, self.prices, work, model=accepted.model, seconds=accepted.seconds)

    def reinstate(self, tx: Transaction, accepted: AcceptedWork, reason: Reason) -> None:
        """Charge a video that replaces one that ended without delivery, and credit it. It takes no quota."""
        charge(tx, self.prices, accepted.work, model=accepted.model, seconds=accepted.seconds)
        credit(tx, accepted.work.video_id, reason)

    def release(self, tx: Transaction, video: Video, reason: Reason) -> None:
        """Return the quotas of a video that is not delivered, and credit what it was charged."""
        if video.reinstated_from is None:
            usage = Usage(
                account=video.principal_id,
                end_user=video.end_user,
                seconds=video.seconds,
                cost_micros=charged_micros(tx, video.id),
            )
            self.quota.refund(tx, usage, reserved_at=video.created_at)
        credit(tx, video.id, reason)
