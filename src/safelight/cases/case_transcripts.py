"""The transcript of the video of a case, for the reviewers who may read it."""

from __future__ import annotations

from safelight.accounts import KeyScope, Principal
from safelight.store.database import Database
from safelight.store.tables import videos
from safelight.videos.case_rows import CaseFile
from safelight.videos.transcripts import Transcript, read_transcript


class CaseTranscripts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, principal: Principal, case_file: CaseFile) -> Transcript | None:
        """The stored transcript. None for a blind review, because it would tell that the video was held or
        blocked. Raises `Forbidden` if only the vault officer may read it.
        """
        if case_file.case.is_blind:
            return None
        video_id = case_file.case.video_id
        with self._database.read_transaction(principal.tenant) as tx:
            row = tx.one(videos, video_id)
            if row is None:
                return None
            # A case that was opened before the quarantine is an ordinary one.
            if row.quarantined:
                principal.require(KeyScope.VAULT)
            return read_transcript(tx, video_id)
