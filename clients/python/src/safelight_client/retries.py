"""When to try again: delays with full jitter, `Retry-After`, and the limits of both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Delays and limits. The defaults suit servers that other people use too."""

    #: Upper limit of the delay after the first failure; it doubles with each further one up to `max_s`.
    first_s: float = 0.5
    max_s: float = 8.0
    #: Tries of one request in total.
    attempts: int = 4
    #: A `Retry-After` above this is not waited for: a daily quota is not a short limit.
    max_retry_after_s: float = 120.0
    #: Interval of polls if the server states none. It grows with the age of the video up to `max_poll_s`.
    poll_s: float = 1.0
    max_poll_s: float = 10.0
    #: A video has vanished if each poll of this time was answered with 404. A server may restart.
    vanished_after_s: float = 30.0

    def delay_s(self, failures: int, retry_after_s: float | None = None) -> float:
        """Seconds to wait after this number of failures (1: the first), with full jitter.

        A delay that the server asked for is kept whole, and the jitter is added to it.
        """
        import random  # Slow to import.

        limit = min(self.max_s, self.first_s * 2 ** min(failures - 1, 30))
        # An own generator: the state of the module belongs to the program that uses this package.
        jitter = random.SystemRandom().uniform(0, limit)
        return jitter if retry_after_s is None else retry_after_s + min(jitter, self.first_s)

    def poll_delay_s(self, age_s: float, stated_ms: float | None) -> float:
        """Seconds until the next poll of a video of this age."""
        if stated_ms is not None:
            return min(max(stated_ms / 1000, min(self.poll_s, 0.1)), 300.0)
        return min(self.poll_s + age_s / 30, self.max_poll_s)
