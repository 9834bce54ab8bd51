"""Takes back strikes that today's lists and policy would not give, so that end users whom a mended mistake
stopped can send requests again.
"""

from __future__ import annotations

from safelight.accounts.models import split_subject
from safelight.accounts.standing import GivenBy, Strike, find_machine_cause
from safelight.policy.findings import Stage, TextSpan
from safelight.policy.tenant_policy import TenantPolicy
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
        for tenant in dict.fromkeys(row.tenant_id for row in rows):
            policy = context.policies.load(tenant)
            waiting = (
                row.subject
                for row in rows
                if row.tenant_id == tenant
                and split_subject(row.subject)[1]
                and (row.id, policy.policy.sha256) not in self._asked
            )
            for subject in dict.fromkeys(waiting):
                with context.database.read_transaction(tenant) as tx:
                    standing = context.standings.read(tx, subject)
                for strike in standing.strikes if standing.level.stops_requests else ():
                    if strike.given_by is GivenBy.MACHINE:
                        self._reconsider(policy, strike)

    def _reconsider(self, policy: TenantPolicy, strike: Strike) -> None:
        question = (strike.id, policy.policy.sha256)
        if question in self._asked:
            return
        snapshot = self._context.videos.snapshot(policy.tenant, strike.video_id)
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
            with self._context.database.transaction(tenant=policy.tenant) as tx:
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
    """Whether every installed check ran to its end: without it, nothing is known about the strike."""
    return all(cell.ran and cell.complete for cell in result.coverage.cells if cell.available)
