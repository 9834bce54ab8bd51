"""What is kept to recognise copies of a delivered file: its fingerprint and its stored manifest.

After an appeal a file is released again under a new id. Its seal stays under the id with which it was sealed.
"""

from __future__ import annotations

from safelight.store import tables
from safelight.store.database import Transaction

from .models import TERMINAL, Video, VideoState
from .registry import erase_manifests, remove_fingerprints


def remove_fingerprints_of_file(tx: Transaction, video_id: str) -> bool:
    """Delete the fingerprints of a video, under all ids under which its file was released.

    Returns False if there were none.
    """
    removed = [remove_fingerprints(tx, each) for each in _releases_until(tx, video_id)]
    return any(removed)


def erase_recovery_data(tx: Transaction, video: Video) -> bool:
    """Delete the fingerprints of a video, and its stored manifests unless it is vaulted, under all ids under
    which its file was released. Returns False if nothing was left.

    If the file is released under a later id, nothing is deleted: only the deletion of that video does.
    """
    if _is_released_again(tx, video):
        return False
    has_fingerprints = remove_fingerprints_of_file(tx, video.id)
    if video.vaulted:
        return has_fingerprints
    erased = [erase_manifests(tx, each) for each in _releases_until(tx, video.id)]
    return has_fingerprints or any(erased)


def _releases_until(tx: Transaction, video_id: str) -> list[str]:
    """The ids under which the file of a video was released: its own, and those of the videos that it
    replaced.
    """
    found: list[str] = []
    next_id: str | None = video_id
    while next_id and (row := tx.one(tables.videos, next_id)) is not None:
        found.append(row.id)
        next_id = row.reinstated_from
    return found


def _is_released_again(tx: Transaction, video: Video) -> bool:
    """Whether the newest release of the file is delivered, or will be."""
    row = tx.one(tables.videos, video.id)
    while row is not None and row.reinstated_as:
        row = tx.one(tables.videos, row.reinstated_as)
    if row is None or row.id == video.id:
        return False
    state = VideoState(row.state)
    return state is VideoState.DELIVERED or state not in TERMINAL
