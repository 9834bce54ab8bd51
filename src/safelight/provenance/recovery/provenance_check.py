"""Checks of the origin of files for strangers: four answers, and a limit for near-duplicates of one video."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.provenance.models import Verification
from safelight.provenance.seal import MarkState
from safelight.store.tables import provenance_check_counts

from .conclusion import Answer, Conclusion, Ground
from .recovery import Recovered, Recovery

if TYPE_CHECKING:
    from safelight.provenance.registry import Registry
    from safelight.provenance.seal import Seal
    from safelight.store.database import Database

#: Checks a day of files that are near-duplicates of one registered video. After these, no watermark is
#: searched until the next day: a person who removes it step by step would otherwise see when it is gone.
MAX_CHECKS_PER_DAY = 5
#: Every answer after a search for a watermark is given this long after its request, or later if the
#: machine is busy. Otherwise the time would tell how readable the mark is. The sum of both searches with
#: their last step (21 s), the comparison of moments (6 s), reading the file, and the starts of the children.
ANSWER_AFTER_S = 30.0
_LIMITED = Conclusion(answer=Answer.CANNOT_TELL, ground=Ground.LIMIT_REACHED)
_WITH_MARK_STATE = (Ground.EXACT_FILE, Ground.MANIFEST)
_FROM_HERE = (Answer.UNCHANGED, Answer.CHANGED)


class PublicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a stranger gets to know. The reason of a withdrawal is not in it."""

    answer: Answer
    ground: Ground
    #: The day (UTC) on which the video was delivered, as `2026-11-20`; only if the file comes from here.
    day: str | None = None
    withdrawn: bool = False
    #: Whether the delivered file has a watermark; None if the answer rests on the picture. Otherwise the
    #: answer would tell whether the mark of a changed file is weak or was never there.
    mark: MarkState | None = None


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
    #: Whether a watermark was searched, or would have been below the limit: the answer is given
    #: `ANSWER_AFTER_S` after the request.
    was_searched: bool = False


class ProvenanceChecks:
    """Checks files and ids without an account. Stores nothing of a file. Thread-safe."""

    def __init__(
        self,
        *,
        recovery: Recovery,
        registry: Registry,
        database: Database,
        is_withdrawn: Callable[[str], bool],
        issuer: str,
    ) -> None:
        self._recovery = recovery
        self._registry = registry
        self._limit = CheckLimit(database)
        self._is_withdrawn = is_withdrawn
        self._issuer = issuer

    def check_file(self, path: Path) -> ProvenanceCheck:
        """The origin of a file. Raises `NotFound` or `InvalidMedia` if the file cannot be read at all."""
        look = self._recovery.look(path)
        if look.is_decided or not look.has_picture:
            return self._check(self._recovery.conclude(path, look), was_searched=False)
        limited = Recovered(conclusion=_LIMITED, verification=look.verification)
        near = look.similar[0] if look.similar else None
        if near is not None and self._limit.is_reached(near):
            return self._check(limited, was_searched=True)
        found = self._recovery.conclude(path, look)
        named = near or (found.seal.sha256 if found.seal is not None else None)
        if named is not None and not self._limit.count(named):
            found = limited
        return self._check(found, was_searched=True)

    def check_id(self, video_id: str) -> ProvenanceCheck:
        """Whether a video with this id was delivered here."""
        seal = self._registry.by_video_id(video_id)
        if seal is None:
            public = PublicAnswer(answer=Answer.NOT_FOUND, ground=Ground.UNKNOWN_ID)
        else:
            public = PublicAnswer(
                answer=Answer.UNCHANGED,
                ground=Ground.KNOWN_ID,
                day=seal.sealed_at.date().isoformat(),
                withdrawn=self._is_withdrawn(video_id),
                mark=seal.mark.state,
            )
        return ProvenanceCheck(public=public, issuer=self._issuer)

    def _check(self, found: Recovered, *, was_searched: bool) -> ProvenanceCheck:
        return ProvenanceCheck(
            public=public_answer(found),
            issuer=self._issuer,
            verification=found.verification,
            seal=found.seal if found.conclusion.answer in _FROM_HERE else None,
            was_searched=was_searched,
        )


class CheckLimit:
    """How often files that name the same registered file were checked today."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_reached(self, sha256: str) -> bool:
        with self._database.across_tenants("limit of provenance checks", readonly=True) as tx:
            row = tx.one(provenance_check_counts, *_today(sha256, tx.now()))
        return row is not None and row.checks >= MAX_CHECKS_PER_DAY

    def count(self, sha256: str) -> bool:
        """Count a check. Returns False above the limit."""
        with self._database.across_tenants("limit of provenance checks") as tx:
            today = _day(tx.now())
            tx.delete(provenance_check_counts, provenance_check_counts.c.day < today)
            # The column `answer` has no content: no answer about one file is given for another one.
            if tx.insert_or_ignore(provenance_check_counts, sha256=sha256, day=today, checks=1):
                return True
            where = _today(sha256, tx.now())
            tx.update(provenance_check_counts, *where, checks=provenance_check_counts.c.checks + 1)
            row = tx.one(provenance_check_counts, *where)
        return row is None or row.checks <= MAX_CHECKS_PER_DAY


def public_answer(found: Recovered) -> PublicAnswer:
    """What a stranger gets to know of a recovery."""
    conclusion, is_ours = found.conclusion, found.conclusion.answer in _FROM_HERE
    is_certain = conclusion.ground in _WITH_MARK_STATE
    return PublicAnswer(
        answer=conclusion.answer,
        ground=conclusion.ground,
        day=found.seal.sealed_at.date().isoformat() if is_ours and found.seal is not None else None,
        withdrawn=is_ours and found.is_withdrawn,
        mark=found.seal.mark.state if is_certain and found.seal is not None else None,
    )


def _today(sha256: str, now: float) -> tuple[Any, Any]:
    return provenance_check_counts.c.sha256 == sha256, provenance_check_counts.c.day == _day(now)


def _day(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).date().isoformat()
