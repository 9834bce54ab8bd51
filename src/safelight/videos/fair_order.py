"""Decides which waiting video comes next: tenants in turn, the keys of a tenant in turn, then by age."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, eq=False)
class SlotRequest:
    """A video that waits for a slot, and what decides when it gets one. Compared by identity."""

    tenant: str
    #: The API key or person that sent the request.
    key: str
    #: When the video was created, in unix seconds.
    since: float
    video_id: str


class FairOrder:
    """The tenant that was served least recently comes next, and of it the key that was. Not thread-safe."""

    def __init__(self) -> None:
        self._served = itertools.count(1)
        self._tenants: dict[str, int] = {}
        self._keys: dict[tuple[str, str], int] = {}

    def first(self, waiting: Iterable[SlotRequest]) -> SlotRequest:
        """The request that comes next. `waiting` must not be empty."""
        return min(waiting, key=self.rank)

    def record(self, served: SlotRequest) -> None:
        """The request was served."""
        number = next(self._served)
        self._tenants[served.tenant] = self._keys[served.tenant, served.key] = number

    def rank(self, request: SlotRequest) -> tuple[int, int, float, str]:
        """The lowest comes next."""
        return (
            self._tenants.get(request.tenant, 0),
            self._keys.get((request.tenant, request.key), 0),
            request.since,
            request.video_id,
        )


class FairSequence:
    """The order in which these requests come next, if no tenant has been served yet."""

    def __init__(self, waiting: Iterable[SlotRequest]) -> None:
        numbers: Counter[tuple[str, str]] = Counter()
        tenants: dict[str, list[tuple[int, float, str, SlotRequest]]] = {}
        for request in sorted(waiting, key=lambda each: (each.since, each.video_id)):
            number = numbers[request.tenant, request.key] = numbers[request.tenant, request.key] + 1
            tenants.setdefault(request.tenant, []).append((number, request.since, request.video_id, request))
        turns = sorted(
            (turn, since, video_id, request)
            for queue in tenants.values()
            for turn, (_number, since, video_id, request) in enumerate(sorted(queue), start=1)
        )
        self.requests = [request for *_, request in turns]
