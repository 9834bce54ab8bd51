"""Drift episodes: compares the drifts of a tenant with those that were reported, and reports what changed.

The begin and the end of an episode each have one entry in the audit log and one event for webhooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Row

from safelight.core.ids import new_id
from safelight.store.database import Database, Transaction
from safelight.store.tables import drift_episodes

from .drift import Drift, DriftKind
from .drift_history import RECENT_S
from .models import format_moment

#: The topic of the messages in the outbox.
TOPIC = "provider.drift"
_ACTOR = "drift"


class ComparedOutcomes(StrEnum):
    """What a kind of drift compares. Each has at most one open episode at a provider and model."""

    REFUSALS = "refusals"
    FAILURES = "failures"
    CHARGES = "charges"
    PRICES = "prices"


class EpisodeStatus(StrEnum):
    BEGUN = "begun"
    ENDED = "ended"


_COMPARED = {
    DriftKind.REFUSES_MORE: ComparedOutcomes.REFUSALS,
    DriftKind.REFUSES_WORDS: ComparedOutcomes.REFUSALS,
    DriftKind.REFUSES_LESS: ComparedOutcomes.REFUSALS,
    DriftKind.FAILS_MORE: ComparedOutcomes.FAILURES,
    DriftKind.FAILS_LESS: ComparedOutcomes.FAILURES,
    DriftKind.CHARGES_MORE: ComparedOutcomes.CHARGES,
    DriftKind.CHARGES_LESS: ComparedOutcomes.CHARGES,
    DriftKind.PRICE: ComparedOutcomes.PRICES,
}
_FALLS = frozenset({DriftKind.REFUSES_LESS, DriftKind.FAILS_LESS, DriftKind.CHARGES_LESS})


@dataclass(frozen=True, kw_only=True)
class DriftEpisode:
    """A drift that was reported. Times are in unix seconds."""

    id: str
    provider: str
    model: str
    kind: DriftKind
    since: float
    earliest: float
    found_at: float

    @classmethod
    def begin(cls, drift: Drift) -> DriftEpisode:
        return cls(
            id=new_id("drift"),
            provider=drift.provider,
            model=drift.model,
            kind=drift.kind,
            since=drift.since,
            earliest=drift.earliest,
            found_at=drift.found_at,
        )

    def is_same(self, drift: Drift) -> bool:
        """Whether the drift is this episode, found again with more attempts: its times can move a little."""
        return (
            (self.kind in _FALLS) == (drift.kind in _FALLS)
            and drift.earliest <= self.found_at
            and self.earliest <= drift.found_at
        )


@dataclass(frozen=True, kw_only=True)
class EpisodeChanges:
    begun: tuple[DriftEpisode, ...] = ()
    #: Each with the time of the change that ended it.
    ended: tuple[tuple[DriftEpisode, float], ...] = ()


def compare_episodes(
    drifts: Iterable[Drift], open_episodes: Sequence[DriftEpisode], *, now: float
) -> EpisodeChanges:
    """What changed. Pure.

    An episode ends with the next change of the same outcomes. A drift that is not among `drifts` any more has
    not ended: its attempts can be too old to be read. A drift that was found long ago, as in an imported
    file, begins no episode.
    """
    known = {_key(one): one for one in open_episodes}
    newest: dict[tuple[str, str, ComparedOutcomes], Drift] = {}
    for drift in sorted(drifts, key=lambda one: one.found_at):
        newest[_key(drift)] = drift
    begun, ended = [], []
    for key, drift in newest.items():
        episode = known.get(key)
        if episode is not None:
            # Another process may have read more attempts.
            if episode.is_same(drift) or drift.found_at <= episode.found_at:
                continue
            ended.append((episode, drift.since))
        if drift.found_at >= now - RECENT_S:
            begun.append(DriftEpisode.begin(drift))
    return EpisodeChanges(begun=tuple(begun), ended=tuple(ended))


def report_episodes(database: Database, tenant: str, drifts: Sequence[Drift]) -> EpisodeChanges:
    """Report what begins and ends with these drifts, and return what this call reported.

    Several processes may call it at the same time: each change is reported once.
    """
    now = database.clock()
    with database.read_transaction(tenant) as tx:
        if not _has_changes(compare_episodes(drifts, _read_open(tx), now=now)):
            return EpisodeChanges()
    with database.transaction(tenant) as tx:
        changes = compare_episodes(drifts, _read_open(tx, lock=True), now=now)
        return EpisodeChanges(
            ended=tuple((one, until) for one, until in changes.ended if _end(tx, one, until)),
            begun=tuple(one for one in changes.begun if _begin(tx, one)),
        )


def _key(one: Drift | DriftEpisode) -> tuple[str, str, ComparedOutcomes]:
    return one.provider, one.model, _COMPARED[one.kind]


def _has_changes(changes: EpisodeChanges) -> bool:
    return bool(changes.begun or changes.ended)


def _read_open(tx: Transaction, *, lock: bool = False) -> list[DriftEpisode]:
    rows = tx.select(drift_episodes, drift_episodes.c.ended_at.is_(None), lock=lock)
    return [_from_row(row) for row in rows]


def _from_row(row: Row[tuple[object, ...]]) -> DriftEpisode:
    return DriftEpisode(
        id=row.id,
        provider=row.provider,
        model=row.model,
        kind=DriftKind(row.kind),
        since=row.since,
        earliest=row.earliest,
        found_at=row.found_at,
    )


def _begin(tx: Transaction, episode: DriftEpisode) -> bool:
    # The unique index admits one open episode of the same outcomes.
    added = tx.insert_or_ignore(
        drift_episodes,
        id=episode.id,
        provider=episode.provider,
        model=episode.model,
        outcomes=_COMPARED[episode.kind].value,
        kind=episode.kind.value,
        since=episode.since,
        earliest=episode.earliest,
        found_at=episode.found_at,
        begun_at=tx.now(),
    )
    if added:
        _report(tx, episode, EpisodeStatus.BEGUN, until=None)
    return added


def _end(tx: Transaction, episode: DriftEpisode, until: float) -> bool:
    condition = (drift_episodes.c.id == episode.id, drift_episodes.c.ended_at.is_(None))
    ended = tx.update(drift_episodes, *condition, ended_at=tx.now()) == 1
    if ended:
        _report(tx, episode, EpisodeStatus.ENDED, until=until)
    return ended


def _report(tx: Transaction, episode: DriftEpisode, status: EpisodeStatus, *, until: float | None) -> None:
    # Without the words of a drift: they are from prompts, and webhooks leave the installation.
    content = {
        "id": episode.id,
        "status": status.value,
        "provider": episode.provider,
        "model": episode.model or None,
        "kind": episode.kind.value,
        "since": format_moment(episode.since),
        "until": None if until is None else format_moment(until),
    }
    tx.append_audit(f"{TOPIC}.{status.value}", subject=episode.id, actor=_ACTOR, content=content)
    tx.publish(TOPIC, subject=episode.id, body=content)
