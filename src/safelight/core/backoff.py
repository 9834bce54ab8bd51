"""The delays between the attempts of a retry loop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """When to try again, and when to give up. It has no jitter, so that tests can predict the delays."""

    #: Seconds to wait after the first failure, the second, and so on. The last delay repeats.
    delays_s: tuple[float, ...]
    #: Give up after this number of failures. If None, the caller's deadline is the only limit.
    max_attempts: int | None = None

    def __post_init__(self) -> None:
        if not self.delays_s or min(self.delays_s) < 0:
            raise ValueError("a backoff needs delays of 0 s or more")

    @classmethod
    def doubling(cls, *, first_s: float, max_s: float, max_attempts: int | None = None) -> Backoff:
        """The first delay is `first_s`; each further delay is twice the one before it, at most `max_s`."""
        if not 0 < first_s <= max_s:
            raise ValueError("a doubling backoff needs 0 < first_s <= max_s")
        delays = [first_s]
        while delays[-1] < max_s:
            delays.append(min(delays[-1] * 2, max_s))
        return cls(delays_s=tuple(delays), max_attempts=max_attempts)

    def delay_s(self, failures: int, *, retry_after_s: float | None = None) -> float:
        """Seconds to wait after this number of failures (1: the first).

        `retry_after_s`: the delay that the server asked for, if any; it takes precedence.
        """
        if failures < 1:
            raise ValueError("failures must be 1 or more")
        return retry_after_s or self.delays_s[min(failures, len(self.delays_s)) - 1]

    def is_exhausted(self, failures: int) -> bool:
        """Whether to give up after this number of failures."""
        return self.max_attempts is not None and failures >= self.max_attempts
