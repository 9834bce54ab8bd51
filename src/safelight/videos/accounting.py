"""What a video takes from the quotas and adds to the ledger, in the transaction of its event."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.accounts.ledger import Prices, Reason, Work, charge, charged_micros, credit
from safelight.store.database import Transaction

from .models import Video
from .quota import Quota, Usage


@dataclass(frozen=True, kw_only=True)
class Accounting:
    quota: Quota
    prices: Prices

    def accept(self, tx: Transaction, work: Work, *, model: str, seconds: int) -> None:
        """Reserve the quotas of a video and charge it. Raises `QuotaExceeded`."""
        usage = Usage(
            account=work.account,
            end_user=work.end_user,
            seconds=seconds,
            cost_micros=self.prices.price_of(model, seconds),
        )
        self.quota.reserve(tx, usage, now=tx.now())
        charge(tx, self.prices, work, model=model, seconds=seconds)

    def reinstate(self, tx: Transaction, work: Work, *, model: str, seconds: int, reason: Reason) -> None:
        """Charge a video that replaces one that ended without delivery, and credit it. It takes no quota."""
        charge(tx, self.prices, work, model=model, seconds=seconds)
        credit(tx, work.video_id, reason)

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
