"""Golden cases, and random samples of delivered videos."""

from __future__ import annotations

from safelight.accounts import KeyScope, Principal
from safelight.cases.inputs import MAX_CLAUSE_CHARACTERS
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.core.reasons import MAX_REASON_CHARACTERS, validate_text
from safelight.policy.findings import severity_of
from safelight.store.database import Database, Transaction
from safelight.store.tables import golden_cases, quality_draws, videos
from safelight.videos.case_rows import CaseKind
from safelight.videos.case_rows.models import ACTIONS

from . import store
from .draws import is_same_open, open_drawn
from .models import MAX_GOLDEN_SEVERITY, MAX_PER_STRATUM, Draw, Golden, NewDraw, NewGolden
from .results import read_draws
from .sampling import Stratum, select_some, stratum_of

#: Number of ids in one condition. PostgreSQL and SQLite accept far more.
_MAX_IDS = 500
_DELIVERED = "delivered"
#: A small sample is open at once; a request does not wait for a large one.
_BATCHES_AT_ONCE = 4
_ANSWERS = tuple(action.value for action in ACTIONS[CaseKind.QUALITY])


class Quality:
    """What is compared with the decisions of reviewers. Everything needs the scope `policy`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_golden(self, principal: Principal, new: NewGolden) -> Golden:
        """Make a video a golden case. Raises `InvalidField`, `NotFound`, and `Conflict` if it is one already.

        The video must not be locked away, and its category must not be of the highest severity: a milder case
        tests the same.
        """
        principal.require(KeyScope.POLICY)
        if new.answer not in _ANSWERS:
            raise InvalidField(
                f"{new.answer[:40]!r} is not an answer.",
                param="answer",
                remedy=f"Send {' or '.join(_ANSWERS)}.",
            )
        note = validate_text(new.note, "note", MAX_REASON_CHARACTERS)
        clause = validate_text(new.clause, "clause", MAX_CLAUSE_CHARACTERS) if new.clause else None
        with self._database.transaction(principal.tenant) as tx:
            video = tx.one(videos, new.video_id)
            if video is None or video.vaulted or video.quarantined:
                raise NotFound(f"There is no video {new.video_id[:80]!r}.", param="video_id")
            if severity_of(_category(tx, video.id)) > MAX_GOLDEN_SEVERITY:
                raise InvalidField(
                    "A case of the highest severity is not shown to reviewers as a golden case.",
                    param="video_id",
                    remedy="Choose the mildest video that tests the same rule.",
                )
            if tx.count(
                golden_cases, golden_cases.c.video_id == video.id, golden_cases.c.retired_at.is_(None)
            ):
                raise Conflict("This video is a golden case already.", param="video_id")
            golden_id = new_id("golden")
            tx.insert(
                golden_cases,
                id=golden_id,
                video_id=video.id,
                answer=new.answer,
                clause=clause,
                note=note,
                author=principal.id,
                created_at=tx.now(),
            )
            tx.append_audit(
                "golden.added", subject=golden_id, actor=principal.id, content={"answer": new.answer}
            )
            return _golden(tx, golden_id)

    def list_golden(self, principal: Principal) -> tuple[Golden, ...]:
        """All golden cases, newest first."""
        principal.require(KeyScope.POLICY)
        with self._database.read_transaction(principal.tenant) as tx:
            rows = tx.select(golden_cases, order_by=(golden_cases.c.created_at.desc(), golden_cases.c.id))
        return tuple(store.golden_from_row(row) for row in rows)

    def retire_golden(self, principal: Principal, golden_id: str) -> Golden:
        """Stop giving a golden case to reviewers. Its answers stay."""
        principal.require(KeyScope.POLICY)
        with self._database.transaction(principal.tenant) as tx:
            golden = _golden(tx, golden_id)
            if golden.retired_at is None:
                tx.update(golden_cases, golden_id, retired_at=tx.now())
                tx.append_audit("golden.retired", subject=golden_id, actor=principal.id, content={})
            return _golden(tx, golden_id)

    def draw(self, principal: Principal, new: NewDraw) -> Draw:
        """Draw a random sample of delivered videos from each stratum, and open a quality review for each.

        The `QualitySampler` opens those of a large sample.

        Raises `InvalidField` for a time that is not over yet: later videos would have no chance to be drawn.
        Raises `Conflict` if an earlier sample of the same time is open.
        """
        principal.require(KeyScope.POLICY)
        if not 1 <= new.per_stratum <= MAX_PER_STRATUM:
            raise InvalidField(f"per_stratum must be 1 to {MAX_PER_STRATUM}.", param="per_stratum")
        with self._database.transaction(principal.tenant) as tx:
            if not new.since < new.until <= tx.now():
                raise InvalidField("The time must end after it begins, and be over.", param="until")
            seed = store.read_seed(tx)
        # Reading takes long: no writer waits for it.
        with self._database.read_transaction(principal.tenant) as tx:
            strata, categories = _delivered_by_stratum(tx, new)
        draw_id = new_id("draw")
        # The id of the draw is part of the seed: two draws are independent.
        chosen = {
            stratum: select_some(seed + draw_id.encode(), names, new.per_stratum)
            for stratum, names in strata.items()
        }
        with self._database.transaction(principal.tenant) as tx:
            # It locks the row of the seed, so that of two requests at the same time the second is refused.
            store.read_seed(tx)
            if is_same_open(tx, new):
                raise Conflict(
                    "A sample of this time is open already.",
                    param="since",
                    remedy="Answer its cases first, or choose another time.",
                )
            tx.insert(
                quality_draws,
                id=draw_id,
                since=new.since,
                until=new.until,
                delivered={stratum.value: len(names) for stratum, names in strata.items()},
                drawn={stratum.value: len(names) for stratum, names in chosen.items()},
                waiting=[
                    [name, stratum.value, max(categories[name], key=severity_of, default="")]
                    for stratum, names in chosen.items()
                    for name in names
                ],
                drawn_by=principal.id,
                drawn_at=tx.now(),
            )
            tx.append_audit(
                "quality.drawn",
                subject=draw_id,
                actor=principal.id,
                content={stratum.value: len(names) for stratum, names in chosen.items()},
            )
        open_drawn(self._database, principal.tenant, draw_id, batches=_BATCHES_AT_ONCE)
        with self._database.read_transaction(principal.tenant) as tx:
            return read_draws(tx, draw_id)[0]


def _golden(tx: Transaction, golden_id: str) -> Golden:
    row = tx.one(golden_cases, golden_id)
    if row is None:
        raise NotFound(f"There is no golden case {golden_id[:80]!r}.", param="golden_id")
    return store.golden_from_row(row)


def _category(tx: Transaction, video_id: str) -> str:
    verdict = store.strongest_verdict(tx, video_id)
    return verdict.category if verdict is not None else ""


def _delivered_by_stratum(
    tx: Transaction, new: NewDraw
) -> tuple[dict[Stratum, list[str]], dict[str, set[str]]]:
    """The videos that were delivered in a time and still are, by stratum; and their categories."""
    time = (videos.c.ended_at >= new.since, videos.c.ended_at < new.until)
    rows = tx.select(
        videos,
        videos.c.state == _DELIVERED,
        videos.c.deleted_at.is_(None),
        videos.c.vaulted.is_(False),
        *time,
        columns=[videos.c.id],
        order_by=(videos.c.id,),
    )
    names = [row.id for row in rows]
    categories: dict[str, set[str]] = {}
    for start in range(0, len(names), _MAX_IDS):
        categories |= store.found_categories(tx, names[start : start + _MAX_IDS])
    strata: dict[Stratum, list[str]] = {stratum: [] for stratum in Stratum}
    for name in names:
        strata[stratum_of(categories[name])].append(name)
    return strata, categories
