"""The audit log, and its verification by its hash chain and by signed checkpoints outside the database."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Row, or_, select

from safelight.core import canonical_json
from safelight.core.background.part import BackgroundPart
from safelight.core.disk import as_storage_full
from safelight.core.errors import BadInput, SettingsError
from safelight.core.fileio import append_line, write_atomic, write_once
from safelight.core.object_store import open_object_store, translate_store_errors
from safelight.store.database import Database, Transaction
from safelight.store.hash_chain import GENESIS, ChainedFields, compute_commitment, hash_entry
from safelight.store.tables import api_keys, audit_log, audit_log_contents, audit_log_head, cases, people

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


# Signed checkpoints of the audit log. Each records the last entry at one time, outside the database.

_FILE = "checkpoints.jsonl"
#: Part of the signed bytes, so that the signature cannot be used for another purpose.
_PURPOSE = "safelight audit checkpoint 1"
#: Pause between two checkpoints. An attacker with write access to the database can remove entries that are
#: newer than the last checkpoint without detection.
INTERVAL_S = 60.0
#: Longest chain of one proof, in entries; checkpoints are written once a minute.
MAX_ENTRIES = 20_000
#: The event of an entry that records an erasure. The content of such an entry is never erased.
ERASED = "log.erased"
_CONTENT = (
    audit_log_contents.c.seq.label("content_seq"),
    audit_log_contents.c.tenant_id.label("content_tenant"),
    audit_log_contents.c.salt,
    audit_log_contents.c.content,
)
_ROWS_PER_PAGE = 2000
#: Maximum number of problems in a result. Further problems are only counted.
_MAX_PROBLEMS = 100


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed record of which entry was the last of the audit log at the time `at`."""

    seq: int
    hash: str
    at: float
    #: Fingerprint of the signing key: SHA-256 of the public key, hex.
    key: str
    #: Ed25519 signature in hex. It covers the purpose and the fields above, as canonical JSON.
    signature: str

    def signed_bytes(self) -> bytes:
        """The bytes that the signature covers."""
        return _signed_bytes(self.seq, self.hash, self.at, self.key)


