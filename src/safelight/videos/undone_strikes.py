"""Takes back strikes that today's lists and policy would not give, so that a mistake that was mended stops
nobody any longer.
"""

from __future__ import annotations

from safelight.accounts.models import split_subject
from safelight.accounts.standing import GivenBy, Strike, find_machine_cause
from safelight.policy.findings import Stage, TextSpan
from safelight.screening.evaluation import StageResult
from safelight.store.tables import strikes

from .context import PipelineContext
from .models import VideoSnapshot

#: Why such a strike was removed.
NOT_BLOCKED_ANY_MORE = "not_blocked_any_more"
_MAX_ROWS = 500


class UndoneStrikes:
    """Asks until it has an answer for each strike and policy: the detectors are those of the start."""

    def __init__(self, context: PipelineContext) -> None:
        self._context = context
        self._asked: set[tuple[str, str]] = set()

    def take_back(self) -> None:
        """Judge the prompts again for which end users were stopped without a person who decided it."""
        context = self._context
        with context.database.across_tenants("strikes of blocks", readonly=True) as tx:
            rows = tx.select(
                strikes,
                strikes.c.given_by == GivenBy.MACHINE.value,
                strikes.c.removed_at.is_(None),
                strikes.c.expires_at > tx.now(),
                order_by=(strikes.c.given_at.desc(),),
                limit=_MAX_ROWS,
            )
        for tenant, subject in dict.fromkeys((row.tenant_id, row.subject) for row in rows):
            if split_subject(subject)[1] is None:
                continue
            with context.database.read_transaction(tenant) as tx:
                standing = context.standings.read(tx, subject)
            if standing.level.stops_requests:
                for strike in standing.strikes:
                    if strike.given_by is GivenBy.MACHINE:
                        self._reconsider(tenant, strike)

    def _reconsider(self, tenant: str, strike: Strike) -> None:
        policy = self._context.policies.load(tenant)
        question = (strike.id, policy.policy.sha256)
        if question in self._asked:
            return
        snapshot = self._context.videos.snapshot(tenant, strike.video_id)
        if not _is_of_its_words(snapshot):
            self._asked.add(question)
            return
        again = self._context.stages.prompt.screen(
            snapshot.request["texts"],
            policy,
            negated=frozenset(snapshot.request["negated"]),
            audience=snapshot.audience,
        )
        if not _is_complete(again):
            return
        self._asked.add(question)
        if find_machine_cause(again.verdict, again.findings) is None:
            with self._context.database.transaction(tenant=tenant) as tx:
                self._context.standings.remove(
                    tx, strike.video_id, actor="policy", reason=NOT_BLOCKED_ANY_MORE
                )


def _is_of_its_words(snapshot: VideoSnapshot) -> bool:
    """Whether the prompt alone was blocked: not a reference, and not words of an earlier video."""
    record = snapshot.last_stage(Stage.PROMPT)
    texts = snapshot.request.get("texts")
    return bool(
        texts
        and record
        and record is snapshot.stages[-1]
        and all(
            place.field in texts
            for finding in record.verdict.findings
            for place in finding.evidence
            if isinstance(place, TextSpan)
        )
    )


def _is_complete(result: StageResult) -> bool:
    """Whether every check that is installed ran to its end: a detector that is down clears nobody."""
    return all(cell.ran and cell.complete for cell in result.coverage.cells if cell.available)
