"""Carries out the withdrawal of consents: the videos that used them are withdrawn, as the policy demands."""

from __future__ import annotations

import threading
from dataclasses import replace

from sqlalchemy import select

from safelight.accounts.models import OPERATOR
from safelight.accounts.statements import Objection, StatementSource
from safelight.consents.models import SUBJECT
from safelight.core.background.part import BackgroundPart
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import StageResult, reevaluate_without_consent
from safelight.store.database import Transaction
from safelight.store.tables import consent_uses, consents

from .context import PipelineContext
from .source_consents import sources_of
from .stage_records import stage_records
from .video_statements import WithdrawalCause
from .withdrawal import end_family_within

_INTERVAL_S = 2.0
_MAX_PER_ROUND = 100
_STOPS = frozenset({Action.HOLD, Action.BLOCK})
#: The person who requested the video cannot object to the subject's withdrawal.
_CAUSE = WithdrawalCause(
    source=StatementSource.CONSENT, automated_decision=True, objection=Objection.OPERATOR
)
_CAUSE_OF_OPERATOR = replace(_CAUSE, source=StatementSource.CONSENT_ENDED)


class ConsentWithdrawals:
    """A background part. A crash loses nothing: a use stays open until its video was evaluated again.

    This also reaches a video whose check was under way when the consent was withdrawn, because its use is
    recorded with the result of the check.
    """

    def __init__(self, context: PipelineContext, *, stopping: threading.Event) -> None:
        self._context = context
        self.part = BackgroundPart(
            "consent-withdrawals",
            {"withdraw": self.withdraw_due},
            interval_s=_INTERVAL_S,
            stopping=stopping,
            version=context.database.version,
        )

    def withdraw_due(self) -> int:
        """Evaluate the videos of withdrawn consents again. Returns the number of changed videos."""
        name = consent_uses.c.consent_id + " " + consent_uses.c.video_id
        with self._context.database.across_tenants("uses of withdrawn consents", readonly=True) as tx:
            rows = tx.execute(
                select(consent_uses)
                .join(consents, consents.c.id == consent_uses.c.consent_id)
                .where(consent_uses.c.ended_at.is_(None), consents.c.revoked_at.is_not(None))
                # Before the limit, so that uses that fail do not hold up all others.
                .where(name.not_in(self.part.rows.parked()))
                .order_by(consent_uses.c.at)
                .limit(_MAX_PER_ROUND)
            ).all()
        changed = 0
        for row in rows:
            with (
                self.part.rows.attempt(f"{row.consent_id} {row.video_id}"),
                self._context.database.transaction(row.tenant_id) as tx,
            ):
                changed += self._end_use(tx, row.consent_id, row.video_id)
        return changed

    def _end_use(self, tx: Transaction, consent_id: str, video_id: str) -> int:
        mine = (consent_uses.c.consent_id == consent_id, consent_uses.c.video_id == video_id)
        changed: tuple[str, ...] = ()
        if any(self._needs_consent(tx, consent_id, each) for each in sources_of(tx, (video_id,))):
            consent = tx.one(consents, consent_id)
            by_subject = consent is not None and consent.revoked_by == SUBJECT
            changed = end_family_within(
                self._context,
                tx,
                video_id,
                actor=SUBJECT if by_subject else OPERATOR,
                why=f"consent {'withdrawn' if by_subject else 'revoked by the operator'}: {consent_id}",
                cause=_CAUSE if by_subject else _CAUSE_OF_OPERATOR,
            )
        tx.update(consent_uses, *mine, ended_at=tx.now())
        return len(changed)

    def _needs_consent(self, tx: Transaction, consent_id: str, video_id: str) -> bool:
        """Whether the policy holds or blocks the video or character without the consent."""
        assert tx.tenant is not None
        policy = self._context.policies.load_within(tx, tx.tenant)
        for record in stage_records(tx, video_id):
            earlier = StageResult(
                stage=record.stage,
                verdict=record.verdict,
                findings=record.findings,
                coverage=record.coverage,
                details=record.details,
            )
            result = reevaluate_without_consent(policy, earlier, consent_id)
            if result is not None and result.verdict.action in _STOPS:
                return True
        return False
