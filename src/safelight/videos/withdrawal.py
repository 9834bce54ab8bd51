"""Withdraws a delivered video and its descendants."""

from __future__ import annotations

from safelight.accounts.statements import StatementSource
from safelight.core.errors import Conflict, NotFound, Withdrawn
from safelight.core.ids import is_id
from safelight.store import tables
from safelight.store.database import Database, Transaction
from safelight.store.retention import Retention
from safelight.videos.library import withdraw_entries

from . import mappers, outcomes
from .attempt_store import finish_attempt, last_attempt
from .case_rows import CaseKind, close_cases
from .context import PipelineContext
from .files import drop_files, end_paid_clip
from .models import TERMINAL, CharacterState, Video, VideoState
from .recovery_data import remove_fingerprints_of_file
from .transitions import transition, update
from .video_statements import WithdrawalCause, state_withdrawal

#: Previews of the delivered file. They show the video, so they are deleted when it is withdrawn.
_PICTURES = ("thumbnail", "spritesheet")


def withdraw_within(
    context: PipelineContext,
    tx: Transaction,
    video_id: str,
    *,
    actor: str,
    why: str,
    cause: WithdrawalCause,
) -> tuple[str, ...]:
    """Withdraw a delivered video: content and previews become unavailable, the file is kept as evidence.

    Descendants are remixes, edits, extensions, videos made from an uploaded copy, and reinstated videos.
    Delivered descendants are withdrawn too, and unfinished ones fail. `withdraw_copies` reaches those of
    other tenants. Each person who requested one of them gets a statement with `cause`. Returns the ids of
    all changed videos, this one first. Raises `NotFound`, and `Conflict` if the video is not delivered.
    """
    video = _locked(tx, video_id)
    if video is None:
        raise NotFound(f"There is no video {video_id[:80]!r}.", param="video_id")
    if video.state is not VideoState.DELIVERED:
        raise Conflict(
            f"Only a delivered video can be withdrawn, but {video_id} is {video.state.value}.",
            param="video_id",
        )
    return end_family_within(context, tx, video_id, actor=actor, why=why, cause=cause)


def end_family_within(
    context: PipelineContext,
    tx: Transaction,
    video_id: str,
    *,
    actor: str,
    why: str,
    cause: WithdrawalCause,
) -> tuple[str, ...]:
    """Withdraw what is delivered and stop what is unfinished: a video in any state, or a character, and its
    descendants. Characters among them are rejected.

    Returns the ids of all changed videos.
    """
    changed: list[str] = []
    family = find_family(tx, video_id, actor=actor)
    # All are locked before a refund locks the quota of the tenant: a step locks its video before the quota.
    videos = {each: _locked(tx, each) for each in sorted(family)}
    for next_id in family:
        video = videos[next_id]
        if video is None or (video.state in TERMINAL and video.state is not VideoState.DELIVERED):
            if video is not None and video.clip_kept_until is not None:
                _end_kept_clip(tx, video, actor=actor)
            continue
        if video.state is VideoState.DELIVERED:
            source = {} if next_id == video_id else {"because_of": video_id}
            _withdraw_one(tx, video, actor=actor, why={"why": why, **source})
        else:
            _stop(context, tx, video, cause, actor=actor)
        state_withdrawal(tx, video, cause if next_id == video_id else cause.of_descendant)
        changed.append(next_id)
    return tuple(changed)


def find_family(tx: Transaction, video_id: str, *, actor: str | None = None) -> list[str]:
    """The ids of a video or character and its descendants, each once, the nearest first. With an actor, a
    character is rejected before its videos are read, so that no request can add one afterwards.
    """
    family, seen = [video_id], {video_id}
    for each in family:
        if actor is not None and is_id(each, "character"):
            _reject_character(tx, each, actor=actor)
        family += [child for child in _children(tx, each) if child not in seen]
        seen.update(family)
    return family


