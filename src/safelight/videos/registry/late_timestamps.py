"""Adds the timestamps that are missing because the authority did not answer when a file was sealed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from safelight.core.background.part import BackgroundPart
from safelight.core.backoff import Backoff
from safelight.core.errors import SandboxFailed
from safelight.provenance.seal import Seal, timestamp_facts
from safelight.provenance.timestamp_authority import TimestampMissing
from safelight.provenance.timestamping import Timestamper

from .seals import Registry

_log = logging.getLogger(__name__)
#: The registry is read this often while nothing is missing: the search reads the facts of every seal.
_INTERVAL_S = 3600.0
_BACKOFF = Backoff.doubling(first_s=60.0, max_s=_INTERVAL_S)
#: A round ends after this number of failures, because the authority probably does not answer. Each can take
#: 10 seconds.
_MAX_FAILURES = 3
#: A round ends after this number of timestamps; the next one follows at once. Each takes about a second.
_MAX_ADDED = 30
_NEXT_ROUND_S = 1.0


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
