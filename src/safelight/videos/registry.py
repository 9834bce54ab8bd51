"""The registry of delivered files: their seals, fingerprints, and checks of origin for strangers."""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from safelight.core import canonical_json
from safelight.core.background.part import BackgroundPart
from safelight.core.backoff import Backoff
from safelight.core.errors import InvalidField, RateLimited, SandboxFailed
from safelight.core.ids import new_id
from safelight.detectors.image.pdq import BYTES
from safelight.provenance.fingerprints.clip_fingerprint import SALT_BYTES, ClipFingerprint
from safelight.provenance.fingerprints.fingerprint_index import FingerprintChange
from safelight.provenance.fingerprints.frame_hashes import Hashes
from safelight.provenance.fingerprints.picture_comparison import RegisteredPicture
from safelight.provenance.manifest import outcome_of
from safelight.provenance.models import Verification
from safelight.provenance.recovery.conclusion import Answer, Conclusion, Ground
from safelight.provenance.recovery.public_answer import PublicAnswer, public_answer
from safelight.provenance.recovery.recovery import FirstLook, Recovered, Recovery, not_media
from safelight.provenance.seal import ChangedRow, Mark, MarkState, Seal, lacks_timestamp, timestamp_facts
from safelight.provenance.timestamp_authority import TimestampMissing
from safelight.provenance.timestamping import Timestamper
from safelight.store.tables import provenance_check_counts, provenance_feedback, seal_fingerprints, seals

if TYPE_CHECKING:
    from safelight.store.database import Database, Transaction


# What people without an account write about answers on the origin of a file.

MAX_TEXT_CHARACTERS = 2000
MAX_CONTACT_CHARACTERS = 320
#: From all addresses together, so that visitors cannot fill the database. 2,000 characters each are 160 MB in
#: `KEEP_DAYS`, in a script with three bytes for each.
MAX_PER_DAY = 150
#: Half a year is time to look for patterns. The text may contain personal data.
KEEP_DAYS = 180
_DAY_S = 86_400.0
#: Rows that are read at once when an index is built.
_PAGE = 500
#: The registry is read this often while nothing is missing: the search reads the facts of every seal.
_INTERVAL_S = 3600.0
_BACKOFF = Backoff.doubling(first_s=60.0, max_s=_INTERVAL_S)
#: A round ends after this number of failures, because the authority probably does not answer. Each can take
#: 10 seconds.
_MAX_FAILURES = 3
#: A round ends after this number of timestamps; the next one follows at once. Each takes about a second.
_MAX_ADDED = 30
_NEXT_ROUND_S = 1.0
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


class NewFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wrote about one answer. It names no file."""

    answer: Answer
    ground: Ground
    text: str
    #: Where the person wants to get a reply.
    contact: str | None = None


class Feedback(NewFeedback, frozen=True, kw_only=True):
    """Stored feedback."""

    id: str
    created_at: float


class CheckFeedback:
    """Stores feedback for the operator, of all tenants together: an answer can name no tenant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, new: NewFeedback) -> None:
        """Raises `InvalidField`, and `RateLimited` after `MAX_PER_DAY` of the last 24 hours."""
        text = _require_text(new.text, "text", MAX_TEXT_CHARACTERS)
        contact = _require_text(new.contact or "", "contact", MAX_CONTACT_CHARACTERS)
        if not text:
            raise InvalidField("The feedback has no text.", param="text", remedy="Say what looks wrong.")
        rows, table = provenance_feedback.c, provenance_feedback
        with self._database.across_tenants("feedback on an answer about the origin") as tx:
            now = tx.now()
            if tx.count(table, rows.created_at > now - _DAY_S) >= MAX_PER_DAY:
                raise RateLimited(
                    "Too much feedback arrived today. Nothing was stored.", retry_after_s=_DAY_S
                )
            tx.insert(
                table,
                id=new_id("feedback"),
                answer=new.answer.value,
                ground=new.ground.value,
                text=text,
                contact=contact or None,
                created_at=now,
            )

    def delete_old(self) -> None:
        """Delete what is older than `KEEP_DAYS`."""
        with self._database.across_tenants("old feedback on answers about origins") as tx:
            tx.delete(provenance_feedback, provenance_feedback.c.created_at < tx.now() - KEEP_DAYS * _DAY_S)

    def list(self) -> tuple[Feedback, ...]:
        """What was sent in the last `KEEP_DAYS`, newest first."""
        rows = provenance_feedback.c
        with self._database.across_tenants("feedback on answers about origins", readonly=True) as tx:
            found = tx.select(
                provenance_feedback,
                rows.created_at >= tx.now() - KEEP_DAYS * _DAY_S,
                order_by=(rows.created_at.desc(), rows.id.desc()),
            )
        return tuple(
            Feedback(
                id=row.id,
                answer=Answer(row.answer),
                ground=Ground(row.ground),
                text=row.text,
                contact=row.contact,
                created_at=row.created_at,
            )
            for row in found
        )


