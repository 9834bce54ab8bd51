"""The journal of a batch in SQLite: what was sent and what came of it. A batch resumes from it after a crash.

A submission is committed before its create is sent, so that no create is ever sent twice without its key.
The connection holds an exclusive lock: a second run of the same batch is refused, also after `kill -9`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Literal

from safelight_client.errors import BatchError, BatchRunning, JournalUnusable
from safelight_client.transport import split_login

#: In the digest of a plan: a row whose template cannot be used now, as after it was retired.
NOT_RENDERED = "-"
#: Marks the file as ours, and its version.
_APPLICATION, _VERSION = 0x5AFE_BA7C, 3
_TABLES = """
create table batch (digest text not null, server text not null);
create table line (
    number integer primary key, state text not null, message text not null, by_policy integer not null,
    video_id text not null, path text not null, sha256 text not null,
    written integer not null default 0
) without rowid;
create table submission (
    key text primary key, number integer not null, phase text not null, model text not null,
    sent_at real not null, worst integer, state text not null, video_id text not null,
    outcome text not null, charged text not null, cost integer
);
create index submission_of_row on submission (number);
"""
#: From version 2 to 3. `written` numbers the rows in the order in which they were written last; the rules by
#: which a batch stops depend on the order in which rows ended.
_ADD_ORDER = "alter table line add column written integer not null default 0"
#: What became of a row. Only `pending`, `open` and `made` go on in the next run.
LineState = Literal[
    "pending", "open", "made", "delivered", "blocked", "failed", "submit_unknown", "vanished", "not_sent"
]
Phase = Literal["draft", "video"]
#: Outcomes with which a row ends, or its next step follows, although the submission may have cost nothing.
_RESULTS = frozenset({"completed", "blocked", "policy_block", "submit_unknown", "vanished"})


@dataclass(frozen=True, kw_only=True)
class LineRecord:
    """One row of the batch. `by_policy`: the policy of a gateway blocked it, not the filter of a provider."""

    number: int
    state: LineState
    message: str = ""
    by_policy: bool = False
    video_id: str = ""
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class JournalEntry:
    """One create. `sending`: its answer is not known; `accepted`: the video goes on; `ended`."""

    key: str
    number: int
    phase: Phase
    model: str
    sent_at: float
    worst: int | None
    state: Literal["sending", "accepted", "ended"] = "sending"
    video_id: str = ""
    outcome: str = ""
    charged: str = "unknown"
    #: In millionths of a dollar; None if it is not known.
    cost: int | None = None

    @property
    def counted(self) -> int:
        """What it counts as spent: the highest price if the cost is not known."""
        return (self.worst or 0) if self.cost is None else self.cost

    @property
    def is_unknown(self) -> bool:
        """Whether it ended without a video, and may have been charged all the same."""
        is_lost = not self.video_id or self.outcome == "submit_unknown"
        return self.state == "ended" and self.cost is None and is_lost

    @property
    def is_refused(self) -> bool:
        """Whether the server did not accept it: it has no video and cost nothing."""
        return self.state == "ended" and self.cost == 0 and not self.video_id

    @property
    def is_void(self) -> bool:
        """Whether it ended without a result and cost nothing: the row may be sent again."""
        return self.state == "ended" and self.cost == 0 and self.outcome not in _RESULTS


class Journal:
    """The journal of one batch at one server, opened by one program at a time."""

    def __init__(self, path: Path, *, digest: str, server: str) -> None:
        """Opens or creates the journal. Raises `JournalUnusable` or `BatchRunning`.

        `server`: its address; of a user name and a password in it, only a digest of the name is stored.
        """
        self.path = path
        server = _address(server)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create(path, digest, server)
        if path.stat().st_size == 0:
            raise _damaged(path, "the file is empty")
        self._db = sqlite3.connect(path, timeout=0.5, isolation_level=None)
        try:
            self._open(digest=digest, server=server)
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" not in str(error):
                raise _damaged(path, str(error)) from error
            message = f"Another program runs this batch: it has locked {path}."
            raise BatchRunning(message, "Wait until it has ended, or stop it.") from error
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _damaged(path, str(error)) from error
        except BatchError:
            self._db.close()
            raise

    def _open(self, *, digest: str, server: str) -> None:
        self._db.execute("pragma locking_mode = exclusive")
        self._db.execute("pragma synchronous = full")
        self._db.execute("begin exclusive")
        self._db.execute("commit")
        (application,) = self._db.execute("pragma application_id").fetchone()
        (version,) = self._db.execute("pragma user_version").fetchone()
        if application != _APPLICATION:
            raise _damaged(self.path, "it is not a journal of a batch")
        if version == _VERSION - 1:
            with self._transaction():
                self._db.execute(_ADD_ORDER)
                self._db.execute(f"pragma user_version = {_VERSION}")
        elif version != _VERSION:
            raise JournalUnusable(
                f"The journal {self.path} has version {version}; this program reads version {_VERSION}.",
                "Finish the batch with the program that began it.",
            )
        (found,) = self._db.execute("pragma quick_check(1)").fetchone()
        if found != "ok":
            raise _damaged(self.path, str(found))
        rows = self._db.execute("select digest, server from batch").fetchall()
        if len(rows) != 1:
            raise _damaged(self.path, "it names no batch")
        if not _is_same_batch(rows[0][0], digest):
            raise JournalUnusable(
                f"The journal {self.path} belongs to another batch: the rows or the options have changed.",
                "Use the file and the options of that batch, or another output folder.",
            )
        # The column has no index, so its last number is read once; no other program writes meanwhile.
        (self._written,) = self._db.execute("select coalesce(max(written), 0) from line").fetchone()
        stored = _address(rows[0][1])
        if stored != rows[0][1]:
            # An earlier version stored the password too; it must not stay in free space of the file.
            self._db.execute("pragma secure_delete = on")
            with self._transaction():
                self._db.execute("update batch set server = ?", (stored,))
        if stored != server:
            address = stored.rpartition(" ")[2]
            kind = "another login at the server" if address == server.rpartition(" ")[2] else "the server"
            raise JournalUnusable(
                f"The journal {self.path} belongs to {kind} {address}.",
                "Use that server, or another output folder.",
            )

    def lines(self) -> dict[int, LineRecord]:
        """The rows that were begun, by number, in the order in which they were written last."""
        found = self._db.execute(
            "select number, state, message, by_policy, video_id, path, sha256 from line "
            "order by written, number"
        ).fetchall()
        return {
            number: LineRecord(
                number=number,
                state=state,
                message=message,
                by_policy=bool(by_policy),
                video_id=video_id,
                path=path,
                sha256=sha256,
            )
            for number, state, message, by_policy, video_id, path, sha256 in found
        }

    def entries(self) -> list[JournalEntry]:
        """All submissions, in the order in which they were sent."""
        found = self._db.execute(
            "select key, number, phase, model, sent_at, worst, state, video_id, outcome, charged, cost "
            "from submission order by rowid"
        ).fetchall()
        names = [each.name for each in fields(JournalEntry)]
        return [JournalEntry(**dict(zip(names, row, strict=True))) for row in found]

    def write_entry(self, entry: JournalEntry) -> None:
        """Stores a submission durably."""
        with self._transaction():
            self._db.execute(
                "insert into submission values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict (key) do update set state = excluded.state, video_id = excluded.video_id, "
                "outcome = excluded.outcome, charged = excluded.charged, cost = excluded.cost",
                (
                    entry.key,
                    entry.number,
                    entry.phase,
                    entry.model,
                    entry.sent_at,
                    entry.worst,
                    entry.state,
                    entry.video_id,
                    entry.outcome,
                    entry.charged,
                    entry.cost,
                ),
            )

    def write_lines(self, *records: LineRecord) -> None:
        """Stores rows durably, all or none of them."""
        with self._transaction():
            self._db.executemany(
                "insert or replace into line values (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        one.number,
                        one.state,
                        one.message,
                        one.by_policy,
                        one.video_id,
                        one.path,
                        one.sha256,
                        place,
                    )
                    for place, one in enumerate(records, start=self._written + 1)
                ],
            )
        self._written += len(records)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._db.execute("begin immediate")
            yield
            self._db.execute("commit")
        except sqlite3.DatabaseError as error:
            if self._db.in_transaction:
                self._db.execute("rollback")
            raise JournalUnusable(
                f"The journal {self.path} could not be written: {error}.",
                "Free space on the disk, then run the batch again; it continues where it stopped.",
            ) from error

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()


def _is_same_batch(begun: str, now: str) -> bool:
    """Whether the digests are of one batch. The videos of a template that was retired since are followed."""
    (sent, *rows), (sent_now, *rows_now) = begun.split(" "), now.split(" ")
    if sent == sent_now:
        return True
    pairs = list(zip(rows, rows_now, strict=False))
    return (
        bool(pairs)
        and len(rows) == len(rows_now)
        and all(after in (before, NOT_RENDERED) for before, after in pairs)
    )


def _address(server: str) -> str:
    """The address of a server without user name and password; first a digest of the name if it has one."""
    if "://" not in server:
        return server
    login, at, _ = server.partition("://")[2].partition("/")[0].rpartition("@")
    name = hashlib.sha256(login.partition(":")[0].encode()).hexdigest()[:16]
    return f"login {name} {split_login(server)[0]}" if at else split_login(server)[0]


def _create(path: Path, digest: str, server: str) -> None:
    """Makes the journal under another name first, so that a crash leaves it whole or not there."""
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with closing(sqlite3.connect(part)) as db:
            db.executescript(_TABLES)
            db.execute("insert into batch values (?, ?)", (digest, server))
            db.execute(f"pragma application_id = {_APPLICATION}")
            db.execute(f"pragma user_version = {_VERSION}")
            db.commit()
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def _damaged(path: Path, reason: str) -> JournalUnusable:
    return JournalUnusable(
        f"The journal {path} is damaged: {reason}.",
        "Restore it from a backup. Without it, look at the list of the server before you send a row again.",
    )
