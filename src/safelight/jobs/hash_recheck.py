"""Delivered videos, looked up in the hash lists as they are now: what a list named too late is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safelight.detectors.image.hash_lists import NAME as HASHES
from safelight.errors import NotFound, SafelightError, SandboxFailed
from safelight.moderation.evaluation import StageResult
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality, Stage
from safelight.policy.verdicts import Action
from safelight.scanning.service import Scanner
from safelight.store import tables
from safelight.store.transaction import Transaction

from . import mappers
from .context import PipelineContext
from .models import Video
from .states import VideoState
from .withdrawal import withdraw_within

_STOPS = frozenset({Action.BLOCK, Action.HOLD})


@dataclass(frozen=True, kw_only=True)
class RecheckMatch:
    """A delivered video that a list names."""

    video_id: str
    categories: tuple[str, ...]
    action: Action
    vaulted: bool
    #: What was taken back: the video and what was made from it; empty where the policy lets it be.
    taken_back: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RecheckReport:
    looked_at: int
    matched: tuple[RecheckMatch, ...]
    #: Ids of videos that could not be looked at, with the reason.
    unread: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class HashRecheck:
    """`scanner` is one that only looks hashes up: nothing else is looked for again."""

    workshop: PipelineContext
    scanner: Scanner

    def recheck(
        self, tenant: str, *, actor: str, progress: Callable[[int, int], None] | None = None
    ) -> RecheckReport:
        """Look every delivered video of a tenant up again; `progress` is told how many of how many.

        A match is judged with everything that was known of the video then, and put on its record. What the
        policy now stops is taken back with its descendants, and vaulted with them where the policy says so.
        """
        listed = self._delivered(tenant)
        matched: list[RecheckMatch] = []
        unread: list[tuple[str, str]] = []
        for number, video_id in enumerate(listed):
            try:
                found = self._look(tenant, video_id, actor=actor)
            except SafelightError as error:
                unread.append((video_id, str(error)))
            else:
                matched += [found] if found is not None else []
            if progress is not None:
                progress(number + 1, len(listed))
        return RecheckReport(
            looked_at=len(listed) - len(unread), matched=tuple(matched), unread=tuple(unread)
        )

    def _delivered(self, tenant: str) -> list[str]:
        videos = tables.videos.c
        with self.workshop.database.read_transaction(tenant=tenant) as tx:
            found = tx.select(
                tables.videos,
                videos.state == VideoState.DELIVERED.value,
                videos.deleted_at.is_(None),
                columns=[videos.id],
                order_by=(videos.created_at, videos.id),
            )
        return [row.id for row in found]

    def _look(self, tenant: str, video_id: str, *, actor: str) -> RecheckMatch | None:
        workshop = self.workshop
        video = workshop.store.get(tenant, video_id)
        if video.state is not VideoState.DELIVERED or video.sealed_sha256 is None:
            # Taken back a moment ago, with what it was made from.
            return None
        with workshop.work_dir(video.id) as place:
            path = place / "sealed.mp4"
            workshop.blobs.copy_to(tenant, video.sealed_sha256, path)
            new = self._findings(path, video.sealed_sha256)
        if not new:
            return None
        judged = self._judged(video, new)
        categories = {finding.category for finding in new}
        # A hole that was waived then is no reason to take anything back now.
        stopped = judged.verdict.action in _STOPS and judged.verdict.category in categories
        taken_back: tuple[str, ...] = ()
        with workshop.database.transaction(tenant=tenant) as tx:
            workshop.store.record_stage(tx, video.id, judged)
            if stopped:
                why = f"known content: {judged.verdict.rule}"
                taken_back = withdraw_within(workshop, tx, video.id, actor=actor, why=why)
                if judged.verdict.vault:
                    for each in taken_back:
                        self._vault(tx, each)
        return RecheckMatch(
            video_id=video.id,
            categories=tuple(sorted(categories)),
            action=judged.verdict.action,
            vaulted=judged.verdict.vault and stopped,
            taken_back=taken_back,
        )

    def _findings(self, path: Path, sha256: str) -> tuple[Finding, ...]:
        report = self.scanner.scan_video(path)
        if report.failure:
            raise SandboxFailed(report.failure)
        listed = self.workshop.stages.output.known.match(path, sha256, report, Modality.FRAMES)
        if broken := [cell.note for cell in listed.cells]:
            raise SandboxFailed(broken[0])
        # A scan without detectors still tells what flashes and what is brief: that was judged then.
        known = (finding for finding in report.findings if finding.detector == HASHES)
        return (*known, *listed.findings)

    def _judged(self, video: Video, new: tuple[Finding, ...]) -> StageResult:
        """The output stage's verdict again: what was seen and covered then, and what is known now."""
        store, stages = self.workshop.store, self.workshop.stages
        then = [one for one in store.judgements(video.tenant, video.id) if one.stage is Stage.OUTPUT]
        cells: tuple[Cell, ...] = tuple(then[-1].coverage) if then else ()
        return stages.output.judge.evaluate(
            Stage.OUTPUT,
            tenant=video.tenant,
            findings=(*(then[-1].findings if then else ()), *new),
            cells=cells,
            modalities=frozenset({Modality.FRAMES, *(cell.modality for cell in cells)}),
            subject_sha256=video.sealed_sha256 or "",
            settled=store.approved_findings(video.tenant, video.id),
            overturned=store.overturned_findings(video.tenant, video.id),
        )

    def _vault(self, tx: Transaction, video_id: str) -> None:
        row = tx.one(tables.videos, tables.videos.c.id == video_id, lock=True)
        if row is None:
            raise NotFound(f"There is no video {video_id}.")
        self.workshop.store.update(tx, mappers.video(row), vaulted=True)
        self.workshop.store.vault_files(tx, video_id)