def _require_text(text: str, param: str, most: int) -> str:
    # Browsers count a line break as one character, and send it as two.
    text = text.replace("\r\n", "\n").strip()
    if len(text) > most or "\0" in text:
        raise InvalidField(f"{param} must have at most {most} characters.", param=param)
    return text


# Rows of fingerprints in the database.

_log = logging.getLogger(__name__)


def add_fingerprint(tx: Transaction, sha256: str, video_id: str, fingerprint: ClipFingerprint) -> None:
    """Record the fingerprint of a sealed file, or record it again after it was removed."""
    salt = secrets.token_bytes(SALT_BYTES)
    picture = RegisteredPicture(
        thumbnails=fingerprint.thumbnails, step_s=fingerprint.step_s, times_s=fingerprint.times_s
    )
    content = {
        "hashes": fingerprint.hashes,
        "thumbnails": msgspec.msgpack.encode(picture),
        "salt": salt,
        "commitment": fingerprint.commitment(salt),
        "changed_at": tx.now(),
    }
    if not tx.insert_or_ignore(seal_fingerprints, sha256=sha256, video_id=video_id, **content):
        columns = seal_fingerprints.c
        was_removed = columns.removed_at.is_not(None)
        tx.update(seal_fingerprints, columns.sha256 == sha256, was_removed, removed_at=None, **content)


def remove_fingerprints(tx: Transaction, video_id: str) -> bool:
    """Delete the fingerprints of a video that was withdrawn, vaulted or deleted. Commitments are kept.

    Returns False if there were none.
    """
    removed = tx.update(
        seal_fingerprints,
        seal_fingerprints.c.video_id == video_id,
        seal_fingerprints.c.removed_at.is_(None),
        hashes=None,
        thumbnails=None,
        removed_at=tx.now(),
        changed_at=tx.now(),
    )
    return removed > 0