def is_withdrawn(database: Database, video_id: str) -> bool:
    """Whether a video of any tenant was withdrawn or vaulted, for answers about the origin of files.

    If its file was released under new ids, it is withdrawn until the newest of them is delivered.
    """
    released, next_id = [], video_id
    with database.across_tenants("origin of a file", readonly=True) as tx:
        while next_id and (row := tx.one(tables.videos, next_id)) is not None:
            released.append(row)
            next_id = row.reinstated_as
    ended = any(row.vaulted or row.state == VideoState.WITHDRAWN.value for row in released)
    return ended and (released[-1].vaulted or released[-1].state != VideoState.DELIVERED.value)


def has_delivered(database: Database, tenant: str, video_id: str) -> bool:
    """Whether a file was delivered for this video of the tenant, also one that an appeal released again."""
    with database.read_transaction(tenant) as tx:
        row = tx.one(tables.videos, video_id)
    return row is not None and row.sealed_sha256 is not None


def _withdraw_one(tx: Transaction, video: Video, *, actor: str, why: dict[str, str]) -> None:
    close_cases(tx, video.id, actor=actor, kind=CaseKind.REPORT)
    transition(tx, video, VideoState.WITHDRAWN, actor=actor, why=why)
    withdraw_entries(tx, video.id, actor=actor)
    remove_fingerprints_of_file(tx, video.id)
    for kind in _PICTURES:
        drop_files(tx, video.id, kind=kind)
    tx.update(
        tables.assets,
        tables.assets.c.video_id == video.id,
        tables.assets.c.retention == Retention.DELIVERED.value,
        tables.assets.c.deleted_at.is_(None),
        retention=Retention.EVIDENCE.value,
    )


def _stop(
    context: PipelineContext, tx: Transaction, video: Video, cause: WithdrawalCause, *, actor: str
) -> None:
    close_cases(tx, video.id, actor=actor)
    last = last_attempt(tx, video.id)
    if last is not None and last.ended_at is None:
        finish_attempt(tx, video.id, last, Withdrawn.code, charge=last.charge)
    what = "The source of this video was withdrawn."
    if cause.source in (StatementSource.CONSENT, StatementSource.CONSENT_ENDED):
        what = "A consent that this video needs has ended."
    outcomes.fail(context, tx, video, Withdrawn(what))


def _end_kept_clip(tx: Transaction, video: Video, *, actor: str) -> None:
    """The paid clip of an ended video waits for no scan and no decision any more."""
    close_cases(tx, video.id, actor=actor)
    end_paid_clip(tx, video.id)
    update(tx, video, clip_kept_until=None)
    tx.append_audit("clip.withdrawn", subject=video.id, actor=actor, content={})


def _locked(tx: Transaction, video_id: str) -> Video | None:
    """The current row of a video, locked until the transaction ends."""
    if not is_id(video_id, "video"):
        return None
    row = tx.one(tables.videos, video_id, lock=True)
    return None if row is None else mappers.video(row)


def _reject_character(tx: Transaction, character_id: str, *, actor: str) -> None:
    of = tables.characters.c
    rejected = CharacterState.REJECTED.value
    if tx.update(tables.characters, character_id, of.state != rejected, state=rejected):
        tx.append_audit("character.rejected", subject=character_id, actor=actor, content={})


def _children(tx: Transaction, video_id: str) -> list[str]:
    """The ids of videos and characters that were derived directly from this video or character."""
    videos = tables.videos.c
    made = tx.select(tables.videos, videos.remixed_from == video_id, columns=[videos.id])
    stepped = tx.select(
        tables.video_lineage,
        tables.video_lineage.c.parent_id == video_id,
        columns=[tables.video_lineage.c.video_id],
    )
    copied = tx.select(
        tables.copied_sources,
        tables.copied_sources.c.source_id == video_id,
        columns=[tables.copied_sources.c.video_id],
    )
    row = tx.one(tables.videos, video_id)
    released = [row.reinstated_as] if row is not None and row.reinstated_as else []
    return sorted({*(each.id for each in made), *(each.video_id for each in (*stepped, *copied)), *released})
