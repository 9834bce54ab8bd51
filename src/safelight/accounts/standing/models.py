"""Strikes, bans and levels of standing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    GOOD = "good"
    WARNING = "warning"
    #: No requests for some hours after a strike.
    COOL_DOWN = "cool_down"
    #: No requests for some days after a strike.
    SUSPENSION = "suspension"
    BAN = "ban"

    @property
    def stops_requests(self) -> bool:
        return self in (Level.COOL_DOWN, Level.SUSPENSION, Level.BAN)


class GivenBy(StrEnum):
    #: A reviewer decided.
    PERSON = "person"
    #: The policy blocked on matched or composed evidence.
    MACHINE = "machine"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The points from which each level applies, and how long strikes and levels last."""

    warning: int = 1
    cool_down: int = 6
    suspension: int = 9
    ban: int = 15
    expiry_s: float = 90 * 86_400.0
    cool_down_s: float = 24 * 3600.0
    suspension_s: float = 14 * 86_400.0


@dataclass(frozen=True, kw_only=True)
class Strike:
    id: str
    subject: str
    video_id: str
    category: str
    severity: int
    weight: int
    given_by: GivenBy
    given_at: float
    expires_at: float
    #: When it was removed, for example by an appeal, and why.
    removed_at: float | None = None
    removed_reason: str | None = None
    #: Whether one classifier alone reported the category.
    learned: bool = False

    def is_valid(self, now: float) -> bool:
        return self.removed_at is None and self.expires_at > now


@dataclass(frozen=True, kw_only=True)
class Ban:
    """A ban that one person proposed. It needs a second person, and then takes effect after the notice."""

    id: str
    subject: str
    #: For staff only.
    reason: str
    threat_to_life: bool
    proposed_by: str
    proposed_at: float
    confirmed_by: str | None = None
    confirmed_at: float | None = None
    effective_at: float | None = None
    lifted_at: float | None = None

    def is_in_force(self, now: float) -> bool:
        return self.lifted_at is None and self.effective_at is not None and self.effective_at <= now


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The level of one account or end user."""

    subject: str
    level: Level
    points: int
    #: The end of the level, unless another strike is given; None for `good`, `ban`, and a suspension that the
    #: vault officer ends.
    until: float | None
    #: When a confirmed ban takes effect; None without one.
    ban_at: float | None = None
    #: The valid strikes, newest first.
    strikes: tuple[Strike, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StandingPage:
    """The accounts and end users with valid strikes or bans, those with most points first."""

    standings: tuple[Standing, ...]
    bans: tuple[Ban, ...]
    #: The ids of bans whose strikes were removed so that they have too few points.
    bans_without_points: frozenset[str] = frozenset()
