"""The order of the queue: severity times reach times urgency, as one number that never changes with time.

The urgency of a case doubles with every hour that passes. Two cases keep their order as long as their fields
do not change, so the order is stored and indexed:

    severity x reach x 2 ** (-time left / 1 h)   is greatest for the case for which
    due_at - 1 h x log2(severity x reach)        is smallest.

So a case with 16 times the severity is treated as if it were due 4 hours earlier. Every case reaches the
head of the queue: a later one comes before it only while its due time is at most `MAX_HEAD_START_S` later.
"""

from __future__ import annotations

import math

from safelight.policy.findings import MAX_SEVERITY

#: In this time the urgency of a case doubles. An hour: holds are due in minutes, reports and appeals in days.
DOUBLING_S = 3600.0
#: Above this number of videos and reports, the reach does not raise the rank any more: 1,000 false reports
#: of one video must not push away everything else.
MAX_COUNTED_REACH = 256
#: The largest number of seconds by which severity and reach can bring a case forward.
MAX_HEAD_START_S = DOUBLING_S * math.log2(MAX_SEVERITY * MAX_COUNTED_REACH)


def rank_at(*, due_at: float, severity: int, reach: int) -> float:
    """The place of a case in the queue: the smallest comes first. A time in unix seconds."""
    counted = min(max(reach, 1), MAX_COUNTED_REACH)
    return due_at - DOUBLING_S * math.log2(min(max(severity, 1), MAX_SEVERITY) * counted)