class FingerprintStore:
    """Reads the fingerprints of all tenants: anyone who has a file may ask for its origin. A damaged one is
    skipped, so that it does not prevent the search for others.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Hashes of the files whose damaged fingerprint is in the log: once, not with each search.
        self._logged: set[str] = set()

    def changes(self, since: float) -> list[FingerprintChange]:
        """What changed at or after this time, in the order of time."""
        columns = seal_fingerprints.c
        with self._database.across_tenants("index of fingerprints", readonly=True) as tx:
            rows = tx.select(
                seal_fingerprints,
                columns.changed_at >= since,
                columns=(columns.sha256, columns.changed_at, columns.removed_at),
                order_by=(columns.changed_at,),
            )
        return [
            FingerprintChange(
                sha256=row.sha256, changed_at=row.changed_at, is_removed=row.removed_at is not None
            )
            for row in rows
        ]

    def hashes(self, wanted: Collection[str]) -> Iterator[tuple[str, Hashes]]:
        """The hashes of these sealed files, one in each row. A damaged fingerprint has no row, and a removed
        one is left out.
        """
        columns, ordered = seal_fingerprints.c, sorted(wanted)
        for start in range(0, len(ordered), _PAGE):
            with self._database.across_tenants("index of fingerprints", readonly=True) as tx:
                rows = tx.select(
                    seal_fingerprints,
                    columns.sha256.in_(ordered[start : start + _PAGE]),
                    columns.hashes.is_not(None),
                    columns=(columns.sha256, columns.hashes),
                )
            for row in rows:
                stored = row.hashes
                if len(stored) % BYTES:
                    self._log_damaged(row.sha256)
                    stored = b""
                yield row.sha256, np.frombuffer(stored, np.uint8).reshape(-1, BYTES)

    def picture(self, sha256: str) -> RegisteredPicture | None:
        """The thumbnails of a sealed file; None if it has none, or none any more, or if they are damaged."""
        with self._database.across_tenants("thumbnails of a file", readonly=True) as tx:
            row = tx.one(seal_fingerprints, seal_fingerprints.c.sha256 == sha256)
        if row is None or row.thumbnails is None:
            return None
        try:
            return msgspec.msgpack.decode(row.thumbnails, type=RegisteredPicture)
        except msgspec.DecodeError:
            self._log_damaged(sha256)
            return None

    def _log_damaged(self, sha256: str) -> None:
        if sha256 not in self._logged:
            self._logged.add(sha256)
            _log.error(
                "The fingerprint of the file %s is damaged and is not used. Restore the row from a backup.",
                sha256,
            )


# The registry of seals: finds the seal of a delivered file by its hash, even without its manifest.


class Registry:
    """Reads and writes the seals. A row that was changed after its file was sealed is logged, and no method
    returns it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Ids of the changed rows that are in the log: each one is logged once, not with each search.
        self._logged: set[str] = set()

    def record(self, tx: Transaction, seal: Seal) -> bool:
        """Inserts the seal and its fingerprint in this transaction.

        Returns False if a seal of the same file is already recorded.
        """
        is_new = tx.insert_or_ignore(
            seals,
            id=new_id("seal"),
            video_id=seal.video_id,
            sha256=seal.sha256,
            source_sha256=seal.source_sha256,
            manifest=seal.manifest,
            manifest_id=seal.manifest_id,
            facts=_encode(seal.facts),
            mark_state=seal.mark.state.value,
            mark_id=seal.mark.content_id,
            mark_epoch=seal.mark.epoch,
            mark_algorithm=seal.mark.algorithm,
            binding=seal.binding,
            created_at=seal.sealed_at.timestamp(),
        )
        if is_new and seal.fingerprint is not None:
            add_fingerprint(tx, seal.sha256, seal.video_id, seal.fingerprint)
        return is_new

    def by_sha256(self, sha256: str) -> Seal | None:
        """The seal of the file with this hash, from any tenant: anyone who has the file may ask for its
        origin.
        """
        found = self.find(sha256)
        return found if isinstance(found, Seal) else None

    def find(self, sha256: str) -> Seal | ChangedRow | None:
        """The seal like `by_sha256`, or that the file has a row which was changed after it was sealed."""
        with self._database.across_tenants("origin of a file", readonly=True) as tx:
            row = tx.one(seals, seals.c.sha256 == sha256)
        return None if row is None else self._read(row) or ChangedRow()

    def by_mark(self, content_id: str) -> Seal | None:
        """The seal of the file with this watermark, from any tenant."""
        with self._database.across_tenants("origin of a watermark", readonly=True) as tx:
            rows = tx.select(seals, seals.c.mark_id == content_id)
        return next(self._read_all(rows), None)

    def by_manifest_id(self, manifest_id: str) -> Seal | None:
        """The seal of the file with this manifest, from any tenant."""
        if not manifest_id:
            return None
        with self._database.across_tenants("origin of a manifest", readonly=True) as tx:
            rows = tx.select(seals, seals.c.manifest_id == manifest_id)
        return next(self._read_all(rows), None)

    def without_timestamp(self) -> tuple[Seal, ...]:
        """Seals that were made while the timestamp authority did not answer, of all tenants, oldest first."""
        with self._database.across_tenants("missing timestamps", readonly=True) as tx:
            rows = tx.select(
                seals,
                seals.c.manifest != b"",
                columns=(seals.c.id, seals.c.facts),
                order_by=(seals.c.created_at,),
            )
            # A row with damaged facts is read, so that it is logged.
            missing = [
                row.id for row in rows if (facts := stored_facts(row)) is None or lacks_timestamp(facts)
            ]
            found = [tx.one(seals, seals.c.id == one) for one in missing]
        return tuple(self._read_all(row for row in found if row is not None))

    def add_timestamp(self, seal: Seal, manifest: bytes, facts: Mapping[str, Any]) -> bool:
        """Replaces the stored copy of a manifest by the same one with a timestamp. The delivered file is not
        changed.

        Returns False if the stored copy is not that of `seal` any more: another process was first, or the
        row was deleted.
        """
        with self._database.across_tenants("a later timestamp") as tx:
            where = (seals.c.sha256 == seal.sha256, seals.c.manifest == seal.manifest)
            return tx.update(seals, *where, manifest=manifest, facts=_encode(facts)) == 1

    def by_video_id(self, video_id: str) -> Seal | None:
        """The newest seal of a video, from any tenant: anyone who has the id may ask for its origin."""
        with self._database.across_tenants("origin of a video", readonly=True) as tx:
            rows = tx.select(seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(),))
        return next(self._read_all(rows), None)

    def by_video(self, video_id: str, *, tenant: str) -> tuple[Seal, ...]:
        """The seals of one video, newest first; there are several if the sealing step ran again."""
        with self._database.read_transaction(tenant) as tx:
            rows = tx.select(
                seals, seals.c.video_id == video_id, order_by=(seals.c.created_at.desc(), seals.c.id.desc())
            )
        return tuple(self._read_all(rows))

    def _read_all(self, rows: Iterable[Any]) -> Iterator[Seal]:
        return (seal for row in rows if (seal := self._read(row)) is not None)

    def _read(self, row: Any) -> Seal | None:
        """The seal of a row; None if the row was changed."""
        if is_intact(row):
            return _seal(row)
        if row.id not in self._logged:
            self._logged.add(row.id)
            _log.error(
                "The seal %s of the file %s was changed after it was written, so it is not used. Restore the "
                "row from a backup.",
                row.id,
                row.sha256,
            )
        return None


