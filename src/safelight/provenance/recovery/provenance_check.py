"""Checks of the origin of files for strangers: four answers, and a limit for near-duplicates of one video."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.provenance.models import Verification
from safelight.store.tables import provenance_answers

from .conclusion import Answer, Ground
from .recovery import FirstLook, Recovered, Recovery

if TYPE_CHECKING:
    from safelight.provenance.registry import Registry
    from safelight.provenance.seal import Seal
    from safelight.store.database import Database

#: Checks a day of files that are near-duplicates of one registered video. After these, the first answer is
#: repeated: somebody who removes the watermark step by step would otherwise see when it is gone.
MAX_CHECKS_PER_DAY = 5
#: Every answer after a search for a watermark is given this long after its request, or later if the
#: machine is busy. Otherwise the time would tell how readable the mark is.
ANSWER_AFTER_S = 17.0
#: In a stored answer, the key of the hash of the delivered file.
_NAMED = "sha256"
_FROM_HERE = (Answer.UNCHANGED, Answer.CHANGED)


class PublicAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a stranger gets to know. It never says why a video was withdrawn."""

    answer: Answer
    ground: Ground
    #: The day (UTC) on which the video was delivered, as `2026-11-20`; only if the file comes from here.
    day: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True, kw_only=True)
class NamedAnswer:
    """An answer, and the hash of the delivered file that it is about; None if it is not "from here"."""

    public: PublicAnswer
    sha256: str | None = None


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
    #: Whether a watermark was searched, or the first answer repeated: the answer is given `ANSWER_AFTER_S`
    #: after the request.
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
        self._repeated = RepeatedAnswers(database)
        self._is_withdrawn = is_withdrawn
        self._issuer = issuer

    def check_file(self, path: Path) -> ProvenanceCheck:
        """The origin of a file. Raises `NotFound` or `InvalidMedia` if the file cannot be read at all."""
        look = self._recovery.look(path)
        if look.is_decided or not look.has_picture:
            found = self._recovery.conclude(path, look)
            return self._check(_named_answer(found), look, was_searched=False)
        near = look.similar[0] if look.similar else None
        answer = None if near is None else self._repeated.read(near)
        if answer is None:
            found = self._recovery.conclude(path, look)
            named = near or (found.seal.sha256 if found.seal is not None else None)
            answer = _named_answer(found)
            if named is not None:
                answer = self._repeated.count(named, answer)
        return self._check(answer, look, was_searched=True)

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
            )
        return ProvenanceCheck(public=public, issuer=self._issuer)

    def _check(self, answer: NamedAnswer, look: FirstLook, *, was_searched: bool) -> ProvenanceCheck:
        return ProvenanceCheck(
            public=answer.public,
            issuer=self._issuer,
            verification=look.verification,
            seal=None if answer.sha256 is None else self._registry.by_sha256(answer.sha256),
            was_searched=was_searched,
        )


class RepeatedAnswers:
    """The first answer of each day for each registered file, and how often it was asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, sha256: str) -> NamedAnswer | None:
        """The answer to repeat; None below the limit."""
        with self._database.across_tenants("limit of provenance checks", readonly=True) as tx:
            row = tx.one(provenance_answers, *_today(sha256, tx.now()))
        return _stored(row) if row is not None and row.checks >= MAX_CHECKS_PER_DAY else None

    def count(self, sha256: str, answer: NamedAnswer) -> NamedAnswer:
        """Count a check, and return the answer to give: the first one of the day, above the limit."""
        with self._database.across_tenants("limit of provenance checks") as tx:
            today = _day(tx.now())
            tx.delete(provenance_answers, provenance_answers.c.day < today)
            stored = {**msgspec.to_builtins(answer.public), _NAMED: answer.sha256}
            if tx.insert_or_ignore(provenance_answers, sha256=sha256, day=today, checks=1, answer=stored):
                return answer
            where = _today(sha256, tx.now())
            tx.update(provenance_answers, *where, checks=provenance_answers.c.checks + 1)
            row = tx.one(provenance_answers, *where)
        return _stored(row) if row is not None and row.checks > MAX_CHECKS_PER_DAY else answer


def public_answer(found: Recovered) -> PublicAnswer:
    """What a stranger gets to know of a recovery."""
    conclusion, is_ours = found.conclusion, found.conclusion.answer in _FROM_HERE
    return PublicAnswer(
        answer=conclusion.answer,
        ground=conclusion.ground,
        day=found.seal.sealed_at.date().isoformat() if is_ours and found.seal is not None else None,
        withdrawn=is_ours and found.is_withdrawn,
    )


def _named_answer(found: Recovered) -> NamedAnswer:
    seal = found.seal if found.conclusion.answer in _FROM_HERE else None
    return NamedAnswer(public=public_answer(found), sha256=None if seal is None else seal.sha256)


def _stored(row: Any) -> NamedAnswer:
    return NamedAnswer(public=msgspec.convert(row.answer, PublicAnswer), sha256=row.answer.get(_NAMED))


def _today(sha256: str, now: float) -> tuple[Any, Any]:
    return provenance_answers.c.sha256 == sha256, provenance_answers.c.day == _day(now)


def _day(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).date().isoformat()