class CheckpointKey:
    """The key pair that signs checkpoints: `audit.pem` and `audit.pub.pem` in the keys folder.

    The key pair is created on first use. Verification needs only `audit.pub.pem`; keep a copy of that file on
    another machine.
    """

    def __init__(self, private: Ed25519PrivateKey | None, public: Ed25519PublicKey) -> None:
        self._private = private
        self._public = public

    @classmethod
    def load(cls, folder: Path) -> CheckpointKey:
        """The key pair in this folder. Created if the folder has none."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        path = folder / "audit.pem"
        if not path.exists():
            generated = Ed25519PrivateKey.generate()
            write_once(
                path,
                generated.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            )
        private = _read(path, lambda data: serialization.load_pem_private_key(data, password=None))
        if not isinstance(private, Ed25519PrivateKey):
            raise _unusable(path)
        key = cls(private, private.public_key())
        key._write_public(folder / "audit.pub.pem")
        return key

    @classmethod
    def public(cls, path: Path) -> CheckpointKey:
        """The public key in this file. It can verify checkpoints but not sign them."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        public = _read(path, serialization.load_pem_public_key)
        if not isinstance(public, Ed25519PublicKey):
            raise _unusable(path)
        return cls(None, public)

    @property
    def public_pem(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        return self._public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self._public.public_bytes_raw()).hexdigest()

    def _write_public(self, path: Path) -> None:
        """Write the public key for outside auditors.

        That of an earlier pair, whose private key was lost, is kept beside it: it verifies older checkpoints.
        """
        write_once(path, self.public_pem, mode=0o644)
        stored = path.read_bytes()
        if stored != self.public_pem:
            earlier = path.with_name(f"audit.pub.{hashlib.sha256(stored).hexdigest()[:16]}.pem")
            write_once(earlier, stored, mode=0o644)
            write_atomic(path, self.public_pem, mode=0o644)

    def sign_bytes(self, data: bytes) -> bytes:
        """The signature of other data, which must not begin with `[`, as the bytes of a checkpoint do."""
        if self._private is None:
            raise ValueError("a public key cannot sign")
        return self._private.sign(data)

    def sign(self, *, seq: int, hash: str, at: float) -> Checkpoint:  # noqa: A002
        signature = self.sign_bytes(_signed_bytes(seq, hash, at, self.fingerprint))
        return Checkpoint(seq=seq, hash=hash, at=at, key=self.fingerprint, signature=signature.hex())

    def verify(self, checkpoint: Checkpoint) -> bool:
        """Whether this key signed this checkpoint."""
        from cryptography.exceptions import InvalidSignature

        try:
            self._public.verify(bytes.fromhex(checkpoint.signature), checkpoint.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return checkpoint.key == self.fingerprint


class CheckpointStore(Protocol):
    """A place outside the database to which checkpoints are appended."""

    def append(self, checkpoint: Checkpoint) -> None:
        """Append a checkpoint. When this method returns, the checkpoint is stored durably."""
        ...

    def read(self) -> Iterator[Checkpoint | str]:
        """All checkpoints, oldest first. An unreadable checkpoint is replaced by an error message."""
        ...


class FileCheckpointStore:
    """Stores checkpoints in `checkpoints.jsonl`, one per line. Several processes may append to the file."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def append(self, checkpoint: Checkpoint) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            append_line(self._path, msgspec.json.encode(checkpoint), mode=0o666)
        except OSError as error:
            raise as_storage_full(error) or error from error

    def read(self) -> Iterator[Checkpoint | str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse(line, f"Line {number} of {self._path.name}")


class ObjectCheckpointStore:
    """Stores each checkpoint as an object in a bucket or folder given by URL.

    Use a bucket with object lock if possible, because its objects cannot be deleted.
    """

    def __init__(self, url: str, *, options: Mapping[str, Any] | None = None) -> None:
        _, self._store = open_object_store(url, options or {})

    def append(self, checkpoint: Checkpoint) -> None:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        name = f"{checkpoint.seq:012d}-{checkpoint.hash[:16]}.json"
        with translate_store_errors(writing=True), suppress(AlreadyExistsError):
            obstore.put(self._store, name, msgspec.json.encode(checkpoint), mode="create")

    def read(self) -> Iterator[Checkpoint | str]:
        import obstore

        with translate_store_errors():
            names = sorted(item["path"] for page in obstore.list(self._store) for item in page)
            for name in names:
                yield _parse(bytes(obstore.get(self._store, name).bytes()), f"The object {name}")


def _signed_bytes(seq: int, hash_: str, at: float, key: str) -> bytes:
    return canonical_json.encode([_PURPOSE, seq, hash_, repr(float(at)), key])


def _parse(data: bytes, place: str) -> Checkpoint | str:
    try:
        return msgspec.json.decode(data, type=Checkpoint)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{place} is not a checkpoint."


def _read(path: Path, parse: Any) -> Any:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(path) from error


def _unusable(path: Path) -> SettingsError:
    return SettingsError(
        f"{path} is not an Ed25519 key.",
        remedy="Restore the key from a backup. Without it, its checkpoints cannot be verified.",
    )


# Writes checkpoints of the audit log while the gateway runs, and a last one when it stops.


class CheckpointWriter:
    """Signs the last entry of the audit log and appends the checkpoint to every store.

    Runs when the gateway starts, at intervals, and once more when the gateway stops.
    """

    def __init__(
        self,
        database: Database,
        key: CheckpointKey,
        stores: Sequence[CheckpointStore],
        *,
        interval_s: float = INTERVAL_S,
        stopping: threading.Event | None = None,
    ) -> None:
        self._database = database
        self._key = key
        self._stores = tuple(stores)
        self._last_seq = 0
        self._writing = threading.Lock()
        self.part = BackgroundPart(
            "audit-checkpoints",
            {"write": self.write},
            interval_s=interval_s,
            stopping=stopping or threading.Event(),
        )

    def write(self) -> Checkpoint | None:
        """Append a checkpoint to every store. Returns None if the log has no new entry since the last one."""
        with self._database.across_tenants("writing a checkpoint", readonly=True) as tx:
            row, at = tx.one(audit_log_head), tx.now()
        return self._append(row, at)

    @contextmanager
    def closed_log(self) -> Iterator[Checkpoint | None]:
        """Write the last checkpoint. Inside the `with` block no entry can be added after it."""
        with self._database.across_tenants("the last checkpoint") as tx:
            yield self._append(tx.one(audit_log_head, lock=True), tx.now())

    def _append(self, head: Row[Any] | None, at: float) -> Checkpoint | None:
        with self._writing:
            if head is None or head.seq <= self._last_seq:
                return None
            checkpoint = self._key.sign(seq=head.seq, hash=head.hash, at=at)
            for store in self._stores:
                store.append(checkpoint)
            self._last_seq = head.seq
            return checkpoint


# Inclusion proofs: that entries about one subject are in the audit log that a signed checkpoint covers.


@dataclass(frozen=True, kw_only=True)
class ProvedContent:
    """The content of one entry with the salt of its commitment."""

    seq: int
    #: Hexadecimal.
    salt: str
    content: str


@dataclass(frozen=True, kw_only=True)
class InclusionProof:
    """All entries from the first one about the subject to the checkpoint.

    The chain has all fields of the entries of other subjects and tenants (tenant, subject, actor, event and
    time) but not their contents, because the hash of each entry covers these fields and the hash before.
    """

    entries: tuple[ChainedFields, ...]
    contents: tuple[ProvedContent, ...]
    checkpoint: Checkpoint

    def as_json(self) -> dict[str, Any]:
        return {
            "entries": [asdict(entry) for entry in self.entries],
            "contents": [asdict(content) for content in self.contents],
            "checkpoint": msgspec.to_builtins(self.checkpoint),
        }


class InclusionProver:
    """Makes inclusion proofs with the valid checkpoints of an installation."""

    def __init__(self, database: Database, stores: Iterable[CheckpointStore], key: CheckpointKey) -> None:
        self._database = database
        found = [one for store in stores for one in store.read() if isinstance(one, Checkpoint)]
        self._checkpoints = sorted((one for one in found if key.verify(one)), key=lambda one: one.seq)

    def prove(self, tenant: str | None, subject: str, *, events: str) -> InclusionProof | None:
        """The proof for the entries of the tenant, or of the whole installation, about `subject` whose event
        begins with `events`.

        None if there is no such entry, or if no checkpoint covers the last one yet.
        """
        with self._database.across_tenants("proving entries of the log", readonly=True) as tx:
            own = [
                row
                for row in tx.select(
                    audit_log,
                    audit_log.c.tenant_id == tenant,
                    audit_log.c.subject == subject,
                    order_by=(audit_log.c.seq,),
                )
                if row.event.startswith(events)
            ]
            checkpoint = next((one for one in self._checkpoints if own and one.seq >= own[-1].seq), None)
            if checkpoint is None:
                return None
            first = own[0].seq
            if checkpoint.seq - first >= MAX_ENTRIES:
                raise BadInput(f"The proof for {subject} would have more than {MAX_ENTRIES:,} entries.")
            return InclusionProof(
                entries=_chain(tx, first, checkpoint.seq),
                contents=_contents(tx, [row.seq for row in own]),
                checkpoint=checkpoint,
            )


def verify_inclusion(proof: InclusionProof, key: CheckpointKey, *, tenant: str | None, subject: str) -> bool:
    """Whether the entries form one chain that ends at a checkpoint of this key.

    At least one content is proved, and all contents are of entries of this tenant about this subject.
    """
    if not proof.entries or not proof.contents or not key.verify(proof.checkpoint):
        return False
    previous = proof.entries[0].previous
    for number, entry in enumerate(proof.entries, proof.entries[0].seq):
        if entry.seq != number or entry.previous != previous:
            return False
        previous = hash_entry(entry)
    if (proof.entries[-1].seq, previous) != (proof.checkpoint.seq, proof.checkpoint.hash):
        return False
    own = (entry for entry in proof.entries if (entry.tenant_id, entry.subject) == (tenant, subject))
    commitments = {entry.seq: entry.commitment for entry in own}
    return all(
        compute_commitment(bytes.fromhex(one.salt), one.content.encode()) == commitments.get(one.seq)
        for one in proof.contents
    )


def _chain(tx: Transaction, first: int, last: int) -> tuple[ChainedFields, ...]:
    names = ("previous", "seq", "at", "tenant_id", "event", "subject", "actor", "commitment")
    rows = tx.select(audit_log, audit_log.c.seq.between(first, last), order_by=(audit_log.c.seq,))
    return tuple(ChainedFields(**{name: getattr(row, name) for name in names}) for row in rows)


def _contents(tx: Transaction, seqs: list[int]) -> tuple[ProvedContent, ...]:
    rows = tx.execute(
        select(audit_log_contents)
        .where(audit_log_contents.c.seq.in_(seqs), audit_log_contents.c.content.is_not(None))
        .order_by(audit_log_contents.c.seq)
    )
    return tuple(
        ProvedContent(seq=row.seq, salt=bytes(row.salt).hex(), content=bytes(row.content).decode())
        for row in rows
    )


# An entry of the audit log, and the result of verifying the log.


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """One entry of the audit log."""

    seq: int
    at: float
    #: The tenant of the entry. None if the entry concerns the whole installation.
    tenant: str | None
    event: str
    subject: str
    actor: str
    hash: str
    #: None if the content was erased.
    content: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class AuditProblem:
    """An inconsistency that the verification found."""

    #: Number of the affected entry. None if a checkpoint is unreadable.
    seq: int | None
    message: str


@dataclass(frozen=True, kw_only=True)
class AuditVerification:
    """The result of verifying the whole log. `ok` is true only if no problem was found."""

    ok: bool
    entries: int
    #: Number of entries whose content was erased and whose erasure is recorded in another entry.
    erased: int
    #: Number of validly signed checkpoints that were compared with the log.
    checkpoints: int
    #: Number of the last entry that a signed checkpoint covers; 0 if there is none. The removal of later
    #: entries cannot be detected.
    last_signed_seq: int
    problems: tuple[AuditProblem, ...]


# Reads the audit log, erases contents of entries, and verifies that no entry was changed.


def read_entries(
    database: Database,
    *,
    after: int = 0,
    limit: int = 100,
    newest: bool = False,
    person: str = "",
    case: str = "",
    event: str = "",
) -> tuple[LogEntry, ...]:
    """Entries of all tenants with a `seq` greater than `after`, oldest first, at most `limit`: the first, or
    with `newest` the last ones.

    `person`: the id, the e-mail address or the name of the person or key that acted or is concerned. `case`:
    the entries that name this case. All given conditions must hold.
    """
    where = [audit_log.c.event == event] if event else []
    with database.across_tenants("reading the log", readonly=True) as tx:
        if person:
            ids = find_accounts(tx, person)
            where.append(or_(audit_log.c.actor.in_(ids), audit_log.c.subject.in_(ids)))
        if not case:
            return tuple(_entry(row) for row in _page(tx, after, limit, *where, newest=newest))
        # The case stands in the content of most entries, which are about its video.
        videos = [row.video_id for row in tx.select(cases, cases.c.id == case, columns=[cases.c.video_id])]
        where.append(audit_log.c.subject.in_([case, *videos]))
        rows = _page(tx, after, None, *where, newest=newest)
        found = [
            entry for entry in map(_entry, rows) if case in (entry.subject, (entry.content or {}).get("case"))
        ]
    return tuple(found[-limit:] if newest else found[:limit])


def find_accounts(tx: Transaction, person: str) -> list[str]:
    """The ids that a person or key may have who is given by id, e-mail address or name."""
    wanted = person.strip()
    people_found = tx.select(
        people, or_(people.c.email == wanted.lower(), people.c.name == wanted), columns=[people.c.id]
    )
    keys_found = tx.select(api_keys, api_keys.c.name == wanted, columns=[api_keys.c.id])
    return [wanted, *(row.id for row in (*people_found, *keys_found))]


def read_history(tx: Transaction, subject: str) -> tuple[LogEntry, ...]:
    """The entries of the current tenant about one subject, oldest first."""
    rows = tx.execute(
        select(audit_log, *_CONTENT)
        .join(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
        .where(
            *tx.tenant_condition(audit_log),
            *tx.tenant_condition(audit_log_contents),
            audit_log.c.subject == subject,
        )
        .order_by(audit_log.c.seq)
    )
    return tuple(_entry(row) for row in rows)


def erase_contents(tx: Transaction, seqs: Iterable[int], *, actor: str, reason: str) -> int:
    """Erase the contents of these entries permanently. Returns the number of erased contents.

    The entries themselves stay, so the hash chain stays valid. A new entry records the erasure; without this
    record, `verify` would report the missing contents.
    """
    wanted = sorted(set(seqs))
    found = [
        row.seq for row in tx.select(audit_log, audit_log.c.seq.in_(wanted), audit_log.c.event != ERASED)
    ]
    if len(found) != len(wanted):
        raise BadInput("Contents of other tenants, and of entries that record an erasure, cannot be erased.")
    if not wanted:
        return 0
    tx.update(audit_log_contents, audit_log_contents.c.seq.in_(wanted), salt=b"", content=None)
    tx.append_audit(
        ERASED, subject=f"log:{wanted[0]}", actor=actor, content={"seqs": wanted, "reason": reason}
    )
    return len(wanted)


def verify(database: Database, stores: Iterable[CheckpointStore], key: CheckpointKey) -> AuditVerification:
    """Verify every entry, its content and every checkpoint. Problems are returned, never raised."""
    # Checkpoints are read before the log, so that the log already has every entry that a checkpoint covers.
    checkpoints = [checkpoint for store in stores for checkpoint in store.read()]
    with database.across_tenants("verifying the log", readonly=True) as tx:
        return _Verification(key, checkpoints).run(tx)


class _Verification:
    """One verification of the whole log."""

    def __init__(self, key: CheckpointKey, checkpoints: list[Checkpoint | str]) -> None:
        self._problems: list[AuditProblem] = []
        self._uncollected = 0
        self._compared = 0
        self._hashes: dict[int, set[str]] = {}
        #: Numbers of the entries without content, and of the entries that a recorded erasure names.
        self._erased: set[int] = set()
        self._recorded_erasures: set[int] = set()
        for checkpoint in checkpoints:
            if isinstance(checkpoint, str):
                self._report(None, checkpoint)
            elif not key.verify(checkpoint):
                self._report(
                    checkpoint.seq,
                    f"The checkpoint of entry {checkpoint.seq} is not signed by the key of this gateway.",
                )
            else:
                self._compared += 1
                self._hashes.setdefault(checkpoint.seq, set()).add(checkpoint.hash)

    def run(self, tx: Transaction) -> AuditVerification:
        previous, expected, count = GENESIS, 1, 0
        while rows := _page(tx, expected - 1, _ROWS_PER_PAGE):
            for row in rows:
                count += 1
                self._check_entry(row, expected, previous)
                previous, expected = row.hash, row.seq + 1
        last = expected - 1
        self._check_end(tx, last, previous, is_empty=not count)
        for seq in sorted(self._erased - self._recorded_erasures):
            self._report(seq, f"The content of entry {seq} was erased, and no entry records the erasure.")
        if self._uncollected:
            message = f"There are {self._uncollected} more problems."
            self._problems.append(AuditProblem(seq=None, message=message))
        return AuditVerification(
            ok=not self._problems,
            entries=count,
            erased=len(self._erased & self._recorded_erasures),
            checkpoints=self._compared,
            last_signed_seq=max((seq for seq in self._hashes if seq <= last), default=0),
            problems=tuple(self._problems),
        )

    def _check_entry(self, row: Row[Any], expected: int, previous: str) -> None:
        if row.seq != expected:
            self._report_missing(expected, row.seq - 1)
        elif row.previous != previous:
            self._report(
                row.seq,
                f"Entry {row.seq} does not follow the entry before it in the hash chain.",
            )
        if _hash(row) != row.hash:
            self._report(row.seq, f"Entry {row.seq} was changed after it was written.")
        hashes = self._hashes.get(row.seq)
        if hashes is not None and hashes != {row.hash}:
            self._report(row.seq, f"Entry {row.seq} differs from its signed checkpoint.")
        self._check_content(row)

    def _check_content(self, row: Row[Any]) -> None:
        if row.content_seq is None:
            self._report(row.seq, f"The content row of entry {row.seq} is missing.")
        elif row.content_tenant != row.tenant_id:
            self._report(row.seq, f"The content of entry {row.seq} was assigned to another tenant.")
        elif row.content is None:
            self._erased.add(row.seq)
        elif compute_commitment(bytes(row.salt), bytes(row.content)) != row.commitment:
            self._report(row.seq, f"The content of entry {row.seq} was changed after it was written.")
        elif row.event == ERASED:
            self._recorded_erasures.update(msgspec.json.decode(row.content)["seqs"])

    def _check_end(self, tx: Transaction, last: int, last_hash: str, *, is_empty: bool) -> None:
        head = tx.one(audit_log_head)
        if head is None:
            if not is_empty:
                self._report(last, "The table audit_log_head, which records the last entry, is empty.")
        elif (head.seq, head.hash) != (last, last_hash):
            self._report(
                last,
                f"The log ends at entry {last}, but audit_log_head records entry {head.seq} as the last.",
            )
        for seq in sorted(seq for seq in self._hashes if seq > last):
            self._report(seq, f"A signed checkpoint covers entry {seq}, but the log ends at entry {last}.")

    def _report_missing(self, first: int, last: int) -> None:
        entries = f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
        self._report(first, f"{entries} missing.")

    def _report(self, seq: int | None, message: str) -> None:
        if len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(AuditProblem(seq=seq, message=message))
        else:
            self._uncollected += 1


def _page(
    tx: Transaction, after: int, limit: int | None, *where: ColumnElement[bool], newest: bool = False
) -> list[Row[Any]]:
    rows = list(
        tx.execute(
            select(audit_log, *_CONTENT)
            .outerjoin(audit_log_contents, audit_log.c.seq == audit_log_contents.c.seq)
            .where(audit_log.c.seq > after, *where)
            .order_by(audit_log.c.seq.desc() if newest else audit_log.c.seq)
            .limit(limit)
        )
    )
    return rows[::-1] if newest else rows


def _hash(row: Row[Any]) -> str:
    return hash_entry(
        ChainedFields(
            previous=row.previous,
            seq=row.seq,
            at=row.at,
            tenant_id=row.tenant_id,
            event=row.event,
            subject=row.subject,
            actor=row.actor,
            commitment=row.commitment,
        )
    )


def _entry(row: Row[Any]) -> LogEntry:
    content: Mapping[str, Any] | None = None if row.content is None else msgspec.json.decode(row.content)
    return LogEntry(
        seq=row.seq,
        at=row.at,
        tenant=row.tenant_id,
        event=row.event,
        subject=row.subject,
        actor=row.actor,
        hash=row.hash,
        content=content,
    )
