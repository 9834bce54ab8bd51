"""Decides which waiting video comes next: tenants in turn, the keys of a tenant in turn, then by age."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter


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
    """The order in which requests come next, if no tenant has been served yet."""

    def __init__(self, waiting: Iterable[tuple[str, str, float, str]]) -> None:
        """`waiting`: tenant, key, time and video id of each request."""
        self._keys: dict[tuple[str, str], list[tuple[float, str]]] = {}
        self._tenants: dict[str, list[tuple[int, float, str]]] = {}
        for tenant, key, since, video_id in sorted(waiting, key=itemgetter(2, 3)):
            queue = self._keys.setdefault((tenant, key), [])
            queue.append((since, video_id))
            self._tenants.setdefault(tenant, []).append((len(queue), since, video_id))
        for turns in self._tenants.values():
            turns.sort()
        self._turns = sorted(
            (turn, *age)
            for turns in self._tenants.values()
            for turn, (_number, *age) in enumerate(turns, start=1)
        )

    def place(self, request: SlotRequest) -> int:
        """The place of a request, counted from 1, also of one that came later than the others."""
        age = (request.since, request.video_id)
        number = bisect_left(self._keys.get((request.tenant, request.key), ()), age) + 1
        turn = bisect_left(self._tenants.get(request.tenant, ()), (number, *age)) + 1
        return bisect_left(self._turns, (turn, *age)) + 1
