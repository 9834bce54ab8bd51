"""Checks delivered videos again with the current hash lists, and withdraws videos with new matches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safelight.accounts.statements import Objection, StatementSource, ground_of_verdict
from safelight.core.errors import NotFound, SafelightError
from safelight.policy.verdicts import Action, Verdict
from safelight.store import tables
from safelight.store.database import Transaction
from safelight.videos import mappers
from safelight.videos.context import PipelineContext
from safelight.videos.files import vault_files
from safelight.videos.late_matches import reevaluate_with_matches
from safelight.videos.models import VideoState
from safelight.videos.stage_records import record_stage
from safelight.videos.transitions import update
from safelight.videos.video_statements import WithdrawalCause
from safelight.videos.withdrawal import withdraw_within


@dataclass(frozen=True, kw_only=True)
class RecheckMatch:
    """A delivered video that matches a hash list."""

    video_id: str
    categories: tuple[str, ...]
    action: Action
    vaulted: bool
    #: Ids of this video and its descendants if they were withdrawn. Empty if the policy allows the match.
    withdrawn: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecheckReport:
    checked: int
    matched: tuple[RecheckMatch, ...]
    #: Videos that could not be checked, as pairs of id and reason.
    unread: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class HashRecheck:
    """Checks the delivered videos of a tenant."""

    context: PipelineContext

    def recheck(
        self, tenant: str, *, actor: str, progress: Callable[[int, int], None] | None = None
    ) -> RecheckReport:
        """Check every delivered video of a tenant.

        `progress` is called with the number of checked videos and the total. A match is recorded and
        evaluated together with the earlier findings of the video. If the policy now holds or blocks the
        video, the video and its descendants are withdrawn, and vaulted if the policy requires it.
        """
        listed = self._delivered(tenant)
        matched: list[RecheckMatch] = []
        unread: list[tuple[str, str]] = []
        for number, video_id in enumerate(listed):
            try:
                found = self._check(tenant, video_id, actor=actor)
            except SafelightError as error:
                unread.append((video_id, str(error)))
            else:
                matched += [found] if found is not None else []
            if progress is not None:
                progress(number + 1, len(listed))
        return RecheckReport(checked=len(listed) - len(unread), matched=tuple(matched), unread=tuple(unread))

    def _delivered(self, tenant: str) -> list[str]:
        videos = tables.videos.c
        with self.context.database.read_transaction(tenant=tenant) as tx:
            found = tx.select(
                tables.videos,
                videos.state == VideoState.DELIVERED.value,
                videos.deleted_at.is_(None),
                columns=[videos.id],
                order_by=(videos.created_at, videos.id),
            )
        return [row.id for row in found]

    def _check(self, tenant: str, video_id: str, *, actor: str) -> RecheckMatch | None:
        context = self.context
        video = context.videos.get(tenant, video_id)
        if video.state is not VideoState.DELIVERED or video.sealed_sha256 is None:
            # The video was withdrawn during this run, together with its source.
            return None
        with context.work_dir(video.id) as place:
            path = place / "sealed.mp4"
            context.blobs.copy_to(tenant, video.sealed_sha256, path)
            new = context.stages.output.known_content.find(path, video.sealed_sha256)
        if not new:
            return None
        result, stopped = reevaluate_with_matches(context, context.videos.snapshot(tenant, video.id), new)
        categories = {finding.category for finding in new}
        withdrawn: tuple[str, ...] = ()
        with context.database.transaction(tenant=tenant) as tx:
            record_stage(tx, video.id, result)
            if stopped:
                why = f"known content: {result.verdict.rule}"
                cause = _cause(context, result.verdict)
                withdrawn = withdraw_within(context, tx, video.id, actor=actor, why=why, cause=cause)
                if result.verdict.vault:
                    for each in withdrawn:
                        self._vault(tx, each)
        return RecheckMatch(
            video_id=video.id,
            categories=tuple(sorted(categories)),
            action=result.verdict.action,
            vaulted=result.verdict.vault and stopped,
            withdrawn=withdrawn,
        )

    def _vault(self, tx: Transaction, video_id: str) -> None:
        """Vault a video, and those that it replaced or that replaced it: they have the same files."""
        waiting: list[str | None] = [video_id]
        done: set[str] = set()
        while waiting:
            next_id = waiting.pop()
            if next_id is None or next_id in done:
                continue
            row = tx.one(tables.videos, next_id, lock=True)
            if row is None:
                raise NotFound(f"There is no video {next_id}.")
            update(tx, mappers.video(row), vaulted=True)
            vault_files(tx, next_id)
            done.add(next_id)
            waiting += [row.reinstated_from, row.reinstated_as]


def _cause(context: PipelineContext, verdict: Verdict) -> WithdrawalCause:
    return WithdrawalCause(
        source=StatementSource.POLICY,
        ground=ground_of_verdict(verdict, context.policies.taxonomy),
        automated_detection=True,
        automated_decision=True,
        objection=Objection.OPERATOR if verdict.vault else Objection.APPEAL,
    )