def erase_manifests(tx: Transaction, video_id: str) -> bool:
    """Delete the stored manifests of a video, which can contain those of the client's files.

    The hash of the delivered file is kept, so it is still recognized. Returns False if there were none.
    """
    return tx.update(seals, seals.c.video_id == video_id, seals.c.manifest != b"", manifest=b"") > 0


def is_intact(row: Any) -> bool:
    """Whether a row of the registry is as it was when the file was sealed."""
    try:
        return bool(row.binding == _seal(row).binding)
    except (
        ValueError,
        TypeError,
        OverflowError,
        OSError,
    ):  # a value of the wrong type, or an impossible time
        return False


def stored_facts(row: Any) -> dict[str, Any] | None:
    """The facts in a row of the registry; None if they are damaged."""
    try:
        facts = msgspec.json.decode(row.facts)
    except (msgspec.DecodeError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _encode(facts: Mapping[str, Any]) -> str:
    return canonical_json.encode(dict(facts)).decode()


def _seal(row: Any) -> Seal:
    facts = stored_facts(row)
    if facts is None:
        raise ValueError("the facts are damaged")
    return Seal(
        video_id=row.video_id,
        sha256=row.sha256,
        source_sha256=row.source_sha256,
        sealed_at=dt.datetime.fromtimestamp(row.created_at, dt.UTC),
        manifest=row.manifest,
        manifest_id=row.manifest_id,
        facts=facts,
        mark=Mark(
            state=MarkState(row.mark_state),
            content_id=row.mark_id,
            epoch=row.mark_epoch,
            algorithm=row.mark_algorithm,
        ),
    )


# Adds the timestamps that are missing because the authority did not answer when a file was sealed.


@dataclass(frozen=True, kw_only=True)
class TimestampRound:
    """What one round did: the seals that have a timestamp now, and why others have none."""

    added: tuple[Seal, ...]
    missing: tuple[tuple[Seal, str], ...]


class LateTimestamps:
    """Stores late timestamps in the registry; delivered files are not changed."""

    def __init__(
        self,
        *,
        registry: Registry,
        timestamper: Timestamper,
        stopping: threading.Event,
    ) -> None:
        self._registry = registry
        self._timestamper = timestamper
        self._failures: dict[str, int] = {}
        self._failed_rounds = 0
        self._has_more = False
        #: An authority that does not answer is not an error of the part, so the gateway stays ready.
        self.part = BackgroundPart(
            "timestamps", {"add_some": self.add_some}, interval_s=self.next_round_s, stopping=stopping
        )

    def add_all(self) -> TimestampRound:
        """Ask for every missing timestamp once."""
        return self._add(self._registry.without_timestamp())

    def add_some(self) -> TimestampRound:
        """Ask for missing timestamps in a round of limited length. Seals that failed before come last."""
        missing = self._registry.without_timestamp()
        waiting = sorted(missing, key=lambda seal: self._failures.get(seal.sha256, 0))
        done = self._add(waiting, max_added=_MAX_ADDED, max_failures=_MAX_FAILURES)
        counts = {seal.sha256: self._failures.get(seal.sha256, 0) for seal in missing}
        self._failures = counts | {seal.sha256: counts[seal.sha256] + 1 for seal, _ in done.missing}
        self._failed_rounds = self._failed_rounds + 1 if done.missing else 0
        self._has_more = len(missing) > len(done.added)
        for seal, reason in done.missing:
            _log.warning("%s has no timestamp yet: %s", seal.video_id, reason)
        return done

    def next_round_s(self) -> float:
        """Seconds until the next round: longer after each round with a failure."""
        if self._failed_rounds:
            return _BACKOFF.delay_s(self._failed_rounds)
        return _NEXT_ROUND_S if self._has_more else _INTERVAL_S

    def _add(
        self, seals: Iterable[Seal], *, max_added: int | None = None, max_failures: int | None = None
    ) -> TimestampRound:
        added: list[Seal] = []
        missing: list[tuple[Seal, str]] = []
        for seal in seals:
            if len(added) == max_added or len(missing) == max_failures:
                break
            try:
                confirmed = self._timestamper.confirm_later(seal.manifest, sealed_at=seal.sealed_at)
            except (TimestampMissing, SandboxFailed) as error:
                missing.append((seal, str(error)))
                continue
            facts = {**seal.facts, **timestamp_facts(self._timestamper.host, at=confirmed.at)}
            if self._registry.add_timestamp(seal, confirmed.manifest, facts):
                added.append(seal)
        return TimestampRound(added=tuple(added), missing=tuple(missing))


# Checks of the origin of files for strangers: four answers, and a limit for near-duplicates of one video.


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

    def check_file(self, path: Path) -> ProvenanceCheck:
        """The origin of a file. Raises `NotFound` or `InvalidMedia` if the file cannot be read at all."""
        look = self.look(path)
        return look if isinstance(look, ProvenanceCheck) else self.search(path, look)

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
            today = _day(tx.now())
            tx.delete(provenance_check_counts, provenance_check_counts.c.day < today)
            # In one order for all transactions, which wait for each other's rows.
            counted = [self._count(tx, sha256, today) for sha256 in sorted(sha256s)]
        return all(counted)

    def first(self, sha256: str) -> Ground | None:
        """The ground of the first answer of today; None without one."""
        with self._database.across_tenants("limit of provenance checks", readonly=True) as tx:
            row = tx.one(provenance_check_counts, *_row(sha256, _day(tx.now())))
        return Ground(row.ground) if row is not None and row.ground is not None else None

    def keep_first(self, sha256: str, ground: Ground) -> None:
        """Store the ground of an answer, unless there is one of today."""
        with self._database.across_tenants("limit of provenance checks") as tx:
            where = (*_row(sha256, _day(tx.now())), provenance_check_counts.c.ground.is_(None))
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


def _day(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).date().isoformat()
