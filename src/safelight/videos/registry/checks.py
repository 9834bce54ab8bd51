"""Checks of the origin of files for strangers: four answers, and a limit for near-duplicates of one video."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.core.dates import format_day
from safelight.provenance.manifest import outcome_of
from safelight.provenance.models import Verification
from safelight.provenance.recovery.conclusion import Answer, Conclusion, Ground
from safelight.provenance.recovery.public_answer import PublicAnswer, public_answer
from safelight.provenance.recovery.recovery import FirstLook, Recovered, Recovery, not_media
from safelight.provenance.seal import Seal
from safelight.store.tables import provenance_check_counts

from .feedback import CheckFeedback
from .seals import Registry

if TYPE_CHECKING:
    from safelight.store.database import Database, Transaction

#: Checks a day of files that are near-duplicates of one registered video. After these, the first answer is
#: repeated without a search until the next day: a person who removes the watermark step by step would
#: otherwise see when it is gone.
MAX_CHECKS_PER_DAY = 5
#: Every answer after a search for a watermark is given this long after the search began, or a multiple of
#: it if the machine is busy. Otherwise the time would tell how readable the mark is. The sum of the search
#: for any mark (11.5 s with its last step), the longer of the two steps that may follow (9 s for the marks of
#: similar videos; 6 s for the picture of a mark that was read), the comparison of moments (6 s), and starting
#: the children (3 s).
ANSWER_AFTER_S = 30.0
#: Answers about a near-duplicate that are repeated for others: those about the similar registered video.
#: "Unchanged" is not among them, because it needs the bytes or the manifest of the file itself.
_REPEATED = {
    Ground.MARK_AND_PICTURE: Answer.CHANGED,
    Ground.MARK_NOT_COMPARED: Answer.CANNOT_TELL,
    Ground.PICTURE_ONLY: Answer.CANNOT_TELL,
}
_AGREES = (Ground.MARK_AND_PICTURE, Ground.PICTURE_ONLY)


@dataclass(frozen=True, kw_only=True)
class ProvenanceCheck:
    """The result of one check."""

    public: PublicAnswer
    #: The organization of this installation.
    issuer: str
    #: The manifest of the file; None if an id was checked.
    verification: Verification | None = None
    #: The delivered file that a checked file is, or was made from; None if the answer is not "from here".
    #: It is not for strangers.
    seal: Seal | None = None


class ProvenanceChecks:
    """Checks files and ids without an account. Stores nothing of a file. Thread-safe."""

    def __init__(
        self,
        *,
        recovery: Recovery,
        registry: Registry,
        database: Database,
        is_withdrawn: Callable[[str], bool],
        has_delivered: Callable[[str, str], bool],
        issuer: str,
    ) -> None:
        self._recovery = recovery
        self._registry = registry
        self._limit = CheckLimit(database)
        self.feedback = CheckFeedback(database)
        self._is_withdrawn = is_withdrawn
        self._has_delivered = has_delivered
        self._issuer = issuer

    def look(self, path: Path) -> ProvenanceCheck | FirstLook:
        """The answer if no watermark has to be searched, otherwise the argument of `search`.

        Nothing about a watermark is known then, so the time of this step need not be hidden. Raises
        `InvalidMedia` for what is neither a video nor a picture.
        """
        look = self._recovery.look(path)
        if not look.is_media:
            raise not_media()
        if look.is_decided or not look.has_picture:
            return self._check(self._recovery.conclude(path, look))
        # Counted before the search, so that simultaneous checks do not get more searches.
        return look if self._limit.count(look.similar) else self._repeat(look)

    def search(self, path: Path, look: FirstLook) -> ProvenanceCheck:
        """The answer after the search for a watermark."""
        found = self._recovery.conclude(path, look)
        if found.seal is None:
            return self._check(found)
        sha256 = found.seal.sha256
        if sha256 not in look.similar and not self._limit.count([sha256]):
            return self._check(_without_mark(look, found))
        if look.similar == (sha256,) and found.conclusion.ground in _REPEATED:
            self._limit.keep_first(sha256, found.conclusion.ground)
        return self._check(found)

    def check_id(self, video_id: str, *, tenant: str | None) -> ProvenanceCheck:
        """The answer about an id without a file. `tenant`: whose key asks; None for a stranger."""
        exists = tenant is not None and self._has_delivered(tenant, video_id)
        public = PublicAnswer(
            answer=Answer.CANNOT_TELL,
            ground=Ground.ID_ONLY,
            withdrawn=exists and self._is_withdrawn(video_id),
            id_exists=exists or None,
        )
        return ProvenanceCheck(public=public, issuer=self._issuer)

    def outcome(self, check: ProvenanceCheck, *, tenant: str) -> str | None:
        """The outcome of the delivered video that a checked file is, or resembles; None unless it is a video
        of this tenant.
        """
        seal = check.seal
        if seal is None or not self._has_delivered(tenant, seal.video_id):
            return None
        return outcome_of(seal.facts)

    def _repeat(self, look: FirstLook) -> ProvenanceCheck:
        """The first answer of the day about the similar registered video.

        It is "picture only" if there is none yet, and if several registered videos are similar: only the
        watermark could tell from which of them the file was made.
        """
        seal = self._registry.by_sha256(look.similar[0]) if len(look.similar) == 1 else None
        ground = self._limit.first(seal.sha256) if seal is not None else None
        ground = ground or Ground.PICTURE_ONLY
        found = Recovered(
            conclusion=Conclusion(answer=_REPEATED[ground], ground=ground),
            verification=look.verification,
            seal=seal,
            is_withdrawn=seal is not None and self._is_withdrawn(seal.video_id),
        )
        # Without the seal: this file was not shown to be made from the video.
        return ProvenanceCheck(
            public=msgspec.structs.replace(public_answer(found), repeated=True),
            issuer=self._issuer,
            verification=look.verification,
        )

    def _check(self, found: Recovered) -> ProvenanceCheck:
        return ProvenanceCheck(
            public=public_answer(found),
            issuer=self._issuer,
            verification=found.verification,
            seal=found.seal if found.conclusion.answer.is_from_here else None,
        )


class CheckLimit:
    """How often files that name the same registered file were checked today, and the first answer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, sha256s: Collection[str]) -> bool:
        """Count a check of a file that names these registered files. Returns False above the limit of one."""
        if not sha256s:
            return True
        with self._database.across_tenants("limit of provenance checks") as tx:
            today = format_day(tx.now())
            tx.delete(provenance_check_counts, provenance_check_counts.c.day < today)
            # In one order for all transactions, which wait for each other's rows.
            counted = [self._count(tx, sha256, today) for sha256 in sorted(sha256s)]
        return all(counted)

    def first(self, sha256: str) -> Ground | None:
        """The ground of the first answer of today; None without one."""
        with self._database.across_tenants("limit of provenance checks", readonly=True) as tx:
            row = tx.one(provenance_check_counts, *_row(sha256, format_day(tx.now())))
        return Ground(row.ground) if row is not None and row.ground is not None else None

    def keep_first(self, sha256: str, ground: Ground) -> None:
        """Store the ground of an answer, unless there is one of today."""
        with self._database.across_tenants("limit of provenance checks") as tx:
            where = (*_row(sha256, format_day(tx.now())), provenance_check_counts.c.ground.is_(None))
            tx.update(provenance_check_counts, *where, ground=ground.value)

    def _count(self, tx: Transaction, sha256: str, today: str) -> bool:
        if tx.insert_or_ignore(provenance_check_counts, sha256=sha256, day=today, checks=1):
            return True
        where = (*_row(sha256, today), provenance_check_counts.c.checks < MAX_CHECKS_PER_DAY)
        return bool(tx.update(provenance_check_counts, *where, checks=provenance_check_counts.c.checks + 1))


def _without_mark(look: FirstLook, found: Recovered) -> Recovered:
    """What the recovery would conclude if no mark had been read."""
    agrees = found.seal is not None and found.seal.sha256 in look.named and found.conclusion.ground in _AGREES
    if look.similar or agrees:
        conclusion = Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.PICTURE_ONLY)
    elif found.is_complete:
        conclusion = Conclusion(answer=Answer.NOT_FOUND, ground=Ground.NOTHING)
    else:
        conclusion = Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.NOT_SEARCHED)
    return Recovered(conclusion=conclusion, verification=look.verification)


def _row(sha256: str, day: str) -> tuple[Any, Any]:
    return provenance_check_counts.c.sha256 == sha256, provenance_check_counts.c.day == day
